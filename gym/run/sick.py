"""Which workloads of a case are sick at this moment, and which of their containers: the rule by which symptoms show.

A symptom shows for as long as the case's assertions fail, and only then. Of several workloads each follows the
assertions that are about it, and those that are about no workload at all. An undeterminable case without assertions
stays sick; a control shows what its case states, for it fails nothing. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from gym.cases.assertions.registry import Check, OfField, judge, leaves, target_of
from gym.cases.cause import right_objects
from gym.cases.model import Case, Expected, Scoring, Symptom
from gym.cases.state import Json, Key, State, dig, key_of, maps
from gym.cases.workloads import WORKLOADS, pod_spec
from intents.fields import Element


@dataclass(frozen=True, slots=True)
class Patient:
    """A workload that may be sick, and what its pods show then: stated symptoms, or None for what follows from the
    fault."""

    key: Key
    checks: tuple[Check, ...]
    symptoms: tuple[Symptom | None, ...] = (None,)


def patients(case: Case, scoring: Scoring) -> tuple[Patient, ...]:
    """The workloads that show symptoms while their assertions fail: those that a symptom names, and for symptoms that
    name none, those that the case is about."""
    workloads = [obj for obj in case.broken if obj.get("kind") in WORKLOADS]
    showing: dict[Key, list[Symptom | None]] = {}
    for symptom in case.symptoms or (None,):
        target = symptom.target if symptom is not None else None
        if target is None:
            keys = _about(case, scoring, workloads)
        else:
            stated = map(key_of, (*case.broken, *case.inventory))
            keys = [key for key in stated if (key[0], key[2]) == (target.kind, target.name)]
        for key in keys:
            showing.setdefault(key, []).append(symptom)
    return tuple(Patient(key, _checks(scoring, key), tuple(found)) for key, found in showing.items())


def is_sick(patient: Patient, case: Case, scoring: Scoring, state: State) -> bool:
    """Whether the workload is broken in this state."""
    if scoring.expected is Expected.NOTHING or not patient.checks:
        return True
    return not all(judge(check, state, case.context).held for check in patient.checks)


def container_of(patient: Patient, workload: Json, *, init: bool, named: str | None = None) -> Json | None:
    """The container that shows it: the named one, else the one that an assertion points at, else the first. None where
    there is none."""
    field = "initContainers" if init else "containers"
    every = maps(pod_spec(workload).get(field))
    if named is not None:
        return next((container for container in every if container.get("name") == named), None)
    for check in patient.checks:
        for element in _pointed_at(check, field):
            for place, container in enumerate(every):
                if element.index == place or dict(element.key).get("name") == container.get("name"):
                    return container
    return every[0] if every else None


def _about(case: Case, scoring: Scoring, workloads: list[Json]) -> list[Key]:
    """Workloads that are judged; else those that name what is judged; else those that a person would be told; else
    all of them."""
    judged = {(target.kind, target.name) for target in (*scoring.targets, *scoring.violating)}
    found = [key_of(obj) for obj in workloads if (obj["kind"], key_of(obj)[2]) in judged]
    if found:
        return found
    names = {name for _, name in judged}
    naming = [key_of(obj) for obj in workloads if names & set(_words(obj))]
    told = right_objects(case, scoring)
    return (
        naming
        or [key_of(obj) for obj in workloads if (obj["kind"], key_of(obj)[2]) in told]
        or [key_of(obj) for obj in workloads]
    )


def _words(value: object) -> Iterator[str]:
    """Every text value in an object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _words(part)
    elif isinstance(value, list):
        for part in value:
            yield from _words(part)


def _checks(scoring: Scoring, key: Key) -> tuple[Check, ...]:
    """The assertions about this workload or about none; all of them where that leaves none."""

    def concerns(check: Check) -> bool:
        targets = [target for leaf in leaves(check) if (target := target_of(leaf)) is not None]
        workloads = [target for target in targets if target.kind in WORKLOADS]
        return not workloads or any((target.kind, target.name) == (key[0], key[2]) for target in workloads)

    return tuple(filter(concerns, scoring.assertions)) or scoring.assertions


def _pointed_at(check: Check, field: str) -> Iterator[Element]:
    for leaf in leaves(check):
        if isinstance(leaf, OfField):
            path = leaf.arguments.path
            for before, element in pairwise(path):
                if before == field and isinstance(element, Element):
                    yield element


def is_current(pod: Json, workload: Json, sets: dict[str, Json]) -> bool:
    """Whether the pod was made of the workload's template as it is now. `sets` are ReplicaSets by uid."""
    match workload["kind"]:
        case "Pod" | "ReplicationController" | "ReplicaSet" | "Job" | "CronJob":
            return True
        case "Deployment":
            owner = next(
                (o for o in maps(dig(pod, "metadata", "ownerReferences")) if o.get("controller")), {}
            )
            made_of = sets.get(str(owner.get("uid")))
            return made_of is not None and _template(made_of) == _template(workload)
        case "DaemonSet":
            generation = dig(workload, "metadata", "annotations", "deprecated.daemonset.template.generation")
            return bool(dig(pod, "metadata", "labels", "pod-template-generation") == generation)
        case _:
            revision = dig(pod, "metadata", "labels", "controller-revision-hash")
            return bool(revision == dig(workload, "status", "updateRevision"))


def _template(obj: Json) -> str:
    return json.dumps(dig(obj, "spec", "template", "spec"), sort_keys=True)
