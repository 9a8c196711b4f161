"""The header that Ollama's module zip leaves out (module zips drop folders named `vendor`).

nlohmann and stb come from Debian packages (gym/debian.py); miniaudio is only to be had in the source
archive of PyPI `miniaudio`, which is fetched by name and version and never imported.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from gym.paths import GymError, cache_dir

MINIAUDIO = "1.71"


def ollama_headers() -> Path:
    """An include folder that holds `miniaudio/miniaudio.h`."""
    home = cache_dir() / "headers"
    header = home / "miniaudio" / "miniaudio.h"
    if not header.exists():
        header.parent.mkdir(parents=True, exist_ok=True)
        _fetch_miniaudio(header)
    return home


def _fetch_miniaudio(header: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*pip, "--no-binary", "miniaudio", "--dest", folder, f"miniaudio=={MINIAUDIO}"],
            capture_output=True,
            text=True,
            check=False,
        )
        archives = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or not archives:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise GymError(f"miniaudio {MINIAUDIO} could not be fetched from PyPI: {last}")
        with tarfile.open(archives[0]) as archive:
            member = next((m for m in archive if m.name.endswith("/miniaudio.h")), None)
            source = archive.extractfile(member) if member else None
            if source is None:
                raise GymError(f"the source archive of miniaudio {MINIAUDIO} holds no miniaudio.h")
            part = header.with_suffix(".part")
            with source, part.open("wb") as out:
                shutil.copyfileobj(source, out)
            part.rename(header)
