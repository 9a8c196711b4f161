"""Several sequences that share their beginning, laid out as one row.

The questions of one incident repeat its evidence; laid out as a tree, each shared token is computed
once. Invariant: with the row's `positions` and `paths` (a token sees its own path and nothing else),
every token gets exactly what it would get in its sequence alone. `tuning.score` and the trainer use it;
`python -m tuning.parity --layout` measures that it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenized example: `tokens` is prompt and completion, `start` the index of the completion's
    first token, `index` its number in the caller's list, `weight` its share in the loss."""

    tokens: tuple[int, ...]
    start: int
    index: int = 0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """Sequences in one row of `tokens`.

    `paths[k]` lists the row's places that make up sequence k, without its last token: nothing is
    predicted after that. `positions` are the places in the sequences, for the rotary embedding.
    """

    tokens: tuple[int, ...]
    positions: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    sequences: tuple[Example, ...]

    def targets(self) -> Iterator[tuple[int, int, float]]:
        """(place that predicts, token to predict, weight), the weights of one sequence adding up to its
        own; so a judgement of one token counts as much as a manifest of a hundred."""
        for path, sequence in zip(self.paths, self.sequences, strict=True):
            completion = sequence.tokens[sequence.start :]
            for offset, token in enumerate(completion):
                yield path[sequence.start - 1 + offset], token, sequence.weight / len(completion)


def rows(sequences: Iterable[Example], limit: int) -> list[Row]:
    """Lay out sequences (of one group) in as few rows of at most `limit` tokens as their order allows.

    Sorting brings shared beginnings together. A sequence longer than `limit` is the caller's to leave
    out: ValueError.
    """
    result: list[Row] = []
    held: list[Example] = []
    size = 0
    previous: tuple[int, ...] = ()
    for sequence in sorted(sequences, key=lambda each: each.tokens):
        body = sequence.tokens[:-1]
        if len(body) > limit:
            raise ValueError(f"a sequence of {len(body)} tokens does not fit into a row of {limit}")
        fresh = len(body) - shared(previous, body)
        if held and size + fresh > limit:
            result.append(_row(held))
            held, size, fresh = [], 0, len(body)
        held.append(sequence)
        size += fresh
        previous = body
    if held:
        result.append(_row(held))
    return result


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _row(sequences: Sequence[Example]) -> Row:
    tokens: list[int] = []
    positions: list[int] = []
    paths: list[tuple[int, ...]] = []
    previous: tuple[int, ...] = ()
    path: tuple[int, ...] = ()
    for sequence in sequences:
        body = sequence.tokens[:-1]
        kept = shared(previous, body)
        path = path[:kept] + tuple(range(len(tokens), len(tokens) + len(body) - kept))
        tokens.extend(body[kept:])
        positions.extend(range(kept, len(body)))
        paths.append(path)
        previous = body
    return Row(tuple(tokens), tuple(positions), tuple(paths), tuple(sequences))
