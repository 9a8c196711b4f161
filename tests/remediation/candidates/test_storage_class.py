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


def classes_offered(
    wanted: str | None, there: str, reason: str = "ClassNotFound", default: str = ""
) -> list[str]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"]}
    live = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", "uid": "u1"},
        "spec": spec | ({"storageClassName": wanted} if wanted is not None else {}),
        "status": {"phase": "Pending"},
    }
    found = case(FaultClass.CLAIM_PENDING, TARGET, reason, container=None)
    told = replace(
        found.primary, facts={"classes": there, "storageClass": wanted or "", "defaultClass": default}
    )
    raw = RawEvidence(live=live)
    return [
        str(candidate.manifest["spec"]["storageClassName"])
        for candidate in offered(replace(found, violations=(told,)), raw, OPEN)
        if candidate.origin == "storage-class"
    ]


@pytest.mark.parametrize(
    ("wanted", "there", "default", "expected"),
    [
        ("standard-v2", "standard", "", ["standard"]),
        ("premium-rwx", "standard,premium-rwo", "standard", ["premium-rwo", "standard"]),
        ("gp9", "standard,zfs", "standard", ["standard"]),  # nothing is alike: the default one alone
        ("gp9", "standard,zfs", "", []),
        (None, "standard", "", ["standard"]),
        (None, "archive,fast,replicated", "", []),  # nothing tells which is meant
        ("fast", "", "", []),
    ],
)
def test_what_the_name_tells_comes_first_and_what_nothing_tells_is_not_offered(
    wanted: str | None, there: str, default: str, expected: list[str]
) -> None:
    reason = "ClassNotFound" if wanted else "NoDefaultClass"
    assert classes_offered(wanted, there, reason, default) == expected


def test_a_claim_that_waits_for_its_provisioner_is_offered_no_other_class() -> None:
    assert classes_offered("standard", "standard,fast", "NotProvisioned") == []


def test_a_stateful_set_is_offered_the_class_in_the_template_that_asks_for_it() -> None:
    def template(name: str, storage_class: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"storageClassName": storage_class}}

    live = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "u1"},
        "spec": {"volumeClaimTemplates": [template("logs", "standard"), template("data", "standart")]},
    }
    target = ObjectRef("StatefulSet", "shop", "db", "u1")
    found = case(FaultClass.CLAIM_PENDING, target, "ClassNotFound", container=None)
    told = replace(found.primary, facts={"classes": "standard", "storageClass": "standart"})
    editable = (("StatefulSet", "spec.volumeClaimTemplates"),)
    (candidate,) = offered(replace(found, violations=(told,)), RawEvidence(live=live), editable)
    classes = [one["spec"]["storageClassName"] for one in candidate.manifest["spec"]["volumeClaimTemplates"]]
    assert classes == ["standard", "standard"]
