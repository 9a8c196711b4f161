"""`python -m tests.saga kills|power|all`: the whole of what `make test` runs a part of. Exit code 1 where anything was
duplicated, lost or stuck."""

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
from pathlib import Path

import structlog

from gym import cluster
from tests.saga import kills, power


def run_kills(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Names the points first, with a life each way that nobody kills."""
    chance = random.Random(arguments.seed)
    practice = cluster.up("saga", provider=arguments.provider, state=folder / "gym")
    try:
        lives = kills.run(practice, folder, [kills.Trial(), kills.Trial(undo=True)], lanes=1)
        points = tuple(point for point in lives.points if _in_every_life(point))
        trials = kills.in_rounds(
            kills.trials_at(points, arguments.times), kills.trials_around(arguments.around, chance), chance
        )
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())  # what was begun is finished, and told
        tally = kills.run(practice, folder, trials, lanes=arguments.lanes, told=_say, stop=stop)
    finally:
        cluster.down("saga", state=folder / "gym")
    by_point = tally.kills_by_point
    return {
        "points": len(points),
        "trials": len(tally.outcomes),
        "kills": tally.kills,
        "fewest kills at a point": min((by_point[point] for point in points), default=0),
        "points never hit": sorted(set(points) - set(by_point)),
        "wrong": lives.wrong + tally.wrong,
    }


def _in_every_life(point: str) -> bool:
    """Whether a trial passes it: how many objects become known good in one transaction is chance."""
    name, _, number = point.partition("#")
    return name != "last-known-good" or not number or int(number) <= 3


def run_power(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    found = power.run(folder / "power", arguments.images, arguments.seed, revive_every=arguments.revive_every)
    return {"images": found.images, "lived on": found.revived, "lost": found.lost, "wrong": found.wrong}


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.saga")
    parser.add_argument("part", choices=["kills", "power", "all"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--times", type=int, default=5, help="kills at each step and each write to the database"
    )
    parser.add_argument(
        "--around", type=int, default=100, help="kills at random times around the cluster write"
    )
    parser.add_argument("--lanes", type=int, default=4, help="daemons at once")
    parser.add_argument("--provider", default="kwok", choices=["kwok", "local", "kind"])
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--revive-every", type=int, default=10)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster goes with us
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # the answer is what stdout holds
    folder, told = Path(tempfile.mkdtemp(prefix="saga")), {}
    try:
        for name, part in (("kills", run_kills), ("power", run_power)):
            if arguments.part in (name, "all"):
                began = time.monotonic()
                told[name] = part(arguments, folder) | {"seconds": round(time.monotonic() - began)}
    finally:
        shutil.rmtree(folder)
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if any(part["wrong"] for part in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
