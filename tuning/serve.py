"""The served model: base and adapter in Ollama, with template and stop parameters always given.

`python -m tuning.serve --base FILE --adapter FILE --name intentd-judge`. Needs no torch; the gym and the
demo call `create`. A model made of a bare GGUF may get the template `{{ .Prompt }}` without an error, so
what was created is read back and compared.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

import ollama

from tuning.chatml import STOP, TEMPLATE

CONTEXT = 4096
"""Tokens of context. Fixed at creation, because another value in a request reloads the model."""


class ServeError(Exception):
    """The model could not be made as asked; the sentence says what is wrong."""


def create(
    name: str, base: Path, adapter: Path | None = None, *, host: str | None = None, context: int = CONTEXT
) -> str:
    """Create (or replace) model `name` and return its digest.

    `host` is the server's address (default OLLAMA_HOST). ServeError where the server refuses or where the
    created model is not what was asked for; ConnectionError where no server answers. Seconds: under one
    with the base's blob already there.
    """
    client = ollama.Client(host=host, timeout=120)
    try:
        files = {base.name: client.create_blob(base)} if base.exists() else {}
        if not files:
            raise ServeError(f"{base} does not exist")
        adapters = {adapter.name: client.create_blob(adapter)} if adapter else None
        client.create(
            model=name,
            files=files,
            adapters=adapters,
            template=TEMPLATE,
            parameters={"stop": list(STOP), "num_ctx": context, "temperature": 0},
            stream=False,
        )
        digest = _digest(client, name)
        _check(client.show(name), name)
    except ollama.ResponseError as refused:
        raise ServeError(f"Ollama refused {name}: {refused.error}") from refused
    return digest


def _check(shown: ollama.ShowResponse, name: str) -> None:
    if (shown.template or "").strip() != TEMPLATE.strip():
        raise ServeError(f"{name} has another template than was asked for: {shown.template!r}")
    missing = [stop for stop in STOP if stop not in (shown.parameters or "")]
    if missing:
        raise ServeError(f"{name} lacks the stop parameters {missing}")


def _digest(client: ollama.Client, name: str) -> str:
    wanted = name if ":" in name else f"{name}:latest"
    for model in client.list().models:
        if model.model == wanted and model.digest:
            return model.digest
    raise ServeError(f"{wanted} is not listed after its creation")


def served_p_yes(name: str, prompt: str, *, host: str | None = None) -> tuple[float, int]:
    """P(Yes) / (P(Yes) + P(No)) of a full prompt sent raw, and how many tokens the server read.

    From the first token's log-probabilities, 20 being the most that Ollama gives; a word outside them
    counts as the least likely of them, so that its share is never understated to zero.
    """
    import math

    client = ollama.Client(host=host, timeout=300)
    answer = client.generate(
        model=name,
        prompt=prompt,
        raw=True,
        logprobs=True,
        top_logprobs=20,
        options={"num_predict": 1, "temperature": 0, "seed": 0},
    )
    if not answer.logprobs:
        raise ServeError(f"{name} gave no log-probabilities")
    top = {each.token: each.logprob for each in answer.logprobs[0].top_logprobs or ()}
    least = min(top.values())
    yes, no = (math.exp(top.get(word, least)) for word in ("Yes", "No"))
    return yes / (yes + no), int(answer.prompt_eval_count or 0)


def remove(name: str, *, host: str | None = None) -> None:
    """Delete a model; blobs that other models use stay. No error where it is not there."""
    try:
        ollama.Client(host=host, timeout=120).delete(name)
    except ollama.ResponseError as refused:
        if refused.status_code != 404:
            raise ServeError(f"Ollama could not delete {name}: {refused.error}") from refused


def sha256(path: Path) -> str:
    """Digest of a file, as in an adapter's card."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.serve", description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST"))
    parser.add_argument("--context", type=int, default=CONTEXT)
    given = parser.parse_args(arguments)
    digest = create(given.name, given.base, given.adapter, host=given.host, context=given.context)
    print(f"{given.name}: {digest}")


if __name__ == "__main__":
    main()
