"""What NetworkPolicies admit, by their rules and not by traffic.

As networking/v1 defines it: a pod that no policy of a direction selects is open in that direction; otherwise some rule
has to admit peer and port. Three-valued: of a namespace only its name is known here (label kubernetes.io/metadata.name),
whether an address block holds a pod differs between network plugins, and a port's name may be unknown; where the answer
hangs on such a thing it is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from detectors.facts import LabelSelector, selects
from detectors.facts_network import EgressAllow, IngressAllow, NetworkPolicy, PolicyPeer, PolicyPort

NAMESPACE_NAME = "kubernetes.io/metadata.name"
DNS_PORT = 53


class Direction(StrEnum):
    """As `policyTypes` spells it."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


@dataclass(frozen=True, slots=True)
class End:
    """Pods that are alike, as one end of a connection. `ports` are their named ones; None where unknown."""

    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[str, int] | None = field(default=None, compare=False)


DNS = End("kube-system", {"k8s-app": "kube-dns"}, {"dns": DNS_PORT, "dns-tcp": DNS_PORT})
"""The cluster's DNS: the labels that CoreDNS and kube-dns deployments carry."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """The policies that restrict some pods in one direction. `sure` is False where one more might."""

    policies: Sequence[NetworkPolicy]
    sure: bool

    @property
    def names(self) -> str:
        """For a message."""
        return ", ".join(sorted(policy.metadata.name for policy in self.policies))


def restriction(policies: Iterable[NetworkPolicy], end: End, direction: Direction) -> Restriction:
    """The policies of the end's namespace that select it in this direction; none of them means open."""
    chosen, sure = [], True
    for policy in policies:
        if policy.metadata.namespace != end.namespace or direction not in types(policy):
            continue
        taken = selects(policy.spec.pod_selector, dict(end.labels))
        if taken:
            chosen.append(policy)
        sure = sure and taken is not None
    return Restriction(chosen, sure)


def types(policy: NetworkPolicy) -> tuple[str, ...]:
    """The server fills them in; without: ingress, and egress too where it has such rules."""
    stated = policy.spec.policy_types
    return stated or (("Ingress", "Egress") if policy.spec.egress else ("Ingress",))


def admits(
    policies: Iterable[NetworkPolicy], near: End, far: End, direction: Direction, port: int, protocol: str
) -> bool | None:
    """Whether pods like `near` may talk with pods like `far` in this direction; the port is the listener's."""
    restricting = restriction(policies, near, direction)
    if not restricting.policies:
        return True if restricting.sure else None
    listener = near if direction is Direction.INGRESS else far
    answer: bool | None = False
    for policy in restricting.policies:
        for rule in rules(policy, direction):
            peers = peers_of(rule)
            to_peer = either(is_peer(peer, far, near.namespace) for peer in peers) if peers else True
            met = both(to_peer, on_port(rule.ports, port, protocol, listener.ports))
            if met:
                return True
            answer = None if met is None else answer
    return answer if restricting.sure else None


def rules(policy: NetworkPolicy, direction: Direction) -> Sequence[IngressAllow | EgressAllow]:
    """Its rules of the direction."""
    return policy.spec.ingress if direction is Direction.INGRESS else policy.spec.egress


def peers_of(rule: IngressAllow | EgressAllow) -> Sequence[PolicyPeer]:
    """Whom the rule admits; nobody named means everybody."""
    return rule.from_ if isinstance(rule, IngressAllow) else rule.to


def is_peer(peer: PolicyPeer, end: End, namespace: str) -> bool | None:
    """Whether the peer of a policy of this namespace means these pods."""
    if peer.ip_block is not None:
        return None
    if peer.pod_selector is None and peer.namespace_selector is None:
        return False
    pods = True if peer.pod_selector is None else selects(peer.pod_selector, dict(end.labels))
    if peer.namespace_selector is None:
        return both(pods, end.namespace == namespace)
    return both(pods, _is_namespace(peer.namespace_selector, end.namespace))


def _is_namespace(selector: LabelSelector, name: str) -> bool | None:
    """By the one label that every namespace has; what another label says is unknown."""
    labels, unknown = {NAMESPACE_NAME: name}, False
    for key, value in selector.match_labels.items():
        if key != NAMESPACE_NAME:
            unknown = True
        elif value != name:
            return False
    for rule in selector.match_expressions:
        if rule.key != NAMESPACE_NAME:
            unknown = True
            continue
        met = selects(LabelSelector({}, (rule,)), labels)
        if met is False:
            return False
        unknown = unknown or met is None
    return None if unknown else True


def on_port(
    ports: Sequence[PolicyPort], port: int, protocol: str, names: Mapping[str, int] | None
) -> bool | None:
    """Whether one of the rule's ports is this one; none named means all."""
    return either(_is_port(one, port, protocol, names) for one in ports) if ports else True


def _is_port(one: PolicyPort, port: int, protocol: str, names: Mapping[str, int] | None) -> bool | None:
    if one.protocol != protocol:
        return False
    if one.port is None:
        return True
    if isinstance(one.port, str):
        return None if names is None else names.get(one.port) == port
    return one.port <= port <= (one.port if one.end_port is None else one.end_port)


def both(one: bool | None, other: bool | None) -> bool | None:
    """And, where unknown stays unknown unless the other decides."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def either(answers: Iterable[bool | None]) -> bool | None:
    """Or, likewise."""
    found: bool | None = False
    for answer in answers:
        if answer:
            return True
        found = None if answer is None else found
    return found
