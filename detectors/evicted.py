"""Pods are put off their node: evicted by the kubelet for want of something, or preempted by more important ones.

One that was replaced and serves again is over. It is a fault while replicas are missing for it, and where it happens
again and again. Failed pods stay listed long after; only those of the newest template and of the last minutes count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import Pod
from detectors.model import FaultClass
from detectors.pods import PREEMPTED, containers, endings
from detectors.timestamps import seconds
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "evicted"
_LOW_ON = re.compile(r"low on resource: (?P<resource>[a-z-]{1,60})")
_OWN_LIMIT = re.compile(r"exceed(?:s the|s the total|ed its)? .*?limit|exceeds the total limit")
"""The kubelet's words (pkg/kubelet/eviction/helpers.go): the node's want, or the pod past a limit of its own."""


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        if not workers.evicted:
            continue
        times = {pod.metadata.uid: _when(pod) for pod in workers.evicted}
        lately = [
            pod
            for pod in workers.evicted
            if (at := times[pod.metadata.uid]) is not None and view.at - at <= view.patience.recent
        ]
        short = workers.rollout.available < workers.rollout.desired
        if lately and (short or len(lately) >= view.patience.evictions):
            newest = max(lately, key=lambda pod: times[pod.metadata.uid] or 0.0)
            yield _violation(view, workers, newest, len(lately))


def _violation(view: View, workers: Workers, pod: Pod, times: int) -> Finding:
    preempted = next((c for c in pod.status.conditions if c.reason == PREEMPTED), None)
    said = pod.status.message or (preempted.message if preempted is not None else "")
    low = _LOW_ON.search(said)
    return view.violation(
        NAME,
        FaultClass.EVICTED,
        workers.ref,
        severity=severity_of(workers),
        reason=pod.status.reason or "Preempted",
        message=said.strip() or "a pod was put off its node",
        subject=ref("Pod", pod.metadata),
        facts={
            "node": pod.spec.node_name or "",
            "resource": low["resource"] if low else "",
            "limit": "own" if _OWN_LIMIT.search(said) else "",
            "evictions": str(times),
        },
    )


def _when(pod: Pod) -> float | None:
    """The newest time that the pod's status tells: it has no field for its eviction, and nothing changes after."""
    told = [seconds(condition.last_transition_time) for condition in pod.status.conditions]
    told += [seconds(ended.finished_at) for container in containers(pod) for ended in endings(container)]
    return max((at for at in told if at is not None), default=None)


DETECTOR = Detector(NAME, frozenset({FaultClass.EVICTED}), (WorkloadHealthy,), POD_NEEDS, _judge)
