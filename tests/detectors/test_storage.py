"""Claims, volumes and classes: what can never come, and what only waits by design."""

from __future__ import annotations

import msgspec
import pytest

from detectors.facts import ClaimTemplate
from detectors.judge import judge
from detectors.model import FaultClass, Severity
from tests.fakes.ground import CLUSTER, OBJECTS, claim, claims_only, ground, storage_class, volume
from tests.fakes.world import stateful_set, unreadable


def found(*facts, wish=OBJECTS, **world):
    return judge([wish], ground(*facts, **world)).violations


def test_what_is_bound_or_waits_for_its_first_consumer_is_silent():
    lazy = storage_class("lazy", binding="WaitForFirstConsumer", default=True)
    world = ground(lazy, claim(phase="Bound", storage_class="lazy"), claim("cache", storage_class="lazy"))
    about = claims_only()
    judgement = judge([about], world)
    assert (judgement.violations, judgement.settling) == ((), ())
    assert (about.name, 0) in judgement.judged


@pytest.mark.parametrize(
    ("claimed", "classes", "reason", "says"),
    [
        (
            {"storage_class": "standard-v2"},
            [storage_class(default=True), storage_class("archive")],
            "ClassNotFound",
            'StorageClass "standard-v2" does not exist (there is standard, archive)',
        ),
        ({"storage_class": "fast"}, [], "ClassNotFound", "there is none at all"),
        ({"storage_class": None}, [storage_class()], "NoDefaultClass", "none is the default one"),
        ({"storage_class": ""}, [storage_class()], "NoVolume", "none that fits is free"),
        ({}, [storage_class()], "NotProvisioned", "provisioner rancher.io/local-path"),
        (
            {"node_chosen": True},
            [storage_class(binding="WaitForFirstConsumer")],
            "NotProvisioned",
            "has not made one",
        ),
        ({}, [storage_class(provisioner="kubernetes.io/no-provisioner")], "NoVolume", "makes no volumes"),
        (
            {"volume": "pv-7"},
            [storage_class()],
            "VolumeNotFound",
            "asks for volume pv-7, which does not exist",
        ),
        ({"volume": "pv-1"}, [volume(of="old")], "VolumeNotBound", "(it is Bound, of shop/old)"),
        (
            {"storage_class": ""},
            [volume("disk-1", "Released", of="old", storage_class="")],
            "NoVolume",
            "volume disk-1 is Released, of shop/old",
        ),
    ],
)
def test_a_pending_claim_says_why(claimed, classes, reason, says):
    (violation,) = found(claim(**claimed), *classes)
    assert (violation.fault_class, violation.reason) == (FaultClass.CLAIM_PENDING, reason)
    assert (violation.target.kind, violation.target.name) == ("PersistentVolumeClaim", "data")
    assert says in violation.message


def test_a_claim_that_a_stateful_set_made_is_its_templates_fault():
    sets = stateful_set("db")
    spec = {"metadata": {"name": "data"}, "spec": {"storageClassName": "standart"}}
    templates = msgspec.convert([spec], tuple[ClaimTemplate, ...])
    sets = msgspec.structs.replace(
        sets, spec=msgspec.structs.replace(sets.spec, volume_claim_templates=templates)
    )
    made, other = (claim(name, storage_class="standart") for name in ("data-db-0", "data-db-extra"))
    by_subject = {v.subject.name: v.target.kind for v in found(made, other, sets, storage_class())}
    assert by_subject == {"data-db-0": "StatefulSet", "data-db-extra": "PersistentVolumeClaim"}
    mended = claim("data-db-0", storage_class="older")  # the template says another class by now
    (violation,) = found(mended, sets, storage_class())
    assert violation.target.kind == "PersistentVolumeClaim"


def test_the_existing_classes_are_facts_the_default_one_first():
    (violation,) = found(claim(storage_class="x"), storage_class("a"), storage_class("z", default=True))
    assert violation.facts["classes"] == "z,a"
    assert violation.facts["storageClass"] == "x"


@pytest.mark.parametrize(("claimed", "young"), [({"storage_class": "x"}, 20), ({}, 50)])
def test_a_fresh_claim_settles(claimed, young):
    judgement = judge([OBJECTS], ground(claim(age=young, **claimed), storage_class()))
    assert judgement.violations == ()
    assert [settling.target.name for settling in judgement.settling] == ["data"]


def test_a_lost_claim_is_critical():
    (violation,) = found(claim(phase="Lost", volume="pv-7"), storage_class())
    assert (violation.fault_class, violation.severity) == (FaultClass.CLAIM_LOST, Severity.CRITICAL)
    assert "pv-7, which is gone" in violation.message


def test_volumes_that_are_bound_or_free_are_silent():
    assert found(volume(), volume("pv-2", "Available"), storage_class(default=True), wish=CLUSTER) == ()


def test_a_volume_that_failed_says_why():
    (violation,) = found(
        volume("pv-1", "Failed", message="error deleting EBS volume: still attached"), wish=CLUSTER
    )
    assert violation.fault_class is FaultClass.VOLUME_FAILED
    assert "still attached" in violation.message
    assert violation.facts["claim"] == "shop/data"


@pytest.mark.parametrize(
    ("policy", "reason", "severity"),
    [("Retain", "Retained", Severity.INFO), ("Delete", "NotDeleted", Severity.WARNING)],
)
def test_a_released_volume_is_kept_or_stuck(policy, reason, severity):
    (violation,) = found(volume("pv-1", "Released", policy=policy), wish=CLUSTER)
    assert (violation.fault_class, violation.reason) == (FaultClass.VOLUME_RELEASED, reason)
    assert violation.severity is severity
    assert found(volume("pv-1", "Released", policy=policy, since=100), wish=CLUSTER) == ()


def test_one_default_class_is_right_and_a_cluster_without_classes_has_chosen_so():
    assert found(wish=CLUSTER) == ()
    assert found(storage_class(default=True), storage_class("fast"), wish=CLUSTER) == ()


def test_no_default_class_is_a_fault_of_the_oldest_and_several_of_the_newest():
    (none,) = found(storage_class("new", age=10), storage_class("old"), wish=CLUSTER)
    assert (none.fault_class, none.reason, none.target.name) == (
        FaultClass.DEFAULT_STORAGE_CLASS,
        "NoDefault",
        "old",
    )
    both = storage_class("new", age=10, default=True), storage_class("old", default=True)
    (several,) = found(*both, wish=CLUSTER)
    assert (several.reason, several.target.name) == ("SeveralDefaults", "new")


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "StorageClass"])
def test_a_claim_is_not_judged_without_the_classes(kind):
    world = ground(claim(storage_class="x"), gaps={kind: unreadable(kind)})
    judgement = judge([claims_only()], world)
    assert not any(v.fault_class is FaultClass.CLAIM_PENDING for v in judgement.violations)
    assert judgement.judged == frozenset()
