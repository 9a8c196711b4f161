"""What a canary looks like, why there is none, and what is concluded from it."""

import msgspec
import pytest

from detectors.base import Patience
from detectors.facts import Pod, Workload
from detectors.model import ObjectRef, Standing
from intents.fields import get
from remediation.canary_health import Health, Watched, health, verdict
from remediation.model import Candidate
from remediation.plan import plan_change
from remediation.rehearsal import (
    LABEL,
    Result,
    canary,
    canary_name,
    changed_template,
    fingerprint,
    rehearsable,
    why_none,
    why_unfit,
)
from tests.fakes.manifests import container, deployment, ref, running, waiting

OPERATION = "3fa9c1d2-4.0a1b2c3d"
AT = 1_767_607_200.0  # 2026-01-05 10:00 UTC


def change(live, image="shop/web:1.4", **fields):
    """A plan that sets the first container's image (and more of it)."""
    manifest = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image, **fields}]}}}}
    return plan_change(Candidate("c1", "test", ref(live), "", manifest), live)


def broken(*containers, **pod):
    return deployment("web", *(containers or (container(image="shop/web:1.5x"),)), **pod)


def made(live=None, **fields):
    live = live or broken()
    plan = change(live, **fields)
    template = changed_template(plan, live)
    return canary(plan.target, template, case_id="3fa9c1d2-4", operation_id=OPERATION, deadline=455)


# ---------------------------------------------------------------- what it looks like


def test_it_is_the_changed_template_under_a_name_that_code_fixed():
    pod = made(image="shop/web:1.4")
    assert pod.manifest["spec"]["containers"][0]["image"] == "shop/web:1.4"
    assert pod.target == ObjectRef("Pod", "shop", canary_name(ref(broken()), OPERATION))
    assert pod.manifest["metadata"]["name"] == pod.target.name


def test_no_selector_of_the_workload_can_find_it_and_no_controller_adopts_it():
    meta = made().manifest["metadata"]
    assert meta["labels"] == {LABEL: "3fa9c1d2-4"}
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Deployment", "web", False)
    assert owner["uid"] == broken()["metadata"]["uid"]


def test_it_ends_by_itself_evicts_nobody_and_takes_nobody_s_name():
    live = broken(priorityClassName="high", priority=1000, hostname="web-0", subdomain="web", nodeName="n1")
    spec = made(live).manifest["spec"]
    assert spec["activeDeadlineSeconds"] == 455
    assert not {"priorityClassName", "priority", "hostname", "subdomain", "nodeName"} & spec.keys()


def test_it_keeps_what_decides_whether_it_runs():
    kept = {
        "serviceAccountName": "web",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "nodeSelector": {"disk": "fast"},
        "imagePullSecrets": [{"name": "registry"}],
        "terminationGracePeriodSeconds": 5,
    }
    spec = made(broken(**kept)).manifest["spec"]
    assert {name: spec[name] for name in kept} == kept


def test_prometheus_does_not_scrape_it_by_annotation():
    live = broken()
    live["spec"]["template"]["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "team": "shop"}
    assert made(live).manifest["metadata"]["annotations"] == {"team": "shop"}


@pytest.mark.parametrize("name", ["w" * 253, "a" * 39 + "-b", "web.shop"])
def test_its_name_fits_a_hostname_whatever_the_workload_is_called(name):
    found = canary_name(ObjectRef("Deployment", "shop", name), OPERATION)
    assert len(found) <= 63
    assert found[-1].isalnum()
    assert found != canary_name(ObjectRef("Deployment", "shop", name), OPERATION + "x")


def test_a_rehearsal_proves_something_about_this_template_of_this_incarnation_alone():
    live = broken()
    plan = change(live)
    elsewhere = broken(nodeSelector={"disk": "fast"})
    anew = {**live, "metadata": {**live["metadata"], "uid": "another"}}
    scaled = {**live, "spec": {**live["spec"], "replicas": 7}}
    assert fingerprint(plan, scaled) == fingerprint(plan, live)
    assert fingerprint(plan, elsewhere) != fingerprint(plan, live)
    assert fingerprint(change(anew), anew) != fingerprint(plan, live)


def test_only_a_changed_template_is_rehearsed():
    live = broken()
    scale = plan_change(Candidate("c1", "test", ref(live), "", {"spec": {"replicas": 3}}), live)
    assert not rehearsable(scale)
    assert rehearsable(change(live))


# ---------------------------------------------------------------- why there is none

CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
LABELS = {"fieldRef": {"fieldPath": "metadata.labels['app']"}}
UNFIT = {
    "a claim": {"volumes": [CLAIM]},
    "an ephemeral claim": {"volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}]},
    "a path of the node": {"volumes": [{"name": "data", "hostPath": {"path": "/var"}}]},
    "a share": {"volumes": [{"name": "data", "nfs": {"server": "n", "path": "/"}}]},
    "a driver": {"volumes": [{"name": "data", "csi": {"driver": "d"}}]},
    "a volume of a kind to come": {"volumes": [{"name": "data", "holographic": {}}]},
    "labels in a volume": {
        "volumes": [{"name": "l", "downwardAPI": {"items": [{"path": "l", **LABELS}]}}],
    },
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"hostPID": True},
    "the node's memory": {"hostIPC": True},
    "init containers": {"initContainers": [container("migrate")]},
    "ephemeral containers": {"ephemeralContainers": [container("debug")]},
    "a readiness gate": {"readinessGates": [{"conditionType": "lb"}]},
    "resource claims": {"resourceClaims": [{"name": "gpu"}]},
    "a field to come": {"teleport": {"to": "node-2"}},
    "windows": {"securityContext": {"windowsOptions": {"hostProcess": True}}},
}
UNFIT_CONTAINERS = {
    "a port of the node": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "a device": {"volumeDevices": [{"name": "d", "devicePath": "/dev/x"}]},
    "privileged": {"securityContext": {"privileged": True}},
    "capabilities": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    "a proc mount": {"securityContext": {"procMount": "Unmasked"}},
    "its labels": {"env": [{"name": "APP", "valueFrom": LABELS}]},
    "a claim of its own": {"resources": {"claims": [{"name": "gpu"}]}},
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_template_that_a_copy_could_do_harm_with_has_no_canary(what):
    live = broken(**UNFIT[what])
    assert why_none(change(live), live)


@pytest.mark.parametrize("what", UNFIT_CONTAINERS)
def test_a_container_that_a_copy_could_do_harm_with_has_no_canary(what):
    live = broken(container(image="shop/web:1.5x", **UNFIT_CONTAINERS[what]))
    assert why_none(change(live), live)


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"hostNetwork": False, "initContainers": []},
        {"volumes": [{"name": "c", "configMap": {"name": "c"}}, {"name": "t", "emptyDir": {}}]},
        {"volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
        {"securityContext": {"runAsNonRoot": True}},
    ],
)
def test_a_harmless_template_has_one(pod):
    live = broken(**pod)
    assert why_none(change(live), live) is None


def test_a_stateful_set_with_claim_templates_has_none():
    live = broken()
    live["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    assert why_none(change(live), live) == "its pods have volume claims"


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_change_of_the_service_account_has_none(field):
    live = broken(**{field: "web"})
    other = {"spec": {"template": {"spec": {field: "admin"}}}}
    plan = plan_change(Candidate("c1", "test", ref(live), "", other), live)
    assert field in (why_none(plan, live) or "")


def test_what_admission_adds_is_judged_like_the_template():
    added = made().manifest["spec"] | {"initContainers": [container("proxy-init")]}
    assert why_unfit(added) == "its pods have initContainers"
    served = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority", "serviceAccountName": "default"}
    assert why_unfit(made().manifest["spec"] | served) is None


# ---------------------------------------------------------------- how it does


def observed(status, *, phase=None):
    live = deployment()
    pod = made(live=broken())
    item = {**pod.manifest, "status": {**status, **({"phase": phase} if phase else {})}}
    item["metadata"] = {**item["metadata"], "uid": "uid-canary"}
    fact = msgspec.json.decode(msgspec.json.encode(item), type=Pod)
    workload = msgspec.json.decode(msgspec.json.encode(live), type=Workload)
    return health(fact, workload, ref(live), AT, Patience())


def up():
    return {**running(), "conditions": [{"type": "Ready", "status": "True"}]}


def test_the_detectors_see_the_canary_as_the_workload_s_only_pod():
    assert observed(up()).standing is Standing.CLEAR
    assert observed(waiting("ImagePullBackOff")).standing is Standing.VIOLATED
    assert observed(waiting("ContainerCreating")).standing is Standing.UNSETTLED


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_canary_that_ended_says_nothing(phase):
    found = observed(running(), phase=phase)
    assert (found.standing, found.ended) == (Standing.UNSETTLED, True)


def test_a_stateful_set_and_a_daemon_set_are_judged_alike():
    live = deployment()
    item = {**made(live=broken()).manifest, "status": up()}
    pod = msgspec.json.decode(msgspec.json.encode(item), type=Pod)
    workload = msgspec.json.decode(msgspec.json.encode(live), type=Workload)
    for kind in ("StatefulSet", "DaemonSet"):
        target = ref(live)._replace(kind=kind)
        assert health(pod, workload, target, AT, Patience()).standing is Standing.CLEAR


WHOLE, BROKEN = Health(Standing.CLEAR, "healthy"), Health(Standing.VIOLATED, "CrashLoop: BackOff")
UNSURE, UNSEEN = Health(Standing.UNSETTLED, "starts"), Health(Standing.UNSETTLED, "unseen", seen=False)


def after(*looks):
    """The verdict after looks as (second, health); window 10 s, timeout 30 s."""
    watched = Watched("uid", looks[0][1])
    for at, seen in looks:
        watched = watched.then(seen, at)
    now = looks[-1][0]
    found = verdict(watched, now=now, waited=now, window=10, timeout=30)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("looks", "result"),
    [
        ([(0, WHOLE), (9, WHOLE)], None),
        ([(0, WHOLE), (10, WHOLE)], Result.PASSED),
        ([(0, WHOLE), (5, UNSURE), (10, WHOLE)], None),
        ([(0, WHOLE), (5, BROKEN), (14, WHOLE)], None),
        ([(0, BROKEN), (9, BROKEN)], None),
        ([(0, BROKEN), (10, BROKEN)], Result.FAILED),
        ([(0, UNSURE), (29, UNSURE)], None),
        ([(0, UNSURE), (30, UNSURE)], Result.FAILED),
        ([(0, UNSURE), (28, WHOLE), (37, WHOLE)], None),
        ([(0, UNSURE), (28, WHOLE), (38, WHOLE)], Result.PASSED),
        ([(0, WHOLE), (35, BROKEN)], Result.FAILED),
        ([(0, UNSEEN), (30, UNSEEN)], Result.UNTOLD),
    ],
)
def test_healthy_for_the_whole_window_passes_and_nothing_less(looks, result):
    assert after(*looks) is result


def test_the_manifest_is_no_part_of_the_live_object():
    live = broken()
    plan = change(live)
    pod = canary(
        plan.target, live["spec"]["template"], case_id="c-1", operation_id=OPERATION, deadline=1
    ).manifest
    pod["spec"]["containers"][0]["image"] = "changed"
    assert get(live, ("spec", "template", "spec", "containers"))[0]["image"] == "shop/web:1.5x"
