"""Random but plausible objects, and manifests that change parts of them."""

from hypothesis import strategies as st

from detectors.model import ObjectRef
from remediation.model import Candidate

NAMES = st.sampled_from(["app", "proxy", "side.car", "a-b"])
TEXT = st.text("abc~/.% {}[]=,:'\"\\\nä0", max_size=8)
KEYS = st.sampled_from(["a", "a/b", "a~b", "tier", "x.y", "app.kubernetes.io/name", "~1", "a[0]"])
QUANTITIES = st.sampled_from(["64Mi", "1Gi", "1024Mi", "100m", "0.5", "1", "2", "1.5Gi"])
TARGET = ObjectRef("Deployment", "shop", "web", "uid-1")


def _some(mapping):
    """Any part of the fields."""
    return st.fixed_dictionaries({}, optional=mapping)


def _keyed(keys, fields, *, key="name", max_size=3, optional=False):
    """A list of elements, each key once."""
    return st.lists(keys, unique=True, max_size=max_size).flatmap(
        lambda found: st.tuples(
            *[fields.map(lambda rest, name=name: {key: name, **rest}) for name in found]
        ).map(list)
    )


RESOURCES = _some(
    {"limits": _some({"memory": QUANTITIES, "cpu": QUANTITIES}), "requests": _some({"cpu": QUANTITIES})}
)
ENV = _keyed(st.sampled_from(["A", "B=C", "D]", "E"]), _some({"value": TEXT}))
MOUNTS = _keyed(
    st.sampled_from(["/etc/a", "/b,c", "/d]e"]),
    _some({"name": NAMES, "readOnly": st.booleans()}),
    key="mountPath",
)
PORTS = _keyed(st.sampled_from([80, 443, 8080]), _some({"name": NAMES}), key="containerPort")
PROBE = _some(
    {"httpGet": _some({"path": TEXT, "port": st.integers(1, 9) | NAMES}), "periodSeconds": st.integers(1, 9)}
)
FIELDS = {
    "image": st.sampled_from(["a:1", "a:2", "b:1"]),
    "args": st.lists(TEXT, max_size=2),
    "env": ENV,
    "ports": PORTS,
    "volumeMounts": MOUNTS,
    "resources": RESOURCES,
    "readinessProbe": PROBE,
    "tty": st.booleans(),
}
VOLUMES = _keyed(
    NAMES, _some({"configMap": _some({"name": NAMES, "items": st.lists(_some({"key": TEXT}), max_size=2)})})
)


def _containers(names):
    return st.tuples(
        *[_some(FIELDS).map(lambda rest, name=name: {"name": name, **rest}) for name in names]
    ).map(list)


def _deployment(metadata, replicas, pod, labels):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-1", "resourceVersion": "7", **metadata},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


MAPS = st.dictionaries(KEYS, TEXT, max_size=3)
DEPLOYMENTS = st.lists(NAMES, min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.builds(
        _deployment,
        _some({"labels": MAPS, "annotations": MAPS}),
        st.integers(0, 9),
        st.builds(
            lambda containers, rest: {**rest, "containers": containers},
            _containers(names),
            _some(
                {"volumes": VOLUMES, "nodeSelector": MAPS, "terminationGracePeriodSeconds": st.integers(0, 9)}
            ),
        ),
        MAPS,
    )
)


def _nulls(fields):
    """The same fields, each of which may also be removed."""
    return {name: st.none() | strategy for name, strategy in fields.items()}


@st.composite
def changes(draw, live):
    """A manifest for the live object: some fields of some containers, nulls among them."""
    names = [container["name"] for container in live["spec"]["template"]["spec"]["containers"]]
    touched = draw(st.lists(st.sampled_from(names), unique=True))
    containers = [{"name": name, **draw(_some(_nulls(FIELDS)))} for name in touched]
    pod = draw(
        _some(
            _nulls({"volumes": VOLUMES, "nodeSelector": st.dictionaries(KEYS, st.none() | TEXT, max_size=3)})
        )
    )
    spec = draw(_some({"replicas": st.integers(0, 9)}))
    return {"spec": {**spec, "template": {"spec": {**pod, "containers": containers}}}}


@st.composite
def live_and_change(draw):
    """A deployment and a manifest for it."""
    live = draw(DEPLOYMENTS)
    return live, draw(changes(live))


def candidate(manifest, target=TARGET):
    return Candidate("c1", "test", target, "", manifest)
