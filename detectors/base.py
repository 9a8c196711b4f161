"""What a detector is: a named pure function from a View to findings.

A detector says which expectations it judges and which kinds it needs. The judge asks for those kinds
first: behind a Gap no detector of the expectation runs, so "could not be read" never becomes "healthy" or
"broken". A file per fault family; none imports another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from detectors.facts import Condition, ContainerStatus, Fact, Pod, labels_match
from detectors.model import FaultClass, ObjectRef, Settling, Severity, Unknown, Violation
from detectors.pods import image_of
from detectors.world import Workers, World, ref
from intents.model import ClusterHealthy, Expectation, Intent, ObjectsHealthy, Scope

Finding = Violation | Settling | Unknown
F = TypeVar("F", bound=Fact)

WORKLOADS = "<workloads of the scope>"
"""Stands in `needs` for the workload kinds that the intent's scope can select."""
NAMED_TARGET = "<target that the scope names>"
"""Stands in `needs` for the kinds of the scope, where the scope names an object; for nothing elsewhere."""
POD_NEEDS = (WORKLOADS, "ReplicaSet", "Pod")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long (seconds) a state must last, and how often something must happen, before it is a fault.

    Sources: `not_ready` 30 s is what a default readiness probe takes to make up its mind (3 failures, one
    every 10 s). `unschedulable` 10 s lets a rolling update on a full node free its place. `setup` 60 s
    is a slow volume attachment; the kubelet says when volumes and sandbox stand (condition
    PodReadyToStartContainers). `creating` 300 s is that plus a slow pull. `recent` 600 s
    is when the kubelet forgets its restart back-off (twice its longest, 5 min). `restarts` 3 is where the
    back-off passes half a minute (10, 20, 40 s), and `relapse` 70 s is their sum: a container that has run
    for so long has outlived them. `missing` 30 s is for controllers to create pods and for
    EndpointSlices to follow.

    `gated` 300 s is `creating`: a gate is somebody's wish, and gets as long as anything else that a pod waits
    for. `terminating` 60 s after the grace period is `setup` the other way round: a slow detachment. `flaps`
    is how often a pod loses its readiness within `recent` before that is a fault of its own, as `restarts`.
    `storm` 5 restarts on average an hour or less apart are a storm: once is bad luck, and the kubelet's own
    back-off forgets everything slower than ten minutes. `evictions` is `restarts` again.
    """

    not_ready: float = 30.0
    unschedulable: float = 10.0
    setup: float = 60.0
    creating: float = 300.0
    recent: float = 600.0
    restarts: int = 3
    relapse: float = 70.0
    missing: float = 30.0
    gated: float = 300.0
    terminating: float = 60.0
    flaps: int = 3
    storm: int = 5
    storm_interval: float = 3600.0
    evictions: int = 3


@dataclass(frozen=True)
class View:
    """One expectation of one intent, with the slice of the world that it is about."""

    intent: Intent
    index: int
    expectation: Expectation
    world: World
    patience: Patience

    @property
    def at(self) -> float:
        """The turn's time, Unix seconds."""
        return self.world.at

    @property
    def scope(self) -> Scope:
        """What the intent is about."""
        return self.intent.spec.scope

    def objects(self, kind: str, fact: type[F]) -> list[F]:
        """The objects of a namespaced kind that the scope selects and the expectation is about."""
        scope, wanted = self.scope, getattr(self.expectation, "kinds", ())
        if (scope.kind is not None and scope.kind != kind) or (wanted and kind not in wanted):
            return []
        here: Sequence[F] = self.world.of_namespace(kind, scope.namespace)  # type: ignore[assignment]
        if scope.name is not None:
            named = self.world.observation.all_of(kind, fact).get((scope.namespace, scope.name))
            here = [] if named is None else [named]
        if not scope.match_labels:
            return list(here)
        return [found for found in here if labels_match(scope.match_labels, found.metadata.labels)]

    @cached_property
    def workers(self) -> list[Workers]:
        """The workloads in scope with their pods."""
        return self.world.in_scope(self.scope)

    @cached_property
    def troubled(self) -> list[Workers]:
        """Those of `workers` with pods that are not plainly healthy: of thousands, the few that detectors of pods
        look at."""
        return [workers for workers in self.workers if workers.troubled]

    def unplaced(self, reason: str) -> Iterator[tuple[Workers, Pod, Condition]]:
        """The pods that have no node for this reason (of the condition PodScheduled), with the condition."""
        for workers in self.troubled:
            for pod in workers.troubled:
                for condition in pod.status.conditions:
                    said = condition.type, condition.status, condition.reason
                    if said == ("PodScheduled", "False", reason):
                        yield workers, pod, condition

    def settling(self, target: ObjectRef, message: str) -> Settling:
        """Neither broken nor whole yet."""
        return Settling(self.intent.name, self.index, target, message)

    def violation(
        self,
        detector: str,
        fault_class: FaultClass,
        target: ObjectRef,
        *,
        severity: Severity,
        reason: str,
        message: str,
        subject: ObjectRef | None = None,
        container: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Violation:
        """A violation of this expectation; facts without a value are left out."""
        return Violation(
            intent=self.intent.name,
            expectation=self.index,
            detector=detector,
            fault_class=fault_class,
            severity=severity,
            target=target,
            subject=subject or target,
            reason=reason,
            message=message,
            container=container,
            facts={name: value for name, value in (facts or {}).items() if value},
        )

    def container_violation(
        self,
        detector: str,
        fault_class: FaultClass,
        workers: Workers,
        pod: Pod,
        container: ContainerStatus,
        *,
        reason: str,
        message: str,
        facts: Mapping[str, str] | None = None,
    ) -> Violation:
        """A violation seen in one container, with what every such violation tells: image, restarts, and
        whether it is an init container."""
        init = any(container is other for other in pod.status.init_container_statuses)
        return self.violation(
            detector,
            fault_class,
            workers.ref,
            severity=severity_of(workers),
            reason=reason,
            message=message,
            subject=ref("Pod", pod.metadata),
            container=container.name,
            facts={
                "image": image_of(pod, container),
                "restarts": str(container.restart_count) if container.restart_count else "",
                "init": "true" if init else "",
                **(facts or {}),
            },
        )


def severity_of(workers: Workers) -> Severity:
    """Critical where nothing of the workload is available; otherwise others still serve."""
    return Severity.WARNING if workers.rollout.available > 0 else Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class Detector:
    """One fault family. `expectations` are the model classes that it judges; `needs` the kinds that it
    reads, WORKLOADS and NAMED_TARGET standing for the scope's."""

    name: str
    fault_classes: frozenset[FaultClass]
    expectations: tuple[type, ...]
    needs: tuple[str, ...]
    judge: Callable[[View], Iterable[Finding]]
    kinds: tuple[str, ...] = ()
    """What it judges of an `objectsHealthy` or `clusterHealthy`; such an expectation may leave kinds out."""

    def concerns(self, expectation: Expectation) -> bool:
        """Whether it judges this expectation."""
        if not isinstance(expectation, self.expectations):
            return False
        if isinstance(expectation, ObjectsHealthy | ClusterHealthy) and expectation.kinds:
            return any(kind in expectation.kinds for kind in self.kinds)
        return True
