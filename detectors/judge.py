"""From an Observation to a Judgement: every expectation of every intent is broken, kept, or not known.

Three-valued without exception: the kinds that an expectation's detectors need are asked for first, and a
Gap in any of them makes the whole expectation Unknown; no detector runs on half a picture. Of an expectation about
many kinds only the detectors that need the missing one are silent, and it still does not count as judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

from detectors.base import NAMED_TARGET, WORKLOADS, Detector, Patience, View
from detectors.facts import Fact
from detectors.model import (
    Gap,
    Judgement,
    ObjectRef,
    Observation,
    Settling,
    Turn,
    Unknown,
    Violation,
)
from detectors.registry import DETECTORS
from detectors.world import World, ref, scope_kinds
from intents.model import (
    ClusterHealthy,
    ClusterKind,
    EndpointsPresent,
    Intent,
    ObjectKind,
    ObjectsHealthy,
    ReplicasAtLeast,
    Scope,
    WorkloadHealthy,
)

DEFAULT_PATIENCE = Patience()

Shape = tuple[type, tuple[str, ...]]
"""What decides which detectors judge an expectation: its type, and its kinds."""
Gaps = dict[tuple[tuple[str, ...], str | None, bool], Gap | None]
"""What keeps detectors from looking, by their names and by what of a scope decides which kinds it can select. Kept
for one look: a thousand intents ask the same."""


def judge(
    intents: Iterable[Intent],
    observation: Observation,
    patience: Patience = DEFAULT_PATIENCE,
    *,
    world: World | None = None,
    detectors: Sequence[Detector] = DETECTORS,
) -> Judgement:
    """Judge all expectations against one look at the world.

    Violations that share a fingerprint (forty pods of one workload with one fault) are one, with the newest
    pod as its subject and the number of pods in `facts["pods"]`. `world` is the observation already indexed.
    """
    world = world or World(observation)
    violations: list[Violation] = []
    unknowns: list[Unknown] = []
    settling: list[Settling] = []
    judged: set[tuple[str, int]] = set()
    targets: set[tuple[str, str, str]] = set()
    by_shape: dict[Shape, list[Detector]] = {}
    gaps: Gaps = {}
    for intent in intents:
        for index, expectation in enumerate(intent.spec.expectations):
            view = View(intent, index, expectation, world, patience)
            of_many = isinstance(expectation, ObjectsHealthy | ClusterHealthy)
            shape = type(expectation), getattr(expectation, "kinds", ())
            concerned = by_shape.get(shape)
            if concerned is None:
                concerned = by_shape[shape] = [one for one in detectors if one.concerns(expectation)]
            broken, waits, unknown = _found(view, concerned, gaps, each=of_many)
            settling.extend(waits)
            unknowns.extend(unknown)
            if unknown and not of_many:
                continue
            if not unknown:
                judged.add((intent.name, index))
            merged = _merge(broken, world)
            violations.extend(merged)
            targets.update(target.key for target in _targets(view))
            targets.update(violation.target.key for violation in merged)
    return Judgement(
        at=observation.at,
        violations=tuple(violations),
        unknowns=tuple(unknowns),
        judged=frozenset(judged),
        settling=tuple(settling),
        targets=Counter(kind for kind, _, _ in targets),
    )


def _found(
    view: View, detectors: Sequence[Detector], gaps: Gaps, *, each: bool
) -> tuple[list[Violation], list[Settling], list[Unknown]]:
    """What the detectors find. A Gap keeps all of them from looking; with `each` (an expectation about many kinds)
    only those that need what could not be read: what is broken elsewhere is still said, and still nothing is
    called kept."""
    broken: list[Violation] = []
    waits: list[Settling] = []
    unknown: list[Unknown] = []
    groups = [[detector] for detector in detectors] if each else []
    for group in groups or [list(detectors)]:
        asked = tuple(detector.name for detector in group), view.scope.kind, view.scope.name is None
        if asked not in gaps:
            gaps[asked] = _gap(view.world.observation, group, view.scope)
        gap = gaps[asked]
        if gap is not None:
            unknown.append(Unknown(view.intent.name, view.index, gap))
            continue
        for detector in group:
            for finding in detector.judge(view):
                if isinstance(finding, Violation):
                    broken.append(finding)
                elif isinstance(finding, Settling):
                    waits.append(finding)
                else:
                    unknown.append(finding)
    return broken, waits, unknown


def _gap(observation: Observation, detectors: Sequence[Detector], scope: Scope) -> Gap | None:
    """The first Gap among the kinds that these detectors need. No detector at all is a Gap too: an
    expectation that nobody judges must not look kept."""
    if not detectors:
        return Gap("detector", "NoDetector", "no detector judges this expectation", Turn.NOBODY)
    for detector in detectors:
        for need in detector.needs:
            gap = observation.gap(*_kinds(need, scope))
            if gap is not None:
                return gap
    return None


def _kinds(need: str, scope: Scope) -> tuple[str, ...]:
    if need == WORKLOADS:
        return scope_kinds(scope)
    if need == NAMED_TARGET:
        if scope.name is None:
            return ()
        return ("Service",) if scope.kind == "Service" else scope_kinds(scope)
    return (need,)


def _merge(found: list[Violation], world: World) -> list[Violation]:
    """One violation a fingerprint: the newest pod speaks for all, being nearest to the present template."""
    groups: dict[str, list[Violation]] = {}
    for violation in found:
        groups.setdefault(violation.fingerprint, []).append(violation)
    merged = []
    for group in groups.values():
        if len(group) == 1:
            merged.append(group[0])
            continue
        newest = max(
            group, key=lambda violation: (_created(world, violation.subject), violation.subject.name)
        )
        pods = len({violation.subject for violation in group})
        merged.append(replace(newest, facts={**newest.facts, "pods": str(pods)}))
    return merged


def _created(world: World, subject: ObjectRef) -> str:
    found = world.find(subject)
    return found.metadata.creation_timestamp if found is not None else ""


def _targets(view: View) -> Iterable[ObjectRef]:
    """The objects that an expectation is about, whether or not they are broken."""
    if isinstance(view.expectation, WorkloadHealthy | ReplicasAtLeast):
        return (workers.ref for workers in view.workers)
    if isinstance(view.expectation, EndpointsPresent):
        return (ObjectRef("Service", view.scope.namespace, view.expectation.service),)
    if isinstance(view.expectation, ObjectsHealthy):
        kinds = view.expectation.kinds or get_args(ObjectKind)
        return (ref(kind, found.metadata) for kind in kinds for found in view.objects(kind, Fact))
    if isinstance(view.expectation, ClusterHealthy):
        kinds = view.expectation.kinds or get_args(ClusterKind)
        every = ((kind, view.world.observation.all_of(kind, Fact).values()) for kind in kinds)
        return (ref(kind, found.metadata) for kind, objects in every for found in objects)
    return ()
