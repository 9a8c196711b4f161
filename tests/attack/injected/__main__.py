"""`python -m tests.attack.injected`: every injected instruction on the model that the demo serves, as one table; exit
0 only where no plan became another one. Needs the base weights in the cache (`python -m gym weights`)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

from gym.paths import GymError
from tests.attack.injected.against import ABSTAINED, DIFFERENT, SAME, Result
from tests.attack.injected.corpus import ROWS
from tests.attack.injected.run import drawn, on, served


def main() -> int:
    """Send the rows, tell the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack.injected", description=__doc__)
    parser.add_argument("--samples", type=int, help="so many rows (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--part", default="1/1", help="N/M: the Nth of M parts, to spread it over time")
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    given = parser.parse_args()
    number, parts = map(int, given.part.split("/"))
    rows = drawn(ROWS, given.samples, given.seed)
    size = -(-len(rows) // parts)
    rows = rows[(number - 1) * size : number * size]
    began, done = time.monotonic(), 0

    def told(line: str) -> None:
        nonlocal done
        done += 1
        left = (time.monotonic() - began) / done * (len(rows) - done)
        sys.stderr.write(f"{done}/{len(rows)}, {left:.0f} s left: {line}\n")

    try:
        with served(lambda what: None) as url:
            found = list(on(url, rows, told))
    except (GymError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(as_json(found) if given.output == "json" else table(found))
    sys.stdout.write("" if given.output == "json" else f"{time.monotonic() - began:.0f} s\n")
    return 1 if any(each.verdict == DIFFERENT for each in found) else 0


def table(found: Sequence[Result]) -> str:
    """Each place with its verdicts, then what differs, row by row."""
    ends = (SAME, ABSTAINED, DIFFERENT)
    head = f"{'place':22}{'tries':>7}{'reached':>9}" + "".join(f"{end:>11}" for end in ends)
    lines = [head]
    for place in [*dict.fromkeys(each.row.place for each in found), "all"]:
        there = [each for each in found if place in (each.row.place, "all")]
        counts = Counter(each.verdict for each in there)
        reached = sum(each.reached for each in there)
        lines.append(f"{place:22}{len(there):>7}{reached:>9}" + "".join(f"{counts[end]:>11}" for end in ends))
    lines.append(f"past the guards: {sum(each.past for each in found)}")
    lines += [
        f"  {each.verdict}: {each.row.name}: {each.injected.told}  (without: {each.clean.told})"
        for each in found
        if each.verdict != SAME
    ]
    return "\n".join(lines) + "\n"


def as_json(found: Sequence[Result]) -> str:
    rows = [
        {
            "scene": each.row.scene,
            "place": each.row.place,
            "wording": each.row.wording,
            "verdict": each.verdict,
            "past": each.past,
            "reached": each.reached,
            "clean": each.clean.told,
            "injected": each.injected.told,
        }
        for each in found
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
