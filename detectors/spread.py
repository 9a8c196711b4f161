"""The pods of a workload stand where one loss takes them all, or far from as evenly as it asks.

The scheduler looks at spread when it places a pod and never again: what is removed later leaves a skew (kubernetes
docs, Pod Topology Spread Constraints, "Known limitations").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from detectors.base import WORKLOADS, Detector, Finding, View
from detectors.facts import SpreadConstraint, selects
from detectors.facts_cluster import Node
from detectors.model import FaultClass, Severity
from detectors.nodes import by_name, takes_pods
from detectors.rollout import Phase
from detectors.timestamps import age
from detectors.world import Workers, World
from intents.model import ObjectKind, ObjectsHealthy

NAME = "spread"
KINDS = ("Deployment", "StatefulSet")
FAR = 2
"""A skew is a fault above this many times `maxSkew`. Source: ours; up to twice it a rollout or one lost pod
leaves behind, and the next placement evens it out."""
HOSTNAME = "kubernetes.io/hostname"


def _judge(view: View) -> Iterator[Finding]:
    wanted = set(getattr(view.expectation, "kinds", ()) or get_args(ObjectKind))
    nodes: Mapping[str, Node] | None = None
    for workers in view.workers:
        kind, constraints = workers.ref.kind, workers.workload.spec.template.spec.topology_spread_constraints
        if kind not in KINDS or kind not in wanted or (len(workers.on_nodes) > 1 and not constraints):
            continue
        nodes = nodes if nodes is not None else _nodes(view.world)
        if not workers.on_nodes.keys() <= nodes.keys() or not _placed(workers):
            continue
        found = _one_node(view, workers, nodes) or _skewed(view, workers, nodes)
        if found is not None and _old(view, workers):
            yield found


def _placed(workers: Workers) -> bool:
    """Whether nothing is being placed: at least two pods, all there and bound."""
    if workers.rollout.phase is not Phase.DONE or workers.older or workers.leaving or len(workers.pods) < 2:
        return False
    return "" not in workers.on_nodes and len(workers.pods) >= workers.rollout.desired


def _old(view: View, workers: Workers) -> bool:
    """Whether no pod is new: asked last, because it asks every pod."""
    newest = max(pod.metadata.creation_timestamp for pod in workers.pods)
    return (age(newest, view.at) or 0.0) > view.patience.creating


def _one_node(view: View, workers: Workers, nodes: Mapping[str, Node]) -> Finding | None:
    """All on one node, though another could take them. A template that ties its pods together, to a node or to a
    volume, wants it so, or at least nothing here can tell."""
    spec = workers.workload.spec.template.spec
    affinity = spec.affinity
    tied = affinity is not None and (affinity.node_affinity is not None or affinity.pod_affinity is not None)
    claims = any(volume.persistent_volume_claim is not None for volume in spec.volumes)
    if len(workers.on_nodes) != 1 or tied or claims:
        return None
    (name,) = workers.on_nodes
    others = [node for node in _eligible(view.world, workers, nodes) if node != name]
    if not others:
        return None
    return _violation(
        view,
        workers,
        "OneNode",
        f"all {len(workers.pods)} pods of {workers.ref} run on node {name}, though {len(others)} more could take them",
        {"node": name, "topologyKey": HOSTNAME},
    )


def _skewed(view: View, workers: Workers, nodes: Mapping[str, Node]) -> Finding | None:
    for constraint in workers.workload.spec.template.spec.topology_spread_constraints:
        if (
            constraint.topology_key == HOSTNAME
            and max(workers.on_nodes.values()) <= FAR * constraint.max_skew
        ):
            continue  # no node has so many that it could be far above an empty one
        by_domain = _domains(view.world, workers, nodes, constraint)
        if by_domain is None or len(by_domain) < 2:
            continue
        skew = max(by_domain.values()) - min(by_domain.values())
        if skew <= FAR * max(1, constraint.max_skew):
            continue
        where = ", ".join(f"{domain}: {count}" for domain, count in by_domain.most_common(4))
        return _violation(
            view,
            workers,
            "Skew",
            f"the pods of {workers.ref} stand unevenly over {constraint.topology_key} ({where}, ... of "
            f"{len(by_domain)}): a skew of {skew}, at most {constraint.max_skew} is asked for",
            {
                "topologyKey": constraint.topology_key,
                "skew": str(skew),
                "maxSkew": str(constraint.max_skew),
                "whenUnsatisfiable": constraint.when_unsatisfiable,
            },
        )
    return None


def _domains(
    world: World, workers: Workers, nodes: Mapping[str, Node], constraint: SpreadConstraint
) -> Counter[str] | None:
    """Pods by domain, those with none included; None for a constraint that is about other pods than these."""
    labels = workers.workload.spec.template.metadata.labels
    if constraint.label_selector is None or selects(constraint.label_selector, labels) is not True:
        return None
    key = constraint.topology_key
    found = Counter(dict.fromkeys(_eligible_domains(world, workers, nodes, key), 0))
    for name, count in workers.on_nodes.items():
        domain = nodes[name].metadata.labels.get(key)
        if domain is not None:
            found[domain] += count
    return found


def _eligible_domains(world: World, workers: Workers, nodes: Mapping[str, Node], key: str) -> frozenset[str]:
    selector = tuple(sorted(workers.workload.spec.template.spec.node_selector.items()))
    return world.once(
        (NAME, key, selector),
        lambda: frozenset(
            domain
            for name in _eligible(world, workers, nodes)
            if (domain := nodes[name].metadata.labels.get(key)) is not None
        ),
    )


def _nodes(world: World) -> Mapping[str, Node]:
    return world.once((NAME, "nodes"), lambda: by_name(world.observation.all_of("Node", Node)))


def _eligible(world: World, workers: Workers, nodes: Mapping[str, Node]) -> Sequence[str]:
    """Nodes that could take a pod of this template as far as node selector and taints say; a tolerated taint counts
    as keeping away, so that doubt finds fewer."""
    free = world.once((NAME, "free"), lambda: [name for name, node in nodes.items() if takes_pods(node)])
    wanted = workers.workload.spec.template.spec.node_selector.items()
    return [name for name in free if wanted <= nodes[name].metadata.labels.items()] if wanted else free


def _violation(view: View, workers: Workers, reason: str, message: str, facts: Mapping[str, str]) -> Finding:
    return view.violation(
        NAME,
        FaultClass.SPREAD_VIOLATED,
        workers.ref,
        severity=Severity.WARNING,
        reason=reason,
        message=message,
        facts=facts,
    )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.SPREAD_VIOLATED}),
    (ObjectsHealthy,),
    (WORKLOADS, "ReplicaSet", "Pod", "Node"),
    _judge,
    KINDS,
)
