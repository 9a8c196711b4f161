"""The kubelet kills a container because its liveness probe fails, or because its startup probe gave up.

No status says so: it is inferred from the exit code and from how long the container ran (detectors.endings), and the
message says that it is. The kubelet's events are the proof, and are read as evidence.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.endings import Ending, allowed, in_words, repeated
from detectors.facts import Probe
from detectors.model import FaultClass
from detectors.pods import ran
from intents.model import WorkloadHealthy

NAME = "probeKill"
CLASSES = {FaultClass.LIVENESS_PROBE: "liveness", FaultClass.STARTUP_PROBE: "startup"}


def _judge(view: View) -> Iterator[Finding]:
    for ending in repeated(view):
        kind = CLASSES.get(ending.fault_class)
        if kind is not None and ending.probe is not None and ending.ended is not None:
            yield view.container_violation(
                NAME,
                ending.fault_class,
                ending.workers,
                ending.pod,
                ending.container,
                reason=ending.reason,
                message=_message(ending, ending.probe, kind),
                facts={
                    "probe": kind,
                    "allowedSeconds": str(allowed(ending.probe)),
                    "exitCode": str(ending.ended.exit_code),
                    "endedAs": ending.ended.reason,
                    **ran(ending.ended),
                },
            )


def _message(ending: Ending, probe: Probe, kind: str) -> str:
    code = "" if ending.ended is None else ending.ended.exit_code
    gives_up = (
        "gives up before the program is up"
        if kind == "startup"
        else "kills what would run or answers too late"
    )
    return (
        f"container {ending.container.name} ends with exit code {code} when its {kind} probe can have failed for the "
        f"last time, {allowed(probe)} s ({in_words(probe)}): probably the probe {gives_up}"
    )


DETECTOR = Detector(NAME, frozenset(CLASSES), (WorkloadHealthy,), POD_NEEDS, _judge)
