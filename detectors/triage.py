"""From violations to cases: what belongs together, what comes first, and whether it is ours to mend now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import get_args

from detectors.causes import Causes
from detectors.facts import Workload
from detectors.fault_class import CAN_PASS, PRECEDENCE, FaultClass
from detectors.harm import harm
from detectors.model import (
    Case,
    CaseKey,
    CaseReason,
    Cause,
    Judgement,
    ObjectRef,
    Observation,
    Severity,
    Violation,
)
from detectors.rollout import Phase
from detectors.same_cause import NOBODY_LEADS, on_objects, one_at_a_time
from detectors.timestamps import seconds
from detectors.world import Workers, World
from intents.model import WORKLOAD_KINDS, Recreated

MENDABLE_KINDS = frozenset({*WORKLOAD_KINDS, "Service", "ConfigMap", *get_args(Recreated)})
"""Kinds that a plan may change or create anew (remediation's guards hold the binding list)."""

GAINING_WITHIN = 60.0
"""Seconds since the last progress for which a rollout is taken to be gaining: twice what a default
readiness probe takes to decide (3 failures, one every 10 s)."""

STORM_SHARE = 0.5
STORM_AT_LEAST = 3
"""A storm is more than three targets and more than half of what was judged. Source: ours, cautious; the
node lifecycle controller calls a zone unhealthy at 55 % (kube-controller-manager
`--unhealthy-zone-threshold`), and three of a few is ordinary bad luck."""


def triage(
    judgement: Judgement,
    observation: Observation,
    *,
    storm_share: float = STORM_SHARE,
    storm_at_least: int = STORM_AT_LEAST,
    gaining_within: float = GAINING_WITHIN,
    world: World | None = None,
    leading: Mapping[Cause, CaseKey] = NOBODY_LEADS,
    ended: Collection[CaseKey] = (),
) -> tuple[Case, ...]:
    """One case per intent and top owner, each with a named reason; the most harmful first.

    `world` is the observation already indexed; `leading` are the open cases that others with their cause wait for, `ended` those that
    are over though their fault is not. The order is harm, then key, so that the same world gives the same queue.
    """
    groups: dict[CaseKey, list[Violation]] = {}
    for violation in judgement.violations:
        groups.setdefault(CaseKey(violation.intent, *violation.target.key), []).append(violation)
    if not groups:
        return ()
    world = world or World(observation)
    causes = Causes(judgement, world)
    cases = []
    for key, violations in groups.items():
        ordered = tuple(sorted(violations, key=_order))
        target = ordered[0].target
        reason = _reason(world, target, ordered, gaining_within)
        cases.append(Case(key, target, reason, ordered, causes.of(target, ordered)))
    by_object = on_objects(cases, judgement.settling)
    if _storm(
        [key for key in groups if key not in by_object], judgement.targets, storm_share, storm_at_least
    ):
        cases = [
            replace(case, reason=CaseReason.STORM) if case.reason is CaseReason.MENDABLE else case
            for case in cases
        ]
    hurts = {case.key: harm(world, case.target, case.violations) for case in cases}
    for waiting, first in by_object.items():
        if first is not None:
            hurts[first] = min(hurts[first], hurts[waiting])
    return one_at_a_time(
        sorted(cases, key=lambda case: (hurts[case.key], case.key)), by_object, leading, ended
    )


def _order(violation: Violation) -> tuple[int, int, int, str]:
    """Cause before symptom; among equals the worse, then the first expectation, then the container."""
    return (
        PRECEDENCE.index(violation.fault_class),
        list(Severity).index(violation.severity),
        violation.expectation,
        violation.container or "",
    )


def _storm(keys: Iterable[CaseKey], judged: Mapping[str, int], share: float, at_least: int) -> bool:
    """Whether too much is unhealthy at once for it to be the targets' own fault. An object that several
    intents are about counts once; what a broken node or claim explains is not its own fault and does not count, so
    that a lost node is one. Workloads that cannot pull one image do count: a registry that is gone looks the same.
    Like is counted with like: five hundred whole claims do not make sixty broken workloads of a hundred few."""
    unhealthy = Counter(
        _crowd(kind) for kind in (key.kind for key in {key[1:]: key for key in keys}.values())
    )
    total: Counter[str] = Counter()
    for kind, count in judged.items():
        total[_crowd(kind)] += count
    return any(count > max(at_least, share * total[crowd]) for crowd, count in unhealthy.items())


def _crowd(kind: str) -> str:
    return "workloads" if kind in WORKLOAD_KINDS or kind in ("Service", "ReplicaSet", "Pod") else kind


def _reason(
    world: World, target: ObjectRef, violations: tuple[Violation, ...], gaining_within: float
) -> CaseReason:
    primary = violations[0]
    if target.kind not in MENDABLE_KINDS:
        return CaseReason.NO_TARGET
    if any(violation.fault_class is FaultClass.NOT_OBSERVED for violation in violations):
        return CaseReason.NO_TARGET  # no controller would act on a patch either
    found = world.find(target)
    if target.kind not in WORKLOAD_KINDS or not isinstance(found, Workload):
        return CaseReason.MENDABLE
    workers = world.workers(target.kind, found)
    if workers.rollout.phase is Phase.PAUSED:
        return CaseReason.PAUSED_BY_OWNER
    if workers.rollout.phase is Phase.GOING_ON and _gaining(world, workers, primary, gaining_within):
        return CaseReason.ROLLING_OUT
    return CaseReason.MENDABLE


def _gaining(world: World, workers: Workers, primary: Violation, within: float) -> bool:
    """Whether a rollout that goes on may still end well by itself.

    It needs progress within `within` seconds. Then a fault that can pass is waited for; one that cannot is
    waited for only where the newest template already has available pods (the fault is some pods', not the
    template's). A spec that the controller has not seen yet is always waited for.
    """
    meta, status = workers.workload.metadata, workers.workload.status
    if status.observed_generation < meta.generation:
        return True
    newest_pod = max((seconds(pod.metadata.creation_timestamp) or 0.0 for pod in workers.pods), default=0.0)
    progressed = max(workers.rollout.progressed_at or 0.0, newest_pod)
    if world.at - progressed > within:
        return False
    if primary.fault_class in CAN_PASS:
        return True
    newest = world.newest_set(workers.ref)
    return newest is not None and newest.status.available_replicas > 0
