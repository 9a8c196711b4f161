"""One training run: its steps, its checkpoints, and where it begins.

Invariant: a run that was stopped and resumed takes the same steps on the same examples as one that was not.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tuning import adapter, adapter_file, base, examples, score
from tuning.layout import Row
from tuning.serve import sha256

WARM_UP = 0.05
"""Share of the run in which the learning rate rises from 0; after it, it falls in a line to 0."""

CHECKPOINT = "checkpoint.pt"
SAY_EVERY = 5.0
"""Seconds between two lines of the log."""


@dataclass(frozen=True)
class Settings:
    """How to train. `minutes` and `steps` both cap, 0 is no cap; `batch` counts examples a step, `budget`
    padded tokens in memory at once, `limit` tokens of a row."""

    lr: float
    batch: int
    epochs: float
    steps: int
    minutes: float
    seed: int
    budget: int
    limit: int
    dtype: str
    workers: int = 1
    """Pieces computed side by side, each on one core: on 2 cores twice as fast as one piece on both, most of
    whose operations are too small to divide."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands; what a checkpoint keeps beside the adapter and the optimizer."""

    step: int = 0
    epoch: int = 0
    at: int = 0  # steps taken within the epoch
    seconds: float = 0.0
    tokens: int = 0
    loss: float = 0.0  # moving average over about 20 steps


@dataclass(frozen=True)
class Origin:
    """The adapter file that a run began with, and how that one was trained as far as its card says."""

    file: adapter_file.AdapterFile
    sha256: str
    training: dict[str, Any]

    def notes(self) -> dict[str, Any]:
        """What is kept of it beside the new adapter."""
        return {"adapter_sha256": self.sha256, "training": self.training}


def origin_of(path: Path) -> Origin:
    """A shipped adapter with the card that lies beside it, if one does and is this file's."""
    digest, beside = sha256(path), path.with_name("card.json")
    card = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    known = card.get("training", {}) if card.get("adapter_sha256") == digest else {}
    return Origin(adapter_file.read(path), digest, known)


class Trainer:
    """One run. `base` is given its adapter in place."""

    def __init__(
        self,
        loaded: base.Base,
        shape: adapter.Shape,
        settings: Settings,
        rows: list[Row],
        out: Path,
        data_sha256: str,
        origin: Origin | None = None,
    ) -> None:
        import torch

        self.base, self.shape, self.settings, self.rows, self.out = loaded, shape, settings, rows, out
        self.data_sha256, self.origin = data_sha256, origin
        self.attached = adapter.attach(loaded, shape, settings.seed)
        if origin:
            adapter.load_file_into(self.attached, shape, origin.file)
        self.parameters = [each for each in self.attached.parameters() if each.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=settings.lr, weight_decay=0.0)
        self.progress = Progress()
        self.stopping = False
        self.pool = (
            ThreadPoolExecutor(settings.workers, initializer=torch.set_num_threads, initargs=(1,))
            if (settings.workers > 1)
            else ThreadPoolExecutor(1)
        )
        once = sum(1 for _ in examples.steps(rows, settings.batch, settings.seed, 0))
        wanted = max(1, round(once * settings.epochs))
        self.total = min(wanted, settings.steps) if settings.steps else wanted

    def done(self) -> float:
        """Share of the run that is behind us, by steps or by time, whichever is further."""
        by_step = self.progress.step / self.total
        limit = self.settings.minutes * 60
        return min(1.0, max(by_step, self.progress.seconds / limit if limit else 0.0))

    def run(self, say: Callable[[str], None], save_every: float = 120.0) -> None:
        """Train until done or told to stop; a checkpoint every `save_every` seconds and at the end."""
        saved = said = time.monotonic()
        while self.done() < 1.0 and not self.stopping:
            epoch, at = self.progress.epoch, self.progress.at
            order = list(examples.steps(self.rows, self.settings.batch, self.settings.seed, epoch))
            for step in order[at:]:
                self._step(step)
                if time.monotonic() - said > SAY_EVERY or self.done() >= 1.0:
                    say(self._line())
                    said = time.monotonic()
                if self.done() >= 1.0 or self.stopping:
                    break
                if time.monotonic() - saved > save_every:
                    self.save()
                    saved = time.monotonic()
            else:
                self.progress = replace(self.progress, epoch=epoch + 1, at=0)
        self.save()

    def _step(self, step: list[Row]) -> None:
        import torch

        begun = time.monotonic()
        done = self.done()
        rate = self.settings.lr * min(1.0, (done + 1e-3) / WARM_UP) * (1.0 - done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total = sum(example.weight for row in step for example in row.sequences)
        value = 0.0
        pieces = list(examples.pieces(step, self.settings.budget))
        # The longest first, so that none is left alone at the end.
        for part in self.pool.map(lambda piece: self._backward(piece, total), reversed(pieces)):
            value += part
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        now = self.progress
        share = max(0.05, 1.0 / (now.step + 1))
        self.progress = replace(
            now,
            step=now.step + 1,
            at=now.at + 1,
            seconds=now.seconds + time.monotonic() - begun,
            tokens=now.tokens + sum(len(row.tokens) for row in step),
            loss=now.loss + share * (value - now.loss),
        )

    def _backward(self, piece: list[Row], total: float) -> float:
        """Add a piece's gradients to the parameters', which torch does one at a time; its share of the loss."""
        part = score.loss(self.base.model, piece, self.base.tokens.pad) / total
        part.backward()
        return float(part.item())

    def _line(self) -> str:
        now = self.progress
        left = now.seconds / self.done() - now.seconds
        return (
            f"step {now.step}/{self.total} epoch {now.epoch} loss {now.loss:.4f} "
            f"{now.tokens / now.seconds:.0f} tok/s, {now.seconds / 60:.1f} min, "
            f"{left / 60:.1f} min left, peak {peak_gib():.1f} GiB"
        )

    def save(self) -> None:
        """A checkpoint in one file, replaced in one step, so none is ever half old and half new; then the
        adapter by itself for scoring and export."""
        import torch

        notes = {
            "settings": asdict(self.settings),
            "progress": asdict(self.progress),
            "data_sha256": self.data_sha256,
            "went_on_from": self.origin.notes() if self.origin else None,
        }
        self.out.mkdir(parents=True, exist_ok=True)
        fresh = self.out / (CHECKPOINT + ".part")
        whole = {
            "shape": asdict(self.shape),
            "parameters": [each.detach() for each in self.parameters],
            "optimizer": self.optimizer.state_dict(),
            **notes,
        }
        torch.save(whole, fresh)
        fresh.replace(self.out / CHECKPOINT)
        adapter.save(self.attached, self.shape, self.out, notes)

    def resume(self) -> bool:
        """Go on from the folder's checkpoint if there is one. ValueError where it belongs to other data
        or another shape."""
        import torch

        path = self.out / CHECKPOINT
        if not path.exists():
            return False
        kept = torch.load(path, weights_only=True, map_location="cpu")
        origin = self.origin.notes() if self.origin else None
        same = (self.data_sha256, asdict(self.shape), origin)
        if (kept["data_sha256"], kept["shape"], kept.get("went_on_from")) != same:
            raise ValueError(
                f"{self.out} holds a run with other data, shape or beginning; give another --out or --fresh"
            )
        with torch.no_grad():
            for parameter, value in zip(self.parameters, kept["parameters"], strict=True):
                parameter.copy_(value)
        self.optimizer.load_state_dict(kept["optimizer"])
        self.progress = Progress(**kept["progress"])
        return True


def peak_gib() -> float:
    """Most memory held so far, GiB: the GPU's where there is one, else this process's."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
