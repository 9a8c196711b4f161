"""Only what an intent opens changes, and only within its bounds."""

import copy

import pytest

from remediation.model import Candidate
from remediation.plan import plan_change
from tests.fakes.manifests import config_map, ref, service
from tests.remediation.guards.ground import CONTAINER, LIVE, app, context, good, intent, verdict

MEMORY = f"{CONTAINER}.resources.limits.memory"
IMAGE = f"{CONTAINER}.image"


def judged(change, entry, **fields):
    return verdict("editable", context(change, intent=intent(editable=[entry] if entry else []), **fields))


def memory(amount):
    return app(resources={"limits": {"memory": amount}})


@pytest.mark.parametrize(
    ("change", "entry", "reason"),
    [
        (memory("96Mi"), {"path": MEMORY}, "Ok"),
        (memory("96Mi"), {"path": MEMORY, "min": "16Mi", "max": "96Mi"}, "Ok"),
        (memory("98304Ki"), {"path": MEMORY, "max": "96Mi"}, "Ok"),
        (memory("97Mi"), {"path": MEMORY, "max": "96Mi"}, "OutOfBounds"),
        (memory("0.11G"), {"path": MEMORY, "max": "96Mi"}, "OutOfBounds"),
        (memory("1Mi"), {"path": MEMORY, "min": "16Mi"}, "OutOfBounds"),
        (memory("-1"), {"path": MEMORY}, "NotAQuantity"),
        (memory("1E"), {"path": MEMORY, "max": "512Mi"}, "OutOfBounds"),
        (memory("96Mi"), {"path": f"{CONTAINER}.resources"}, "NotOpened"),
        (memory("96Mi"), {"path": f"{CONTAINER}.resources.limits.cpu"}, "NotOpened"),
        (memory("96Mi"), {"path": "spec.template.spec.containers[name=proxy].resources.limits.memory"}, "NotOpened"),
        (memory("96Mi"), {"path": "spec.template.spec.containers[name=app].resources.limits.memory"}, "Ok"),
        (memory("96Mi"), {"path": MEMORY, "kind": "StatefulSet"}, "NotOpened"),
        (memory("96Mi"), None, "NotOpened"),
        (app(image="shop/web:1.4"), {"path": IMAGE, "pattern": "shop/web:[0-9.]+"}, "Ok"),
        (app(image="shop/web:1.4-evil"), {"path": IMAGE, "pattern": "shop/web:[0-9.]+"}, "OutOfBounds"),
        (app(image="shop/web:1.4\nx"), {"path": IMAGE, "pattern": "shop/web:.+"}, "OutOfBounds"),
        (app(image="shop/web:1.4"), {"path": IMAGE, "values": ["shop/web:1.3"]}, "OutOfBounds"),
        (app(image="shop/web:1.4"), {"path": IMAGE, "min": "1", "max": "9"}, "OutOfBounds"),
        ({"spec": {"replicas": 5}}, {"path": "spec.replicas", "min": "1", "max": "5"}, "Ok"),
        ({"spec": {"replicas": 6}}, {"path": "spec.replicas", "min": "1", "max": "5"}, "OutOfBounds"),
        ({"spec": {"replicas": 0}}, {"path": "spec.replicas", "min": "1"}, "OutOfBounds"),
        ({"spec": {"replicas": 4}}, {"path": "spec.replicas", "values": ["3", "4"]}, "Ok"),
        ({"spec": {"strategy": {"rollingUpdate": {"maxSurge": "50%"}}}}, {"path": "spec.strategy.rollingUpdate.maxSurge", "max": "2"}, "OutOfBounds"),
        (app(args=["--a"]), {"path": f"{CONTAINER}.args"}, "Ok"),
        (app(args=["--a"]), {"path": f"{CONTAINER}.args", "pattern": ".*"}, "OutOfBounds"),
        (app(args=["--a"]), {"path": f"{CONTAINER}.args", "max": "9"}, "OutOfBounds"),
        (app(env=[{"name": "NEW", "value": "x"}]), {"path": f"{CONTAINER}.env[*].value"}, "Ok"),
        (app(env=[{"name": "NEW", "value": "x"}]), {"path": f"{CONTAINER}.env[name=MODE].value"}, "NotOpened"),
    ],
)  # fmt: skip
def test_what_an_entry_admits(change, entry, reason):
    found = judged(change, entry)
    assert (found.reason, found.allowed) == (reason, reason == "Ok")


def test_one_field_too_many_stops_the_whole_plan():
    both = {"spec": {"replicas": 3, **memory("96Mi")["spec"]}}
    assert judged(both, {"path": MEMORY}).reason == "NotOpened"


def test_any_of_two_entries_suffices():
    entries = [{"path": IMAGE, "pattern": "shop/web:2.*"}, {"path": IMAGE, "values": ["shop/web:1.4"]}]
    assert verdict("editable", context(app(image="shop/web:1.4"), intent=intent(editable=entries))).allowed


def test_a_removal_needs_a_last_known_good_without_the_field():
    entry = {"path": MEMORY}
    assert judged(memory(None), entry).reason == "Removal"
    assert judged(memory(None), entry, last_known_good=good()).reason == "Removal"
    assert judged(memory(None), entry, last_known_good=good(resources={"limits": {"cpu": "1"}})).allowed
    assert judged(memory(None), entry, last_known_good=good(resources=None)).allowed


def test_a_desired_field_may_be_put_to_exactly_its_desired_value():
    desired = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 9},
    }
    asks = intent(editable=[], expectations=[{"type": "manifest", "manifest": desired}])
    assert verdict("editable", context({"spec": {"replicas": 9}}, intent=asks)).allowed
    assert not verdict("editable", context({"spec": {"replicas": 8}}, intent=asks)).allowed


def test_only_the_manifest_that_an_intent_states_is_created():
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}}
    target = ref(config_map())._replace(name="web", uid="")
    plan = plan_change(Candidate("c", "t", target, "", manifest), None, manifest)
    asks = intent(expectations=[{"type": "manifest", "manifest": manifest}])
    other = intent(expectations=[{"type": "manifest", "manifest": manifest | {"data": {"a": "2"}}}])
    assert verdict("editable", context(plan=plan, live=None, intent=asks)).allowed
    assert verdict("scope", context(plan=plan, live=None, intent=asks)).reason == "Named"
    assert not verdict("editable", context(plan=plan, live=None, intent=other)).allowed
    assert not verdict("editable", context(plan=plan, live=None)).allowed


# ---------------------------------------------------------------- scope and kinds


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ({"namespace": "shop"}, "Ok"),
        ({"namespace": "shop", "kind": "Deployment", "name": "web"}, "Ok"),
        ({"namespace": "shop", "matchLabels": {"app": "web"}}, "Ok"),
        ({"namespace": "pay"}, "OtherNamespace"),
        ({"namespace": "shop", "kind": "DaemonSet"}, "OtherKind"),
        ({"namespace": "shop", "name": "api"}, "OtherName"),
        ({"namespace": "shop", "matchLabels": {"app": "web", "tier": "front"}}, "OtherLabels"),
    ],
)
def test_the_scope_is_the_intents(scope, reason):
    assert verdict("scope", context(intent=intent(scope=scope))).reason == reason


def test_a_related_object_needs_evidence_and_an_entry_of_its_kind():
    live = config_map()
    opened = intent(editable=[{"kind": "ConfigMap", "path": "data.*"}])
    facts = {"live": live, "target": ref(LIVE), "related": frozenset({ref(live).key})}
    change = {"data": {"new": "1"}}
    assert verdict("scope", context(change, intent=opened, **facts)).reason == "Related"
    assert verdict("scope", context(change, intent=intent(), **facts)).reason == "OtherKind"
    assert (
        verdict("scope", context(change, intent=opened, **{**facts, "related": frozenset()})).reason
        == "NotRelated"
    )


def test_a_service_that_an_expectation_names_is_in_scope():
    live = service()
    asks = intent(expectations=[{"type": "endpointsPresent", "service": live["metadata"]["name"]}])
    change = {"spec": {"selector": {"app": "other"}}}
    assert verdict("scope", context(change, live=live, target=ref(LIVE), intent=asks)).reason == "Named"


def test_the_clusters_own_namespaces_are_left_alone():
    from dataclasses import replace

    from remediation.guards import Limits

    for namespace in ("kube-system", "kube-public", "kube-node-lease"):
        live = copy.deepcopy(LIVE)
        live["metadata"]["namespace"] = namespace
        ctx = context(live=live, intent=intent(scope={"namespace": namespace}))
        assert verdict("kinds", ctx).reason == "SystemNamespace"
        assert verdict("kinds", replace(ctx, limits=Limits(system_namespaces=True))).allowed


def test_the_clusters_own_certificate_is_no_config_map_of_ours():
    live = config_map()
    live["metadata"]["name"] = "kube-root-ca.crt"
    assert verdict("kinds", context({"data": {"ca.crt": "x"}}, live=live)).reason == "KindNotAllowed"
