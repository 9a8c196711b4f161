"""The models that the daemon asks: base weights with the repository's adapters, made in an Ollama server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ollama

from gym import weights
from gym.paths import GymError
from gym.providers.base import Report
from tuning.serve import CONTEXT, ServeError, create

ADAPTERS = Path(__file__).resolve().parent.parent / "tuning" / "adapters"
LOAD_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Served:
    """Names of the models as the daemon's settings want them, and what they are made of in words."""

    name: str
    judge: str | None
    made_of: str

    def settings(self, url: str) -> dict[str, object]:
        """The daemon's `model` settings."""
        chosen: dict[str, object] = {"url": url, "name": self.name, "context_tokens": CONTEXT}
        return chosen | ({"judge": self.judge} if self.judge else {})


def adapter_of(name: str) -> Path | None:
    """The committed adapter for base weights, None where there is none yet."""
    found = sorted(ADAPTERS.glob(f"{name}*.gguf")) + sorted(ADAPTERS.glob(f"{name}*/*.gguf"))
    return found[0] if found else None


def serve(url: str, report: Report) -> Served:
    """Create the models in the server at `url` and load them. The 0.5B states causes and writes patches; the
    135M judges where its adapter is there, because untuned it judges at chance (MODEL.md).

    GymError where weights are not in the cache (fetch them first) or the server refuses.
    """
    writer = _created(url, weights.QWEN_CODER_05B.name, report)
    parts = [_words(weights.QWEN_CODER_05B.name)]
    judge = None
    if adapter_of(weights.SMOLLM2_135M.name) is not None:
        judge = _created(url, weights.SMOLLM2_135M.name, report)
        parts.append(f"{_words(weights.SMOLLM2_135M.name)} as judge")
    return Served(writer, judge, ", ".join(parts))


def _created(url: str, name: str, report: Report) -> str:
    base, adapter = weights.path_of(name), adapter_of(name)
    if base is None:
        raise GymError(f"the weights {name} are not in the cache", "run `python -m gym weights`")
    served = f"intentd-{name}"
    report(f"model {served}")
    try:
        create(served, base, adapter, host=url)
        ollama.Client(host=url, timeout=LOAD_SECONDS).generate(
            model=served, prompt="", options={"num_ctx": CONTEXT}, keep_alive="2h"
        )
    except (ServeError, ollama.ResponseError, ConnectionError) as error:
        raise GymError(f"{served} could not be made: {error}") from error
    return served


def _words(name: str) -> str:
    return f"{name} + adapter" if adapter_of(name) else f"{name} (no adapter: untuned)"
