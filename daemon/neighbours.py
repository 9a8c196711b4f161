"""The namespace around a change, out of the latest look: what `remediation.blast_radius` compares."""

from __future__ import annotations

from daemon.state import Memory, World
from detectors.model import CaseKey, ObjectRef
from intents.model import WORKLOAD_KINDS
from remediation.blast_radius import Key, Neighbours, attribute
from remediation.saga import Event
from remediation.verify import Progress, Verification
from store.queries import CaseRow, last_step

OBSERVED = (*WORKLOAD_KINDS, "Service")


def neighbours(memory: Memory, namespace: str, changing: ObjectRef | None = None) -> Neighbours:
    """The namespace as the latest look judged it; empty before the first look. What `changing` (a ConfigMap, say) has
    broken recovers with it, untouched: it can neither be harmed nor prove that something else mended it."""
    judgement, picture = memory.judgement, memory.picture
    if judgement is None or picture is None:
        return Neighbours()
    broken: dict[CaseKey, frozenset[str]] = {}
    for found in judgement.violations:
        if found.target.namespace == namespace:
            key = CaseKey(found.intent, *found.target.key)
            broken[key] = broken.get(key, frozenset()) | {found.fault_class.value}
    unsettled = {
        CaseKey(settling.intent, *settling.target.key)
        for settling in judgement.settling
        if settling.target.namespace == namespace
    }
    depends = {
        key
        for key in broken
        if changing is not None
        and (case := memory.cases.get(key)) is not None
        and case.cause is not None
        and tuple(case.cause) == changing.key
    }
    broken = {key: classes for key, classes in broken.items() if key not in depends}
    unsettled |= depends
    generations: dict[Key, int] = {}
    for kind in OBSERVED:
        facts = picture.observation.workloads(kind) if kind != "Service" else picture.observation.services()
        for (where, name), fact in facts.items():
            if where == namespace:
                generations[kind, where, name] = fact.metadata.generation
    unjudged = frozenset(unknown.intent for unknown in judgement.unknowns)
    return Neighbours(broken, frozenset(unsettled - broken.keys()), unjudged, generations)


def attributed(
    world: World, memory: Memory, row: CaseRow, held: Verification, *, waited: float, timeout: float
) -> Verification:
    """A proof that held, judged by what stood around the change when it was written and what stands there now.
    A change of before this was recorded is taken as it was judged."""
    if held.state is not Progress.HELD:
        return held
    begun = last_step(world.store, row.case_id, Event.APPLY_STARTED)
    if begun is None or "neighbours" not in begun.payload:
        return held
    changed = ObjectRef(**begun.payload["target"])
    return attribute(
        held,
        Neighbours.from_json(begun.payload["neighbours"]),
        neighbours(memory, changed.namespace),
        row.key,
        {changed.key, (row.kind, row.namespace, row.name)},
        row.fault_class,
        patient=waited < timeout,
    )
