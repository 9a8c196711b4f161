"""What several cases may have in common: a node, a claim, a ConfigMap or an image.

Pure and told from facts alone: pods that are not ready stand on a node that is not, a pod that no node takes uses a
claim that has no volume, containers lack the same ConfigMap, cannot pull the same image. One case is then worked on
and the others wait for how it ends (`detectors.triage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from detectors.facts import Pod, Workload
from detectors.facts_cluster import Node
from detectors.model import Cause, FaultClass, Judgement, ObjectRef, Violation
from detectors.nodes import by_name, condition
from detectors.pods import ready
from detectors.world import World
from intents.model import WORKLOAD_KINDS

SYMPTOMS = frozenset(
    {
        FaultClass.NOT_READY,
        FaultClass.REPLICAS_LOW,
        FaultClass.ENDPOINTS_NOT_READY,
        FaultClass.ROLLOUT_STUCK,
        FaultClass.STUCK_TERMINATING,
        FaultClass.TARGET_DOWN,
    }
)
"""What pods show, and what is made of them, when their node is lost; anything else is a fault of their own."""

_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)"', re.IGNORECASE)
_ABOUT_CLAIMS = re.compile(r"persistent ?volume|storageclass", re.IGNORECASE)
"""The scheduler's words (kubernetes pkg/scheduler/framework/plugins/volumebinding): `pod has unbound immediate
PersistentVolumeClaims`, `storageclass.storage.k8s.io "x" not found`, `persistentvolumeclaim "x" not found`."""


class Causes:
    """The causes that one look knows of. Built once a look, and only where something is broken."""

    def __init__(self, judgement: Judgement, world: World) -> None:
        self._world = world
        told = [violation.target for violation in judgement.violations]
        told += [settling.target for settling in judgement.settling]
        nodes = by_name(world.observation.all_of("Node", Node))
        self._lost_nodes = {
            target.name for target in told if target.kind == "Node" and _lost(nodes.get(target.name))
        }
        self._claims = {target.key[1:] for target in told if target.kind == "PersistentVolumeClaim"}

    def of(self, target: ObjectRef, violations: Sequence[Violation]) -> Cause | None:
        """What the first of a case's violations comes from, where others may have it in common."""
        primary = violations[0]
        image, config_map = primary.facts.get("image"), primary.facts.get("configMap")
        match primary.fault_class:
            case FaultClass.IMAGE_PULL if image:
                return Cause("Image", "", image)
            case FaultClass.CONFIG_REFERENCE if config_map:
                return Cause("ConfigMap", target.namespace, config_map)
            case FaultClass.UNSCHEDULABLE if _ABOUT_CLAIMS.search(primary.message):
                return self._claim(target, primary)
        if all(violation.fault_class in SYMPTOMS for violation in violations):
            return self._node(target)
        return None

    def _node(self, target: ObjectRef) -> Cause | None:
        """The lost node that all pods of the target that are not ready stand on (the first by name of several)."""
        workload = self._workload(target)
        if workload is None or not self._lost_nodes:
            return None
        pods = self._world.workers(target.kind, workload).troubled
        on = {_node_of(pod) for pod in pods if not ready(pod)}
        return Cause("Node", "", min(on)) if on and on <= self._lost_nodes else None

    def _claim(self, target: ObjectRef, primary: Violation) -> Cause | None:
        """A claim of the template that is broken itself; else the one that the scheduler names."""
        workload = self._workload(target)
        for name in () if workload is None else sorted(self._claims_of(target, workload)):
            return Cause("PersistentVolumeClaim", target.namespace, name)
        named = _CLAIM.search(primary.message)
        return None if named is None else Cause("PersistentVolumeClaim", target.namespace, named[1])

    def _claims_of(self, target: ObjectRef, workload: Workload) -> Iterator[str]:
        prefixes = tuple(
            f"{claim.metadata.name}-{target.name}-" for claim in workload.spec.volume_claim_templates
        )
        used = {
            volume.persistent_volume_claim.claim_name
            for volume in workload.spec.template.spec.volumes
            if volume.persistent_volume_claim is not None
        }
        for namespace, name in self._claims:
            if namespace == target.namespace and (name in used or (prefixes and name.startswith(prefixes))):
                yield name

    def _workload(self, target: ObjectRef) -> Workload | None:
        found = self._world.find(target) if target.kind in WORKLOAD_KINDS else None
        return found if isinstance(found, Workload) else None


def _node_of(pod: Pod) -> str:
    return pod.spec.node_name or ""


def _lost(node: Node | None) -> bool:
    if node is None:
        return False
    found = condition(node, "Ready")
    return found is None or found.status != "True"
