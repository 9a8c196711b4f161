"""The Cluster port's contract, over the fake and over a real API server alike."""

from __future__ import annotations

from copy import deepcopy

import pytest

from daemon.ports import WriteStatus
from detectors.facts import Service
from detectors.model import (
    Case,
    CaseKey,
    CaseReason,
    FaultClass,
    Gap,
    ObjectRef,
    Severity,
    Turn,
    Violation,
)
from detectors.watched import ALWAYS, FACT_TYPES
from remediation.model import OPERATION_ANNOTATION, Operation
from remediation.rehearsal import LABEL
from tests.contract.worlds import World, fake_world, named_kubeconfig, real_world


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def world(request):
    if request.param == "fake":
        with fake_world() as found:
            yield found
        return
    kubeconfig = named_kubeconfig() or request.getfixturevalue("practice").kubeconfig
    with real_world(kubeconfig) as found:
        yield found


def service(world: World, name: str = "web", **selector: str):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"selector": selector or {"app": "web"}, "ports": [{"port": 80}]},
    }


def deployment(world: World, name: str = "web"):
    labels = {"app": name}
    reference = {"configMapKeyRef": {"name": "settings", "key": "mode"}}
    container = {"name": "app", "image": "shop/web:1", "env": [{"name": "MODE", "valueFrom": reference}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def ref_of(item) -> ObjectRef:
    meta = item["metadata"]
    return ObjectRef(item["kind"], meta["namespace"], meta["name"], meta["uid"])


def version(item) -> str:
    return item["metadata"]["resourceVersion"]


def patch(world: World, item, *operations: Operation, **changes):
    arguments = {"resource_version": version(item), "operation_id": "op-1", "dry_run": False, **changes}
    return world.cluster.patch(arguments.pop("ref", ref_of(item)), operations, **arguments)


def selector_to(value: str) -> Operation:
    return Operation("replace", "/spec/selector/app", value)


def now(world: World, item):
    return world.cluster.read(ref_of(item))


# ---------------------------------------------------------------- reading


def test_a_snapshot_has_every_watched_kind(world):
    snapshot = world.cluster.snapshot()
    assert set(snapshot) == ALWAYS
    assert not any(isinstance(view, Gap) for view in snapshot.values())


def test_a_kind_that_an_intent_needs_is_watched_from_then_on(world):
    assert set(world.cluster.snapshot()) == ALWAYS
    world.cluster.watch(frozenset(FACT_TYPES))

    def listed() -> bool:
        return not any(isinstance(view, Gap) for view in world.cluster.snapshot().values())

    world.eventually(listed)  # also kinds that the cluster does not know: there are none of them
    assert set(world.cluster.snapshot()) == set(FACT_TYPES)
    world.put(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "nightly", "namespace": world.namespace},
            "spec": {
                "schedule": "0 3 * * *",
                "suspend": True,
                "jobTemplate": {
                    "spec": {
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [{"name": "a", "image": "example.com/a:1"}],
                            }
                        }
                    }
                },
            },
        }
    )
    name = (world.namespace, "nightly")
    world.eventually(lambda: name in world.cluster.snapshot()["CronJob"])
    assert world.cluster.snapshot()["CronJob"][name].spec.suspend is True


def test_what_appears_changes_and_vanishes_is_seen(world):
    name = (world.namespace, "web")

    def seen() -> Service | None:
        return world.cluster.snapshot()["Service"].get(name)

    world.cluster.changed().clear()
    item = world.put(service(world))
    world.eventually(lambda: seen() is not None)
    assert world.cluster.changed().is_set()
    assert seen().metadata.uid == item["metadata"]["uid"]
    item["spec"]["selector"]["app"] = "other"
    world.put(item)
    world.eventually(lambda: seen().spec.selector == {"app": "other"})
    world.remove("Service", "web")
    world.eventually(lambda: seen() is None)


def test_a_snapshot_in_hand_does_not_change(world):
    world.put(service(world))
    world.eventually(lambda: (world.namespace, "web") in world.cluster.snapshot()["Service"])
    before = world.cluster.snapshot()["Service"]
    world.remove("Service", "web")
    world.eventually(lambda: (world.namespace, "web") not in world.cluster.snapshot()["Service"])
    assert (world.namespace, "web") in before


def test_reading_gives_the_whole_object_or_none(world):
    item = world.put(service(world))
    assert now(world, item)["spec"]["ports"][0]["port"] == 80
    assert world.cluster.read(ObjectRef("Service", world.namespace, "absent")) is None


def test_a_namespace_is_read_by_its_name_alone(world):
    found = world.cluster.read(ObjectRef("Namespace", "", world.namespace))
    assert found is None or found["metadata"]["name"] == world.namespace
    inside = world.cluster.read(ObjectRef("Namespace", "", "no-such-namespace"))
    assert inside is None


def test_a_list_asked_for_now_holds_what_is_there_now(world):
    assert world.cluster.list_now("PodDisruptionBudget", world.namespace) == []
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": world.namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    world.put(budget)
    (found,) = world.cluster.list_now("PodDisruptionBudget", world.namespace)
    assert found["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert world.cluster.list_now("PodDisruptionBudget", "elsewhere") == []


def test_of_a_kind_that_the_cluster_does_not_know_there_are_none(world):
    assert world.cluster.list_now("VerticalPodAutoscaler", world.namespace) == []


@pytest.mark.parametrize(("kind", "namespace"), [("Secret", "x"), ("Node", ""), ("PodDisruptionBudget", "")])
def test_what_is_not_ours_or_everywhere_at_once_is_never_listed(world, kind, namespace):
    assert isinstance(world.cluster.list_now(kind, namespace), Gap)


@pytest.mark.parametrize("kind", ["Secret", "RoleBinding", "", "services"])
def test_kinds_that_are_not_ours_are_never_read(world, kind):
    found = world.cluster.read(ObjectRef(kind, world.namespace, "x"))
    assert isinstance(found, Gap)
    assert found.turn is Turn.NOBODY


# ---------------------------------------------------------------- patching


def test_a_patch_changes_the_field_and_leaves_our_mark(world):
    item = world.put(service(world))
    result = patch(world, item, selector_to("fixed"))
    assert result.status is WriteStatus.DONE
    live = now(world, item)
    assert live["spec"]["selector"] == {"app": "fixed"}
    assert live["metadata"]["annotations"][OPERATION_ANNOTATION] == "op-1"
    assert version(result.live) == version(live) != version(item)


def test_annotations_that_are_there_stay(world):
    draft = service(world)
    draft["metadata"]["annotations"] = {"team/owner": "ana"}
    item = world.put(draft)
    patch(world, item, selector_to("fixed"))
    assert now(world, item)["metadata"]["annotations"] == {"team/owner": "ana", OPERATION_ANNOTATION: "op-1"}


def test_a_dry_run_shows_the_result_and_changes_nothing(world):
    item = world.put(service(world))
    result = patch(world, item, selector_to("fixed"), dry_run=True)
    assert result.status is WriteStatus.DONE
    assert result.live["spec"]["selector"] == {"app": "fixed"}
    assert now(world, item) == item


def test_a_patch_on_an_older_version_conflicts(world):
    item = world.put(service(world))
    changed = deepcopy(item)
    changed["spec"]["selector"]["app"] = "by-a-person"
    world.put(changed)
    result = patch(world, item, selector_to("fixed"))
    assert (result.status, result.turn) == (WriteStatus.CONFLICT, Turn.OURS)
    assert now(world, item)["spec"]["selector"] == {"app": "by-a-person"}


def test_a_patch_on_another_incarnation_is_gone(world):
    item = world.put(service(world))
    world.remove("Service", "web")
    again = world.put(service(world))
    assert patch(world, item, selector_to("x")).status is WriteStatus.GONE
    assert patch(world, item, selector_to("x"), resource_version=version(again)).status is WriteStatus.GONE
    assert now(world, again)["spec"]["selector"] == {"app": "web"}


def test_a_patch_on_nothing_is_gone(world):
    item = world.put(service(world))
    world.remove("Service", "web")
    assert patch(world, item, selector_to("x")).status is WriteStatus.GONE


def test_a_failed_test_conflicts_and_applies_nothing(world):
    item = world.put(service(world))
    result = patch(world, item, selector_to("x"), Operation("test", "/spec/ports/0/port", 81))
    assert result.status is WriteStatus.CONFLICT
    assert now(world, item)["spec"]["selector"] == {"app": "web"}


def test_a_path_that_leads_nowhere_is_refused(world):
    item = world.put(service(world))
    result = patch(world, item, Operation("replace", "/spec/selectr/app", "x"))
    assert result.status is WriteStatus.REFUSED
    assert now(world, item) == item


def test_an_unknown_field_is_refused_by_name(world):
    item = world.put(service(world))
    result = patch(world, item, Operation("add", "/spec/selectr", {"app": "x"}))
    assert (result.status, result.turn) == (WriteStatus.REFUSED, Turn.OPERATOR)
    assert 'unknown field "spec.selectr"' in result.message


@pytest.mark.parametrize("missing", ["uid", "resource_version", "operation_id"])
def test_a_patch_without_its_preconditions_is_refused(world, missing):
    item = world.put(service(world))
    changes = {"ref": ref_of(item)._replace(uid="")} if missing == "uid" else {missing: ""}
    assert patch(world, item, selector_to("x"), **changes).status is WriteStatus.REFUSED
    assert now(world, item) == item


@pytest.mark.parametrize("kind", ["ReplicaSet", "Secret", "Namespace", "EndpointSlice", "ClusterRole"])
def test_kinds_outside_the_list_are_never_written(world, kind):
    ref = ObjectRef(kind, world.namespace, "x", "uid")
    operations = [Operation("add", "/metadata/labels", {})]
    result = world.cluster.patch(ref, operations, resource_version="1", operation_id="o", dry_run=False)
    assert result.status is WriteStatus.REFUSED
    assert world.cluster.delete(ref, resource_version="1", dry_run=False).status is WriteStatus.REFUSED
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": world.namespace}}
    assert world.cluster.create(manifest, operation_id="o", dry_run=False).status is WriteStatus.REFUSED


@pytest.mark.parametrize("kind", ["Pod", "Job", "PersistentVolumeClaim"])
def test_kinds_that_are_only_recreated_are_never_patched(world, kind):
    ref = ObjectRef(kind, world.namespace, "x", "uid")
    operations = [Operation("add", "/metadata/labels", {})]
    result = world.cluster.patch(ref, operations, resource_version="1", operation_id="o", dry_run=False)
    assert result.status is WriteStatus.REFUSED
    assert world.cluster.delete(ref, resource_version="1", dry_run=False).status is WriteStatus.GONE


def test_two_patches_at_once_have_one_effect(world):
    item = world.put(service(world))
    results = [patch(world, item, selector_to(f"v{n}"), operation_id=f"op-{n}") for n in range(2)]
    assert [result.status for result in results] == [WriteStatus.DONE, WriteStatus.CONFLICT]


# ---------------------------------------------------------------- creating and deleting


def test_create_then_exists_then_delete_then_gone(world):
    manifest = service(world, "made")
    assert world.cluster.create(manifest, operation_id="op-7", dry_run=True).status is WriteStatus.DONE
    assert world.cluster.read(ObjectRef("Service", world.namespace, "made")) is None
    made = world.cluster.create(manifest, operation_id="op-7", dry_run=False)
    assert made.status is WriteStatus.DONE
    assert made.live["metadata"]["annotations"][OPERATION_ANNOTATION] == "op-7"
    assert OPERATION_ANNOTATION not in str(manifest), "the caller's manifest is not touched"
    assert world.cluster.create(manifest, operation_id="op-8", dry_run=False).status is WriteStatus.EXISTS
    ref, here = ref_of({"kind": "Service", **made.live}), version(made.live)
    other = ref._replace(uid="another-uid")
    assert world.cluster.delete(other, resource_version=here, dry_run=False).status is WriteStatus.GONE
    assert world.cluster.delete(ref, resource_version="1", dry_run=False).status is WriteStatus.CONFLICT
    assert world.cluster.delete(ref, resource_version=here, dry_run=True).status is WriteStatus.DONE
    assert world.cluster.read(ref) is not None
    assert world.cluster.delete(ref, resource_version=here, dry_run=False).status is WriteStatus.DONE
    assert world.cluster.read(ref) is None
    assert world.cluster.delete(ref, resource_version=here, dry_run=False).status is WriteStatus.GONE


@pytest.mark.parametrize("orphan", [False, True])
def test_an_object_with_a_finalizer_stays_for_a_while_after_its_deletion(world, orphan):
    held = service(world, "held")
    held["metadata"]["finalizers"] = ["example.com/held"]
    item = world.put(held)
    done = world.cluster.delete(ref_of(item), resource_version=version(item), dry_run=False, orphan=orphan)
    assert done.status is WriteStatus.DONE
    left = now(world, item)
    assert "deletionTimestamp" in left["metadata"]
    assert "example.com/held" in left["metadata"]["finalizers"]
    free = {key: value for key, value in left["metadata"].items() if key != "resourceVersion"}
    world.put({**left, "metadata": {**free, "finalizers": []}})
    if now(world, item) is not None:
        world.remove("Service", "held")


# ---------------------------------------------------------------- evidence


def case_of(target: ObjectRef, fault: FaultClass = FaultClass.CONFIG_REFERENCE) -> Case:
    violation = Violation("i", 0, "d", fault, Severity.CRITICAL, target, target, "r", "m")
    return Case(CaseKey("i", *target.key), target, CaseReason.MENDABLE, (violation,))


def canary(world: World, **labels: str):
    """A Pod that stays pending on any cluster."""
    spec = {
        "containers": [{"name": "app", "image": "shop/web:1"}],
        "nodeSelector": {"intentd.io/nowhere": "true"},
        "terminationGracePeriodSeconds": 0,
    }
    meta = {"name": "canary", "namespace": world.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def test_of_pods_only_canaries_are_created_and_they_are_deleted_by_incarnation(world):
    bare = world.cluster.create(canary(world, app="web"), operation_id="op-1", dry_run=False)
    assert bare.status is WriteStatus.REFUSED
    manifest = canary(world, **{LABEL: "case-1"})

    def created() -> bool:  # a namespace gets its service account a moment after it was made
        answer = world.cluster.create(manifest, operation_id="op-1", dry_run=False)
        return answer.status is WriteStatus.DONE

    world.eventually(created)
    assert world.cluster.create(manifest, operation_id="op-2", dry_run=False).status is WriteStatus.EXISTS
    ref = ref_of(world.cluster.read(ObjectRef("Pod", world.namespace, "canary")))
    live = world.cluster.read(ref)
    assert live["metadata"]["annotations"][OPERATION_ANNOTATION] == "op-1"
    patched = patch(world, live, Operation("replace", "/metadata/labels", {}), ref=ref)
    assert patched.status is WriteStatus.REFUSED
    other = ref._replace(uid="another-uid")
    assert world.cluster.delete(other, resource_version=version(live), dry_run=False).status in (
        WriteStatus.GONE,
        WriteStatus.CONFLICT,  # where the scheduler has just written to it
    )

    def deleted() -> bool:
        here = version(world.cluster.read(ref))
        return world.cluster.delete(ref, resource_version=here, dry_run=False).status is WriteStatus.DONE

    world.eventually(deleted)
    world.eventually(lambda: world.cluster.read(ref) is None)


def test_evidence_holds_the_target_its_config_map_and_its_service(world):
    settings = {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": world.namespace}}
    world.put({**settings, "data": {"mode": "fast"}})
    world.put(service(world))
    world.put(service(world, "stranger", app="other"))
    item = world.put(deployment(world))
    raw = world.cluster.gather(case_of(ref_of(item)))
    assert raw.gaps == ()
    assert raw.live["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/web:1"
    related = {(ref.kind, ref.name): found for ref, found in raw.related.items() if ref.kind != "ReplicaSet"}
    assert set(related) == {("ConfigMap", "settings"), ("Service", "web")}
    assert related["ConfigMap", "settings"]["data"] == {"mode": "fast"}


def test_evidence_of_an_absent_target_is_none_and_no_gap(world):
    raw = world.cluster.gather(case_of(ObjectRef("Deployment", world.namespace, "absent"), FaultClass.ABSENT))
    assert (raw.live, raw.gaps) == (None, ())
