"""What a run leaves in its folder, typed: everything later reports, replays and baselines read is here.

    OUT/run.json                       how it was run; a resumed run must agree with it
    OUT/results.jsonl                  one Result a line, written as each sample ends
    OUT/evidence/<case>-<sample>.json  one Recording: enough to score another model without a cluster

A slash in a case's id is `__` in the file's name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from gym.cases.results import Result
from gym.paths import GymError

Json = dict[str, Any]

RESULTS, SETTINGS, EVIDENCE = "results.jsonl", "run.json", "evidence"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run was run. Lines of two runs stand in one file only where all of this is the same.

    `made_of` says in words what answered (weights and adapter), `seed` seeds the intervals and the order of
    nothing else: the model decodes greedily.
    """

    model: str
    made_of: str
    provider: str
    seed: int
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question exactly as the daemon sent it, and the answer as the server gave it, in order."""

    model: str
    system: str
    prompt: str
    schema: Json | None
    yes_no: bool
    max_tokens: int
    answer: str
    prompt_tokens: int
    answer_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Consultation:
    """One diagnosis, from the daemon's ledger.

    `violations` as in the row `opened`; `evidence`, `facts`, `gaps`, `candidates` and `questions` as in the row
    `diagnosed` or `unusable`. `chosen` is a candidate's id, `manifest` what was chosen (None: nothing). `plan` is
    the recorded plan where one was made.
    """

    case_id: str
    intent: str
    kind: str
    namespace: str
    name: str
    fault_class: str
    violations: tuple[Json, ...]
    evidence: tuple[Json, ...] = ()
    facts: tuple[Json, ...] = ()
    gaps: tuple[Json, ...] = ()
    candidates: tuple[Json, ...] = ()
    questions: tuple[Json, ...] = ()
    cause: str = ""
    weights: str = ""
    chosen: str | None = None
    manifest: Json | None = None
    wrote_manifest: bool = False
    unusable: str = ""
    plan: Json | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One sample of one case.

    `before` are the case's objects as the API server had them when the daemon was let loose, `applied` just
    after the first plan was written (None: none was), `after` when it had ended; all read the same way. `clear`,
    `outcome`, `named` (kind, namespace, name) and `worse` are what was scored beside them. `later_plans` were made
    after the first applied one and do not count. `why` is the scorer's reasons.
    """

    case: str
    sample: int
    provider: str
    intents: tuple[Json, ...]
    before: tuple[Json, ...]
    after: tuple[Json, ...]
    applied: tuple[Json, ...] | None
    consultations: tuple[Consultation, ...]
    exchanges: tuple[Exchange, ...]
    outcome: str | None
    clear: bool
    fault_class: str | None
    root_cause: str
    named: tuple[tuple[str, str, str], ...] = ()
    worse: tuple[tuple[str, str, str], ...] = ()
    later_plans: int = 0
    why: tuple[str, ...] = ()


class Folder:
    """A run's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, settings: Settings) -> tuple[Result, ...]:
        """Make the folder, or resume what is in it: answers the results so far. GymError where it holds a run
        with other settings. A last line that was cut short is dropped, and its sample is run again."""
        (self.root / EVIDENCE).mkdir(parents=True, exist_ok=True)
        before = read_settings(self.root)
        if before is not None and before != settings:
            told = ", ".join(_differences(before, settings))
            raise GymError(f"{self.root} holds a run with other settings ({told})", "Name another --out")
        if before is None:
            _write(self.root / SETTINGS, msgspec.json.format(msgspec.json.encode(settings)) + b"\n")
        found = read_results(self.root)
        _write(self.root / RESULTS, "".join(one.line() + "\n" for one in found).encode())
        return found

    def add(self, result: Result, recording: Recording | None = None) -> None:
        """One sample has ended. The recording is there before its line is."""
        if recording is not None:
            _write(self.evidence(result.case, result.sample), msgspec.json.encode(recording))
        with (self.root / RESULTS).open("a", encoding="utf-8") as file:
            file.write(result.line() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def evidence(self, case: str, sample: int) -> Path:
        """Where the recording of a sample is, or would be."""
        return self.root / EVIDENCE / f"{case.replace('/', '__')}-{sample}.json"


def read_settings(root: Path) -> Settings | None:
    """How the run in this folder was run; None where none was. GymError where that cannot be read."""
    path = root / SETTINGS
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except msgspec.DecodeError as error:
        raise GymError(f"{path} is not ours: {error}", "Name another --out") from error


def read_results(root: Path) -> tuple[Result, ...]:
    """The results in order; of a line that was cut short, nothing. GymError for any other line that is none."""
    path = root / RESULTS
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            break
        try:
            found.append(_result(json.loads(line)))
        except (ValueError, TypeError) as error:
            raise GymError(f"{path}:{number}: no result ({error})", "Name another --out") from error
    return tuple(found)


def read_recording(path: Path) -> Recording:
    """A recording. GymError where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recording)
    except (OSError, msgspec.DecodeError) as error:
        raise GymError(f"{path}: no recording ({error})") from error


def _result(told: Json) -> Result:
    if told.keys() != {field.name for field in fields(Result)}:
        raise ValueError("other keys than a result's")
    lists: dict[str, Sequence[str]] = {name: tuple(told[name]) for name in ("changed", "over_edits")}
    return Result(**{**told, **lists})


def _differences(one: Settings, other: Settings) -> list[str]:
    return [
        f"{field.name} {getattr(one, field.name)!r} there, {getattr(other, field.name)!r} here"
        for field in fields(Settings)
        if getattr(one, field.name) != getattr(other, field.name)
    ]


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
