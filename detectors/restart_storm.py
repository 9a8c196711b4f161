"""A container that is restarted again and again, too slowly for the kubelet to call it a crash loop.

The kubelet forgets its back-off after ten minutes; a program that dies every half hour, or ends by itself and is started
anew, looks healthy most of the time. Counted is the mean since the pod was made, and only while it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.endings import loops, meaning
from detectors.facts import ContainerStatus, Pod
from detectors.model import FaultClass
from detectors.pods import endings, oom_ending, ran
from detectors.timestamps import age
from intents.model import WorkloadHealthy

NAME = "restartStorm"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in pod.status.container_statuses:
                interval = _interval(view, pod, container)
                if interval is None:
                    continue
                ended = next(endings(container))
                why = meaning(ended)
                yield view.container_violation(
                    NAME,
                    FaultClass.RESTART_STORM,
                    workers,
                    pod,
                    container,
                    reason="Restarting",
                    message=f"container {container.name} is restarted again and again, too slowly for a back-off; "
                    f"it last ended with exit code {ended.exit_code}"
                    + (f" ({why})" if why else "")
                    + (f": {ended.message}" if ended.message else ""),
                    facts={
                        "exitCode": str(ended.exit_code),
                        "endedAs": ended.reason,
                        "meaning": why,
                        "intervalSeconds": f"{interval:.0f}",
                        **ran(ended),
                    },
                )


def _interval(view: View, pod: Pod, container: ContainerStatus) -> float | None:
    """Mean seconds between restarts where that is a storm that goes on and has no other name."""
    patience, ended = view.patience, next(endings(container), None)
    if ended is None or container.restart_count < patience.storm or container.state.running is None:
        return None
    since, lived = age(ended.finished_at, view.at), age(pod.metadata.creation_timestamp, view.at)
    if since is None or lived is None or loops(container, ended, view.at, patience):
        return None
    if oom_ending(container) is not None and since <= patience.recent:
        return None  # oom_killed's
    interval = lived / container.restart_count
    return interval if interval <= patience.storm_interval and since <= 2 * interval else None


DETECTOR = Detector(NAME, frozenset({FaultClass.RESTART_STORM}), (WorkloadHealthy,), POD_NEEDS, _judge)
