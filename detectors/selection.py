"""Whether a LabelSelector takes any pod of a namespace, or any pod that a workload there would make.

A workload scaled to nothing has no pods now and will have them again: its template speaks for them, and so does the
template of a CronJob between two runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from detectors.facts import Container, LabelSelector, selects
from detectors.facts_batch import CronJob
from detectors.model import ObjectRef
from detectors.world import World, ref
from intents.model import WORKLOAD_KINDS

NEEDS = ("Pod", *WORKLOAD_KINDS, "CronJob")
"""What a detector that asks here has to name in its needs."""


@dataclass(frozen=True, slots=True)
class Party:
    """Pods that are alike: a workload's, by its template, or those of another owner, by one of them. Of few parties
    a question is answered sooner than of 20,000 pods."""

    ref: ObjectRef
    labels: dict[str, str]
    containers: tuple[Container, ...]


def parties(world: World, namespace: str) -> Iterator[Party]:
    """Everybody who has pods in the namespace, or would have."""
    for kind, workload in world.workloads_in(namespace):
        template = workload.spec.template
        yield Party(ref(kind, workload.metadata), template.metadata.labels, template.spec.containers)
    for owner, pod in world.elsewhere(namespace):
        yield Party(owner, pod.metadata.labels, pod.spec.containers)


def labels_in(world: World, namespace: str) -> Iterator[Mapping[str, str]]:
    """The labels of templates first (they are few), then of pods."""
    for _, workload in world.workloads_in(namespace):
        yield workload.spec.template.metadata.labels
    for (where, _), found in world.observation.all_of("CronJob", CronJob).items():
        if where == namespace:
            yield found.spec.job_template.spec.template.metadata.labels
    for pod in world.pods_in(namespace):
        yield pod.metadata.labels


def takes_any(world: World, namespace: str, selector: LabelSelector) -> bool | None:
    """Whether it takes one of them; True for an empty selector, which means all. None where that cannot be told."""
    if selector.empty:
        return True
    doubt = False
    for labels in labels_in(world, namespace):
        taken = selects(selector, dict(labels))
        if taken:
            return True
        doubt = doubt or taken is None
    return None if doubt else False


def in_words(selector: LabelSelector) -> str:
    """The selector as `kubectl` writes it."""
    parts = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    for rule in selector.match_expressions:
        values = f" ({','.join(rule.values)})" if rule.values else ""
        parts.append(f"{rule.key} {rule.operator.lower()}{values}")
    return ",".join(parts)
