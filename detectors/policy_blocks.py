"""NetworkPolicies that cut a path that something declares.

Declared is: a path that the intent names (`paths`), a Service's port, to which nobody at all is admitted, and cluster
DNS for pods that may connect to others by rules which name them: pods are found by name. Pods to which a policy
leaves no way out at all are left alone, and so are those that may only reach addresses: that can be meant. By rule, not
by traffic; what hangs on something that is not known here (detectors.policy_rules) is no violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detectors.base import Detector, Finding, View
from detectors.facts import Service, labels_match
from detectors.facts_network import NetworkPolicy
from detectors.model import FaultClass, Gap, Settling, Severity, Turn, Unknown, Violation
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
from detectors.selection import NEEDS, Party, parties, takes_any
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
    around = list(parties(view.world, namespace))
    yield from _paths(view, every, around)
    worst: dict[str, Violation | Settling] = {}
    for finding in (*_unreachable(view, every, around), *_without_dns(view, every, around)):
        if finding.target.name in told and _weight(finding) > _weight(worst.get(finding.target.name)):
            worst[finding.target.name] = finding
    yield from worst.values()


def _weight(finding: Violation | Settling | None) -> int:
    """Of what one policy cuts, the worst is told: it is one thing to mend."""
    if isinstance(finding, Violation):
        return 1 + len(Severity) - list(Severity).index(finding.severity)
    return 0 if finding is None else 1


def _end(namespace: str, party: Party) -> End:
    names = {port.name: port.container_port for port in of_containers(party.containers) if port.name}
    return End(namespace, party.labels, names)


# ---------------------------------------------------------------- cluster DNS


def _without_dns(
    view: View, every: Sequence[NetworkPolicy], around: Sequence[Party]
) -> Iterator[Violation | Settling]:
    namespace = view.scope.namespace
    for party in around:
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


# ---------------------------------------------------------------- Services


def _unreachable(
    view: View, every: Sequence[NetworkPolicy], around: Sequence[Party]
) -> Iterator[Violation | Settling]:
    namespace = view.scope.namespace
    for (where, _), service in view.world.observation.services().items():
        if where != namespace or not service.spec.selector:
            continue
        for party in around:
            if labels_match(service.spec.selector, party.labels):
                yield from _closed_ports(view, every, service, party)


def _closed_ports(
    view: View, every: Sequence[NetworkPolicy], service: Service, party: Party
) -> Iterator[Violation | Settling]:
    near = _end(view.scope.namespace, party)
    restricting = restriction(every, near, Direction.INGRESS)
    if not restricting.policies or not restricting.sure:
        return
    for port in service.spec.ports:
        number = leads_to(port, of_containers(party.containers))
        if number is None:
            continue
        peers = [
            peer
            for policy in restricting.policies
            for rule in rules(policy, Direction.INGRESS)
            if on_port(rule.ports, number, port.protocol, near.ports) is not False
            for peer in (peers_of(rule) or (None,))
        ]
        way = f"port {port.port} of Service/{service.metadata.name} ({number} of {party.ref})"
        served, numbered = service.metadata.name, f"{number}/{port.protocol}"
        if not peers:
            told = f"nobody is admitted to {way}: no ingress rule of {restricting.names} holds for it"
            yield _told(
                view, restricting, "NobodyAdmitted", told, subject=party, service=served, port=numbered
            )
            return
        selectors = [
            peer.pod_selector
            for peer in peers
            if peer is not None and peer.ip_block is None and peer.namespace_selector is None
        ]
        if len(selectors) == len(peers) and all(
            selector is None or takes_any(view.world, view.scope.namespace, selector) is False
            for selector in selectors
        ):
            told = f"those that {restricting.names} admit to {way} are nobody: no pod here has their labels"
            yield _told(
                view,
                restricting,
                "NobodyMatches",
                told,
                Severity.INFO,
                subject=party,
                service=served,
                port=numbered,
            )
            return


# ---------------------------------------------------------------- paths that the intent declares


def _paths(view: View, every: Sequence[NetworkPolicy], around: Sequence[Party]) -> Iterator[Finding]:
    expectation = view.expectation
    assert isinstance(expectation, ObjectsHealthy)
    for path in expectation.paths:
        sources = [party for party in around if labels_match(path.from_, party.labels)]
        listeners = [party for party in around if labels_match(path.to, party.labels)]
        for source in sources:
            for listener in listeners:
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
