"""One round of many comparison queries: in batches, and one by one where a batch does not answer.

What spoils a batch (a query that Prometheus cannot parse, execute in time, or answers with a warning) is told of the
one query that did it; it is asked by itself from then on until it answers. A server that is not there, refuses us
or has too much to do is not asked again a hundred times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from daemon.ports import Clock
from detectors.batches import MOST, batches, joined, parted
from detectors.model import Gap, MetricReading, Turn
from detectors.promql import parse_reading

ROUND_SECONDS = 20.0
"""For all queries of one round: what has not been answered by then is a Gap, the next round asks again."""
SPOILT = frozenset({"Invalid", "Warning", "TimedOut"})
"""Reasons that may be one query's and not the server's."""
GROWTH = 1
"""By which batches grow again in a round, once they had to be halved."""

Ask = Callable[[str, str], object]
"""What the query is for, and the query; `data.result` as sent, or a Gap."""
Answers = Mapping[str, MetricReading | Gap]


class MetricRound:
    """Remembers between rounds which queries have to be asked alone. Safe to share between threads."""

    def __init__(self, ask: Ask, pool: Executor, clock: Clock, url: str, *, most: int = MOST) -> None:
        """`most` queries in a batch; 1 asks one by one."""
        self._ask = ask
        self._pool = pool
        self._clock = clock
        self._url = url
        self._limit = self._most = most
        self._lock = threading.Lock()
        self._alone: set[str] = set()  # query texts

    def read(self, queries: Mapping[str, str], *, text: int) -> Answers:
        """Every query answered by its key, in batches of so many characters at most."""
        deadline = self._clock.monotonic() + ROUND_SECONDS
        with self._lock:
            self._alone.intersection_update(queries.values())
            together = {key: query for key, query in queries.items() if query not in self._alone}
        groups = [
            *batches(together, text=text, most=self._most),
            *((key,) for key in queries if key not in together),
        ]
        asked = [self._pool.submit(self._group, group, queries, deadline) for group in groups]
        found: dict[str, MetricReading | Gap] = {}
        spoilt: list[str] = []
        for group, future in zip(groups, asked, strict=True):
            answers = future.result()
            found |= answers or {}
            spoilt += () if answers is not None else group
        singles = {key: self._pool.submit(self._single, key, queries[key], deadline) for key in spoilt}
        found |= {key: future.result() for key, future in singles.items()}
        with self._lock:
            # A batch that failed although each of its queries answers was too large.
            whole = spoilt and all(queries[key] not in self._alone for key in spoilt)
            self._most = max(1, self._most // 2) if whole else min(self._limit, self._most + GROWTH)
        return {key: found[key] for key in queries}

    def _group(self, keys: tuple[str, ...], queries: Mapping[str, str], deadline: float) -> Answers | None:
        """The answers to a batch; None where its queries have to be asked one by one."""
        if len(keys) == 1:
            return {keys[0]: self._single(keys[0], queries[keys[0]], deadline)}
        if self._clock.monotonic() > deadline:
            return {key: self._too_late(key) for key in keys}
        answer = self._ask(f"{len(keys)} metrics", joined([queries[key] for key in keys]))
        if isinstance(answer, Gap):
            return (
                None if answer.reason in SPOILT else {key: answer._replace(what=_what(key)) for key in keys}
            )
        parts = parted(answer, len(keys))
        if parts is None:
            return None
        return {key: parse_reading(part, _what(key)) for key, part in zip(keys, parts, strict=True)}

    def _single(self, key: str, query: str, deadline: float) -> MetricReading | Gap:
        if self._clock.monotonic() > deadline:
            return self._too_late(key)
        answer = self._ask(_what(key), query)
        spoils = isinstance(answer, Gap) and answer.reason in SPOILT
        with self._lock:
            (self._alone.add if spoils else self._alone.discard)(query)
        return answer if isinstance(answer, Gap) else parse_reading(answer, _what(key))

    def _too_late(self, key: str) -> Gap:
        return Gap(_what(key), "TimedOut", f"{self._url}: no time was left in this round", Turn.OURS)


def _what(key: str) -> str:
    return f"metric {key}"
