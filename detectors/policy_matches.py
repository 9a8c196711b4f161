"""A NetworkPolicy that selects no pod, and none that any workload of its namespace would make."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_network import NetworkPolicy
from detectors.model import FaultClass, Severity
from detectors.selection import NEEDS, in_words, takes_any
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "policyMatches"


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("NetworkPolicy", NetworkPolicy):
        selector = found.spec.pod_selector
        if found.metadata.deletion_timestamp:
            continue
        if takes_any(view.world, found.metadata.namespace, selector) is not False:
            continue
        target = ref("NetworkPolicy", found.metadata)
        told = f"it selects no pod: none has the labels {in_words(selector)}"
        since = age(found.metadata.creation_timestamp, view.at)
        if since is not None and since <= view.patience.missing:
            yield view.settling(target, told)
            continue
        yield view.violation(
            NAME,
            FaultClass.POLICY_MATCHES_NOTHING,
            target,
            severity=Severity.WARNING,
            reason="NoPods",
            message=told,
            facts={"podSelector": in_words(selector)},
        )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.POLICY_MATCHES_NOTHING}),
    (ObjectsHealthy,),
    ("NetworkPolicy", *NEEDS),
    _judge,
    ("NetworkPolicy",),
)
