"""`python -m tests.safety [PART ...] [--quick] [-o json]`: everything that could do harm, tried, as one table. Exit code
0 only where every try was made and nothing came past, happened twice, was lost or leaked."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import structlog

from gym.paths import GymError
from tests.safety.parts import PARTS
from tests.safety.rows import Row, not_run
from tests.safety.stage import QUICK, WHOLE, Stage
from tests.safety.table import as_json, show
from tests.safety.told import telling


def main() -> int:
    """Run the parts, tell the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.safety", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer tries of each, always the same ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=3, help="daemons that are killed at once")
    parser.add_argument(
        "--provider", choices=["kwok", "local", "kind"], help="of the cluster (default: kwok)"
    )
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    given = parser.parse_args()
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster goes with us
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    folder = Path(tempfile.mkdtemp(prefix="safe"))  # short: sockets lie in it
    try:
        with Stage(folder, QUICK if given.quick else WHOLE, given.seed, given.lanes, given.provider) as stage:
            rows = [row for name in PARTS if name in (given.parts or PARTS) for row in _run(name, stage)]
    finally:
        shutil.rmtree(folder)
    if given.output == "json":
        sys.stdout.write(as_json(rows))
    else:
        show(rows, sys.stdout)
    return 0 if all(row.safe for row in rows) else 1


def _run(name: str, stage: Stage) -> list[Row]:
    """The part's rows; one that breaks is a row too, so that the others are still tried."""
    began = time.monotonic()
    with telling(name) as told:
        try:
            return PARTS[name](stage, told)
        except GymError as error:
            return [not_run(name, str(error), time.monotonic() - began)]
        except Exception as error:  # noqa: BLE001 - said in the table, and the exit code is not 0
            return [not_run(name, f"{type(error).__name__}: {error}", time.monotonic() - began)]


if __name__ == "__main__":
    sys.exit(main())
