"""1,000 expectations about metrics against a real Prometheus: batches beside asking one by one, in turn.

200 services of which each has requests by code, a latency histogram, a queue and a container, over twenty minutes of
recorded samples. Both ways ask the same queries through the same adapter and have to give the same answers.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Figure, tell
from daemon.clock import SystemClock
from daemon.prometheus_metrics import PrometheusMetrics
from detectors.comparisons import metric_queries
from detectors.model import Gap, MetricReading
from gym.recorded import Line, now, recorded
from intents.model import Intent

SERVICES = 200
LENGTH, STEP = 1200, 15
"""Seconds of history, and between samples."""


def measure(expectations: int, rounds: int, output: str, say: Callable[[str], None]) -> None:
    began = time.thread_time()
    queries = metric_queries(intents(expectations))
    built = time.thread_time() - began
    load = os.getloadavg()[0]
    say(f"{expectations} expectations, {len(queries)} comparisons; Prometheus reads its samples")
    with (
        tempfile.TemporaryDirectory(prefix="intentd-metrics-") as folder,
        recorded(Path(folder), lines(now())) as (url, process),
    ):
        ways = {"batched": _port(url), "single": _port(url, batch=1)}
        took: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        answers: dict[str, Any] = {}
        for number in range(rounds + 1):  # the first warms up both
            for name, port in ways.items():
                figures, answers[name] = _round(port, queries, psutil.Process(process))
                if number:
                    took[name].append(figures)
                say(f"{name}: {figures['wall']:.2f} s")
        for port in ways.values():
            port.close()
    differ = sum(_kind(answers["batched"][key]) != _kind(answers["single"][key]) for key in queries)
    medians = {
        name: {what: statistics.median(each[what] for each in found) for what in found[0]}
        for name, found in took.items()
    }
    ours, theirs = medians["batched"], medians["single"]
    figures_ = [
        Figure("a round, wall, median", "s", ours["wall"], theirs["wall"], samples=rounds),
        Figure("a round, our CPU, median", "s", ours["cpu"], theirs["cpu"], samples=rounds),
        Figure("a round, Prometheus' CPU, median", "s", ours["server"], theirs["server"], samples=rounds),
        Figure("requests", "", ours["requests"], theirs["requests"], note="typed client: one by one"),
    ]
    details = {
        "expectations": expectations,
        "comparisons": len(queries),
        "queries_built_cpu_ms": round(built * 1000, 1),
        "answers_that_differ": differ,
        "gaps": sum(isinstance(answer, Gap) for answer in answers["batched"].values()),
    }
    tell("metrics", figures_, details, output=output, load=load)


class _Counted(PrometheusMetrics):
    """The adapter, its requests counted."""

    requests = 0

    def _query(self, what: str, query: str) -> Any:
        self.requests += 1
        return super()._query(what, query)


def _port(url: str, **more: int) -> _Counted:
    return _Counted(url, SystemClock(), timeout=20, **more)


def _round(
    port: _Counted, queries: dict[str, str], server: psutil.Process
) -> tuple[dict[str, float], dict[str, MetricReading | Gap]]:
    before, cpu, wall = server.cpu_times(), time.process_time(), time.perf_counter()
    port.requests = 0
    answers = dict(port.read(queries))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = server.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {"wall": wall, "cpu": cpu, "server": spent, "requests": float(port.requests)}, answers


def _kind(answer: MetricReading | Gap) -> object:
    """What an answer says, values aside: samples move on while both are asked."""
    if isinstance(answer, Gap):
        return answer.reason
    return tuple(
        frozenset(each.labels for each in part) for part in (answer.broken, answer.held, answer.pending)
    )


def intents(count: int) -> list[Intent]:
    """So many expectations, ten an intent, about a service each."""
    found = []
    for number in range(count // 10):
        name = f"s{number % SERVICES}"
        requests = f'http_requests_total{{namespace="shop",app="{name}"}}'
        plain = {"type": "metric", "query": f"sum({requests})", "operator": ">", "threshold": 0}
        wishes = [
            {"type": "errorRate", "total": requests},
            {"type": "errorRate", "total": requests, "atMost": 0.2, "by": ["pod"]},
            {"type": "latency", "histogram": f'req_seconds_bucket{{app="{name}"}}', "atMost": 0.8},
            {"type": "queueLag", "depth": f'queue{{app="{name}"}}', "atMost": 100, "window": "10m"},
            {"type": "cpuThrottling"},
            {"type": "memoryNearLimit"},
            plain,
            {**plain, "for": "1m"},
            {**plain, "query": f'max(queue{{app="{name}"}})', "operator": "<", "threshold": 90, "for": "1m"},
            {"type": "targetsUp", "targets": f'up{{app="{name}"}}', "for": "1m"},
        ]
        spec = {"scope": {"namespace": "shop", "name": name}, "expectations": wishes}
        found.append(
            Intent.model_validate(
                {
                    "apiVersion": "intentd.io/v1alpha1",
                    "kind": "Intent",
                    "metadata": {"name": f"i{number}"},
                    "spec": spec,
                }
            )
        )
    return found


def lines(at: float) -> Iterator[Line]:
    for service in range(SERVICES):
        name = f"s{service}"
        about = f'namespace="shop",app="{name}",pod="{name}-1"'
        container = f'namespace="shop",pod="{name}-1",container="app"'
        errors = 0.2 if service % 10 == 0 else 0.0
        rates = {
            f'http_requests_total{{{about},code="200"}}': 10.0,
            f'http_requests_total{{{about},code="500"}}': 10.0 * errors,
            **{
                f'req_seconds_bucket{{{about},le="{le}"}}': rate
                for le, rate in (("0.1", 5.0), ("0.5", 9.0), ("1", 10.0), ("+Inf", 10.0))
            },
            f"container_cpu_cfs_periods_total{{{container}}}": 10.0,
            f"container_cpu_cfs_throttled_periods_total{{{container}}}": 10.0 * errors,
        }
        levels = {
            f"queue{{{about}}}": 50.0 + service % 100,
            f"up{{{about}}}": 1.0,
            f"container_memory_working_set_bytes{{{container}}}": 50.0,
            f"container_spec_memory_limit_bytes{{{container}}}": 100.0,
        }
        for ago in range(LENGTH, -1, -STEP):
            for series, rate in rates.items():
                yield series, rate * (LENGTH - ago), at - ago
            for series, level in levels.items():
                yield series, level, at - ago
