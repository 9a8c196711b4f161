"""An adapter folder as a GGUF that Ollama takes: `python -m tuning.export FOLDER FILE`.

f16, a few MB. The same adapter gives the same bytes: metadata in a fixed order, tensors sorted by block
and name, and nothing in it that the clock or the machine decides. Needs no torch.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuning.rope import order_in_gguf

PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NAME = re.compile(r".*layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])(?:\.default)?\.weight")


def tensors(state: Mapping[str, Any], arch: str, heads: int, kv_heads: int) -> dict[str, Any]:
    """GGUF tensors from the library's, by name, in the order in which they are written.

    lora_a has shape (rank, in), lora_b (out, rank). In the llama architecture the rows of lora_b of q
    and k stand in GGUF's rotary order. ValueError for a name that is no LoRA matrix of a known part.
    """
    found: dict[tuple[int, str, str], Any] = {}
    for name, value in state.items():
        match = NAME.fullmatch(name)
        if match is None or match[2] not in PARTS:
            raise ValueError(f"{name!r} has no counterpart in a GGUF adapter")
        block, part, side = int(match[1]), PARTS[match[2]], match[3].lower()
        rows = value
        if arch == "llama" and side == "b" and part in ("attn_q", "attn_k"):
            rows = value[order_in_gguf(len(value), heads if part == "attn_q" else kv_heads)]
        found[block, part, side] = rows
    return {f"blk.{b}.{part}.weight.lora_{side}": found[b, part, side] for b, part, side in sorted(found)}


def write(path: Path, named: Mapping[str, Any], arch: str, alpha: float, name: str) -> str:
    """Write the adapter file, tensors as f16, and return its sha256."""
    import numpy as np
    from gguf import GGUFWriter

    fresh = path.with_name(path.name + ".part")
    writer = GGUFWriter(fresh, arch)  # writes general.architecture
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", name)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for tensor, value in named.items():
        writer.add_tensor(tensor, np.ascontiguousarray(value, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def export(folder: Path, path: Path, name: str) -> str:
    """Export a folder that `tuning.train` wrote; returns the file's sha256."""
    from safetensors.numpy import load_file

    from tuning.adapter import load_shape

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
