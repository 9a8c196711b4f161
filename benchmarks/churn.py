"""An hour of a healthy cluster's life in compressed time: rollouts, scaling, drains, restarts, new nodes and claims.

Every object is what the controllers and kubelets would write at that second, a second late here and there as they
are. Nothing is broken, so whoever looks must stay silent. Seeded; needs no cluster and no clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from detectors import facts as f
from detectors.facts_cluster import (
    Claim,
    ClaimSpec,
    ClaimStatus,
    Node,
    NodeSpec,
    NodeStatus,
    StorageClass,
    Taint,
)
from detectors.model import Observation
from intents.model import Intent

BEGIN = 1_800_000_000.0
STARTS = (3, 25)
"""Seconds from a pod's creation until it is ready."""
DRAINED_FOR = 600
PODS_A_NODE = 100


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class _Life:
    """One pod: when it was made, is ready, and is gone (infinite until somebody says)."""

    name: str
    revision: int
    node: str
    made: float
    ready_at: float
    gone_at: float = float("inf")
    fact: f.Pod | None = None
    was_ready: bool = False


@dataclass(slots=True)
class _Workload:
    namespace: str
    name: str
    replicas: int
    revision: int = 1
    changed_at: float = 0.0
    progressed_at: float = 0.0
    pods: list[_Life] = field(default_factory=list)


class Churn:
    """`turn(seconds)` lives on; `observation()` is what a look would be given. Facts that did not change stay the same
    objects, as the cache's do."""

    def __init__(
        self, pods: int, nodes: int, *, seed: int, a_workload: int = 20, namespaces: int = 50
    ) -> None:
        self._random, self.at, self._made = random.Random(seed), BEGIN, 0
        self._nodes = {f"node-{number:03d}": BEGIN - 86_400.0 for number in range(nodes)}
        self._cordoned: dict[str, float] = {}
        self._objects: dict[str, dict[tuple[str, str], f.Fact]] = {kind: {} for kind in f.FACT_TYPES}
        self._objects |= {"Node": {}, "PersistentVolumeClaim": {}, "StorageClass": {}, "PersistentVolume": {}}
        self._objects |= {"ValidatingWebhookConfiguration": {}, "MutatingWebhookConfiguration": {}}
        marks = {"storageclass.kubernetes.io/is-default-class": "true"}
        self._objects["StorageClass"]["", "fast"] = StorageClass(
            metadata=f.ObjectMeta(name="fast", annotations=marks),
            provisioner="p",
            volume_binding_mode="Immediate",
        )
        self._claims: dict[str, float] = {}
        self._workloads = [
            _Workload(f"shop-{number % namespaces:02d}", f"web-{number:04d}", a_workload)
            for number in range(max(1, pods // a_workload))
        ]
        for workload in self._workloads:
            for _ in range(workload.replicas):
                self._start(workload, made=BEGIN - 7200.0)
            self._write(workload)
        for name in self._nodes:
            self._write_node(name)

    @property
    def namespaces(self) -> list[str]:
        return sorted({workload.namespace for workload in self._workloads})

    def observation(self) -> Observation:
        """The world of this second."""
        return Observation(at=self.at, objects={kind: dict(held) for kind, held in self._objects.items()})

    def turn(self, seconds: float, *, changes: int = 3) -> None:
        """Let time pass, with so many new things begun by people and controllers."""
        self.at += seconds
        for _ in range(changes):
            self._random.choice((self._roll_out, self._scale, self._lose_a_pod, self._drain, self._claim))()
        for name, since in list(self._cordoned.items()):
            if self.at - since > DRAINED_FOR:
                del self._cordoned[name]
                self._write_node(name)
        for name, made in list(self._claims.items()):
            if self.at - made > 8:
                del self._claims[name]
                self._write_claim(name, "Bound", made)
        for workload in self._workloads:
            if self._control(workload):
                self._write(workload)

    # ------------------------------------------------------------ what people and chance do

    def _roll_out(self) -> None:
        workload = self._random.choice(self._workloads)
        workload.revision += 1
        workload.changed_at = workload.progressed_at = self.at

    def _scale(self) -> None:
        workload = self._random.choice(self._workloads)
        workload.replicas = max(1, workload.replicas + self._random.randint(-4, 4))
        workload.changed_at = self.at

    def _lose_a_pod(self) -> None:
        living = [life for life in self._random.choice(self._workloads).pods if life.gone_at > self.at]
        if living:
            self._random.choice(living).gone_at = self.at

    def _drain(self) -> None:
        """Never more than a few nodes at a time, and its pods go one by one."""
        if len(self._cordoned) >= max(1, len(self._nodes) // 20):
            return
        name = self._random.choice(sorted(self._nodes))
        self._cordoned.setdefault(name, self.at)
        self._write_node(name)
        for workload in self._workloads:
            for life in workload.pods:
                if life.node == name and life.gone_at > self.at:
                    life.gone_at = self.at + self._random.uniform(0, 120)

    def _claim(self) -> None:
        name = f"data-{self._made}"
        self._made += 1
        self._claims[name] = self.at
        self._write_claim(name, "Pending", self.at)

    # ------------------------------------------------------------ what controllers do

    def _start(self, workload: _Workload, made: float) -> None:
        self._made += 1
        free = [name for name in self._nodes if name not in self._cordoned] or sorted(self._nodes)
        name = f"{workload.name}-{workload.revision}-{self._made}"
        ready_at = made + self._random.uniform(*STARTS)
        workload.pods.append(_Life(name, workload.revision, free[self._made % len(free)], made, ready_at))

    def _control(self, workload: _Workload) -> bool:
        """One pass of the Deployment's controller (surge 1, none unavailable on purpose); whether anything moved."""
        pods_held = self._objects["Pod"]
        moved = workload.changed_at == self.at
        for life in [life for life in workload.pods if life.gone_at <= self.at]:
            workload.pods.remove(life)
            pods_held.pop((workload.namespace, life.name), None)
            moved = True
        for life in workload.pods:
            if not life.was_ready and life.ready_at <= self.at:
                moved, workload.progressed_at = True, self.at
        living = workload.pods
        fresh = [life for life in living if life.revision == workload.revision]
        older = [life for life in living if life.revision != workload.revision]
        ready = [life for life in living if life.ready_at <= self.at]
        room = workload.replicas + (1 if older else 0) - len(living)
        for _ in range(max(0, min(room, workload.replicas - len(fresh)))):
            self._start(workload, self.at)
            moved = True
        spare = len(ready) - workload.replicas
        surplus = older or (fresh if len(fresh) > workload.replicas else [])
        for life in surplus[: max(0, spare)]:
            life.gone_at = self.at + 1
            moved = True
        return moved

    # ------------------------------------------------------------ as the API server holds it

    def _write(self, workload: _Workload) -> None:
        ns, name, revision = workload.namespace, workload.name, workload.revision
        owner = f.Owner("ReplicaSet", f"{name}-{revision}", f"rs-{name}-{revision}", controller=True)
        fresh = [life for life in workload.pods if life.revision == revision]
        ready = [life for life in workload.pods if life.ready_at <= self.at]
        for life in workload.pods:
            mine = owner
            if life.revision != revision:
                mine = f.Owner(
                    "ReplicaSet", f"{name}-{life.revision}", f"rs-{name}-{life.revision}", controller=True
                )
            self._write_pod(workload, life, mine)
        status: dict[str, Any] = {
            "replicas": len(workload.pods),
            "ready_replicas": len(ready),
            "available_replicas": len(ready),
        }
        whole = len(fresh) == len(workload.pods) == len(ready) == workload.replicas
        progressing = f.Condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable" if whole else "ReplicaSetUpdated",
            last_update_time=stamp(workload.progressed_at or BEGIN - 7200),
        )
        meta = f.ObjectMeta(
            name=name,
            namespace=ns,
            uid=f"d-{name}",
            generation=revision,
            creation_timestamp=stamp(BEGIN - 7200),
            labels={"app": name},
        )
        template = f.PodTemplate(metadata=f.TemplateMeta(labels={"app": name}))
        spec = f.WorkloadSpec(
            replicas=workload.replicas, selector=f.LabelSelector({"app": name}), template=template
        )
        told = f.WorkloadStatus(
            observed_generation=revision, updated_replicas=len(fresh), conditions=(progressing,), **status
        )
        self._objects["Deployment"][ns, name] = f.Workload(metadata=meta, spec=spec, status=told)
        above = (f.Owner("Deployment", name, f"d-{name}", controller=True),)
        for one in {revision, *(life.revision for life in workload.pods)}:
            members = [life for life in workload.pods if life.revision == one]
            set_meta = f.ObjectMeta(
                name=f"{name}-{one}",
                namespace=ns,
                uid=f"rs-{name}-{one}",
                annotations={"deployment.kubernetes.io/revision": str(one)},
                owner_references=above,
            )
            self._objects["ReplicaSet"][ns, f"{name}-{one}"] = f.Workload(
                metadata=set_meta,
                spec=f.WorkloadSpec(replicas=len(members)),
                status=f.WorkloadStatus(
                    replicas=len(members), available_replicas=sum(m.ready_at <= self.at for m in members)
                ),
            )

    def _write_pod(self, workload: _Workload, life: _Life, owner: f.Owner) -> None:
        ready = life.ready_at <= self.at
        if life.fact is not None and life.was_ready == ready:
            return
        life.was_ready = ready
        state = f.ContainerState(waiting=f.Waiting("ContainerCreating"))
        if ready:
            state = f.ContainerState(running=f.Running(stamp(life.ready_at - 2)))
        container = f.ContainerStatus("app", "shop/web:1", ready, started=ready, state=state)
        conditions = (
            f.Condition(
                "Ready",
                "True" if ready else "False",
                last_transition_time=stamp(life.ready_at if ready else life.made),
            ),
            f.Condition("PodScheduled", "True", last_transition_time=stamp(life.made)),
        )
        life.fact = f.Pod(
            metadata=f.ObjectMeta(
                name=life.name,
                namespace=workload.namespace,
                uid=f"p-{life.name}",
                creation_timestamp=stamp(life.made),
                labels={"app": workload.name},
                owner_references=(owner,),
            ),
            spec=f.PodSpec((f.Container("app", "shop/web:1"),), life.node),
            status=f.PodStatus(
                "Running" if ready else "Pending", conditions=conditions, container_statuses=(container,)
            ),
        )
        self._objects["Pod"][workload.namespace, life.name] = life.fact

    def _write_node(self, name: str) -> None:
        since = self._cordoned.get(name)
        taints: tuple[Taint, ...] = ()
        if since is not None:
            taints = (Taint("node.kubernetes.io/unschedulable", "", "NoSchedule", stamp(since)),)
        meta = f.ObjectMeta(name=name, uid=f"n-{name}", creation_timestamp=stamp(self._nodes[name]))
        ready = f.Condition("Ready", "True", "KubeletReady", last_transition_time=stamp(self._nodes[name]))
        self._objects["Node"]["", name] = Node(
            metadata=meta,
            spec=NodeSpec(since is not None, taints),
            status=NodeStatus((ready,), {"pods": str(5 * PODS_A_NODE)}),
        )

    def _write_claim(self, name: str, phase: str, made: float) -> None:
        place = (self._workloads[0].namespace, name)
        meta = f.ObjectMeta(name=name, namespace=place[0], uid=name, creation_timestamp=stamp(made))
        volume = f"pv-{name}" if phase == "Bound" else ""
        self._objects["PersistentVolumeClaim"][place] = Claim(
            metadata=meta,
            spec=ClaimSpec("fast", volume if phase == "Bound" else ""),
            status=ClaimStatus(phase),
        )


def wishes(namespaces: list[str]) -> Iterator[Intent]:
    """What is looked at: each namespace's workloads and claims, and the ground under all."""
    kinds = ["Deployment", "StatefulSet", "PersistentVolumeClaim"]
    for number, name in enumerate(namespaces):
        expectations: list[dict[str, Any]] = [
            {"type": "workloadHealthy"},
            {"type": "objectsHealthy", "kinds": kinds},
        ]
        expectations += [{"type": "clusterHealthy"}] if number == 0 else []
        yield Intent.model_validate(
            {
                "apiVersion": "intentd.io/v1alpha1",
                "kind": "Intent",
                "metadata": {"name": name},
                "spec": {"scope": {"namespace": name}, "expectations": expectations},
            }
        )
