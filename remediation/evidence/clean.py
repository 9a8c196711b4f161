"""Redaction of everything that was gathered, before anything looks at it.

First of all steps and over whole texts, because a key in PEM form spans lines, and because candidates put
values of the live object into sentences for the model.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from detectors.model import Case
from remediation.model import RawEvidence
from remediation.redact import redact_manifest, redact_text

LOG_TAIL = 65_536
"""Characters of one log that are read, from its end; the cluster adapter asks for less."""


@dataclass(frozen=True, slots=True)
class CleanEvidence(RawEvidence):
    """Gathered evidence without secrets; only `redacted` makes it. `taken` counts what was taken out."""

    taken: int = 0


def redacted_case(case: Case) -> Case:
    """The case without secrets in what its detectors quote: a kubelet repeats what a container said. Idempotent."""
    return replace(
        case,
        violations=tuple(replace(found, message=redact_text(found.message)[0]) for found in case.violations),
    )


def redacted(raw: RawEvidence) -> CleanEvidence:
    """The same evidence without secrets. Idempotent: what is clean is handed back as it is, so that selection
    and candidates, which both insist on clean evidence, share one pass."""
    if isinstance(raw, CleanEvidence):
        return raw
    counts: list[int] = []
    once = cache(redact_text)  # pods of one owner say the same; what is remembered ends with this call

    def manifest(obj: Any) -> Any:
        clean, found = redact_manifest(obj, once)
        counts.append(found)
        return clean

    def text(dirty: str) -> str:
        clean, found = redact_text(dirty[-LOG_TAIL:])
        counts.append(found)
        return clean

    known = {field.name: getattr(raw, field.name) for field in fields(RawEvidence)}
    clean = known | {
        "live": manifest(raw.live),
        "related": {ref: manifest(obj) for ref, obj in raw.related.items()},
        "pods": tuple(manifest(pod) for pod in raw.pods),
        "events": tuple(manifest(event) for event in raw.events),
        "logs": {key: text(log) for key, log in raw.logs.items()},
        "last_known_good": manifest(raw.last_known_good),
        "related_good": {ref: manifest(obj) for ref, obj in raw.related_good.items()},
        "metrics": {query: text(value) for query, value in raw.metrics.items()},
    }
    return CleanEvidence(**clean, taken=sum(counts))
