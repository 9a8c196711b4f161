"""Patches that nobody wrote down: Hypothesis puts any value at any place, and no object gains any power."""

import json
import tempfile
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attack.hostile.corpus import ROWS
from tests.attack.hostile.ground import REGISTRY, objects
from tests.attack.hostile.oracle import gained
from tests.attack.hostile.ordinary import ORDINARY
from tests.attack.hostile.row import Hostile
from tests.attack.hostile.shapes import SIZES
from tests.attack.hostile.walk import Walk
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster

NAMES = st.sampled_from(
    [
        "spec",
        "template",
        "metadata",
        "containers",
        "initContainers",
        "volumes",
        "env",
        "envFrom",
        "ports",
        "resources",
        "limits",
        "requests",
        "memory",
        "image",
        "securityContext",
        "privileged",
        "capabilities",
        "add",
        "runAsUser",
        "hostNetwork",
        "hostPID",
        "serviceAccountName",
        "command",
        "args",
        "lifecycle",
        "livenessProbe",
        "httpGet",
        "exec",
        "port",
        "path",
        "host",
        "configMap",
        "secret",
        "secretName",
        "hostPath",
        "valueFrom",
        "secretKeyRef",
        "configMapKeyRef",
        "key",
        "value",
        "name",
        "optional",
        "replicas",
        "labels",
        "annotations",
        "app",
        "tolerations",
        "nodeName",
        "nodeSelector",
        "disk",
        "volumeMounts",
        "readOnly",
        "mountPath",
        "automountServiceAccountToken",
        "imagePullPolicy",
        "finalizers",
        "status",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 100_000),
    st.sampled_from(
        [
            "",
            "0",
            "1Gi",
            "fast",
            "web",
            "app",
            "proxy",
            "/",
            "root",
            "$(DB_PASSWORD)",
            "evil.example.com/x:1",
            f"{REGISTRY}/web:1.4",
            f"{REGISTRY}/proxy:1",
            "Unconfined",
            "ALL",
            "h\u043est",
        ]
    ),
    st.text(alphabet="abcXYZ019-./:$()\u0430", max_size=8),
)
ELEMENTS = st.sampled_from(
    ["app", "proxy", "setup", "config", "keys", "scratch", "MODE", "PATH", "DB_PASSWORD", "x"]
)


@st.composite
def elements(draw, below):
    """A list element that names itself, as the merge keys of most lists want it."""
    name = draw(ELEMENTS)
    return {"name": name, **draw(st.dictionaries(NAMES, below, max_size=3))}


ANYTHING = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.dictionaries(NAMES, below, max_size=3), st.lists(st.one_of(below, elements(below)), max_size=3)
    ),
    max_leaves=8,
)


def together(one, other):
    """Two manifests in one: maps by key, lists of named elements by name."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: together(one[key], other[key]) if key in one and key in other else {**one, **other}[key]
            for key in {**one, **other}
        }
    if (
        isinstance(one, list)
        and isinstance(other, list)
        and all(isinstance(e, dict) and "name" in e for e in one + other)
    ):
        named = {}
        for each in one + other:
            named[str(each["name"])] = together(named.get(str(each["name"]), {}), each)
        return list(named.values())
    return other


PIECES = [
    *(
        row.manifest
        for row in ROWS
        if row.kind == "Deployment" and isinstance(row.manifest, dict) and row not in SIZES
    ),
    *(
        change
        for name, change in ORDINARY.items()
        if "Service" not in name and "ConfigMap's value" not in name
    ),
]
MIXED = st.lists(st.sampled_from(PIECES), min_size=2, max_size=4).map(lambda found: reduce(together, found))


@st.composite
def manifests(draw):
    """Mostly aimed at the pod, where the power is; sometimes at anything at all."""
    where = draw(st.integers(0, 9))
    fields = draw(st.dictionaries(NAMES, ANYTHING, max_size=4))
    if where < 5:
        container = {"name": draw(st.sampled_from(["app", "proxy", "app ", "x"])), **fields}
        return {"spec": {"template": {"spec": {"containers": [container]}}}}
    if where < 8:
        return {"spec": {"template": {"spec": fields}}}
    return {"spec": fields} if where == 8 else fields


@pytest.fixture(scope="module")
def ground():
    with tempfile.TemporaryDirectory() as folder:
        cluster = FakeCluster()
        live = {item["kind"]: cluster.put(item) for item in objects("shop")}
        walk = Walk(Path(folder), cluster, FakeClock(), live)
        yield cluster, live, walk
        walk.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    manifest=st.one_of(MIXED, manifests()),
    kind=st.sampled_from(["Deployment"] * 8 + ["Service", "ConfigMap"]),
)
def test_no_patch_gives_an_object_more_power_even_where_an_intent_opens_all_that_it_touches(
    ground, manifest, kind
):
    cluster, live, walk = ground
    walk.world.clock.advance(3600)  # budgets and cool-downs of earlier examples are over
    attempt = walk.try_(Hostile("made", manifest, "", kind=kind))
    before, after = live[kind], cluster.object(kind, "shop", "web")
    if attempt.written:  # the next example begins with the object as it was, whatever becomes of this one
        walk.live = live | {kind: cluster.put({**before, "metadata": dict(before["metadata"])})}
        live[kind] = walk.live[kind]
    assert gained(before, after) == {}


def test_the_oracle_takes_pinning_by_digest_for_no_gain_and_everything_else_for_one():
    plain = next(item for item in objects("shop") if item["kind"] == "Deployment")
    pinned, elsewhere, root = (json.loads(json.dumps(plain)) for _ in range(3))
    pinned["spec"]["template"]["spec"]["containers"][0]["image"] = f"{REGISTRY}/web@sha256:{'cd' * 32}"
    elsewhere["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example.com/web:1"
    root["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0}
    assert gained(plain, pinned) == {}
    assert gained(pinned, plain) != {}
    assert gained(plain, elsewhere) != {}
    assert gained(plain, root) != {}
