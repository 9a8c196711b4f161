"""The order of the q and k rows in the llama architecture.

Its GGUF files pair neighbouring rows for the rotary embedding, the Hugging Face models pair the halves
of a head. Both ways are needed: weights come in, the adapter's lora_b goes out. qwen2 has the same order
on both sides. Source: llama.cpp, convert_hf_to_gguf.py, `LlamaModel.permute`.
"""

from __future__ import annotations

from typing import Any


def to_hugging_face(rows: Any, heads: int) -> Any:
    """Rows (array, first axis heads*dim) from GGUF's order to Hugging Face's."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, half, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def to_gguf(rows: Any, heads: int) -> Any:
    """The inverse of `to_hugging_face`."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
