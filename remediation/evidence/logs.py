"""Log lines: the few that say why, out of the last hundred that do not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from detectors.model import Case, FaultClass
from remediation.evidence.addressed import is_addressed
from remediation.evidence.draft import Draft, is_neighbour, owner_names
from remediation.evidence.text import gist, one_line, steady
from remediation.model import EvidenceKind, RawEvidence

_FATAL = re.compile(r"\b(?:fatal|panic|traceback|segfault|out ?of ?memory|oom)\b|^E\d{4} ", re.IGNORECASE)
_ERROR = re.compile(
    r"error|exception|fail(?:ed|ure)|cannot|could not|not (?:set|found|defined)|missing|refused|denied"
    r"|no such|unable|killed|invalid|required|timed? ?out|unknown|warn",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"\b\d+(?:\.\d+)? ?(?:[KMGT]i?B?|bytes)\b")
"""An amount of memory. Of a container that was killed for memory it is the line that says what limit it needs."""
_BEFORE_START = frozenset(
    {FaultClass.IMAGE_PULL, FaultClass.CONFIG_REFERENCE, FaultClass.UNSCHEDULABLE, FaultClass.NO_ENDPOINTS}
    | {FaultClass.SECRET_REFERENCE, FaultClass.FAILED_CREATE, FaultClass.SCHEDULING_GATED}
)
"""Faults in which the failing container never ran: a log is another pod's."""
_TAIL = 200  # lines looked at, from the end
_LINES = 3  # lines kept of one container
_WIDTH = 160  # characters of one line


def log_items(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    """One item a container: the lines that look like errors and the very last ones, in their order.

    What a container said before it ended comes before what it says now; other pods of the same owner that
    say the same are told once.
    """
    names = owner_names(raw)
    told: set[tuple[str, bool, str]] = set()
    troubled = {violation.container for violation in case.violations if violation.container}
    for pod, container, previous in sorted(raw.logs, key=lambda key: (not key[2], key[0], key[1])):
        if is_neighbour(pod, raw):
            continue
        tells = _AMOUNT if case.fault_class is FaultClass.OOM_KILLED else None
        lines = _telling([steady(line, names) for line in _lines(raw.logs[pod, container, previous])], tells)
        if not lines:
            continue
        mark = (container, previous, gist(lines[-1][1]))
        if mark in told:
            continue
        told.add(mark)
        quoted = " / ".join(f"'{line}'" for _, line in lines)
        when = "logged before it ended" if previous else "logs"
        owner = names.get(pod, case.target.name)
        weight = max(score for score, _ in lines)
        if troubled and container not in troubled:
            weight *= 0.5  # a neighbour's trouble is rarely the cause
        if case.fault_class in _BEFORE_START:
            weight *= 0.5
        kind = EvidenceKind.PREVIOUS_LOG if previous else EvidenceKind.LOG
        text = f"container {container} of {owner} {when} {quoted}"
        yield Draft(kind, f"pod {pod}/{container}", text, weight, fact="")


def _lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines()[-_TAIL:] if line.strip()]
    return [_unwrapped(line) for line in lines]


def _unwrapped(line: str) -> str:
    """The message of a JSON log line; other lines as they are."""
    if not line.lstrip().startswith("{"):
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    parts = [str(record[key]) for key in ("level", "msg", "message", "error", "err") if record.get(key)]
    return " ".join(parts) or line


def _telling(lines: list[str], tells: re.Pattern[str] | None) -> list[tuple[float, str]]:
    """The best few lines with their scores, in the order in which they were written."""
    scored: list[tuple[float, int, str]] = []
    seen: set[str] = set()
    for index in range(len(lines) - 1, -1, -1):
        line = one_line(lines[index], _WIDTH).replace("'", "")
        if not line or gist(line) in seen or is_addressed(lines[index]):
            continue
        seen.add(gist(line))
        likely = _ERROR.search(line) or (tells is not None and tells.search(line))
        score = 0.9 if _FATAL.search(line) else 0.7 if likely else 0.2
        near_end = 0.1 * (index + 1) / len(lines)
        scored.append((round(score + near_end, 3), index, line))
    best = sorted(scored, key=lambda entry: (-entry[0], -entry[1]))[:_LINES]
    return [(score, line) for score, _, line in sorted(best, key=lambda entry: entry[1])]
