"""`python -m gym.cases DIR`: read a folder of cases and let each prove that it can tell right from wrong.

Exit codes: 0 all cases can be used; 1 something is wrong with one; 2 there is no folder of cases.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gym.cases.check import self_check
from gym.cases.folder import load_folder
from gym.paths import GymError

USAGE = "usage: python -m gym.cases DIR"


def main(arguments: list[str]) -> int:
    """Check the folder and say what is wrong."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        loaded = load_folder(Path(arguments[0]))
    except GymError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = [str(problem) for problem in loaded.problems]
    for scenario in loaded.scenarios:
        wrong += [f"{scenario.case.id}: {sentence}" for sentence in self_check(scenario)]
    for line in wrong:
        print(line)
    print(f"{len(loaded.scenarios)} cases read, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
