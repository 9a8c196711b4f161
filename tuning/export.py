"""An adapter folder as a file that Ollama takes: `python -m tuning.export FOLDER FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tuning.adapter import load_shape
from tuning.adapter_file import tensors, write


def export(folder: Path, path: Path, name: str) -> str:
    """Export a folder that `tuning.train` wrote; returns the file's sha256."""
    from safetensors.numpy import load_file

    shape = load_shape(folder)
    state = load_file(folder / "adapter.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, tensors(state, shape.arch, shape.heads, shape.kv_heads), shape.arch, shape.alpha, name)


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--name", default="intentd")
    given = parser.parse_args(arguments)
    digest = export(given.folder, given.file, given.name)
    print(f"{given.file}: {given.file.stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
