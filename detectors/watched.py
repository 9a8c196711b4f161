"""Which kinds are watched: always those that every intent about a workload needs, others while an intent does.

A watch costs a thread, a connection and memory; a cluster without such an intent pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from detectors import facts, facts_batch, facts_cluster, facts_network
from detectors.base import NAMED_TARGET, WORKLOADS
from detectors.facts import Fact
from detectors.registry import detectors_for
from intents.model import Intent

ALWAYS = frozenset(facts.FACT_TYPES)

FACT_TYPES: dict[str, type[Fact]] = {
    **facts.FACT_TYPES,
    **facts_batch.TYPES,
    **facts_network.TYPES,
    **facts_cluster.TYPES,
}
"""The fact that each kind is decoded into."""


def kinds_needed(intents: Iterable[Intent]) -> frozenset[str]:
    """The kinds that detectors read to judge these intents, ALWAYS among them."""
    asked = {
        need
        for intent in intents
        for expectation in intent.spec.expectations
        for detector in detectors_for(expectation)
        for need in detector.needs
    }
    return ALWAYS | (asked - {WORKLOADS, NAMED_TARGET})
