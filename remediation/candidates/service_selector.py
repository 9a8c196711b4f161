"""A Service whose selector matches nothing: the labels of the pods that it most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from detectors.model import ObjectRef
from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.evidence.draft import as_map
from remediation.evidence.related import WORKLOADS, labels_by_workload, metadata_of_template, owner_words
from remediation.model import ABSENT, Json, Touched
from remediation.users import ADDED

ORIGIN = "service-selector"
LEAST = 0.4
"""Least fit of a workload, so that a Service is not offered every neighbour: half its keys equal, or one
of its values or the Service's own name alike."""
_MOST = 3
_ONE_POD = ADDED["StatefulSet"]
"""Labels by which a selector means one pod, or one revision, of a StatefulSet: another pod is another member."""


def service_selector(context: Context) -> Iterator[Proposal]:
    """One proposal a workload: the keys that differ, all together, so that the selector matches it.

    None where the pods that the Service selected when it was healthy are still there: the last known good brings
    them back, and every other workload is another program that would get its traffic. None either where the selector
    means one pod, and no change of a label that was good and that no template has: a program sets such a label while it
    runs (`role: primary`), and until it does nobody else is meant.
    """
    if context.live.get("kind") != "Service":
        return
    selector, good = _selector(context.live), _selector(context.raw.last_known_good)
    labels = labels_by_workload(context.raw)
    if not selector or any(_matches(selector, theirs) for theirs in labels.values()):
        return
    if not _ONE_POD.isdisjoint(selector):
        return
    if good and any(_matches(good, theirs) for theirs in labels.values()):
        return
    at_run_time = {key for key, value in selector.items() if good.get(key) == value} - _of_templates(context)
    scored = sorted(
        ((_fit(context.case.target.name, selector, ref, theirs), ref) for ref, theirs in labels.items()),
        key=lambda entry: (-entry[0], entry[1]),
    )
    for fit, ref in [entry for entry in scored if entry[0] >= LEAST][:_MOST]:
        changes = _changes(context, selector, labels[ref])
        if changes and at_run_time.isdisjoint(str(change.path[-1]) for change in changes):
            why = f"the pods of {owner_words(ref)} have these labels"
            needles = (
                f"{owner_words(ref)} have",
                f"Service {context.case.target.name} selects",
                "matches",
            )
            yield Proposal(ORIGIN, 0.9 * fit, changes, sentence(changes, why), None, needles)


def _of_templates(context: Context) -> set[str]:
    """Keys of labels that some workload's pods are made with."""
    workloads = (found for ref, found in context.raw.related.items() if ref.kind in WORKLOADS)
    return {key for found in workloads for key in as_map(metadata_of_template(found).get("labels"))}


def _selector(service: Json | None) -> dict[str, str]:
    return {
        key: str(value) for key, value in as_map(as_map((service or {}).get("spec")).get("selector")).items()
    }


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _fit(service: str, selector: Mapping[str, str], ref: ObjectRef, labels: Mapping[str, str]) -> float:
    """0..1: the mean likeness of the selector's values to the labels of the same key, or of another key
    with the same value; the names of Service and workload count as one more pair."""
    scores = [_alike(service, ref.name)]
    for key, value in selector.items():
        if key in labels:
            scores.append(_alike(value, labels[key]))
        else:
            scores.append(0.8 if value in labels.values() else 0.0)
    return sum(scores) / len(scores)


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _changes(context: Context, selector: Mapping[str, str], labels: Mapping[str, str]) -> tuple[Touched, ...]:
    """The fewest changes after which the selector matches and still names something."""
    changes: list[Touched] = []
    for key, value in selector.items():
        path = ("spec", "selector", key)
        if key in labels:
            if labels[key] != value:
                changes.append(change_to(context.live, path, labels[key]))
            continue
        changes.append(change_to(context.live, path, ABSENT))
        renamed = next((k for k in sorted(labels) if labels[k] == value and k not in selector), None)
        if renamed is not None:
            changes.append(change_to(context.live, ("spec", "selector", renamed), value))
    named = len(selector) + sum((c.before == ABSENT) - (c.after == ABSENT) for c in changes)
    return tuple(changes) if named >= 1 else ()
