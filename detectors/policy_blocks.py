"""NetworkPolicies that cut a path that something declares.

Declared is: a path that the intent names (`paths`); a Service's port, or the ports of containers that admit somebody
somewhere, where nobody at all is admitted; and cluster DNS for pods that may connect to others by rules which name
them: pods are found by name. Pods to which a policy
leaves no way out at all are left alone, and so are those that may only reach addresses: that can be meant. By rule, not
by traffic; what hangs on something that is not known here (detectors.policy_rules) is no violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detectors.base import Detector, Finding, View
from detectors.facts import LabelSelector, Service
from detectors.facts_network import NetworkPolicy, PolicyPeer
from detectors.model import FaultClass, Gap, ObjectRef, Settling, Severity, Turn, Unknown, Violation
from detectors.policy_rules import (
    DNS,
    DNS_PORT,
    Direction,
    End,
    Restriction,
    admits,
    on_port,
    peers_of,
    restriction,
    rules,
)
from detectors.selection import NEEDS, Crowd, Party, crowd, in_words, takes_any
from detectors.service_ports import leads_to, of_containers
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy, TrafficPath

NAME = "policyBlocks"


def _judge(view: View) -> Iterator[Finding]:
    namespace = view.scope.namespace
    every = [
        found
        for (where, _), found in view.world.observation.all_of("NetworkPolicy", NetworkPolicy).items()
        if where == namespace and not found.metadata.deletion_timestamp
    ]
    told = {found.metadata.name for found in view.objects("NetworkPolicy", NetworkPolicy)}
    if not every or not told:
        return
    around = crowd(view.world, namespace)
    yield from _paths(view, every, around)
    restricted = _restricted(every, around)
    worst: dict[str, Violation | Settling] = {}
    for finding in (*_unreachable(view, around, restricted), *_without_dns(view, restricted)):
        if finding.target.name in told and _weight(finding) > _weight(worst.get(finding.target.name)):
            worst[finding.target.name] = finding
    yield from worst.values()


def _weight(finding: Violation | Settling | None) -> int:
    """Of what one policy cuts, the worst is told: it is one thing to mend."""
    if isinstance(finding, Violation):
        return 1 + len(Severity) - list(Severity).index(finding.severity)
    return 0 if finding is None else 1


def _restricted(every: Sequence[NetworkPolicy], around: Crowd) -> list[tuple[Party, list[NetworkPolicy]]]:
    """Who is restricted, or may be, and by which policies: most are by none."""
    found: dict[ObjectRef, tuple[Party, list[NetworkPolicy]]] = {}
    for policy in every:
        for party, _ in around.selected_by(policy.spec.pod_selector):
            found.setdefault(party.ref, (party, []))[1].append(policy)
    return list(found.values())


def _end(namespace: str, party: Party) -> End:
    names = {port.name: port.container_port for port in of_containers(party.containers) if port.name}
    return End(namespace, party.labels, names)


# ---------------------------------------------------------------- cluster DNS


def _without_dns(
    view: View, restricted: Sequence[tuple[Party, list[NetworkPolicy]]]
) -> Iterator[Violation | Settling]:
    namespace = view.scope.namespace
    for party, every in restricted:
        near = _end(namespace, party)
        restricting = restriction(every, near, Direction.EGRESS)
        if not restricting.policies or not _names_pods(restricting):
            continue
        if admits(every, near, DNS, Direction.EGRESS, DNS_PORT, "UDP") is False:
            told = (
                f"{party.ref} may connect to other pods, but may not ask the cluster's DNS for them: no egress rule of "
                f"{restricting.names} admits UDP 53 to {DNS.namespace}"
            )
            yield _told(view, restricting, "DNSBlocked", told, subject=party, port="53/UDP")


def _names_pods(restricting: Restriction) -> bool:
    """Whether some rule admits pods, by selector or by admitting everybody."""
    return any(
        not peers_of(rule) or any(peer.ip_block is None for peer in peers_of(rule))
        for policy in restricting.policies
        for rule in rules(policy, Direction.EGRESS)
    )


# ---------------------------------------------------------------- ports


class _Port(NamedTuple):
    """A port that somebody should be able to reach, and the Service that leads to it (empty for none)."""

    number: int
    protocol: str
    service: str = ""


def _unreachable(
    view: View, around: Crowd, restricted: Sequence[tuple[Party, list[NetworkPolicy]]]
) -> Iterator[Violation | Settling]:
    namespace = view.scope.namespace
    leading: dict[ObjectRef, list[Service]] = {}
    for (where, _), service in view.world.observation.services().items():
        for party in around.taken_by(service.spec.selector) if where == namespace else ():
            leading.setdefault(party.ref, []).append(service)
    for party, every in restricted:
        near = _end(namespace, party)
        restricting = restriction(every, near, Direction.INGRESS)
        if not restricting.policies or not restricting.sure:
            continue
        served = [port for service in leading.get(party.ref, ()) for port in _served(service, party)]
        if served:
            for port in served:
                yield from _closed(view, restricting, party, near, [port])
        elif any(rules(policy, Direction.INGRESS) for policy in restricting.policies):
            declared = [_Port(port.container_port, port.protocol) for port in of_containers(party.containers)]
            yield from _closed(view, restricting, party, near, declared)


def _served(service: Service, party: Party) -> Iterator[_Port]:
    for port in service.spec.ports:
        number = leads_to(port, of_containers(party.containers))
        if number is not None:
            yield _Port(number, port.protocol, service.metadata.name)


def _closed(
    view: View, restricting: Restriction, party: Party, near: End, ports: Sequence[_Port]
) -> Iterator[Violation | Settling]:
    """Where nobody can reach any of these ports. Of those that are only declared one is enough: another may be for
    the node alone."""
    if not ports:
        return
    admitted = [
        peer
        for policy in restricting.policies
        for rule in rules(policy, Direction.INGRESS)
        if any(on_port(rule.ports, port.number, port.protocol, near.ports) is not False for port in ports)
        for peer in (peers_of(rule) or (_EVERYBODY,))
    ]
    numbers = ", ".join(f"{port.number}/{port.protocol}" for port in ports)
    behind = f" (Service/{ports[0].service})" if ports[0].service else ""
    way = f"port {numbers} of {party.ref}{behind}"
    if not admitted:
        told = f"nobody is admitted to {way}: no ingress rule of {restricting.names} holds for it"
        reason, severity = "NobodyAdmitted", Severity.WARNING
    elif all(_is_nobody(view, peer) for peer in admitted):
        named = "; ".join(in_words(peer.pod_selector) for peer in admitted if peer.pod_selector is not None)
        told = (
            f"those that {restricting.names} admits to {way} are nobody: no pod here has the labels {named}"
        )
        reason, severity = "NobodyMatches", Severity.INFO
    else:
        return
    yield _told(
        view, restricting, reason, told, severity, subject=party, service=ports[0].service, port=numbers
    )


_EVERYBODY = PolicyPeer(LabelSelector(), LabelSelector())


def _is_nobody(view: View, peer: PolicyPeer) -> bool:
    """Whether the peer means pods of this namespace, and none has its labels."""
    if peer.ip_block is not None or peer.namespace_selector is not None:
        return False
    selector = peer.pod_selector
    return selector is None or takes_any(view.world, view.scope.namespace, selector) is False


# ---------------------------------------------------------------- paths that the intent declares


def _paths(view: View, every: Sequence[NetworkPolicy], around: Crowd) -> Iterator[Finding]:
    expectation = view.expectation
    assert isinstance(expectation, ObjectsHealthy)
    for path in expectation.paths:
        for source in around.taken_by(path.from_):
            for listener in around.taken_by(path.to):
                yield from _path(view, every, path, source, listener)


def _path(
    view: View, every: Sequence[NetworkPolicy], path: TrafficPath, source: Party, listener: Party
) -> Iterator[Finding]:
    namespace = view.scope.namespace
    one, other = _end(namespace, source), _end(namespace, listener)
    port = path.port if isinstance(path.port, int) else (other.ports or {}).get(path.port)
    if port is None:
        gap = Gap(f"path to {listener.ref}", "NoData", f"no port there is named {path.port}", Turn.OPERATOR)
        yield Unknown(view.intent.name, view.index, gap)
        return
    for near, far, direction in ((one, other, Direction.EGRESS), (other, one, Direction.INGRESS)):
        answer = admits(every, near, far, direction, port, path.protocol)
        restricting = restriction(every, near, direction)
        way = f"{source.ref} to port {port}/{path.protocol} of {listener.ref}"
        if answer is False:
            told = f"{way} is declared, and no {direction.lower()} rule of {restricting.names} admits it"
            yield _told(view, restricting, "PathBlocked", told, Severity.CRITICAL, subject=listener)
            return
        if answer is None:
            why = f"whether {restricting.names} admit {way} hangs on addresses or namespace labels"
            yield Unknown(view.intent.name, view.index, Gap(f"path {way}", "NoData", why, Turn.NOBODY))


def _told(
    view: View,
    restricting: Restriction,
    reason: str,
    message: str,
    severity: Severity = Severity.WARNING,
    *,
    subject: Party,
    port: str = "",
    service: str = "",
) -> Violation | Settling:
    """On the first of the policies by name: together they admit too little, each may be the one to change."""
    first = min(restricting.policies, key=lambda policy: policy.metadata.name)
    target = ref("NetworkPolicy", first.metadata)
    since = age(first.metadata.creation_timestamp, view.at)
    if since is not None and since <= view.patience.missing:
        return view.settling(target, message)
    return view.violation(
        NAME,
        FaultClass.POLICY_BLOCKS,
        target,
        severity=severity,
        reason=reason,
        message=message,
        subject=subject.ref,
        facts={"policies": restricting.names, "port": port, "service": service},
    )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.POLICY_BLOCKS}),
    (ObjectsHealthy,),
    ("NetworkPolicy", "Service", *NEEDS),
    _judge,
    ("NetworkPolicy",),
)
