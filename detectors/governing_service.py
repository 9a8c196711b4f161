"""A StatefulSet names a Service that is not there: its pods run, and have no names under which others find them."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts import Workload
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "governingService"


def _judge(view: View) -> Iterator[Finding]:
    services = view.world.observation.services()
    for stateful_set in view.objects("StatefulSet", Workload):
        meta, name = stateful_set.metadata, stateful_set.spec.service_name
        since = age(meta.creation_timestamp, view.at)
        if not name or meta.deletion_timestamp is not None or (meta.namespace, name) in services:
            continue
        if since is not None and since > view.patience.missing:
            yield view.violation(
                NAME,
                FaultClass.GOVERNING_SERVICE,
                ref("StatefulSet", meta),
                severity=Severity.WARNING,
                reason="ServiceNotFound",
                message=f"spec.serviceName is {name}, and there is no Service of that name in {meta.namespace}: "
                "the pods have no DNS names",
                facts={"service": name},
            )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.GOVERNING_SERVICE}),
    (ObjectsHealthy,),
    ("StatefulSet", "Service"),
    _judge,
    ("StatefulSet",),
)
