"""What a run will do: which sample of which case, and why some cannot be shown here. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gym.cases.context import Node
from gym.cases.model import Scenario, Tier
from gym.cases.results import Result
from gym.providers.base import Capabilities
from gym.run.symptoms import why_not

ADMISSION = frozenset(
    {
        "MutatingAdmissionPolicy",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds that hold back requests of the whole cluster."""


@dataclass(frozen=True, slots=True)
class Job:
    """One sample that is to be run. `claims` are what no other sample may use at the same time."""

    scenario: Scenario
    sample: int
    claims: frozenset[str] = frozenset()

    @property
    def id(self) -> tuple[str, int]:
        """What a result names it by."""
        return self.scenario.case.id, self.sample


@dataclass(frozen=True, slots=True)
class Plan:
    """Samples to run, in order, and those that cannot be, with their reasons."""

    jobs: tuple[Job, ...]
    skipped: tuple[Result, ...]


def plan(
    scenarios: Sequence[Scenario],
    *,
    samples: int,
    tier: Tier | None,
    capabilities: Capabilities,
    done: Collection[tuple[str, int]] = (),
) -> Plan:
    """Every sample of every case that has no result yet. One sample of each case comes before the second of any, so
    that a run that is cut short has seen every case."""
    jobs, skipped = [], []
    for scenario, sample in _samples(scenarios, samples):
        case = scenario.case
        if (case.id, sample) in done:
            continue
        reason = why_skipped(scenario, tier, capabilities)
        if reason is not None:
            skipped.append(Result(case.id, sample, case.tier.value, skipped=reason))
        else:
            jobs.append(Job(scenario, sample))
    return Plan(tuple(jobs), tuple(skipped))


def why_skipped(scenario: Scenario, tier: Tier | None, capabilities: Capabilities) -> str | None:
    """Why the case cannot be shown here; None where it can."""
    case = scenario.case
    if tier is not None and case.tier is not tier:
        return f"only {tier.value} was asked for"
    if case.tier is Tier.METRICS and not (capabilities.metrics and capabilities.real_containers):
        return "it needs Prometheus and running containers, which this provider has not"
    if not capabilities.own_cluster:
        return "it needs a cluster of our own"
    return why_not(case, scenario.scoring)


def by_nodes(jobs: Sequence[Job], usual: tuple[Node, ...]) -> list[tuple[tuple[Node, ...], list[Job]]]:
    """The samples by the nodes that they need, those with the usual ones first: whoever runs them at the same time has
    to share a scheduler, which must see no other nodes. One that changes what the API server admits is a group of its
    own."""
    groups: dict[str, tuple[tuple[Node, ...], list[Job]]] = {}
    for job in sorted(jobs, key=lambda job: bool(job.scenario.case.context.nodes)):
        nodes = job.scenario.case.context.nodes or usual
        said = json.dumps([node.as_object() for node in nodes], sort_keys=True)
        if any(obj["kind"] in ADMISSION for obj in (*job.scenario.case.broken, *job.scenario.case.inventory)):
            said = f"{job.id}"
        groups.setdefault(said, (nodes, []))[1].append(job)
    return list(groups.values())


def _samples(scenarios: Sequence[Scenario], samples: int) -> Iterator[tuple[Scenario, int]]:
    for sample in range(samples):
        for scenario in scenarios:
            yield scenario, sample
