"""From a run's folder to its report.html, at the end of a run and whenever asked."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from gym.cases.folder import load_folder
from gym.cases.model import Scenario
from gym.paths import GymError
from gym.replay.world import same_case
from gym.report.numbers import sample_of
from gym.report.page import page
from gym.run.record import Folder, read_recording, read_results, read_settings

REPORT, CASES = "report.html", "cases.json"
"""`cases.json` notes where the cases are, relative to the run's folder."""


def write_report(out: Path, scenarios: Sequence[Scenario]) -> Path:
    """The report of what is in the folder so far. GymError where it holds no run."""
    settings = read_settings(out)
    if settings is None:
        raise GymError(f"{out} holds no run", "Name the --out of `python -m gym run`")
    by_id = {one.case.id: one for one in scenarios}
    folder, samples, unknown = Folder(out), [], 0
    for live in read_results(out):
        scenario = by_id.get(live.case)
        path = folder.evidence(live.case, live.sample)
        recording = read_recording(path) if live.skipped is None and path.exists() else None
        if scenario is None or (recording is not None and not same_case(scenario, live, recording)):
            unknown += 1
            continue
        samples.append(sample_of(scenario, live, recording))
    _replace(out / REPORT, page(samples, settings, unknown))
    return out / REPORT


def note_cases(out: Path, cases: Path) -> None:
    """Where the cases of this run are, so that the report of one that was cut short needs no more than its folder."""
    noted = {"cases": os.path.relpath(cases.resolve(), out.resolve())}
    _replace(out / CASES, json.dumps(noted) + "\n")


def cases_of(out: Path, named: Path | None) -> Path:
    """The folder of cases: the named one, else what the run noted. GymError where neither is known."""
    if named is not None:
        return named
    try:
        return out / str(json.loads((out / CASES).read_text(encoding="utf-8"))["cases"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GymError(f"{out} does not tell where its cases are", "Name them: --cases DIR") from error


def scenarios_of(cases: Path) -> tuple[Scenario, ...]:
    """The cases. GymError where one cannot be read: its results could not be counted."""
    loaded = load_folder(cases)
    if loaded.problems:
        told = "; ".join(map(str, loaded.problems[:5]))
        raise GymError(told, f"`python -m gym.cases {cases}` lists all problems")
    return loaded.scenarios


def _replace(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
