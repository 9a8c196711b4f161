"""Patches that nobody wrote down: Hypothesis puts any value at any place of an object, and mixes the corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.attack.hostile.corpus import ROWS
from tests.attack.hostile.ground import REGISTRY, objects
from tests.attack.hostile.oracle import gained
from tests.attack.hostile.ordinary import ORDINARY
from tests.attack.hostile.row import Hostile
from tests.attack.hostile.shapes import SIZES
from tests.attack.hostile.walk import Attempt, Walk
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


PATCHES = st.one_of(MIXED, manifests())
KINDS = st.sampled_from(["Deployment"] * 8 + ["Service", "ConfigMap"])

# ------------------------------------------------------------------ sending them


class Ground:
    """The attacked objects on a fake cluster, and a daemon under an intent that opens whatever a patch touches."""

    def __init__(self, folder: Path) -> None:
        self._cluster = FakeCluster()
        self._live = {item["kind"]: self._cluster.put(item) for item in objects("shop")}
        self._walk = Walk(folder, self._cluster, FakeClock(), self._live)

    def close(self) -> None:
        self._walk.close()

    def send(self, manifest: object, kind: str) -> tuple[Attempt, dict[str, object]]:
        """What became of one patch, and which power the object gained by it. The next one begins with the object as
        it was, and with every budget and cool-down over."""
        self._walk.world.clock.advance(3600)
        attempt = self._walk.try_(Hostile("made", manifest, "", kind=kind))
        before, after = self._live[kind], self._cluster.object(kind, "shop", "web")
        if attempt.written:
            self._live[kind] = self._cluster.put({**before, "metadata": dict(before["metadata"])})
            self._walk.live = dict(self._live)
        return attempt, gained(before, after)


@dataclass
class Sent:
    """What became of many. `refused` counts who was first in each refusal; `changed` those that were written and
    gave no power, which is what an intent may open."""

    tries: int = 0
    changed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    past: list[str] = field(default_factory=list)


def send_many(folder: Path, examples: int, number: int, sent: Sent) -> None:
    """So many examples of the seed `number`, one after another, on a ground of their own."""
    folder.mkdir(parents=True)
    ground = Ground(folder)

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(manifest=PATCHES, kind=KINDS)
    def each(manifest: object, kind: str) -> None:
        attempt, more = ground.send(manifest, kind)
        sent.tries += 1
        sent.changed += attempt.written
        if attempt.refused:
            sent.refused[min(attempt.refused).partition(":")[0]] += 1
        if more:
            sent.past.append(f"{more} by {manifest}")

    try:
        each()
    finally:
        ground.close()
