"""Whether a LabelSelector takes any pod of a namespace, or any pod that a workload there would make.

A workload scaled to nothing has no pods now and will have them again: its template speaks for them, and so does the
template of a CronJob between two runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from detectors.facts import Container, LabelSelector, labels_match, selects
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


@dataclass(frozen=True, slots=True)
class Crowd:
    """Everybody who has pods in a namespace, or would have; by single labels too, since selectors nearly always ask
    for one."""

    parties: tuple[Party, ...]
    by_label: Mapping[tuple[str, str], Sequence[Party]]

    def taken_by(self, selector: dict[str, str]) -> list[Party]:
        """Those that an equality selector takes; an empty one takes none."""
        first = next(iter(selector.items()), None)
        some = () if first is None else self.by_label.get(first, ())
        return [party for party in some if labels_match(selector, party.labels)]

    def selected_by(self, selector: LabelSelector) -> Iterator[tuple[Party, bool]]:
        """Those that a LabelSelector takes; False beside a party of which that cannot be told."""
        first = next(iter(selector.match_labels.items()), None)
        for party in self.parties if first is None else self.by_label.get(first, ()):
            taken = selects(selector, party.labels)
            if taken is not False:
                yield party, taken is True


def crowd(world: World, namespace: str) -> Crowd:
    """The namespace's crowd, worked out once a look."""
    return world.once(("crowd", namespace), lambda: _crowd(world, namespace))


def _crowd(world: World, namespace: str) -> Crowd:
    parties = tuple(_parties(world, namespace))
    by_label: dict[tuple[str, str], list[Party]] = {}
    for party in parties:
        for pair in party.labels.items():
            by_label.setdefault(pair, []).append(party)
    return Crowd(parties, by_label)


def _parties(world: World, namespace: str) -> Iterator[Party]:
    for kind, workload in world.workloads_in(namespace):
        template = workload.spec.template
        yield Party(ref(kind, workload.metadata), template.metadata.labels, template.spec.containers)
    for owner, pod in world.elsewhere(namespace):
        yield Party(owner, pod.metadata.labels, pod.spec.containers)


def takes_any(world: World, namespace: str, selector: LabelSelector) -> bool | None:
    """Whether it takes anybody; True for an empty selector, which means all. None where that cannot be told. Pods
    themselves, of which there are many, are asked last."""
    if selector.empty:
        return True
    doubt = False
    for _, sure in crowd(world, namespace).selected_by(selector):
        if sure:
            return True
        doubt = True
    for labels in _others(world, namespace):
        taken = selects(selector, labels)
        if taken:
            return True
        doubt = doubt or taken is None
    return None if doubt else False


def _others(world: World, namespace: str) -> Iterator[dict[str, str]]:
    for (where, _), found in world.observation.all_of("CronJob", CronJob).items():
        if where == namespace:
            yield found.spec.job_template.spec.template.metadata.labels
    for pod in world.pods_in(namespace):
        yield pod.metadata.labels


def in_words(selector: LabelSelector) -> str:
    """The selector as `kubectl` writes it."""
    parts = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    for rule in selector.match_expressions:
        values = f" ({','.join(rule.values)})" if rule.values else ""
        parts.append(f"{rule.key} {rule.operator.lower()}{values}")
    return ",".join(parts)
