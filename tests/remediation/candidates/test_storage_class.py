"""Which existing class a claim is offered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detectors.model import FaultClass, ObjectRef
from remediation.model import RawEvidence
from tests.fakes.manifests import case
from tests.remediation.candidates.helpers import offered

TARGET = ObjectRef("PersistentVolumeClaim", "shop", "data", "u1")
OPEN = (("PersistentVolumeClaim", "spec.storageClassName"),)


def classes_offered(wanted: str | None, there: str, reason: str = "ClassNotFound") -> list[str]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"]}
    live = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", "uid": "u1"},
        "spec": spec | ({"storageClassName": wanted} if wanted is not None else {}),
        "status": {"phase": "Pending"},
    }
    found = case(FaultClass.CLAIM_PENDING, TARGET, reason, container=None)
    told = replace(found.primary, facts={"classes": there})
    raw = RawEvidence(live=live)
    return [
        str(candidate.manifest["spec"]["storageClassName"])
        for candidate in offered(replace(found, violations=(told,)), raw, OPEN)
        if candidate.origin == "storage-class"
    ]


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ("standard-v2", "standard", ["standard"]),
        ("premium-rwx", "standard,premium-rwo", ["premium-rwo", "standard"]),  # a slip before the default one
        ("gp9", "standard,zfs", ["standard", "zfs"]),  # nothing is alike: the default one first
        (None, "standard", ["standard"]),
        ("fast", "", []),
    ],
)
def test_the_likeliest_existing_class_comes_first(
    wanted: str | None, there: str, expected: list[str]
) -> None:
    reason = "ClassNotFound" if wanted else "NoDefaultClass"
    assert classes_offered(wanted, there, reason) == expected


def test_a_claim_that_waits_for_its_provisioner_is_offered_no_other_class() -> None:
    assert classes_offered("standard", "standard,fast", "NotProvisioned") == []
