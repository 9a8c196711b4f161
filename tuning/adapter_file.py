"""An adapter as a GGUF file that Ollama takes, and back.

f16, a few MB. The same adapter gives the same bytes: metadata in a fixed order, tensors sorted by block
and name, and nothing in it that the clock or the machine decides. Needs no torch. The way back is what
`tuning.train --from` goes on from: an adapter outlives the machine that trained it, its checkpoint does not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.rope import order_in_gguf, order_in_hugging_face

PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NAME = re.compile(r".*layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])(?:\.default)?\.weight")
IN_FILE = re.compile(r"blk\.(\d+)\.(\w+)\.weight\.lora_([ab])")


def tensors(state: Mapping[str, Any], arch: str, heads: int, kv_heads: int) -> dict[str, Any]:
    """GGUF tensors from the library's, by name, in the order in which they are written.

    lora_a has shape (rank, in), lora_b (out, rank). In the llama architecture the rows of lora_b of q
    and k stand in GGUF's rotary order. ValueError for a name that is no LoRA matrix of a known part.
    """
    found: dict[tuple[int, str, str], Any] = {}
    for name, value in state.items():
        match = NAME.fullmatch(name)
        if match is None or match[2] not in PARTS:
            raise ValueError(f"{name!r} has no counterpart in a GGUF adapter")
        block, part, side = int(match[1]), PARTS[match[2]], match[3].lower()
        rows = value
        if arch == "llama" and side == "b" and part in ("attn_q", "attn_k"):
            rows = value[order_in_gguf(len(value), heads if part == "attn_q" else kv_heads)]
        found[block, part, side] = rows
    return {f"blk.{b}.{part}.weight.lora_{side}": found[b, part, side] for b, part, side in sorted(found)}


def state(named: Mapping[str, Any], arch: str, heads: int, kv_heads: int) -> dict[str, Any]:
    """The library's tensors from GGUF's: the inverse of `tensors`, in the same order.

    ValueError for a name that is no LoRA matrix of a known part.
    """
    parts = {short: part for part, short in PARTS.items()}
    result = {}
    for name, value in named.items():
        match = IN_FILE.fullmatch(name)
        if match is None or match[2] not in parts:
            raise ValueError(f"{name!r} is no matrix of an adapter")
        rows = value
        if arch == "llama" and match[3] == "b" and match[2] in ("attn_q", "attn_k"):
            order = order_in_hugging_face(len(value), heads if match[2] == "attn_q" else kv_heads)
            rows = value[order]
        side = match[3].upper()
        result[f"base_model.model.model.layers.{match[1]}.{parts[match[2]]}.lora_{side}.weight"] = rows
    return result


@dataclass(frozen=True)
class AdapterFile:
    """An adapter file's content, names as the file gives them; matrices as `tensors` describes them."""

    arch: str
    alpha: float
    named: Mapping[str, Any]

    @property
    def rank(self) -> int:
        """Rows of every lora_a. ValueError where they differ: no such adapter can be attached."""
        ranks = {len(value) for name, value in self.named.items() if name.endswith("lora_a")}
        if len(ranks) != 1:
            raise ValueError(f"its matrices have ranks {sorted(ranks)}, one is needed")
        return ranks.pop()

    @property
    def blocks(self) -> tuple[int, ...]:
        """The blocks it changes, in order."""
        return tuple(sorted({int(name.split(".")[1]) for name in self.named}))

    @property
    def targets(self) -> tuple[str, ...]:
        """The library's names of the matrices it changes, in the order of PARTS."""
        held = {name.split(".")[2] for name in self.named}
        return tuple(part.split(".")[1] for part, short in PARTS.items() if short in held)


def read(path: Path) -> AdapterFile:
    """An adapter file as `write` made it. ValueError where it is no LoRA adapter."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    if (fields.get("general.type"), fields.get("adapter.type")) != ("adapter", "lora"):
        raise ValueError(f"{path} holds no LoRA adapter")
    named = {tensor.name: tensor.data for tensor in reader.tensors}
    return AdapterFile(str(fields["general.architecture"]), float(fields["adapter.lora.alpha"]), named)


def write(path: Path, named: Mapping[str, Any], arch: str, alpha: float, name: str) -> str:
    """Write the adapter file, tensors as f16, and return its sha256."""
    import numpy as np
    from gguf import GGUFWriter

    fresh = path.with_name(path.name + ".part")
    writer = GGUFWriter(fresh, arch)  # writes general.architecture
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for tensor, value in named.items():
        writer.add_tensor(tensor, np.ascontiguousarray(value, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
