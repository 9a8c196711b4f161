"""The models that the daemon asks: base weights with the repository's adapters, made in an Ollama server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import ollama

from gym import weights
from gym.paths import GymError
from gym.providers.base import Report
from remediation.prompt import PROMPT_VERSION
from tuning.serve import CONTEXT, ServeError, create, sha256

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
        chosen: dict[str, object] = {
            "url": url,
            "name": self.name,
            "context_tokens": CONTEXT,
            "timeout": "120s",  # a question on two busy cores takes up to a minute
        }
        return chosen | ({"judge": self.judge} if self.judge else {})


def adapter_of(name: str) -> Path | None:
    """The committed adapter for base weights, None where there is none yet."""
    found = ADAPTERS / name / "adapter.gguf"
    return found if found.exists() else None


def judged_right(name: str) -> float | None:
    """Share of held-out incidents in which this adapter's judgement ended as it should, from its card: the right
    change accepted, none where none mends, and nothing wrong where no change on the list is the right one; None
    where that was never measured, or of other weights or questions than those that are served and asked now."""
    card, adapter = ADAPTERS / name / "card.json", adapter_of(name)
    if adapter is None or not card.exists():
        return None
    told = json.loads(card.read_text(encoding="utf-8"))
    if (told["adapter_sha256"], told["prompt_version"]) != (sha256(adapter), PROMPT_VERSION):
        return None
    splits = told["scores"].values()
    right = sum(
        split["accepted_right"] + split["refused"] + split["written"] - split["wrote_wrong"]
        for split in splits
    )
    asked = sum(split["mendable"] + split["hopeless"] + split["written"] for split in splits)
    return right / asked if asked else None


def separate_judge() -> bool:
    """Whether the small judge's measured score is above the writer's own. What was not measured does not
    judge."""
    small, writer = judged_right(weights.SMOLLM2_135M.name), judged_right(weights.QWEN_CODER_05B.name)
    return small is not None and (writer is None or small > writer)


def serve(url: str, report: Report) -> Served:
    """Create the models in the server at `url` and load them. The 0.5B states causes and writes patches; it
    judges too, unless the 135M's card shows that that one judges better.

    GymError where weights are not in the cache (fetch them first) or the server refuses.
    """
    writer = _created(url, weights.QWEN_CODER_05B.name, report)
    parts = [_words(weights.QWEN_CODER_05B.name)]
    judge = None
    if adapter_of(weights.SMOLLM2_135M.name) is not None and separate_judge():
        judge = _created(url, weights.SMOLLM2_135M.name, report)
        parts.append(f"{_words(weights.SMOLLM2_135M.name)} as judge")
    return Served(writer, judge, ", ".join(parts))


def serve_one(url: str, name: str, report: Report) -> Served:
    """One model for every question: these base weights with their adapter, or a model that the server has already.

    GymError where it is neither.
    """
    if name in weights.BY_NAME:
        return Served(_created(url, name, report), None, _words(name))
    try:
        there = {model.model for model in ollama.Client(host=url, timeout=LOAD_SECONDS).list().models}
    except (ollama.ResponseError, ConnectionError) as error:
        raise GymError(f"the model server at {url} does not answer: {error}") from error
    if name in there or f"{name}:latest" in there:
        return Served(name, None, name)
    raise GymError(
        f"there is no model {name}: neither weights of ours nor served at {url}",
        f"choose {', '.join(weights.BY_NAME)}, or set OLLAMA_HOST to a server that has it",
    )


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
