"""What must agree within a case. A name that nothing bears would make an assertion fail for ever, so it is a
mistake of the file."""

from __future__ import annotations

from collections.abc import Iterator

from gym.cases.assertions.base import Target
from gym.cases.assertions.registry import Check, OfObject, leaves, target_of
from gym.cases.mistakes import Mistake
from gym.cases.model import CONTROL, Case, Determinable, Expected, Scoring
from gym.cases.state import key_of

_ABOUT_PRESENCE = frozenset({"object_exists", "object_absent"})


def disagreements(case: Case, scoring: Scoring) -> Iterator[Mistake]:
    """Each contradiction between the fields of a case."""
    if scoring.diagnosis_only and scoring.determinable is not Determinable.NO:
        message = "diagnosis_only with a fix that can be determined"
        yield Mistake(("diagnosis_only",), message, "Set fix_determinable to no, or diagnosis_only to false")
    known, twins = _known(case), _twins(case)
    for place, symptom in enumerate(case.symptoms):
        if symptom.target is not None and (symptom.target.kind, symptom.target.name) not in known:
            message = f"no object of the case is {symptom.target}"
            yield Mistake(("simulated_symptom", place, "target"), message, "Name one that is")
    made = {(one.kind, one.name) for one in scoring.allowed or () if one.prefix is None}
    for index, check in enumerate(scoring.assertions):
        for target in _targets(check):
            if (target.kind, target.name) not in known | made:
                yield Mistake(("assertions", index), f"no object of the case is {target}", "Name one that is")
            elif target.namespace is None and (target.kind, target.name) in twins:
                message = f"{target} is in several namespaces"
                yield Mistake(("assertions", index), message, "Add the target's namespace")
    for index, one in enumerate(scoring.allowed or ()):
        if one.prefix is not None and (one.kind, one.name) not in known | made:
            message = f"no object of the case is {one.kind}/{one.name}"
            yield Mistake(("allowed_changes", index), message, "Name one that is")
        elif (one.kind, one.name) in twins:
            message = f"{one.kind}/{one.name} is in several namespaces, so nobody can say which may change"
            yield Mistake(("allowed_changes", index), message, "Rename one of them")
    match scoring.expected:
        case Expected.NOTHING if scoring.allowed or scoring.fixes:
            message = f"a control (fault_type {CONTROL}) with changes that are allowed"
            yield Mistake(("allowed_changes",), message, "Write []; delete fixed.*.yaml")
        case Expected.FIX if not scoring.assertions:
            yield Mistake(("assertions",), "nothing says when this case is fixed", "Add an assertion")
        case _:
            return


def _targets(check: Check) -> Iterator[Target]:
    for leaf in leaves(check):
        if isinstance(leaf, OfObject) and leaf.op in _ABOUT_PRESENCE:
            continue
        target = target_of(leaf)
        if target is not None:
            yield target


def _twins(case: Case) -> set[tuple[str, str]]:
    """Kind and name of what stands in several namespaces."""
    keys = {key_of(obj) for obj in (*case.broken, *case.inventory)}
    names = [(kind, name) for kind, _, name in keys]
    return {name for name in names if names.count(name) > 1}


def _known(case: Case) -> set[tuple[str, str]]:
    objects = {(key_of(obj)[0], key_of(obj)[2]) for obj in (*case.broken, *case.inventory)}
    nodes = {("Node", node.name) for node in case.context.nodes}
    existing = {(kind, entry.name) for kind, found in case.context.existing.items() for entry in found}
    return objects | nodes | existing
