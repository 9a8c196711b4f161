"""A LoRA adapter on a base: attaching it, and keeping it on disk.

A folder holds `adapter.safetensors` (float32, names as the library gives them) and `adapter.json` (what
is needed to attach, export and describe it).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuning.adapter_file import AdapterFile, state
from tuning.base import Base

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Shape:
    """What makes two adapters interchangeable. Update = alpha / rank * B A on each target of each block
    from `first_block` on. Rank 16 and alpha 16 on attention are the published study's (MODEL.md)."""

    base_sha256: str
    arch: str
    heads: int
    kv_heads: int
    rank: int = 16
    alpha: int = 16
    targets: tuple[str, ...] = ATTENTION
    first_block: int = 0


def shape_of(base: Base, rank: int, alpha: int, targets: tuple[str, ...], first_block: int) -> Shape:
    """The shape of an adapter for this base."""
    return Shape(base.sha256, base.arch, base.heads, base.kv_heads, rank, alpha, targets, first_block)


def attach(base: Base, shape: Shape, seed: int) -> Any:
    """Put a fresh adapter into the base's model, in place; its parameters are the only trainable ones,
    float32 whatever the base is. B starts at zero, so nothing is changed yet. ValueError for another base."""
    import torch
    from peft import LoraConfig, get_peft_model

    if shape.base_sha256 != base.sha256:
        raise ValueError(f"the adapter is for base {shape.base_sha256[:12]}, this is {base.sha256[:12]}")
    torch.manual_seed(seed)
    blocks = list(range(shape.first_block, base.model.config.num_hidden_layers))
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=0.0,
        target_modules=list(shape.targets),
        layers_to_transform=blocks,
        layers_pattern="layers",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base.model, config)


def save(attached: Any, shape: Shape, folder: Path, notes: dict[str, Any]) -> None:
    """Write the adapter so that a reader never sees half of it. `notes` are kept beside the shape."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(attached, save_embedding_layers=False)
    fresh = folder / "adapter.safetensors.part"
    save_file({name: value.float().cpu().contiguous() for name, value in state.items()}, fresh)
    fresh.replace(folder / "adapter.safetensors")
    write_json(folder / "adapter.json", {"shape": asdict(shape), **notes})


def load_shape(folder: Path) -> Shape:
    """The shape of a saved adapter."""
    raw = json.loads((folder / "adapter.json").read_text())["shape"]
    return Shape(**{**raw, "targets": tuple(raw["targets"])})


def load_into(attached: Any, folder: Path) -> None:
    """Give an attached adapter a saved one's values. ValueError where a name or shape does not fit."""
    from safetensors.torch import load_file

    _give(attached, load_file(folder / "adapter.safetensors"), str(folder))


def _give(attached: Any, values: dict[str, Any], where: str) -> None:
    from peft import set_peft_model_state_dict

    result = set_peft_model_state_dict(attached, values)
    lost = [name for name in result.missing_keys if "lora_" in name]
    if lost or result.unexpected_keys:
        raise ValueError(f"{where}: missing {lost[:3]}, unexpected {result.unexpected_keys[:3]}")


def shape_of_file(base: Base, file: AdapterFile) -> Shape:
    """The shape that goes on from an adapter file. ValueError where it is for another architecture, or leaves
    out blocks at the end: `Shape` cannot say that."""
    last = base.model.config.num_hidden_layers
    if file.arch != base.arch or file.blocks != tuple(range(file.blocks[0], last)):
        raise ValueError(
            f"the adapter is for {file.arch} with blocks {file.blocks}, the base is {base.arch} with {last}"
        )
    return Shape(
        base.sha256, base.arch, base.heads, base.kv_heads, file.rank, int(file.alpha), file.targets, file.blocks[0]
    )  # fmt: skip


def load_file_into(attached: Any, shape: Shape, file: AdapterFile) -> None:
    """Give an attached adapter the values of an adapter file. ValueError where a name or size does not fit."""
    import torch

    named = state(file.named, shape.arch, shape.heads, shape.kv_heads)
    _give(attached, {name: torch.tensor(value).float() for name, value in named.items()}, "the file")


def with_adapter(base: Base, folder: Path) -> Base:
    """The base with a saved adapter in it, ready to score. In place: the base is not bare afterwards."""
    attached = attach(base, load_shape(folder), seed=0)
    load_into(attached, folder)
    attached.eval()
    return base


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)
