"""`python -m tests.saga kills|migrations|power|all`: the whole of what `make test` runs a part of. Exit code 1 where
anything was duplicated, lost or stuck, or where less was run than asked for."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from gym import cluster
from tests.saga import kills, migrating, power
from tests.saga.wrong import Progress

Found = dict[str, Any]


def run_kills(arguments: argparse.Namespace, folder: Path, told: Progress) -> Found:
    """Names the points first, with a life of each scenario that nobody kills. With `--state FILE` it goes on where an
    earlier run ended; with `--seconds N` it begins no trial after that long."""
    state: Path | None = arguments.state
    tally = kills.Tally()
    if state is not None and state.exists():
        tally = kills.Tally.from_json(json.loads(state.read_text()))
    stop, began = threading.Event(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())  # what was begun is finished, and told
    practice = cluster.up("saga", provider=arguments.provider, state=folder / "gym")
    try:
        limit = threading.Timer(max(1.0, arguments.seconds - (time.monotonic() - began)), stop.set)
        limit.daemon = True
        limit.start()
        kills.run(
            practice,
            folder,
            tally,
            times=arguments.times,
            around=arguments.around,
            chance=random.Random(arguments.seed + tally.trials),
            lanes=arguments.lanes,
            told=told,
            stop=stop,
        )
        limit.cancel()
    finally:
        cluster.down("saga", state=folder / "gym")
    if state is not None:
        state.write_text(json.dumps(tally.to_json(), indent=1))
    own = [point for points in tally.points.values() for point in points]
    missing = [
        f"{point} lacks {number} kills"
        for point, number in kills.lacking(tally, arguments.times, arguments.around)
    ]
    return {
        "points": len(own),
        "trials": tally.trials,
        "kills": tally.kills,
        "of them at random times around the write": tally.around.total(),
        "fewest kills at a point": tally.fewest,
        "missing": missing,
        "wrong": list(map(str, tally.wrong)),
        "seconds of all runs": round(tally.seconds),
    }


def run_migrations(arguments: argparse.Namespace, folder: Path, told: Progress) -> Found:
    found = migrating.run(folder / "migrations", arguments.times, told)
    return {"points": found.points, "kills": found.kills, "missing": [], "wrong": list(map(str, found.wrong))}


def run_power(arguments: argparse.Namespace, folder: Path, told: Progress) -> Found:
    found = power.run(
        folder / "power", arguments.images, arguments.seed, revive_every=arguments.revive_every, told=told
    )
    return {
        "images": found.images,
        "lived on": found.revived,
        "lost": found.lost,
        "missing": [],
        "wrong": found.wrong,
    }


PARTS: dict[str, Callable[[argparse.Namespace, Path, Progress], Found]] = {
    "kills": run_kills,
    "migrations": run_migrations,
    "power": run_power,
}


def parser() -> argparse.ArgumentParser:
    """Every option, with the numbers of the whole run."""
    made = argparse.ArgumentParser(prog="python -m tests.saga", description=__doc__)
    made.add_argument("part", choices=[*PARTS, "all"])
    made.add_argument("--seed", type=int, default=1)
    made.add_argument(
        "--times", type=int, default=5, help="kills at each step, write to the database and migration"
    )
    made.add_argument(
        "--around", type=int, default=100, help="kills at random times around the cluster write"
    )
    made.add_argument("--lanes", type=int, default=3, help="daemons at once, beside two that mostly wait")
    made.add_argument("--provider", default="kwok", choices=["kwok", "local", "kind"])
    made.add_argument("--seconds", type=float, default=86400.0, help="no trial begins after so long")
    made.add_argument(
        "--state", type=Path, help="a file with what earlier runs found; this one goes on there"
    )
    made.add_argument("--images", type=int, default=1200)
    made.add_argument("--revive-every", type=int, default=10)
    return made


def _teller() -> Progress:
    """A line for each piece, with the time that is left at this pace."""
    began, before = time.monotonic(), -1  # what an earlier run did says nothing about the pace

    def told(done: int, of: int, what: str) -> None:
        nonlocal began, before
        if of and before < 0:
            began, before = time.monotonic(), done
        pace = (done - before) / max(0.001, time.monotonic() - began)
        left = f", about {(of - done) / pace / 60:.0f} min left" if of and pace > 0 else ""
        sys.stderr.write(f"{done}/{of}{left}: {what}\n" if of else f"{what}\n")

    return told


def main() -> int:
    arguments = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster goes with us
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # the answer is what stdout holds
    folder, told = Path(tempfile.mkdtemp(prefix="saga")), {}
    try:
        for name, part in PARTS.items():
            if arguments.part in (name, "all"):
                began = time.monotonic()
                told[name] = part(arguments, folder, _teller())
                told[name]["seconds"] = round(time.monotonic() - began)
    finally:
        shutil.rmtree(folder)
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if any(part["wrong"] or part["missing"] for part in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
