"""An Ollama server for practice: the operator's, one on PATH, or the one that we build (in that order).

The models folder is in the cache and shared by all instances: what is in it was made from digests and
costs minutes to make again. Only a server that we started is ever stopped.
"""

from __future__ import annotations

import os
import shutil
import urllib.request
from pathlib import Path

from gym.build import build
from gym.instance import Instance, free_ports
from gym.paths import GymError, cache_dir
from gym.processes import start, stop, wait_ready
from gym.providers.base import Report


def start_ollama(instance: Instance, report: Report) -> str:
    """The address of a server that answers, started if need be; recorded in the instance.

    GymError where OLLAMA_HOST is set and nobody answers there: that is the operator's word, not a hint.
    """
    if named := os.environ.get("OLLAMA_HOST"):
        url = named if "://" in named else f"http://{named}"
        if not answers(url):
            raise GymError(
                f"OLLAMA_HOST says {named}, but nothing answers there", "start it, or unset OLLAMA_HOST"
            )
        instance.update(ollama=url)
        return url
    known: str | None = instance.read().get("ollama")
    if known and answers(known):
        return known
    stop(instance, "ollama")
    report("Ollama")
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    process = start(instance, "ollama", [_program(), "serve"], env=_environment(port))
    wait_ready(instance, process, lambda: answers(url), 30)
    instance.update(ollama=url)
    return url


def stop_ollama(instance: Instance) -> None:
    """Stop it where it is ours; an operator's server is only forgotten."""
    stop(instance, "ollama")
    instance.update(ollama=None)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/version", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def is_there() -> bool:
    """Whether a server or a program of the operator's makes a build unnecessary."""
    return bool(os.environ.get("OLLAMA_HOST") or shutil.which("ollama"))


def _program() -> Path:
    if installed := shutil.which("ollama"):
        return Path(installed)
    return build(["ollama"])["ollama"]


def _environment(port: int) -> dict[str, str]:
    home = cache_dir() / "ollama"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("OLLAMA_")},
        "HOME": str(home),  # it writes a key below its home
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(home / "models"),
        "OLLAMA_NOPRUNE": "1",  # another instance's server may be creating a model
        "OLLAMA_NUM_PARALLEL": "1",  # one question at a time keeps the prefix cache whole
        "OLLAMA_KEEP_ALIVE": "2h",
        # Spinning threads would take the processors from the cluster that shares them.
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
    }
