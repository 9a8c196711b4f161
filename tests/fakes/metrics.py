"""The Metrics port in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from detectors.model import Gap, MetricReading, Turn

Reading = MetricReading | Gap


class FakeMetrics:
    """Answers by key; what nobody set has no series, which is a Gap as in the real thing."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading | Callable[[], Reading]] = {}
        self.values: dict[str, str | Gap] = {}
        self.down: Gap | None = None
        self.asked: list[Mapping[str, str]] = []

    def read(self, queries: Mapping[str, str]) -> Mapping[str, Reading]:
        self.asked.append(dict(queries))
        return {key: self._reading(key) for key in queries}

    def value(self, query: str) -> str | Gap:
        if self.down is not None:
            return self.down
        return self.values.get(query, Gap(f"metric {query}", "NoData", "no series", Turn.OPERATOR))

    # ------------------------------------------------------------ controls

    def go_down(self, reason: str = "Unreachable") -> None:
        """Prometheus does not answer."""
        self.down = Gap("Prometheus", reason, "Prometheus refuses connections", Turn.OURS)

    def come_back(self) -> None:
        self.down = None

    def _reading(self, key: str) -> Reading:
        if self.down is not None:
            return self.down._replace(what=f"metric {key}")
        found = self.readings.get(key)
        if found is None:
            return Gap(f"metric {key}", "NoData", "no series", Turn.OPERATOR)
        return found() if callable(found) else found
