"""`make tune`: the whole way of an adapter in a few minutes: data, training, a stop and going on, export, Ollama.

It really trains, but a few steps only, from the shipped adapter of the small judge: it shows that this machine
can train and that what is served is what was trained, and leaves the shipped adapters alone. Training needs
torch, so it runs in an environment of its own, which `--trainer` names.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gym import weights
from gym.instance import Instance
from gym.models import adapter_of
from gym.ollama import start_ollama, stop_ollama
from gym.paths import GymError
from tuning import data, examples
from tuning.serve import create, remove, served_p_yes

BASE = weights.SMOLLM2_135M
SERVED = "intentd-rehearsal"
STEPS = (3, 5)
"""Optimizer steps of the first run, and of the one that goes on from its checkpoint."""
INCIDENTS = 24
PROMPTS = 4


class RehearsalError(Exception):
    """A part of the way failed; its own output says why."""


def rehearse(trainer: Path, folder: Path, *, accept_weights: bool) -> None:
    """All steps, below `folder`. RehearsalError or GymError where one fails; nothing is left running or served."""
    base = weights.fetch(BASE, accept=accept_weights, report=lambda _share, what: _say(f"weights: {what}"))
    data.write(folder / "data", count=INCIDENTS, seed=5)
    judged, run, adapter = folder / "data" / "judge.jsonl", folder / "run", folder / "adapter.gguf"
    shipped = adapter_of(BASE.name)
    begin = ("--from", shipped) if shipped else ()
    for steps in STEPS:
        _run(trainer, "train", "--base", base, "--data", judged, "--out", run, "--steps", steps, *begin)
    _run(trainer, "export", run, adapter, "--name", SERVED)
    instance = Instance.named("tune", folder / "state")
    instance.home.mkdir(parents=True)
    try:
        url = start_ollama(instance, _say)
        _run(trainer, "selftest", "--base", base, "--host", url)
        create(SERVED, base, adapter, host=url)
        try:
            _run(
                trainer, "parity", "--base", base, "--adapter", run, "--data", judged, "--prompts", PROMPTS,
                "--model", SERVED, "--host", url, allowed=(0, 2),
            )  # fmt: skip
            line = next(line for line in examples.read(judged) if line.completion == "Yes")
            begun = time.monotonic()
            value, read = served_p_yes(SERVED, line.prompt, host=url)
            _say(
                f"a right change, {read} tokens of evidence: p(Yes) {value:.2f} in {time.monotonic() - begun:.1f} s"
            )
        finally:
            remove(SERVED, host=url)
    finally:
        stop_ollama(instance)


def _run(trainer: Path, module: str, *arguments: object, allowed: tuple[int, ...] = (0,)) -> None:
    _say(f"python -m tuning.{module}")
    command = [str(trainer), "-u", "-W", "ignore", "-m", f"tuning.{module}", *map(str, arguments)]
    if (code := subprocess.run(command, check=False).returncode) not in allowed:
        raise RehearsalError(f"tuning.{module} ended with {code}")


def _say(text: str) -> None:
    print(f"── {text}", flush=True)


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.rehearse", description=__doc__)
    parser.add_argument("--trainer", type=Path, required=True, help="a Python with requirements/tuning.txt")
    parser.add_argument("--accept-weights", action="store_true", help="allow fetching the base weights")
    given = parser.parse_args()
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="tune-"))
    try:
        rehearse(given.trainer.absolute(), folder, accept_weights=given.accept_weights)
    except (RehearsalError, GymError) as failed:
        sys.exit(f"✗ {failed}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"done in {time.monotonic() - begun:.0f} s; the shipped adapters are as they were")


if __name__ == "__main__":
    main()
