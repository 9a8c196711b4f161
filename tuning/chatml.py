"""ChatML, the chat form of both bases: one place for training, serving and scoring.

Invariant: `render(messages)` gives byte for byte what Ollama makes of the same messages with `TEMPLATE`.
A model created from a bare GGUF can get the template `{{ .Prompt }}` (no chat markers, much worse answers,
no error), so `tuning.serve` always sends these two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class Message(TypedDict):
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


TEMPLATE = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
"""Go template. No default system text: what is not in the messages is not in the prompt."""

STOP = ("<|im_end|>", "<|im_start|>")
END = "<|im_end|>"
"""What a written answer ends with; a judgement is one token and has no end."""


def render(messages: Sequence[Message]) -> str:
    """The full prompt of these messages, up to where the assistant's answer begins."""
    turns = "".join(f"<|im_start|>{m['role']}\n{m['content']}{END}\n" for m in messages)
    return f"{turns}<|im_start|>assistant\n"
