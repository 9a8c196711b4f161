"""Training examples: JSON lines in, tokenized rows out.

One line is `{"role": "judge|diagnose|repair", "prompt": ..., "completion": ...}`. `prompt` is the list of
chat messages, or the full text as sent in raw form. Optional: `group` (examples of one incident, which
share their beginning and are laid out together) and `weight` (default 1).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.chatml import render
from tuning.layout import Example, Row, rows

ROLES = ("judge", "diagnose", "repair")


@dataclass(frozen=True, slots=True)
class Line:
    """One example as text. `prompt` is complete, chat markers and all."""

    role: str
    prompt: str
    completion: str
    group: str
    weight: float = 1.0


def read(path: Path) -> list[Line]:
    """All examples of a file, in order. ValueError names file, line and what is wrong with it."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            lines.append(_line(json.loads(text), number))
        except (KeyError, TypeError, ValueError) as problem:
            raise ValueError(f"{path}:{number}: {type(problem).__name__}: {problem}") from problem
    return lines


def _line(raw: dict[str, Any], number: int) -> Line:
    if raw["role"] not in ROLES:
        raise ValueError(f"role {raw['role']!r} is none of {', '.join(ROLES)}")
    if raw["role"] == "judge" and raw["completion"] not in ("Yes", "No"):
        raise ValueError(f"a judgement is Yes or No, not {raw['completion']!r}")
    if not raw["completion"]:
        raise ValueError("the completion is empty")
    prompt = raw["prompt"] if isinstance(raw["prompt"], str) else render(raw["prompt"])
    group = str(raw.get("group", f"line {number}"))
    return Line(raw["role"], prompt, raw["completion"], group, float(raw.get("weight", 1.0)))


def digest(lines: Sequence[Line]) -> str:
    """sha256 of the examples' content, for the adapter's card and for refusing to resume on other data."""
    whole = hashlib.sha256()
    for line in lines:
        whole.update(repr(line).encode())
    return whole.hexdigest()


def tokenize(lines: Sequence[Line], ids: Callable[[str], list[int]], end: int) -> list[Example]:
    """Prompt and completion are split into tokens apart, as the server does it. A judgement is its one
    token; anything else ends with the chat form's end marker."""
    result = []
    for index, line in enumerate(lines):
        prompt, completion = ids(line.prompt), ids(line.completion)
        if line.role == "judge" and len(completion) != 1:
            raise ValueError(f"{line.completion!r} is {len(completion)} tokens; a judgement must be one")
        if line.role != "judge":
            completion = [*completion, end]
        result.append(Example((*prompt, *completion), len(prompt), index, line.weight))
    return result


def grouped(lines: Sequence[Line], examples: Sequence[Example], limit: int) -> tuple[list[Row], int]:
    """Rows of at most `limit` tokens, one group's examples together, and how many examples were left out
    because they are longer."""
    groups: dict[str, list[Example]] = {}
    left_out = 0
    for example in examples:
        if len(example.tokens) - 1 > limit:
            left_out += 1
            continue
        groups.setdefault(lines[example.index].group, []).append(example)
    return [row for members in groups.values() for row in rows(members, limit)], left_out


def steps(all_rows: Sequence[Row], batch: int, seed: int, epoch: int) -> Iterator[list[Row]]:
    """One epoch's optimizer steps in an order fixed by seed and epoch: rows until `batch` examples are
    together. What is left at the end is a smaller step of its own unless it is under half a batch."""
    order = list(all_rows)
    random.Random(f"{seed} {epoch}").shuffle(order)
    held: list[Row] = []
    count = 0
    for row in order:
        held.append(row)
        count += len(row.sequences)
        if count >= batch:
            yield held
            held, count = [], 0
    if held and (count >= batch / 2 or len(order) == len(held)):
        yield held


def pieces(step: Sequence[Row], budget: int) -> Iterator[list[Row]]:
    """A step's rows in pieces of at most `budget` tokens after padding, sorted by length so that little
    is padded. A row longer than the budget is a piece of its own."""
    held: list[Row] = []
    for row in sorted(step, key=lambda each: len(each.tokens)):
        if held and len(row.tokens) * (len(held) + 1) > budget:
            yield held
            held = []
        held.append(row)
    if held:
        yield held
