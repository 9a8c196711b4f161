"""What a broken pod shows where no container runs: the symptom that a case states, or what follows from its fault.

Pure: a case, a pod and the state in; container states, events and a log out. What the format leaves open and nothing here
knows makes a case one that cannot be shown: that is said, never guessed.
"""

from __future__ import annotations

import re

from gym.cases.model import Case, Expected, Scoring, Symptom, Tier
from gym.cases.state import Json, State, mapping
from gym.run.fault_symptoms import derived, says_nothing
from gym.run.shown import RESTARTS, Event, Shown, back_off, ended_as, events_of


def why_not(case: Case, scoring: Scoring) -> str | None:
    """Why no stage can show this case's symptom; None where one can, or where the control plane shows it."""
    unknown = sorted({name for symptom in case.symptoms for name in symptom.model_extra or {}})
    if unknown:
        return f"the stage cannot show {', '.join(unknown)}"
    if case.symptoms or scoring.expected is Expected.NOTHING:
        return None
    if case.tier in (Tier.KWOK, Tier.KUBELET) and derived(scoring.fault_type) is None:
        return f"no symptom is stated, and none follows from {scoring.fault_type!r}"
    return None


def is_shown(case: Case, scoring: Scoring) -> bool:
    """Whether pods show anything that only a kubelet could tell."""
    if case.symptoms:
        return any(_tells(symptom) for symptom in case.symptoms)
    if scoring.expected is Expected.NOTHING:
        return False
    return case.tier in (Tier.KWOK, Tier.KUBELET) and derived(scoring.fault_type) not in (None, says_nothing)


def _tells(symptom: Symptom) -> bool:
    told = (
        symptom.container_state,
        symptom.init_container_state,
        symptom.last_state,
        symptom.ready,
        symptom.phase,
    )
    return any(part is not None for part in told) or bool(symptom.events) or bool(symptom.logs)


def shown(symptom: Symptom | None, fault_type: str, pod: Json, container: Json, state: State) -> Shown | None:
    """What the container shows. None: nothing but what the control plane says itself."""
    if symptom is None:
        derive = derived(fault_type)
        return derive(pod, container, state) if derive is not None else None
    stated = symptom.init_container_state or symptom.container_state
    events = tuple(map(event_of, symptom.events))
    if not _tells(symptom):
        return None
    if stated is None and symptom.last_state is not None:
        stated = {"waiting": {"reason": "CrashLoopBackOff"}}
    running = stated is None or "running" in stated
    told = _worded(stated or {"running": {}}, pod, container)
    last = ended_as(symptom.last_state)
    return Shown(
        state=told,
        last=last,
        init=on_init(symptom, fault_type),
        ready=bool(symptom.ready) if symptom.ready is not None else running,
        restarts=symptom.restart_count
        if symptom.restart_count is not None
        else RESTARTS
        if last is not None
        else 0,
        phase=symptom.phase or "",
        events=events or events_of(told, pod, container),
        log=symptom.logs or "",
        lasted=symptom.lasted,
    )


def on_init(symptom: Symptom | None, fault_type: str) -> bool:
    """Whether an init container shows it."""
    if symptom is not None:
        return symptom.init_container_state is not None
    return fault_type.casefold().startswith("init container")


def event_of(text: str) -> Event:
    """A stated event: `Reason: message`, or a message of the kubelet whose reason is known."""
    reason, colon, message = text.partition(": ")
    if colon and re.fullmatch(r"[A-Z][A-Za-z]+", reason):
        return Event(reason, message, normal=reason in _NORMAL)
    return Event(next((known for start, known in _REASONS if text.startswith(start)), "Failed"), text)


_NORMAL = frozenset({"Created", "Killing", "Pulled", "Pulling", "Scheduled", "Started"})
_REASONS = (
    ("Readiness probe", "Unhealthy"),
    ("Liveness probe", "Unhealthy"),
    ("Startup probe", "Unhealthy"),
    ("Back-off", "BackOff"),
    ("MountVolume", "FailedMount"),
    ("Unable to attach or mount", "FailedMount"),
    ("Stopping container", "Killing"),
)


def _worded(state: Json, pod: Json, container: Json) -> Json:
    """A stated state with the message that a kubelet adds where the case leaves it out."""
    waiting = dict(mapping(state.get("waiting")))
    if not waiting:
        return {name: dict(mapping(value)) for name, value in state.items()}
    if waiting.get("reason") == "CrashLoopBackOff" and not waiting.get("message"):
        waiting["message"] = back_off(pod, container)
    return {"waiting": waiting}
