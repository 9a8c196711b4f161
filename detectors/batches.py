"""Many comparison queries as one: each keeps its answers apart by a label of its own.

A request costs Prometheus and us more than most comparisons do. Queries are joined as they are, so one that Prometheus
cannot parse or execute spoils the whole; whoever asks then asks them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

QUESTION = "intentd_question"
"""The label that tells which query a series answers: its place in the batch."""
MOST = 100
"""Queries in a batch. Prometheus limits a query's samples (50 million) and time; what a hundred comparisons touch stays
far below for all but the heaviest, which then are asked by themselves."""


def batches(queries: Mapping[str, str], *, text: int, most: int = MOST) -> Iterator[tuple[str, ...]]:
    """The keys, in order, in groups that fit into one request; a longer query stands alone."""
    group: list[str] = []
    size = 0
    for key, query in queries.items():
        if group and (len(group) >= most or size + len(query) > text):
            yield tuple(group)
            group, size = [], 0
        group.append(key)
        size += len(query) + len(QUESTION) + 40
    if group:
        yield tuple(group)


def joined(queries: Sequence[str]) -> str:
    """One query that answers all. Each stands in brackets on lines of its own: a comment at its end ends there."""
    return _either([_marked(place, query) for place, query in enumerate(queries)])


def _marked(place: int, query: str) -> str:
    return f'label_replace((\n{query}\n), "{QUESTION}", "{place}", "", "")'


def _either(parts: Sequence[str]) -> str:
    """`or` of all as a balanced tree: in a chain, each step would copy all series before it."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_either(parts[:half])} or {_either(parts[half:])})"


def parted(result: object, count: int) -> list[list[Any]] | None:
    """The series of each query; None where the answer is no such vector."""
    if not isinstance(result, list):
        return None
    found: list[list[Any]] = [[] for _ in range(count)]
    for series in result:
        labels = series.get("metric") if isinstance(series, Mapping) else None
        if not isinstance(labels, Mapping):
            return None
        place = labels.get(QUESTION)
        if not isinstance(place, str) or not (place.isascii() and place.isdigit() and int(place) < count):
            return None
        rest = {name: value for name, value in labels.items() if name != QUESTION}
        found[int(place)].append({**series, "metric": rest})
    return found
