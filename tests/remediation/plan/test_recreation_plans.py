"""A change that the API server would refuse for good becomes a recreation where nothing is lost by one, and else a
person's, with the reason."""

import copy

import pytest

from detectors.model import ObjectRef
from remediation.immutable import immutable
from remediation.model import OPERATION_ANNOTATION, Candidate, NoPlan, Patch, Recreate
from remediation.plan import plan_change, plan_digest, plan_from_json, plan_to_json, still_valid, undo_plan
from remediation.recreate import content
from remediation.undo import CannotUndoError
from tests.remediation.guards.ground import recreation, stateful_set

SERVER = {"uid": "u-1", "resourceVersion": "7", "creationTimestamp": "2026-01-05T09:00:00Z", "generation": 1}


def made(kind, spec, status=None, **metadata):
    versions = {"Job": "batch/v1", "Deployment": "apps/v1", "StatefulSet": "apps/v1"}
    return {
        "apiVersion": versions.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": "it", "namespace": "shop", **SERVER, **metadata},
        "spec": spec,
        **({} if status is None else {"status": status}),
    }


def template(command="true", **labels):
    return {
        "metadata": {"labels": labels or {"app": "it"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "app", "image": "shop/it:1", "command": [command]}],
        },
    }


GENERATED = {"batch.kubernetes.io/controller-uid": "u-1", "controller-uid": "u-1", "job-name": "it"}
FAILED = {"conditions": [{"type": "Failed", "status": "True"}], "failed": 1}


def job(status, **spec):
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    return made("Job", {"selector": selector, "template": template(app="it", **GENERATED), **spec}, status)


def bare_pod(**metadata):
    spec = {"containers": [{"name": "app", "image": "shop/it:1", "command": ["false"]}], "nodeName": "n1"}
    return made("Pod", spec, {"phase": "Running"}, **metadata)


def claim(phase, **spec):
    wants = {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return made("PersistentVolumeClaim", wants, {"phase": phase})


def planned(live, change):
    target = ObjectRef(live["kind"], "shop", live["metadata"]["name"])
    return plan_change(Candidate("c1", "test", target, "", change), live)


IN_TEMPLATE = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop/it:2"}]}}}}
IN_POD = {"spec": {"containers": [{"name": "app", "command": ["true"]}]}}
OTHER_CLASS = {"spec": {"storageClassName": "slow"}}


@pytest.mark.parametrize(
    ("live", "change"),
    [
        (stateful_set(), {"spec": {"serviceName": "db"}}),
        (job(FAILED), IN_TEMPLATE),
        (job({}, suspend=True), IN_TEMPLATE),
        (bare_pod(), IN_POD),
        (claim("Pending"), OTHER_CLASS),
    ],
    ids=["StatefulSet", "failed Job", "suspended Job", "Pod", "pending claim"],
)
def test_what_loses_nothing_is_recreated(live, change):
    plan = planned(live, change)
    assert isinstance(plan, Recreate)
    assert plan.target.uid == live["metadata"]["uid"]
    assert plan.digest == plan_digest(plan)
    assert plan_from_json(plan_to_json(plan)) == plan
    assert still_valid(plan, live)


@pytest.mark.parametrize(
    ("live", "change", "reason"),
    [
        (stateful_set(), {"spec": {"selector": {"matchLabels": {"app": "x"}}}}, "NotAdopted"),
        (job({"active": 1}), IN_TEMPLATE, "JobRuns"),
        (job({"active": 1}, suspend=True), IN_TEMPLATE, "JobRuns"),
        (job({"conditions": [{"type": "Complete", "status": "True"}]}), IN_TEMPLATE, "JobCompleted"),
        (
            job({"succeeded": 9, "conditions": [{"type": "Failed", "status": "True"}]}),
            IN_TEMPLATE,
            "JobPartlyDone",
        ),
        (bare_pod(ownerReferences=[{"kind": "ReplicaSet", "name": "x", "uid": "o"}]), IN_POD, "PodOwned"),
        (bare_pod(annotations={"kubernetes.io/config.mirror": "x"}), IN_POD, "PodStatic"),
        (claim("Bound"), OTHER_CLASS, "ClaimHoldsData"),
        (claim("Lost"), OTHER_CLASS, "ClaimHoldsData"),
        (claim("Pending", volumeName="pv-1"), OTHER_CLASS, "ClaimHoldsData"),
        (bare_pod(deletionTimestamp="2026-01-05T10:00:00Z"), IN_POD, "BeingDeleted"),
    ],
)
def test_what_would_lose_something_is_a_persons_with_the_reason(live, change, reason):
    plan = planned(live, change)
    assert isinstance(plan, NoPlan)
    assert plan.reason == reason
    assert plan.detail.endswith("a person has to change it")


@pytest.mark.parametrize(
    ("live", "change"),
    [
        (
            made("Deployment", {"selector": {"matchLabels": {"a": "b"}}, "template": template()}),
            {"spec": {"selector": {"matchLabels": {"a": "c"}}}},
        ),
        (made("Service", {"clusterIP": "10.0.0.1", "ports": []}), {"spec": {"clusterIP": "10.0.0.2"}}),
        (
            {k: v for k, v in made("ConfigMap", {}).items() if k != "spec"}
            | {"immutable": True, "data": {"a": "b"}},
            {"data": {"a": "c"}},
        ),
    ],
    ids=["Deployment", "Service", "ConfigMap"],
)
def test_other_kinds_are_recognised_and_never_recreated(live, change):
    plan = planned(live, change)
    assert isinstance(plan, NoPlan)
    assert plan.reason == "Immutable"
    assert "is not recreated" in plan.detail


def test_a_field_that_can_change_is_still_a_patch():
    assert isinstance(planned(stateful_set(), {"spec": {"replicas": 3}}), Patch)


def test_an_object_that_holds_a_secret_gives_no_plan_that_would_keep_it():
    live = stateful_set()
    variable = {"name": "DB_PASSWORD", "value": "hunter2-but-longer-Zx81kQ"}
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [variable]
    plan = planned(live, {"spec": {"serviceName": "db"}})
    assert isinstance(plan, NoPlan)
    assert plan.reason == "HoldsSecret"
    assert variable["value"] not in plan.detail


def test_what_the_server_wrote_is_left_out_and_what_people_said_stays():
    live = job(
        FAILED,
        template=template(app="it", **GENERATED),
    )
    live["metadata"] |= {
        "labels": {"team": "shop", **GENERATED},
        "annotations": {OPERATION_ANNOTATION: "old", "batch.kubernetes.io/job-tracking": "", "note": "keep"},
        "finalizers": ["example.com/hold"],
        "ownerReferences": [{"kind": "CronJob", "name": "c", "uid": "c-1"}],
        "managedFields": [],
    }
    kept = content(live)
    assert kept["metadata"] == {
        "name": "it",
        "namespace": "shop",
        "labels": {"team": "shop"},
        "annotations": {"note": "keep"},
        "finalizers": ["example.com/hold"],
        "ownerReferences": [{"kind": "CronJob", "name": "c", "uid": "c-1"}],
    }
    assert "status" not in kept
    assert "selector" not in kept["spec"]
    assert kept["spec"]["template"]["metadata"]["labels"] == {"app": "it"}


def test_a_selector_of_their_own_stays_with_the_job():
    live = job(FAILED, manualSelector=True, selector={"matchLabels": {"app": "it"}})
    assert content(live)["spec"]["selector"] == {"matchLabels": {"app": "it"}}


def test_a_pod_is_scheduled_anew_unless_a_person_placed_it():
    fields = {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:nodeName": {}}}}
    assert "nodeName" not in content(bare_pod())["spec"]
    assert content(bare_pod(managedFields=[fields]))["spec"]["nodeName"] == "n1"


@pytest.mark.parametrize("where", ["spec", "labels", "annotations", "uid"])
def test_whoever_changes_the_object_meanwhile_makes_the_plan_stale(where):
    live = stateful_set()
    plan, moved = recreation(live), copy.deepcopy(live)
    if where == "spec":
        moved["spec"]["replicas"] = 5
    elif where == "uid":
        moved["metadata"]["uid"] = "another"
    else:
        moved["metadata"].setdefault(where, {})["new"] = "thing"
    assert not still_valid(plan, moved)
    moved = copy.deepcopy(live)
    moved["metadata"] |= {"resourceVersion": "9000", "managedFields": []}
    moved["status"] = {"replicas": 2}
    assert still_valid(plan, moved)


def test_the_undo_puts_our_field_back_by_a_recreation_and_leaves_what_others_did():
    live = stateful_set()
    plan = recreation(live)
    anew = copy.deepcopy(plan.manifest)
    anew["metadata"] |= {"uid": "u-2", "resourceVersion": "8", "annotations": {OPERATION_ANNOTATION: "op-1"}}
    anew["spec"]["replicas"] = 5
    undo = undo_plan(plan, anew)
    assert isinstance(undo, Recreate)
    assert undo.target.uid == "u-2"
    assert undo.manifest["spec"]["serviceName"] == "wrong"
    assert undo.manifest["spec"]["replicas"] == 5
    assert [(leaf.before, leaf.after) for leaf in undo.touched] == [("db", "wrong")]
    assert still_valid(undo, anew)
    anew["spec"]["serviceName"] = "theirs"
    with pytest.raises(CannotUndoError, match="NotOurs"):
        undo_plan(plan, anew)


def test_the_undo_of_a_job_that_runs_now_is_a_persons():
    plan = planned(job(FAILED), IN_TEMPLATE)
    anew = copy.deepcopy(plan.manifest)
    anew["metadata"] |= {"uid": "u-2", "resourceVersion": "8"}
    with pytest.raises(CannotUndoError, match="JobRuns"):
        undo_plan(plan, {**anew, "status": {"active": 1}})


def test_a_kind_that_is_not_known_has_no_immutable_fields():
    assert immutable("Widget", {}, ()) == ()
