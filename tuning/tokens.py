"""The tokenizer of a GGUF, built from the file itself.

Why not the library's own reader: the split into words decides the tokens, and it must be the server's
(llama.cpp chooses it by `tokenizer.ggml.pre`). An unknown name is an error here, never a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTROL = 3
USER_DEFINED = 4
"""GGUF `tokenizer.ggml.token_type` values whose text is one token wherever it stands."""

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""llama.cpp, LLAMA_VOCAB_PRE_TYPE_QWEN2."""


@dataclass(frozen=True)
class Tokens:
    """Text to ids and back. `end` is the id that closes an answer, `pad` any id (padding is masked)."""

    encoder: Any  # tokenizers.Tokenizer
    end: int
    pad: int

    def ids(self, text: str) -> list[int]:
        """Ids of a text; control markers in it become their single tokens, nothing is added."""
        return list(self.encoder.encode(text, add_special_tokens=False).ids)

    def single(self, text: str) -> int:
        """The id of a text that must be exactly one token (Yes, No); ValueError where it is not."""
        ids = self.ids(text)
        if len(ids) != 1:
            raise ValueError(f"{text!r} is {len(ids)} tokens in this vocabulary; a judgement needs one")
        return ids[0]


def from_gguf(fields: Mapping[str, Any]) -> Tokens:
    """Build it from the GGUF's metadata (`tokenizer.ggml.*`); ValueError names what is not known."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    if (kind := fields["tokenizer.ggml.model"]) != "gpt2":
        raise ValueError(f"tokenizer.ggml.model is {kind!r}; only byte-level BPE (gpt2) is supported")
    words: list[str] = fields["tokenizer.ggml.tokens"]
    vocab = {word: number for number, word in enumerate(words)}
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    encoder = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    match pre := fields["tokenizer.ggml.pre"]:
        case "qwen2":
            split = [
                pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        case "smollm":
            split = [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        case _:
            raise ValueError(f"tokenizer.ggml.pre is {pre!r}; known are qwen2 and smollm")
    encoder.pre_tokenizer = pre_tokenizers.Sequence(split)
    encoder.decoder = decoders.ByteLevel()
    special = [
        AddedToken(word, special=True, normalized=False)
        for word, kind in zip(words, fields["tokenizer.ggml.token_type"], strict=True)
        if kind in (CONTROL, USER_DEFINED)
    ]
    encoder.add_special_tokens(special)
    if encoder.get_vocab_size() != len(vocab):
        raise ValueError("a control token of the GGUF is not in its own vocabulary")
    end = int(fields["tokenizer.ggml.eos_token_id"])
    return Tokens(encoder=encoder, end=end, pad=int(fields.get("tokenizer.ggml.padding_token_id", end)))


def from_folder(folder: str) -> Tokens:
    """The tokenizer of a Hugging Face folder."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    end = loaded.convert_tokens_to_ids("<|im_end|>")
    pad = loaded.pad_token_id if loaded.pad_token_id is not None else end
    return Tokens(encoder=loaded.backend_tokenizer, end=int(end), pad=int(pad))
