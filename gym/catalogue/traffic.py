"""Services and Ingresses through which nothing comes."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import MISLEADING, Scenario, fixable
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    SHAPES,
    Json,
    event,
    service,
    workload,
)
from gym.catalogue.sketch import Sketch, check, target

FAMILY = "traffic"
TIER = Tier.CONTROL_PLANE
PORT = "spec.ports[0].targetPort"
BACKEND = "spec.rules[0].http.paths[0].backend.service"


def key_path(parent: str, key: str) -> str:
    """The path of a map's key that may hold dots."""
    return parent + "." + key.replace(".", r"\.")


def lost_selector(d: Draw, s: Sketch, kind: str) -> tuple[Json, Json, str]:
    """A Service that selects by a value that no pod has; the Service, the workload, the path."""
    behind = workload(d, kind)
    good = service(d, behind)
    key = next(iter(good["spec"]["selector"]))
    path = key_path("spec.selector", key)
    wrong = d.turn(f"{d.app}-web", f"{d.app}s", f"my-{d.app}")
    s.applies(behind)
    s.breaks(
        good,
        path,
        wrong,
        check("service_selects_pods", good, workload=target(behind)),
        allow="spec.selector",
    )
    return good, behind, path


@fixable(
    "service-selector",
    FAMILY,
    "NoEndpoints",
    TIER,
    "a Service's selector has a value that no pod has",
    "the label of the workload of the Service's name",
)
def selector(d: Draw, s: Sketch) -> None:
    good, _, path = lost_selector(d, s, d.turn(*SHAPES))
    other = workload(d, "Deployment", d.other_app())
    s.stands(other)
    s.mistake((good, "spec.selector", other["spec"]["selector"]["matchLabels"]))
    s.mistake((good, path, ABSENT))


@fixable(
    "service-selector-key-renamed",
    FAMILY,
    "NoEndpoints",
    TIER,
    "pods got other label keys, and the Service still selects by the old ones",
    "the key that the pods have now",
)
def key_renamed(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    good = service(d, behind)
    old = {"app": "run", "app.kubernetes.io/name": "app", "name": "component"}
    s.applies(behind)
    s.breaks(
        good,
        "spec.selector",
        {old[key]: value for key, value in good["spec"]["selector"].items()},
        check("service_selects_pods", good, workload=target(behind)),
    )
    s.mistake((good, "spec.selector", {"team": d.team}))


@fixable(
    "service-selector-beside-a-decoy",
    FAMILY,
    "NoEndpoints",
    TIER,
    "a Service selects nothing; a load test's pods have labels that look as if they were meant, and a neighbour complains",
    "the labels of the workload of the Service's name, not those of the load test",
    MISLEADING,
)
def selector_decoy(d: Draw, s: Sketch) -> None:
    good, _, path = lost_selector(d, s, d.turn("Deployment", "StatefulSet"))
    wrong = next(iter(next(o for o in s.bad.values() if o["kind"] == "Service")["spec"]["selector"].values()))
    alike = workload(d, "Deployment", f"{wrong}-load-test", probe=False)
    neighbour = workload(d, "Deployment", d.other_app())
    said = f'Readiness probe failed: Get "http://10.244.2.9:{d.port}/": context deadline exceeded'
    s.stands(
        alike, neighbour, event(d, neighbour, "Unhealthy", said, f"2026-10-{d.any(12, 19, 26)}T17:05:11Z")
    )
    s.mistake((good, path, f"{wrong}-load-test"))


@fixable(
    "service-port-name",
    FAMILY,
    "ServicePort NoEndpoints EndpointsNotReady",
    TIER,
    "a Service sends to a port name that no container has",
    "the name, or number, of the container's port",
)
def port_name(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn(*SHAPES))
    good = service(d, behind)
    s.applies(behind)
    s.breaks(
        good,
        PORT,
        d.turn("web", "htpp", "http-web"),
        check("in", good, PORT, value=["http", d.port]),
        check("service_selects_pods", good, workload=target(behind)),
        allow="spec.ports",
    )
    s.also_right((good, PORT, d.port))
    s.mistake((good, PORT, 80))


@fixable(
    "service-port-number",
    FAMILY,
    "ServicePort NoEndpoints",
    TIER,
    "a Service sends to a number on which no container listens",
    "the container's port",
)
def port_number(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn(*SHAPES), sidecar=False)
    good = service(d, behind)
    good["spec"]["ports"][0]["targetPort"] = d.port
    s.applies(behind)
    s.breaks(
        good,
        PORT,
        d.port + d.any(1, 5, 7),
        check("in", good, PORT, value=["http", d.port]),
        allow="spec.ports",
    )
    s.mistake((good, PORT, 80))


# ---------------------------------------------------------------- ingress


def ingress(d: Draw, serves: Json) -> Json:
    """An Ingress for a Service, of the class `public`."""
    port = {"name": "http"} if d.any(True, False) else {"number": serves["spec"]["ports"][0]["port"]}
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": serves["metadata"]["name"], "port": port}},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": d.app, "namespace": d.namespace},
        "spec": {
            "ingressClassName": "public",
            "rules": [{"host": f"{d.app}.example.com", "http": {"paths": [path]}}],
        },
    }


def class_object(name: str) -> Json:
    """An IngressClass."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name},
        "spec": {"controller": f"ingress.example.com/{name}"},
    }


@fixable(
    "ingress-service",
    FAMILY,
    "IngressBackend",
    TIER,
    "an Ingress names a Service that does not exist",
    "the Service of the workload",
)
def backend(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    serves = service(d, behind, d.turn(f"{d.app}-http", f"{d.app}-svc", f"{d.app}-public"))
    good = ingress(d, serves)
    s.applies(behind, serves)
    s.breaks(good, f"{BACKEND}.name", d.app)
    s.demands(check("ref_exists", good, f"{BACKEND}.name", kind="Service"))
    s.stands(class_object("public"))
    other = workload(d, "Deployment", d.other_app())
    s.stands(other, service(d, other))
    s.mistake((good, f"{BACKEND}.name", other["metadata"]["name"]))


@fixable(
    "ingress-port",
    FAMILY,
    "IngressBackend",
    TIER,
    "an Ingress names a port that the Service does not have",
    "the Service's port",
)
def backend_port(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    serves = service(d, behind, port=d.any(80, 8081, 9090))
    good = ingress(d, serves)
    port = serves["spec"]["ports"][0]["port"]
    wrong = d.turn({"number": port + 443}, {"name": "https"}, {"number": 81})
    s.applies(behind, serves)
    s.breaks(
        good,
        f"{BACKEND}.port",
        wrong,
        check("in", good, f"{BACKEND}.port", value=[{"number": port}, {"name": "http"}]),
    )
    s.stands(class_object("public"))
    s.mistake((good, f"{BACKEND}.port", {"number": d.port + 1}))


@fixable(
    "ingress-class",
    FAMILY,
    "IngressClass",
    TIER,
    "an Ingress names a class that does not exist",
    "the class that exists",
)
def ingress_class(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    serves = service(d, behind)
    good = ingress(d, serves)
    right, wrong = d.turn(("public", "publik"), ("internal", "interal"), ("edge", "edges"))
    good["spec"]["ingressClassName"] = right
    s.applies(behind, serves)
    s.breaks(good, "spec.ingressClassName", wrong)
    s.demands(check("ref_exists", good, "spec.ingressClassName", kind="IngressClass"))
    s.stands(class_object(right))
    s.mistake((good, "spec.ingressClassName", ABSENT))


@fixable(
    "ingress-tls-host",
    FAMILY,
    "IngressTLS",
    TIER,
    "an Ingress serves a host that its TLS entry spells otherwise",
    "the host that the rule serves",
)
def tls(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"))
    serves = service(d, behind)
    good = ingress(d, serves)
    host = f"{d.app}.example.com"
    good["spec"]["tls"] = [{"hosts": [host], "secretName": f"{d.app}-{d.turn('tls', 'cert', 'certificate')}"}]
    wrong = d.turn(f"{d.app[:-1]}.example.com", f"{d.app}.example.net", f"www.{host}")
    s.applies(behind, serves)
    s.breaks(
        good,
        "spec.tls[0].hosts[0]",
        wrong,
        check("eq", good, "spec.tls[0].hosts", value=[host]),
        allow="spec.tls",
    )
    s.stands(class_object("public"))
    s.mistake((good, "spec.tls", ABSENT))
    s.mistake((good, "spec.rules[0].host", wrong))


SCENARIOS: tuple[Scenario, ...] = (
    selector, key_renamed, selector_decoy, port_name, port_number, backend, backend_port, ingress_class, tls,
)  # fmt: skip
