"""What NetworkPolicies admit, by their rules and not by traffic.

As the API defines it: a pod that no policy of a direction selects is open in that direction; otherwise some
rule has to admit peer and port. An `ipBlock` is taken to admit no pod: whether it does differs between
network plugins.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from gym.cases.assertions.base import (
    Arguments,
    Assertion,
    Held,
    MayTarget,
    Reference,
    find_workload,
    on_state,
)
from gym.cases.selectors import matches
from gym.cases.state import Json, State, dig, key_of, mapping, maps, namespace_of, texts
from gym.cases.workloads import containers, pod_labels

NAME_LABEL = "kubernetes.io/metadata.name"
DNS_NAMESPACE, DNS_LABELS, DNS_PORT = "kube-system", {"k8s-app": "kube-dns"}, 53
"""Where cluster DNS runs: the labels that CoreDNS and kube-dns deployments carry."""

Direction = Literal["Ingress", "Egress"]


class Peer(Arguments):
    """One end of a connection: a workload by name, pods by labels, or an address outside of the cluster.
    Without a namespace: the only one that holds the workload, or the other end's."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None
    labels: dict[str, str] | None = None
    namespace_labels: dict[str, str] = Field(default={}, alias="namespaceLabels")
    ip: str | None = None


def _peer(value: object) -> object:
    """`Kind/name`, a workload's name, or plain labels, as a Peer."""
    if isinstance(value, str):
        kind, slash, name = value.partition("/")
        return {"kind": kind, "name": name} if slash else {"name": value}
    if isinstance(value, dict) and not value.keys() & {"kind", "name", "labels", "ip", "namespace"}:
        return {"labels": value}
    return value


class Ingress(MayTarget):
    """Pods of `from` may connect to this port of the pods of `to`. `port` is a number or a container port's
    name."""

    source: Annotated[Peer, BeforeValidator(_peer)] = Field(alias="from")
    to: Annotated[Peer, BeforeValidator(_peer)]
    port: int | str
    protocol: str = "TCP"


class EgressDns(MayTarget):
    """Pods of `from` may ask the cluster's DNS (UDP 53)."""

    source: Annotated[Peer, BeforeValidator(_peer)] = Field(alias="from")


# ---------------------------------------------------------------- ends of a connection


@dataclass(frozen=True, slots=True)
class _End:
    namespace: str
    labels: Mapping[str, Any]
    namespace_labels: Mapping[str, Any]
    ports: Mapping[str, int]  # by name
    ip: str | None = None


def _end(state: State, peer: Peer, beside: str | None) -> _End | Held:
    """`beside` is the namespace where a peer that names none is looked for first."""
    if peer.ip is not None:
        return _End("", {}, {}, {}, peer.ip)
    if peer.labels is not None:
        namespace = peer.namespace or beside
        if namespace is None:
            return Held(False, "labels alone say no namespace")
        return _End(namespace, peer.labels, _namespace_labels(state, namespace, peer), {})
    if not peer.name:
        return Held(False, "a peer names neither a workload nor labels")
    reference = Reference(kind=peer.kind, name=peer.name, namespace=peer.namespace)
    workload = find_workload(state, reference, beside)
    if isinstance(workload, Held) and beside is not None and peer.namespace is None:
        workload = find_workload(state, reference, None)
    if isinstance(workload, Held):
        return workload
    namespace = namespace_of(workload)
    ports = {
        port["name"]: port["containerPort"]
        for container in containers(workload)
        for port in maps(container.get("ports"))
        if isinstance(port.get("name"), str) and isinstance(port.get("containerPort"), int)
    }
    return _End(namespace, pod_labels(workload), _namespace_labels(state, namespace, peer), ports)


def _namespace_labels(state: State, namespace: str, peer: Peer | None) -> Json:
    found = state.get("Namespace", "", namespace) or {}
    told = peer.namespace_labels if peer is not None else {}
    return {**mapping(dig(found, "metadata", "labels")), **told, NAME_LABEL: namespace}


# ---------------------------------------------------------------- policies


class _Connection(NamedTuple):
    """What a rule is asked about. `far` is the end that the rule's peers describe; `listener` the end whose
    port it is."""

    far: _End
    listener: _End
    port: int
    protocol: str


def _admits(state: State, near: _End, direction: Direction, wanted: _Connection) -> Held:
    isolating = [
        policy
        for policy in state.of_kind("NetworkPolicy", near.namespace)
        if direction in _types(policy) and matches(dig(policy, "spec", "podSelector"), near.labels)
    ]
    if not isolating:
        return Held(True, f"no policy restricts {direction.lower()}")
    field, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for policy in isolating:
        for rule in maps(dig(policy, "spec", field)):
            admitted = not rule.get(peers) or any(
                _is(peer, wanted.far, near.namespace) for peer in maps(rule.get(peers))
            )
            if admitted and _on_port(rule, wanted):
                return Held(True, f"NetworkPolicy {key_of(policy)[2]} admits it")
    return Held(False, f"NetworkPolicy {', '.join(key_of(p)[2] for p in isolating)} admits no such {field}")


def _types(policy: Json) -> list[str]:
    """A policy that states none is for ingress, and for egress too where it has such rules."""
    stated = texts(dig(policy, "spec", "policyTypes"))
    return stated or ["Ingress", *(["Egress"] if dig(policy, "spec", "egress") else [])]


def _is(peer: Json, end: _End, policy_namespace: str) -> bool:
    block = peer.get("ipBlock")
    if block is not None or end.ip is not None:
        return end.ip is not None and _in_block(mapping(block), end.ip)
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if pods is None and namespaces is None:
        return False
    if pods is not None and not matches(pods, end.labels):
        return False
    if namespaces is None:
        return end.namespace == policy_namespace
    return matches(namespaces, end.namespace_labels)


def _in_block(block: Json, address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
        if found not in ipaddress.ip_network(str(block.get("cidr", "")), strict=False):
            return False
        return not any(found in ipaddress.ip_network(one, strict=False) for one in texts(block.get("except")))
    except ValueError:
        return False


def _on_port(rule: Json, wanted: _Connection) -> bool:
    ports = rule.get("ports")
    return not ports or any(_port_is(port, wanted) for port in maps(ports))


def _port_is(port: Json, wanted: _Connection) -> bool:
    if port.get("protocol", "TCP") != wanted.protocol:
        return False
    first, last = port.get("port"), port.get("endPort")
    if first is None:
        return True
    if isinstance(first, str):
        return wanted.listener.ports.get(first) == wanted.port
    if not isinstance(first, int):
        return False
    return first <= wanted.port <= (last if isinstance(last, int) else first)


# ---------------------------------------------------------------- assertions


def _ingress(state: State, args: Ingress) -> Held:
    to = _end(state, args.to, args.source.namespace)
    if isinstance(to, Held):
        return to
    source = _end(state, args.source, to.namespace)
    if isinstance(source, Held):
        return source
    port = to.ports.get(args.port) if isinstance(args.port, str) else args.port
    if port is None and isinstance(args.port, str) and args.port.isascii() and args.port.isdigit():
        port = int(args.port)
    if port is None:
        return Held(False, f"no container port is named {args.port}")
    return _admits(state, to, "Ingress", _Connection(source, to, port, args.protocol))


def _egress_dns(state: State, args: EgressDns) -> Held:
    source = _end(state, args.source, None)
    if isinstance(source, Held):
        return source
    dns = _End(DNS_NAMESPACE, DNS_LABELS, _namespace_labels(state, DNS_NAMESPACE, None), {"dns": DNS_PORT})
    return _admits(state, source, "Egress", _Connection(dns, dns, DNS_PORT, "UDP"))


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "netpol_ingress_allows": on_state(Ingress, _ingress),
    "netpol_egress_allows_dns": on_state(EgressDns, _egress_dns),
}
