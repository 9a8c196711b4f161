"""The order of the q and k rows in the llama architecture.

Its GGUF files pair neighbouring rows for the rotary embedding, the Hugging Face models pair the halves
of a head. Both ways are needed: weights come in, the adapter's lora_b goes out. qwen2 has the same order
on both sides. Source: llama.cpp, convert_hf_to_gguf.py, `LlamaModel.permute`. `python -m tuning.selftest`
measures both against a server, with the wrong order as the control.
"""

from __future__ import annotations


def order_in_gguf(rows: int, heads: int) -> list[int]:
    """Which of the Hugging Face rows stands at each place of the GGUF's: index an array with it."""
    size = rows // heads
    return [
        head * size + (place % 2) * (size // 2) + place // 2 for head in range(heads) for place in range(size)
    ]


def order_in_hugging_face(rows: int, heads: int) -> list[int]:
    """The inverse of `order_in_gguf`."""
    order = [0] * rows
    for place, source in enumerate(order_in_gguf(rows, heads)):
        order[source] = place
    return order
