"""The model's manifest is an attacker's input: each row is an attack, and the reason that must stop it."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.manifest import merge
from remediation.model import NoPlan
from tests.fakes.manifests import config_map, container, deployment, ref, service

LIVE = deployment(
    "web",
    container(
        "app",
        "shop/web:1.5",
        env=[{"name": "MODE", "value": "fast"}],
        ports=[{"containerPort": 8080, "protocol": "TCP"}],
        resources={"limits": {"memory": "64Mi"}},
        readinessProbe={"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5},
        volumeMounts=[{"name": "config", "mountPath": "/etc/app"}],
    ),
    container("proxy", "shop/proxy:2"),
    volumes=[{"name": "config", "configMap": {"name": "web"}}],
)
TARGET = ref(LIVE)


def pod(**spec):
    return {"spec": {"template": {"spec": spec}}}


def app(**fields):
    return pod(containers=[{"name": "app", **fields}])


def nested(depth):
    tree = {}
    for _ in range(depth):
        tree = {"a": tree}
    return tree


ATTACKS = {
    "a list instead of a map": ([], "NotAnObject"),
    "text instead of a map": ("spec: {}", "NotAnObject"),
    "nothing at all": (None, "NotAnObject"),
    "another kind": ({"kind": "DaemonSet"}, "OtherObject"),
    "another apiVersion": ({"apiVersion": "apps/v1beta1"}, "OtherObject"),
    "an apiVersion that is no text": ({"apiVersion": 1}, "OtherObject"),
    "another name": ({"metadata": {"name": "payments"}}, "OtherObject"),
    "another namespace": ({"metadata": {"namespace": "kube-system"}}, "OtherObject"),
    "no name": ({"metadata": {"name": None}}, "OtherObject"),
    "another uid": ({"metadata": {"uid": "7"}}, "NotContent"),
    "an older resourceVersion": ({"metadata": {"resourceVersion": "1"}}, "NotContent"),
    "a finalizer": ({"metadata": {"finalizers": ["stay/forever"]}}, "NotContent"),
    "an owner": ({"metadata": {"ownerReferences": [{"uid": "1"}]}}, "NotContent"),
    "managedFields emptied": ({"metadata": {"managedFields": [{}]}}, "NotContent"),
    "a deletion in progress": ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "NotContent"),
    "our own mark": ({"metadata": {"annotations": {"intentd.io/operation": "x"}}}, "OurAnnotation"),
    "our own mark on the pods": (
        {"spec": {"template": {"metadata": {"annotations": {"intentd.io/operation": "x"}}}}},
        "OurAnnotation",
    ),
    "metadata as a list": ({"metadata": []}, "WrongType"),
    "labels as text": ({"metadata": {"labels": "app=web"}}, "WrongType"),
    "a pod name in the template": ({"spec": {"template": {"metadata": {"name": "x"}}}}, "NotContent"),
    "a status": ({"status": {"availableReplicas": 3}}, "NotContent"),
    "a field that no Deployment has": ({"data": {"a": "b"}}, "NotContent"),
    "the whole spec removed": ({"spec": None}, "WrongType"),
    "a replace directive": (pod(**{"$patch": "replace"}), "PatchDirective"),
    "a delete directive on a container": (app(**{"$patch": "delete"}), "PatchDirective"),
    "a retainKeys directive": (pod(**{"$retainKeys": ["containers"]}), "PatchDirective"),
    "an element order": (pod(**{"$setElementOrder/containers": []}), "PatchDirective"),
    "a primitive list deletion": (pod(**{"$deleteFromPrimitiveList/x": []}), "PatchDirective"),
    "a directive deep inside a list": (app(env=[{"name": "MODE", "$patch": "delete"}]), "PatchDirective"),
    "another container": (pod(containers=[{"name": "miner", "image": "x"}]), "UnknownElement"),
    "an init container": (pod(initContainers=[{"name": "setup", "image": "x"}]), "UnknownElement"),
    "an ephemeral container": (pod(ephemeralContainers=[{"name": "sh"}]), "UnknownElement"),
    "a container by another case": (pod(containers=[{"name": "App"}]), "UnknownElement"),
    "a look-alike container name": (pod(containers=[{"name": "\u0430pp"}]), "UnknownElement"),
    "a container twice": (pod(containers=[{"name": "app"}, {"name": "app"}]), "Duplicate"),
    "an environment variable twice": (app(env=[{"name": "A"}, {"name": "A"}]), "Duplicate"),
    "a container without a name": (pod(containers=[{"image": "x"}]), "NoMergeKey"),
    "a container name that is a number": (pod(containers=[{"name": 1}]), "NoMergeKey"),
    "a container that is text": (pod(containers=["app"]), "NoMergeKey"),
    "a port as text": (app(ports=[{"containerPort": "8080"}]), "NoMergeKey"),
    "a port as a boolean": (app(ports=[{"containerPort": True}]), "NoMergeKey"),
    "containers as a map": (pod(containers={"app": {}}), "WrongType"),
    "a container as null": (pod(containers=[None]), "NoMergeKey"),
    "a look-alike key": (app(imаge="x"), "StrangeKey"),
    "a key with a space": (app(**{"image ": "x"}), "StrangeKey"),
    "an empty key": (app(**{"": "x"}), "StrangeKey"),
    "a key that is a number": (app(resources={1: 2}), "StrangeKey"),
    "an endless key": (app(**{"a" * 400: 1}), "StrangeKey"),
    "replicas as text": ({"spec": {"replicas": "3"}}, "WrongType"),
    "replicas as a boolean": ({"spec": {"replicas": True}}, "WrongType"),
    "replicas as a fraction": ({"spec": {"replicas": 1.5}}, "WrongType"),
    "replicas as infinity": ({"spec": {"replicas": float("inf")}}, "NotFinite"),
    "replicas as no number": ({"spec": {"replicas": float("nan")}}, "NotFinite"),
    "replicas beyond 64 bits": ({"spec": {"replicas": 2**70}}, "NotFinite"),
    "an image that is a map": (app(image={"name": "x"}), "WrongType"),
    "an image that is a list": (app(image=["x"]), "WrongType"),
    "a number in an environment variable": (app(env=[{"name": "NEW", "value": 8080}]), "WrongType"),
    "a limit that is no quantity": (app(resources={"limits": {"memory": "lots"}}), "NotAQuantity"),
    "a limit finer than the server stores": (
        app(resources={"limits": {"cpu": "0.0000000001"}}),
        "NotAQuantity",
    ),
    "a limit as a boolean": (app(resources={"limits": {"memory": True}}), "WrongType"),
    "a limit as a map": (app(resources={"limits": {"memory": {}}}), "WrongType"),
    "a probe that becomes text": (app(readinessProbe="none"), "WrongType"),
    "a probe interval as a fraction": (app(livenessProbe={"periodSeconds": 0.5}), "WrongType"),
    "null inside an atomic list": (app(args=[None]), "WrongType"),
    "a fraction inside an atomic list": (app(args=[0.5]), "WrongType"),
    "a tree too deep": (pod(affinity=nested(200)), "TooDeep"),
    "a manifest too wide": (app(args=["x"] * 20_000), "TooLarge"),
    "a manifest too long": (app(args=["x" * 2_000_000]), "TooLarge"),
    "a value read backwards": (app(image="shop/web:1.4\u202e"), "HiddenCharacter"),
    "a zero-width space": (app(image="shop/web\u200b:1.4"), "HiddenCharacter"),
    "a NUL": (app(image="shop/web:1.4\x00"), "HiddenCharacter"),
    "our mark for an absent field": (app(image="\x00absent"), "HiddenCharacter"),
    "half a surrogate pair": (app(image="shop/web:\ud800"), "HiddenCharacter"),
    "a value that was redacted": (app(env=[{"name": "MODE", "value": "[redacted:password]"}]), "Redacted"),
    "an object of our own language": (app(image=object()), "NotJson"),
    "bytes": (app(image=b"shop/web:1.4"), "NotJson"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_manifest_is_refused_by_name_and_changes_nothing(attack):
    manifest, reason = ATTACKS[attack]
    before = copy.deepcopy(LIVE)
    result = merge(LIVE, manifest, TARGET)
    assert isinstance(result, NoPlan)
    assert result.reason == reason
    assert before == LIVE


def test_there_are_at_least_forty_attacks():
    assert len(ATTACKS) >= 40


def test_a_kind_outside_the_closed_list_is_refused():
    live = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "shop", "uid": "1"}}
    result = merge(live, {"data": {"a": "b"}}, ref(live))
    assert isinstance(result, NoPlan)
    assert result.reason == "KindNotAllowed"


def test_an_element_that_the_live_list_has_twice_is_ambiguous():
    twice = container("app", env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])
    result = merge(deployment("web", twice), app(env=[{"name": "A", "value": "3"}]), TARGET)
    assert isinstance(result, NoPlan)
    assert result.reason == "Ambiguous"


def test_a_service_cannot_take_workload_content_and_a_config_map_no_spec():
    for live in (service(), config_map()):
        result = merge(live, {"immutable": True, "binaryData": {}}, ref(live))
        assert isinstance(result, NoPlan)
        assert result.reason == "NotContent"


KEYS = st.sampled_from(
    [
        "spec",
        "template",
        "containers",
        "env",
        "name",
        "image",
        "metadata",
        "labels",
        "status",
        "replicas",
        "ports",
    ]
) | st.text(max_size=4)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["app", "web"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
SHAPED = st.builds(lambda spec: {"spec": {"template": {"spec": spec}}}, JSON) | JSON


@given(SHAPED)
def test_whatever_is_written_the_object_keeps_its_identity_and_its_containers(manifest):
    result = merge(LIVE, manifest, TARGET)
    if isinstance(result, NoPlan):
        assert result.reason
        return
    identity = {k: v for k, v in LIVE["metadata"].items() if k not in {"labels", "annotations"}}
    assert {k: v for k, v in result["metadata"].items() if k not in {"labels", "annotations"}} == identity
    assert (result["kind"], result["apiVersion"], result["status"]) == (
        LIVE["kind"], LIVE["apiVersion"], LIVE["status"],
    )  # fmt: skip
    spec = (result["spec"].get("template") or {}).get("spec") or {}
    names = [item["name"] for item in spec.get("containers", [])]
    assert names in (["app", "proxy"], [])
    assert "initContainers" not in spec
