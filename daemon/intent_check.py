"""`intentd check PATH`: all that is wrong with a file or a directory of intents, without a cluster.

Exit codes: 0 when every file is usable, 1 when there is at least one problem.
"""

from __future__ import annotations

import os
import zoneinfo
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from daemon.intent_directory import IntentDirectory, read_intent_file
from daemon.ports import Metrics
from daemon.query_check import refused_queries
from intents.catalog import compile_catalog
from intents.problems import DIRECTORY, FileError, Problem


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was checked and what is wrong. `intents` are the names that would be in force; `rehearsed` the
    namespaces in which one asks for rehearsals, `recreated` those in which one lets kinds be recreated, with the kinds:
    both need rights of their own."""

    path: str
    files: int
    intents: tuple[str, ...]
    problems: tuple[Problem, ...]
    empty: bool = False  # a folder that was read and holds no intent file, which is also told as a problem
    rehearsed: tuple[str, ...] = ()
    recreated: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def exit_code(self) -> int:
        """0 without problems, else 1."""
        return 1 if self.problems else 0

    def lines(self) -> tuple[str, ...]:
        """For people and editors: `file:line: field: message. remedy`, then a line that counts."""
        files = f"{self.files} file{'s' * (self.files != 1)}"
        intents = f"{len(self.intents)} intent{'s' * (len(self.intents) != 1)}"
        problems = f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        return (*map(str, self.problems), f"{files}, {intents}, {problems}")

    def to_json(self) -> dict[str, Any]:
        """For programs; the keys are stable."""
        return {
            "path": self.path,
            "files": self.files,
            "intents": list(self.intents),
            "problems": [
                {
                    "file": problem.file,
                    "line": problem.line or None,
                    "field": problem.field or None,
                    "message": problem.message,
                    "remedy": problem.remedy,
                }
                for problem in self.problems
            ],
        }


def check_path(path: Path, metrics: Metrics | None = None) -> CheckReport:
    """Check one file, or every intent file of a directory; never raises for what it finds there.

    With `metrics` that Prometheus parses the queries too; WorldError where it does not answer. A directory
    without intent files is a problem: checking nothing must not look like success.
    """
    if _is_missing(path):
        remedy = (
            "Name a file or a folder of intents that exists; without a path, set `intents` in the settings"
        )
        return CheckReport(str(path), 0, (), (Problem(str(path), 0, "", "does not exist", remedy),))
    is_folder = os.path.isdir(path)  # noqa: PTH112 - False, not PermissionError, behind a closed folder
    files = IntentDirectory(path).read() if is_folder else {path.name: read_intent_file(path)}
    empty = not files
    if empty:
        nothing = FileError("no intent files here", "Intent files end in .yaml, .yml or .json")
        files = {DIRECTORY: nothing}
    catalog = compile_catalog(files, zones=known_zones())
    folder = path if is_folder else path.parent
    found = (*catalog.problems, *(refused_queries(files, catalog, metrics) if metrics else ()))
    ordered = sorted(found, key=lambda problem: problem.order)
    problems = tuple(replace(problem, file=str(folder / problem.file)) for problem in ordered)
    count = sum(name != DIRECTORY for name in files)
    specs = [intent.spec for intent in catalog.intents.values()]
    rehearsed = tuple(sorted({spec.scope.namespace for spec in specs if spec.rehearsal is not None}))
    recreated: dict[str, frozenset[str]] = {}
    for spec in specs:
        if spec.recreate:
            there = spec.scope.namespace
            recreated[there] = recreated.get(there, frozenset()) | {*spec.recreate}
    opened = tuple(sorted(recreated.items()))
    return CheckReport(str(path), count, tuple(catalog.intents), problems, empty, rehearsed, opened)


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # closed to us, which reading says in its own words
    return False


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Every IANA time zone of this machine (or of the `tzdata` package), for `compile_catalog`.

    Read once: it walks a tree of files.
    """
    return frozenset(zoneinfo.available_timezones())
