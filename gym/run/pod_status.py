"""The status of a pod as a kubelet would report it: of one that works, and of one that shows a symptom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from gym.cases.state import Json, dig, mapping, maps
from gym.run.shown import Shown

CREATING = "ContainerCreating"


def working(pod: Json, at: datetime, address: str) -> Json:
    """All containers run and are ready; those of a Job are done."""
    if owner_kind(pod) == "Job":
        ended = {
            "terminated": {
                "exitCode": 0,
                "reason": "Completed",
                "startedAt": _time(at),
                "finishedAt": _time(at),
            }
        }
        done = [_container(one, ended, ready=False) for one in _containers(pod)]
        conditions = _conditions(pod, at, initialized=True, ready=False, reason="PodCompleted")
        return _status("Succeeded", conditions, pod, at, address, done, _inits(pod, at))
    running = [_container(one, {"running": {"startedAt": _time(at)}}, ready=True) for one in _containers(pod)]
    conditions = _conditions(pod, at, initialized=True, ready=True)
    return _status("Running", conditions, pod, at, address, running, _inits(pod, at))


def sick(pod: Json, shown: Mapping[str, Shown], at: datetime, address: str) -> Json:
    """The named containers show their symptoms, the others run; behind a failing init container they wait."""

    def told(one: Json) -> Json:
        found = shown[str(one.get("name"))]
        last = _timed(found.last, at, found.lasted) if found.last else None
        state = _timed(found.state, at, found.lasted)
        return _container(one, state, ready=found.ready, last=last, restarts=found.restarts)

    phase = next((found.phase for found in shown.values() if found.phase), "")
    if any(found.init for found in shown.values()):
        waits = {"waiting": {"reason": "PodInitializing"}}
        before = True
        inits = []
        for one in maps(dig(pod, "spec", "initContainers")):
            if one.get("name") in shown:
                inits.append(told(one))
                before = False
            else:
                inits.append(_done(one, at) if before else _container(one, waits, ready=False))
        others = [_container(one, waits, ready=False) for one in _containers(pod)]
        conditions = _conditions(pod, at, initialized=False, ready=False, reason="ContainersNotReady")
        return _status(phase or "Pending", conditions, pod, at, address, others, inits)
    running = {"running": {"startedAt": _time(at)}}
    all_of = [
        told(one) if one.get("name") in shown else _container(one, running, ready=True)
        for one in _containers(pod)
    ]
    waiting = [one for one in all_of if not one["ready"]]
    unready = f"containers with unready status: [{' '.join(str(one['name']) for one in waiting)}]"
    conditions = _conditions(
        pod, at, initialized=True, ready=not waiting, reason="ContainersNotReady", message=unready
    )
    creating = any(dig(found.state, "waiting", "reason") == CREATING for found in shown.values())
    if creating:  # volumes or sandbox are not there: not even the others start
        conditions[0] |= {"status": "False"}
    return _status(
        phase or _phase(pod, shown.values()), conditions, pod, at, address, all_of, _inits(pod, at)
    )


def _phase(pod: Json, shown: Iterable[Shown]) -> str:
    found = list(shown)
    if any("terminated" in one.state for one in found) and dig(pod, "spec", "restartPolicy") == "Never":
        return "Failed"
    never_started = any("waiting" in one.state and one.last is None for one in found)
    return "Pending" if never_started else "Running"


def owner_kind(pod: Json) -> str:
    """The kind of the object that manages the pod; empty for a bare one."""
    owners = maps(dig(pod, "metadata", "ownerReferences"))
    return next((str(one.get("kind")) for one in owners if one.get("controller")), "")


def _status(
    phase: str,
    conditions: list[Json],
    pod: Json,
    at: datetime,
    address: str,
    containers: list[Json],
    inits: list[Json],
) -> Json:
    status: Json = {
        "phase": phase,
        "conditions": conditions,
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": dig(pod, "status", "startTime") or _time(at),
        "containerStatuses": containers,
    }
    return status | ({"initContainerStatuses": inits} if inits else {})


def _containers(pod: Json) -> list[Json]:
    return maps(dig(pod, "spec", "containers"))


def _inits(pod: Json, at: datetime) -> list[Json]:
    return [_done(one, at) for one in maps(dig(pod, "spec", "initContainers"))]


def _done(one: Json, at: datetime) -> Json:
    if one.get("restartPolicy") == "Always":  # a sidecar goes on
        return _container(one, {"running": {"startedAt": _time(at)}}, ready=True)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": _time(at), "finishedAt": _time(at)}
    return _container(one, {"terminated": ended}, ready=True)


def _container(one: Json, state: Json, *, ready: bool, last: Json | None = None, restarts: int = 0) -> Json:
    return {
        "name": one.get("name"),
        "image": one.get("image"),
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def _conditions(
    pod: Json, at: datetime, *, initialized: bool, ready: bool, reason: str = "", message: str = ""
) -> list[Json]:
    """What the scheduler said is kept; the rest is the kubelet's. The moment of a condition that stays is kept."""
    before = {str(one.get("type")): one for one in maps(dig(pod, "status", "conditions"))}
    wanted = {
        "PodReadyToStartContainers": True,
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": True,
    }
    found = []
    for kind, holds in wanted.items():
        value, old = "True" if holds else "False", mapping(before.get(kind))
        since = old.get("lastTransitionTime") if old.get("status") == value else _time(at)
        one: Json = {"type": kind, "status": value, "lastTransitionTime": since}
        if not holds:
            one |= {"reason": "ContainersNotInitialized" if kind == "Initialized" else reason}
            one |= {"message": message} if message else {}
        found.append(one)
    return found


def _timed(state: Json, at: datetime, lasted: int | None) -> Json:
    """Running since now, an ending of a moment ago: unless it has lasted for longer."""
    timed: Json = {}
    for name, value in state.items():
        told = dict(mapping(value))
        if name == "running":
            told.setdefault("startedAt", _time(at - timedelta(seconds=lasted or 0)))
        if name == "terminated":
            told.setdefault("startedAt", _time(at - timedelta(seconds=2 if lasted is None else lasted)))
            told.setdefault("finishedAt", _time(at))
        timed[name] = told
    return timed


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
