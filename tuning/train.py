"""Supervised LoRA on JSON lines: `python -m tuning.train --base FILE --data FILE --out FOLDER`.

The same command on CPU and GPU. Loss on completion tokens only, each example counting the same. It can
be stopped at any step (SIGINT, SIGTERM, `--minutes`) and goes on from its last checkpoint when started
again with the same arguments; other data, base or shape are refused. `--from` begins a run with a shipped
adapter's values in place of fresh ones, so that training goes on across machines.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from pathlib import Path

from tuning import adapter, base, examples, score
from tuning.trainer import CHECKPOINT, Settings, Trainer, origin_of


def faster_dtype() -> str:
    """bfloat16 or float32, whichever this CPU multiplies faster, by trying both for some tenths of a second of
    one core; in CPU time, so that other programs do not decide it.

    The CPU's flags do not tell: with AVX512-BF16 alone, bfloat16 was 1.4 times as fast as float32 on one
    machine and 0.6 times on another (SmolLM2's shapes, one core, 85 against 150 GFLOP/s).
    """
    import torch

    torch.set_num_threads(1)
    best: dict[str, float] = {}
    for name in ("bfloat16", "float32"):
        left, right = (torch.ones(side, dtype=getattr(torch, name)) for side in ((1024, 576), (576, 1536)))
        left @ right  # the first call prepares
        times = []
        for _ in range(5):
            begun = time.process_time()
            for _ in range(8):
                left @ right
            times.append(time.process_time() - begun)
        best[name] = min(times)
    return min(best, key=lambda name: best[name])


def check(loaded: base.Base, lines: list[examples.Line], budget: int) -> dict[str, float]:
    """Mean loss an example (those longer than `budget` left out), and for judgements how often p(Yes) is on the right side of 0.5."""
    import torch

    laid, _ = examples.grouped(
        lines, examples.tokenize(lines, loaded.tokens.ids, loaded.tokens.end), limit=budget
    )
    scored = sum(example.weight for row in laid for example in row.sequences)
    total = 0.0
    with torch.inference_mode():
        for piece in examples.pieces(laid, budget):
            total += float(score.loss(loaded.model, piece, loaded.tokens.pad))
    result = {"loss": total / scored}
    judged = [line for line in lines if line.role == "judge"]
    if judged:
        p = score.p_yes(loaded, [j.prompt for j in judged], [j.group for j in judged], budget)
        right = sum((value > 0.5) == (j.completion == "Yes") for value, j in zip(p, judged, strict=True))
        result["judged right"] = right / len(judged)
    return result


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    given = _parser().parse_args(arguments)
    # Waiting threads sleep: on cores that others use too, spinning ones hold up the thread they wait for.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = given.threads or os.cpu_count() or 1
    dtype = given.dtype or ("bfloat16" if device == "cuda" else faster_dtype())
    torch.set_num_threads(threads)
    settings = Settings(
        given.lr, given.batch, given.epochs, given.steps, given.minutes, given.seed, given.budget, given.limit,
        dtype, threads if device == "cpu" else 1,
    )  # fmt: skip
    lines = [line for path in given.data for line in examples.read(path)]
    loaded = base.load(given.base, dtype, device)
    origin = origin_of(given.origin) if given.origin else None
    shape = (
        adapter.shape_of_file(loaded, origin.file)
        if origin
        else adapter.shape_of(
            loaded, given.rank, given.alpha, tuple(given.targets.split(",")), given.first_block
        )
    )
    laid, left_out = examples.grouped(
        lines, examples.tokenize(lines, loaded.tokens.ids, loaded.tokens.end), given.limit
    )
    whole = sum(len(e.tokens) for row in laid for e in row.sequences)
    once = sum(len(row.tokens) for row in laid)
    print(
        f"{len(lines)} examples ({left_out} longer than {given.limit} tokens left out) in {len(laid)} rows: "
        f"{once} tokens, {whole} without sharing; {dtype} on {device}",
        flush=True,
    )
    if given.fresh:
        (given.out / CHECKPOINT).unlink(missing_ok=True)
    trainer = Trainer(loaded, shape, settings, laid, given.out, examples.digest(lines), origin)
    if trainer.resume():
        print(f"going on from step {trainer.progress.step}", flush=True)

    def stop(*_: object) -> None:
        trainer.stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    trainer.run(lambda line: print(line, flush=True))
    if given.valid and not trainer.stopping:
        result = check(loaded, examples.read(given.valid), given.budget)
        print("valid: " + ", ".join(f"{name} {value:.4f}" for name, value in result.items()), flush=True)
    print(f"{'stopped' if trainer.stopping else 'done'}: {given.out}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tuning.train", description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="the GGUF that is served, or a HF folder")
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="JSON lines")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and adapter")
    parser.add_argument("--valid", type=Path, help="JSON lines to score at the end")
    parser.add_argument(
        "--from",
        dest="origin",
        type=Path,
        help="an adapter GGUF to begin with; its rank, alpha, targets and blocks are taken over",
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="cap on training time")
    parser.add_argument("--steps", type=int, default=0, help="cap on optimizer steps")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--lr", type=float, default=3e-4, help="highest learning rate")
    parser.add_argument("--batch", type=int, default=12, help="examples a step")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=16)
    parser.add_argument("--targets", default=",".join(adapter.ATTENTION))
    parser.add_argument("--first-block", type=int, default=0, help="leave the blocks before it alone")
    parser.add_argument("--budget", type=int, default=2048, help="padded tokens in memory at once")
    parser.add_argument("--limit", type=int, default=2048, help="longest row; longer examples are left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], help="default: the faster one here")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="forget the folder's checkpoint")
    return parser


if __name__ == "__main__":
    main()
