"""A HorizontalPodAutoscaler that scales nothing, knows nothing to scale by, or has stood at its maximum for long.

All from its own conditions (kube-controller-manager, pkg/controller/podautoscaler/horizontal.go). minReplicas above
maxReplicas is refused by the API server and not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.conditions import find, lasted
from detectors.facts import Condition
from detectors.facts_batch import Autoscaler
from detectors.model import FaultClass, ObjectRef, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import WORKLOAD_KINDS, ObjectsHealthy

NAME = "autoscaler"
MAXED_OUT = 900.0
"""Seconds at the maximum. Source: kubernetes-mixin's alert KubeHpaMaxedOut, `for: 15m`; as there, not where minimum
and maximum are equal."""
NO_METRICS = 90.0
"""Seconds without metrics. A new pod has none before its container was scraped twice (metrics-server, every 15 s) and
the controller came by again (`--horizontal-pod-autoscaler-sync-period`, 15 s); three times that for a slow start
(`--horizontal-pod-autoscaler-initial-readiness-delay`, 30 s)."""
OF_THE_TARGET = frozenset({"InvalidSelector", "AmbiguousSelector"})
"""Reasons of ScalingActive False that speak of what is scaled, not of metrics."""
_WISH = "ScalingDisabled"
"""The target was scaled to nothing by somebody: then nothing is scaled, on purpose."""
_NO_REQUEST = re.compile(
    r"missing request for (?P<resource>[\w.-]+)(?: in container (?P<container>[\w.-]+))?"
)


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("HorizontalPodAutoscaler", Autoscaler):
        if found.metadata.deletion_timestamp:
            continue
        able = find(found.status.conditions, "AbleToScale")
        active = find(found.status.conditions, "ScalingActive")
        if _is_absent(view, found):
            yield from _absent(view, found)
        elif able is not None and able.status == "False":
            yield from _unable(view, found, able)
        elif active is not None and active.status == "False" and active.reason != _WISH:
            yield from _blind(view, found, active)
        else:
            yield from _maxed_out(view, found)


def _is_absent(view: View, found: Autoscaler) -> bool:
    """Whether the target is of a kind that is watched, and not there."""
    target = found.spec.scale_target_ref
    if target.kind not in WORKLOAD_KINDS or not target.api_version.startswith("apps/"):
        return False
    key = (found.metadata.namespace, target.name)
    return key not in view.world.observation.workloads(target.kind)


def _absent(view: View, found: Autoscaler) -> Iterator[Finding]:
    target = found.spec.scale_target_ref
    since = age(found.metadata.creation_timestamp, view.at)
    told = f"it scales {target.kind}/{target.name}, which does not exist"
    if since is not None and since <= view.patience.missing:
        yield view.settling(ref("HorizontalPodAutoscaler", found.metadata), told)
    else:
        yield _told(view, found, FaultClass.AUTOSCALER_TARGET, "TargetNotFound", told)


def _unable(view: View, found: Autoscaler, able: Condition) -> Iterator[Finding]:
    if lasted(able, view.at, view.patience.missing):
        yield _told(view, found, FaultClass.AUTOSCALER_TARGET, able.reason, able.message)
    else:
        yield view.settling(ref("HorizontalPodAutoscaler", found.metadata), able.message)


def _blind(view: View, found: Autoscaler, active: Condition) -> Iterator[Finding]:
    if not lasted(active, view.at, NO_METRICS):
        yield view.settling(ref("HorizontalPodAutoscaler", found.metadata), active.message)
        return
    if active.reason in OF_THE_TARGET:
        yield _told(view, found, FaultClass.AUTOSCALER_TARGET, active.reason, active.message)
        return
    unasked = _NO_REQUEST.search(active.message)
    yield _told(
        view,
        found,
        FaultClass.AUTOSCALER_METRICS,
        active.reason,
        active.message,
        target=_target(view, found) if unasked is not None else None,
        container=unasked["container"] if unasked is not None else None,
        missingRequest=unasked["resource"] if unasked is not None else "",
    )


def _target(view: View, found: Autoscaler) -> ObjectRef | None:
    """The workload: where its containers request nothing, it is what has to change."""
    name = found.spec.scale_target_ref
    here = ObjectRef(name.kind, found.metadata.namespace, name.name)
    workload = view.world.find(here)
    return None if workload is None else ref(name.kind, workload.metadata)


def _maxed_out(view: View, found: Autoscaler) -> Iterator[Finding]:
    limited = find(found.status.conditions, "ScalingLimited")
    spec, status = found.spec, found.status
    least = 1 if spec.min_replicas is None else spec.min_replicas
    if (
        limited is None
        or (limited.status, limited.reason) != ("True", "TooManyReplicas")
        or status.current_replicas < spec.max_replicas
        or least >= spec.max_replicas
        or not lasted(limited, view.at, MAXED_OUT)
    ):
        return
    told = f"it has stood at its maximum of {spec.max_replicas} replicas for over {MAXED_OUT / 60:.0f} min and asks for more"
    yield _told(view, found, FaultClass.AUTOSCALER_AT_MAXIMUM, limited.reason, told)


def _told(
    view: View,
    found: Autoscaler,
    fault: FaultClass,
    reason: str,
    message: str,
    *,
    target: ObjectRef | None = None,
    container: str | None = None,
    **facts: str,
) -> Finding:
    here, scaled = ref("HorizontalPodAutoscaler", found.metadata), found.spec.scale_target_ref
    return view.violation(
        NAME,
        fault,
        target or here,
        severity=Severity.WARNING,
        reason=reason or fault.value,
        message=f"{here}: {message or 'its controller does not say why'}",
        subject=here,
        container=container,
        facts={
            "scales": f"{scaled.kind}/{scaled.name}",
            "maxReplicas": str(found.spec.max_replicas),
            "replicas": str(found.status.current_replicas),
            **facts,
        },
    )


DETECTOR = Detector(
    NAME,
    frozenset(
        {
            FaultClass.AUTOSCALER_TARGET,
            FaultClass.AUTOSCALER_METRICS,
            FaultClass.AUTOSCALER_AT_MAXIMUM,
        }
    ),
    (ObjectsHealthy,),
    ("HorizontalPodAutoscaler", *WORKLOAD_KINDS),
    _judge,
    ("HorizontalPodAutoscaler",),
)
