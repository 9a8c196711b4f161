"""A base model to train on: the very GGUF that is served, dequantized, or a Hugging Face folder.

The GGUF is read here directly, tensor by tensor. So none of the library's quantization state can stay
behind (`quantization_config`, `hf_quantizer`), end and padding ids come from the file, and an output
matrix that the file holds apart from the embedding stays apart. What is trained is then what is served,
but for the server's rounding of activations.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning import tokens
from tuning.rope import order_in_hugging_face

BLOCK = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF names of a block's parts, and the library's."""

TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


@dataclass(frozen=True)
class Base:
    """A frozen causal language model with what export needs to know of it.

    `arch` is GGUF's `general.architecture`; `sha256` that of the GGUF file, or of the folder's sorted
    weight files one after the other.
    """

    model: Any
    tokens: tokens.Tokens
    arch: str
    heads: int
    kv_heads: int
    sha256: str


def load(path: Path, dtype: str = "float32", device: str = "cpu") -> Base:
    """Load a `.gguf` file or a Hugging Face folder, frozen, in `dtype` (a torch name) on `device`.

    ValueError where the architecture is none that Ollama serves with an adapter (llama, qwen2).
    """
    return _from_folder(path, dtype, device) if path.is_dir() else _from_gguf(path, dtype, device)


def _from_gguf(path: Path, dtype: str, device: str) -> Base:
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    reader = GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    arch = str(fields["general.architecture"])
    known = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen2": (Qwen2Config, Qwen2ForCausalLM)}
    if arch not in known:
        raise ValueError(f"{path.name}: architecture {arch!r}; Ollama takes adapters for {sorted(known)}")
    make_config, make_model = known[arch]
    names = {tensor.name for tensor in reader.tensors}
    heads = int(fields[f"{arch}.attention.head_count"])
    kv_heads = int(fields[f"{arch}.attention.head_count_kv"])
    chars = tokens.from_gguf(fields)
    config = make_config(
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=fields[f"{arch}.embedding_length"],
        intermediate_size=fields[f"{arch}.feed_forward_length"],
        num_hidden_layers=fields[f"{arch}.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=fields[f"{arch}.context_length"],
        rms_norm_eps=fields[f"{arch}.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": fields[f"{arch}.rope.freq_base"]},
        tie_word_embeddings="output.weight" not in names,
        eos_token_id=chars.end,
        pad_token_id=chars.pad,
        use_cache=False,
    )
    precision = getattr(torch, dtype)
    state = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        if arch == "llama" and (part := re.search(r"attn_([qk])\.", tensor.name)):
            values = values[order_in_hugging_face(len(values), heads if part[1] == "q" else kv_heads)]
        state[_name(tensor.name)] = torch.tensor(values, dtype=precision)
    with torch.device("meta"):
        model = make_model(config)
    # Rotary frequencies are computed, not stored: an empty model on "meta" would leave them unset.
    model = model.to_empty(device="cpu")
    rotary = model.model.rotary_emb
    model.model.rotary_emb = type(rotary)(config=config)
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    missing = [name for name in missing if not (name == "lm_head.weight" and config.tie_word_embeddings)]
    if missing or unexpected:
        raise ValueError(f"{path.name}: missing {missing[:3]}, unexpected {unexpected[:3]}")
    return Base(_freeze(model, device), chars, arch, heads, kv_heads, _sha256([path]))


def _from_folder(path: Path, dtype: str, device: str) -> Base:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        path, dtype=getattr(torch, dtype), local_files_only=True, attn_implementation="sdpa"
    )
    config = model.config
    if config.model_type not in ("llama", "qwen2"):
        raise ValueError(f"{path.name}: {config.model_type!r}; Ollama takes adapters for llama and qwen2")
    return Base(
        _freeze(model, device),
        tokens.from_folder(str(path)),
        config.model_type,
        config.num_attention_heads,
        config.num_key_value_heads,
        _sha256(sorted(path.glob("*.safetensors"))),
    )


def _name(gguf_name: str) -> str:
    """`blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`."""
    if block := re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", gguf_name):
        return f"model.layers.{block[1]}.{BLOCK[block[2]]}.{block[3]}"
    stem, _, kind = gguf_name.partition(".")
    return f"{TOP[stem]}.{kind}"


def _freeze(model: Any, device: str) -> Any:
    model.requires_grad_(False)
    model.config.use_cache = False
    model.set_attn_implementation("sdpa")
    return model.to(device).eval()


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as opened:
            while chunk := opened.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
