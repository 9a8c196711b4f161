"""Shared by the tests of candidates."""

from __future__ import annotations

from typing import Any

from detectors.model import Case, ObjectRef
from remediation.candidates import generate
from remediation.diff import changed_leaves
from remediation.evidence import select
from remediation.manifest import merge
from remediation.model import Candidate, RawEvidence
from tests.fakes.manifests import (
    OPEN,
    Json,
    intent,
)


def offered(
    found: Case, raw: RawEvidence, editable: tuple[tuple[str, str], ...] = OPEN
) -> tuple[Candidate, ...]:
    return generate(found, raw, select(found, raw), intent(editable))


def after(candidate: Candidate, live: Json, target: ObjectRef) -> list[tuple[str, object]]:
    merged = merge(live, candidate.manifest, target)
    assert isinstance(merged, dict), merged
    return [(str(t.path[-1]), t.after) for t in changed_leaves(live, merged)]


def app(*parts: Any) -> Json:
    """A manifest with these fields of container app."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **dict(*parts)}]}}}}
