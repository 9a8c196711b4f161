"""Facts about how traffic finds its way: Ingress, Gateway API, NetworkPolicy."""

from __future__ import annotations

import msgspec

from detectors.facts import Condition, Fact, LabelSelector, Part


class BackendPort(Part, frozen=True):
    """A Service's port by number or name."""

    number: int | None = None
    name: str = ""


class BackendService(Part, frozen=True):
    """The Service that an Ingress sends to."""

    name: str
    port: BackendPort = BackendPort()


class Backend(Part, frozen=True):
    """A Service, or None where it is another resource."""

    service: BackendService | None = None


class IngressPath(Part, frozen=True):
    """One path of a rule."""

    path: str = ""
    backend: Backend = Backend()


class IngressHTTP(Part, frozen=True):
    """The paths of a rule."""

    paths: tuple[IngressPath, ...] = ()


class IngressRule(Part, frozen=True):
    """One host; empty means all."""

    host: str = ""
    http: IngressHTTP | None = None


class IngressTLS(Part, frozen=True):
    """Hosts and the name of the Secret with their certificate. The Secret itself is never read."""

    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Part, frozen=True):
    """The class is None where the default one is meant."""

    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTLS, ...] = ()


class IngressPoint(Part, frozen=True):
    """An address that serves it."""

    ip: str = ""
    hostname: str = ""


class LoadBalancer(Part, frozen=True):
    """The addresses that a controller published."""

    ingress: tuple[IngressPoint, ...] = ()


class IngressStatus(Part, frozen=True):
    """Empty until a controller took it."""

    load_balancer: LoadBalancer = LoadBalancer()


class Ingress(Fact, frozen=True):
    """An Ingress."""

    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()


class IngressClassSpec(Part, frozen=True):
    """Who serves it."""

    controller: str = ""


class IngressClass(Fact, frozen=True):
    """An IngressClass; the default one is annotated `ingressclass.kubernetes.io/is-default-class`."""

    spec: IngressClassSpec = IngressClassSpec()


class PolicyPort(Part, frozen=True):
    """A port by number or name; `end_port` makes it a range."""

    port: int | str | None = None
    end_port: int | None = None
    protocol: str = "TCP"


class IPBlock(Part, frozen=True):
    """Addresses."""

    cidr: str
    except_: tuple[str, ...] = msgspec.field(default=(), name="except")


class PolicyPeer(Part, frozen=True):
    """Who is meant: pods, namespaces, both, or addresses. An empty selector selects all; None is not said."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class IngressAllow(Part, frozen=True):
    """Who may come in, on which ports; an empty list means all."""

    from_: tuple[PolicyPeer, ...] = msgspec.field(default=(), name="from")
    ports: tuple[PolicyPort, ...] = ()


class EgressAllow(Part, frozen=True):
    """Where one may go, on which ports; an empty list means all."""

    to: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


class PolicySpec(Part, frozen=True):
    """`policy_types` holds Ingress, Egress or both; the server fills it in."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[IngressAllow, ...] = ()
    egress: tuple[EgressAllow, ...] = ()


class NetworkPolicy(Fact, frozen=True):
    """A NetworkPolicy."""

    spec: PolicySpec = PolicySpec()


class ParentRef(Part, frozen=True):
    """The Gateway that a route hangs on; a service mesh hangs routes on a Service."""

    kind: str = "Gateway"
    name: str = ""
    namespace: str | None = None
    section_name: str | None = None


class RouteParent(Part, frozen=True):
    """What one Gateway's controller says of a route: Accepted, ResolvedRefs."""

    parent_ref: ParentRef = ParentRef()
    controller_name: str = ""
    conditions: tuple[Condition, ...] = ()


class RouteSpec(Part, frozen=True):
    """Where it hangs."""

    parent_refs: tuple[ParentRef, ...] = ()


class RouteStatus(Part, frozen=True):
    """One entry a Gateway."""

    parents: tuple[RouteParent, ...] = ()


class HTTPRoute(Fact, frozen=True):
    """An HTTPRoute of the Gateway API."""

    spec: RouteSpec = RouteSpec()
    status: RouteStatus = RouteStatus()


class ListenerStatus(Part, frozen=True):
    """One listener of a Gateway."""

    name: str = ""
    conditions: tuple[Condition, ...] = ()


class GatewayStatus(Part, frozen=True):
    """Accepted, Programmed; and the same of each listener."""

    conditions: tuple[Condition, ...] = ()
    listeners: tuple[ListenerStatus, ...] = ()


class GatewaySpec(Part, frozen=True):
    """Who serves it."""

    gateway_class_name: str = ""


class Gateway(Fact, frozen=True):
    """A Gateway of the Gateway API."""

    spec: GatewaySpec = GatewaySpec()
    status: GatewayStatus = GatewayStatus()


TYPES: dict[str, type[Fact]] = {
    "Ingress": Ingress,
    "IngressClass": IngressClass,
    "NetworkPolicy": NetworkPolicy,
    "HTTPRoute": HTTPRoute,
    "Gateway": Gateway,
}
