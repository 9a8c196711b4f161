"""Services, Ingresses and the Gateway API: whether the way in leads to pods."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.ingress_tls import covers
from tests.fakes.objects import Item, cond, item, look, only, settling, told, workload
from tests.fakes.world import endpoint_slice

HTTP = {"name": "http", "containerPort": 8080, "protocol": "TCP"}


# ---------------------------------------------------------------- Service


def service(selector: Any = None, *, age: float = 3600, kind: str = "ClusterIP", **port: Any) -> Item:
    ports = [{"port": 80, "protocol": "TCP", **(port or {"targetPort": "http"})}]
    chosen = {"app": "web"} if selector is None else selector
    return item("Service", "web", {"spec": {"type": kind, "selector": chosen, "ports": ports}}, age=age)


@pytest.mark.parametrize(
    ("one", "ports"),
    [
        (service(), [HTTP]),
        (service(targetPort=8080), [HTTP]),
        (service(targetPort=9090), []),
        (service({}), [HTTP]),
        (service({"app": "nobody"}, kind="ExternalName"), [HTTP]),
    ],
    ids=["by name", "by number", "pods declare nothing", "no selector", "external"],
)
def test_a_service_that_leads_to_its_pods_is_silent(one, ports):
    judgement = look(one, workload("web", ports=ports))
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


def test_a_named_port_that_no_pod_has_is_told_with_those_they_have():
    found = only(look(service(targetPort="htpp"), workload("web", ports=[HTTP])))
    assert (found.fault_class.value, found.reason, str(found.target)) == (
        "ServicePort",
        "NoSuchPort",
        "Service/web",
    )
    assert ("htpp" in found.message, found.facts["containerPorts"]) == (True, "8080 (http)")


def test_a_port_that_the_controller_published_is_there_whatever_facts_show():
    published = endpoint_slice("web", True, ports=[{"port": 9090}])
    one = service(targetPort="sidecar")
    assert told(look(one, workload("web", ports=[HTTP]), ("EndpointSlice", published))) == []


def test_a_number_that_no_pod_declares_is_only_a_hint():
    found = only(look(service(targetPort=8081), workload("web", ports=[HTTP])))
    assert (found.reason, found.severity.value) == ("PortNotDeclared", "info")
    assert "8081" in found.message


def test_a_selector_that_takes_nobody_is_told_and_a_workload_without_pods_is_not():
    found = only(look(service({"app": "wbe"}), workload("web", ports=[HTTP])))
    assert (found.fault_class.value, "app=wbe" in found.message) == ("NoEndpoints", True)
    assert told(look(service(), workload("web", ports=[HTTP], replicas=0))) == []
    assert settling(look(service({"app": "wbe"}, age=5))) == {"Service/web"}


# ---------------------------------------------------------------- Ingress


def ingress(*, port: Any = 80, to: str = "web", age: float = 3600, lb: Any = (), **spec: Any) -> Item:
    backend = {"service": {"name": to, "port": {"name": port} if isinstance(port, str) else {"number": port}}}
    rule = {"host": "shop.example.com", "http": {"paths": [{"path": "/", "backend": backend}]}}
    annotations = spec.pop("annotations", {})
    status = {"loadBalancer": {"ingress": list(lb)}}
    document = {"spec": {"ingressClassName": "nginx", "rules": [rule], **spec}, "status": status}
    return item("Ingress", "shop", document, age=age, annotations=annotations)


def ingress_class(name: str = "nginx", *, default: bool = False) -> Item:
    marks = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    return item("IngressClass", name, annotations=marks)


WHOLE = (workload("web", ports=[HTTP]), service(), ingress_class())


@pytest.mark.parametrize(
    "items",
    [
        (ingress(), *WHOLE),
        (ingress(ingressClassName=None), ingress_class("edge", default=True), *WHOLE),
        (ingress(ingressClassName=None, lb=[{"ip": "203.0.113.7"}]), *WHOLE),
        (ingress(ingressClassName=None, annotations={"kubernetes.io/ingress.class": "old"}), *WHOLE),
        (ingress(tls=[{"hosts": ["*.example.com"], "secretName": "s"}]), *WHOLE),
        (ingress(tls=[{"secretName": "s"}]), *WHOLE),
    ],
    ids=["plain", "default class", "served anyway", "annotation", "covered by a star", "TLS for all"],
)
def test_an_ingress_that_leads_somewhere_is_silent(items):
    judgement = look(*items)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    ("one", "expected", "named"),
    [
        (ingress(ingressClassName="ngnix"), ("IngressClass", "ClassNotFound"), "ngnix"),
        (ingress(ingressClassName=None), ("IngressClass", "NoClass"), "default"),
        (ingress(to="wbe"), ("IngressBackend", "ServiceNotFound"), "wbe"),
        (ingress(port=8080), ("IngressBackend", "PortNotFound"), "8080"),
        (ingress(port="http"), ("IngressBackend", "PortNotFound"), "http"),
        (
            ingress(tls=[{"hosts": ["www.example.com"], "secretName": "s"}]),
            ("IngressTLS", "HostNotCovered"),
            "shop.example.com",
        ),
    ],
)
def test_an_ingress_that_leads_nowhere_names_what_is_missing(one, expected, named):
    found = only(look(one, *WHOLE))
    assert (found.fault_class.value, found.reason) == expected
    assert (str(found.target), named in found.message) == ("Ingress/shop", True)


def test_what_an_ingress_needs_may_come_a_moment_later():
    assert settling(look(ingress(to="wbe", age=5), *WHOLE)) == {"Ingress/shop"}


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("shop.example.com", "SHOP.example.com", True),
        ("*.example.com", "shop.example.com", True),
        ("*.example.com", "a.shop.example.com", False),
        ("*.example.com", "example.com", False),
        ("*", "example.com", False),
    ],
)
def test_a_star_in_a_tls_host_is_one_label(name, host, expected):
    assert covers(name, host) is expected


# ---------------------------------------------------------------- Gateway API


def gateway(*conditions: dict[str, Any], listeners: Any = (), age: float = 3600) -> Item:
    status = {"conditions": list(conditions), "listeners": list(listeners)}
    return item("Gateway", "edge", {"spec": {"gatewayClassName": "envoy"}, "status": status}, age=age)


def route(*conditions: dict[str, Any], parents: bool = True, age: float = 3600) -> Item:
    said = {"parentRef": {"name": "edge"}, "controllerName": "c", "conditions": list(conditions)}
    spec = {"parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}]}
    return item(
        "HTTPRoute", "shop", {"spec": spec, "status": {"parents": [said] if parents else []}}, age=age
    )


ACCEPTED = (cond("Accepted", "True", "Accepted"), cond("Programmed", "True", "Programmed"))
RESOLVED = (cond("Accepted", "True", "Accepted"), cond("ResolvedRefs", "True", "ResolvedRefs"))
FREE = {"name": "http", "conditions": [*RESOLVED, cond("Conflicted", "False", "NoConflicts")]}


def test_a_route_that_was_accepted_is_silent():
    judgement = look(gateway(*ACCEPTED, listeners=[FREE]), route(*RESOLVED))
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    ("items", "reason", "target"),
    [
        (
            (gateway(*ACCEPTED), route(cond("Accepted", "False", "NoMatchingListenerHostname"))),
            "NoMatchingListenerHostname",
            "HTTPRoute/shop",
        ),
        (
            (gateway(*ACCEPTED), route(RESOLVED[0], cond("ResolvedRefs", "False", "BackendNotFound"))),
            "BackendNotFound",
            "HTTPRoute/shop",
        ),
        ((route(parents=False),), "ParentNotFound", "HTTPRoute/shop"),
        ((gateway(*ACCEPTED), route(parents=False)), "NoController", "HTTPRoute/shop"),
        ((gateway(cond("Accepted", "Unknown", "Pending", "Waiting")),), "Pending", "Gateway/edge"),
        (
            (
                gateway(
                    *ACCEPTED, listeners=[{**FREE, "conditions": [cond("Conflicted", "True", "Conflict")]}]
                ),
            ),
            "Conflict",
            "Gateway/edge",
        ),
    ],
)
def test_what_is_not_accepted_is_told_with_the_controllers_reason(items, reason, target):
    assert told(look(*items)) == [("RouteNotAccepted", reason, target)]


def test_a_route_just_made_is_settling():
    fresh = cond("Accepted", "Unknown", "Pending", ago=1_800_000_000)  # the default of the CRD: 1970
    assert settling(look(gateway(fresh, age=5))) == {"Gateway/edge"}


@pytest.mark.parametrize("kind", ["Service", "Ingress", "IngressClass", "Gateway", "HTTPRoute"])
def test_a_way_that_cannot_be_read_leaves_the_expectation_unjudged(kind):
    judgement = look(ingress(), *WHOLE, gaps=[kind])
    assert judgement.judged == frozenset()
    assert kind in {unknown.gap.what for unknown in judgement.unknowns}
