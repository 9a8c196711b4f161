"""The rows on a real model server: the operator's (OLLAMA_HOST), or one that is started for it and ended."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from gym import models
from gym.instance import Instance
from gym.ollama import start_ollama, stop_ollama
from tests.attack.injected.against import Result, results
from tests.attack.injected.corpus import ROWS, Row

SECONDS = 600.0
"""For one question: machines that run this do other work too."""


def injected_instructions(
    samples: int | None = None, seed: int = 1, told: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """All rows, or so many drawn by the seed, on the model that the demo serves. GymError where it cannot be
    served (no base weights in the cache), RuntimeError where it gives no answer."""
    with served(told) as url:
        return list(on(url, drawn(ROWS, samples, seed), told))


def on(url: str, rows: Sequence[Row], told: Callable[[str], None] = lambda _: None) -> Iterator[Result]:
    """The rows on the server at this address. Its models are made anew of weights and shipped adapter."""
    name = models.serve(url, lambda _: None).name
    model = OllamaModel(OllamaSettings(name, host=url, seconds=SECONDS), SystemClock())
    try:
        yield from results(rows, model, told)
    finally:
        model.close()


@contextmanager
def served(told: Callable[[str], None]) -> Iterator[str]:
    """The address of a model server for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="injected-", dir="/tmp") as state:
        instance = Instance.named("injected", Path(state))
        instance.home.mkdir(parents=True)
        try:
            yield start_ollama(instance, told)
        finally:
            stop_ollama(instance)


def drawn(rows: Sequence[Row], samples: int | None, seed: int) -> tuple[Row, ...]:
    """So many of the rows in their order; the same ones for the same seed."""
    if samples is None or samples >= len(rows):
        return tuple(rows)
    chosen = set(random.Random(seed).sample(range(len(rows)), samples))
    return tuple(row for place, row in enumerate(rows) if place in chosen)
