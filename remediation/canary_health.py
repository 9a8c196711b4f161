"""The verdict over a canary, read from the detectors that judge the workload itself.

They are shown a world in which the canary is the workload's only pod, so what is a fault of a pod there is one
here, with the same patience, and nothing has to be written twice. The verdict mirrors verification: healthy for
the whole window without a break passes, broken for so long without a break fails, and whatever has done neither
when the time is up has not come up. A canary that finds no place, or that nobody can see, says nothing about the
change: a person decides then. Pure: times are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from detectors.base import Patience
from detectors.facts import ObjectMeta, Owner, Pod, Workload, WorkloadStatus
from detectors.judge import judge
from detectors.model import FaultClass, ObjectRef, Observation, Standing
from detectors.pods import alive, ready
from intents.model import Intent, IntentSpec, Metadata, Scope, WorkloadHealthy
from remediation.rehearsal import Result

NO_PLACE = frozenset({FaultClass.UNSCHEDULABLE, FaultClass.SCHEDULING_GATED})
"""Faults of the cluster's free room, not of the template."""


UNSEEN = "the canary could not be seen"


@dataclass(frozen=True, slots=True)
class Health:
    """One look at a canary. `says` tells people what was seen."""

    standing: Standing
    says: str = ""
    fault_class: FaultClass | None = None
    seen: bool = True
    ended: bool = False  # the pod is finished or on its way out: nothing more will be learnt


@dataclass(frozen=True, slots=True)
class Watched:
    """What a row of looks says about one canary (by uid): since when (monotonic seconds) every look found it
    whole, or broken."""

    uid: str
    health: Health
    whole_since: float | None = None
    broken_since: float | None = None

    def then(self, health: Health, now: float) -> Watched:
        """With one more look. Not being able to tell starts both clocks again."""
        whole = health.standing is Standing.CLEAR
        broken = health.standing is Standing.VIOLATED
        return Watched(
            self.uid,
            health,
            (now if self.whole_since is None else self.whole_since) if whole else None,
            (now if self.broken_since is None else self.broken_since) if broken else None,
        )


def health(
    pod: Pod | None, workload: Workload | None, target: ObjectRef, at: float, patience: Patience
) -> Health:
    """Judge the canary as the only pod of the workload. None: the watches do not show it (yet)."""
    if pod is None or workload is None:
        return Health(Standing.UNSETTLED, UNSEEN, seen=False)
    if not alive(pod):
        why = pod.status.reason or pod.status.phase or "it is being deleted"
        return Health(Standing.UNSETTLED, f"the canary ended: {why}", ended=True)
    judgement = judge([_intent(target)], _alone(pod, workload, target, at), patience)
    standing = judgement.standing(target.name, target)
    if judgement.violations:
        worst = judgement.violations[0]
        where = f"container {worst.container}: " if worst.container else ""
        return Health(
            standing, f"{worst.fault_class}: {where}{worst.reason}: {worst.message}", worst.fault_class
        )
    settling = "; ".join(found.message for found in judgement.settling)
    return Health(standing, settling or "healthy")


def _intent(target: ObjectRef) -> Intent:
    return Intent(
        api_version="intentd.io/v1alpha1",
        kind="Intent",
        metadata=Metadata(name=target.name),
        spec=IntentSpec(
            scope=Scope.model_validate(
                {"namespace": target.namespace, "kind": target.kind, "name": target.name}
            ),
            expectations=(WorkloadHealthy(type="workloadHealthy"),),
        ),
    )


def _alone(pod: Pod, workload: Workload, target: ObjectRef, at: float) -> Observation:
    """A world in which the canary is the workload's only pod, and the controller says no more than that."""
    up = int(ready(pod))
    generation = workload.metadata.generation
    owner = Owner(kind=target.kind, name=target.name, uid=target.uid, controller=True)
    one = replace(
        workload,
        metadata=ObjectMeta(
            name=target.name, namespace=target.namespace, uid=target.uid, generation=generation
        ),
        spec=replace(workload.spec, replicas=1, paused=False),
        status=WorkloadStatus(
            observed_generation=generation,
            replicas=1,
            updated_replicas=1,
            ready_replicas=up,
            available_replicas=up,
            desired_number_scheduled=1,
            updated_number_scheduled=1,
            number_ready=up,
            number_available=up,
        ),
    )
    name = (target.namespace, pod.metadata.name)
    kinds: dict[str, dict[tuple[str, str], Pod | Workload]] = {
        kind: {} for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    }
    kinds[target.kind] = {(target.namespace, target.name): one}
    kinds["Pod"] = {name: replace(pod, metadata=replace(pod.metadata, owner_references=(owner,)))}
    return Observation(at=at, objects=kinds)


def verdict(
    watched: Watched, *, now: float, waited: float, window: float, timeout: float
) -> tuple[Result, str] | None:
    """How the rehearsal ends, None while it goes on. `now` is of the looks' clock; `waited` are the seconds since
    the canary was created, also across a restart."""
    health = watched.health
    if health.ended:
        return Result.UNTOLD, health.says
    if watched.whole_since is not None and now - watched.whole_since >= window:
        return Result.PASSED, f"healthy for {now - watched.whole_since:.0f} s"
    if watched.broken_since is not None and now - watched.broken_since >= window:
        result = Result.UNTOLD if health.fault_class in NO_PLACE else Result.FAILED
        return result, health.says
    if waited < timeout:
        return None
    if health.standing is Standing.CLEAR and waited < timeout + window:
        return None  # it came up late; the window is the last
    if health.fault_class in NO_PLACE or not health.seen:
        return Result.UNTOLD, health.says
    return Result.FAILED, f"not healthy for {window:.0f} s within {waited:.0f} s: {health.says}"
