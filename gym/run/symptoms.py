"""What a broken pod shows where no container runs: the symptom that a case states, or what follows from its fault.

Pure: a case, a pod and the state in; container states, events and a log out. Messages are worded as the kubelet
and containerd word them (Kubernetes 1.36, pkg/kubelet/kuberuntime and pkg/kubelet/images). What the format leaves open and
nothing here knows makes a case one that cannot be shown: that is said, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gym.cases.model import Case, Expected, Scoring, Symptom, Tier
from gym.cases.state import Json, State, dig, mapping, maps

RESTARTS = 5
"""Restarts of a container that is seen in CrashLoopBackOff: some minutes of them."""

NEVER_RESTARTED = 300.0
"""Seconds. A liveness probe that needs longer than this to give up is shown by its events alone, as a kubelet would
show it in the time that a case is watched."""


class Event(NamedTuple):
    """An event of a pod; `normal` ones are no warnings."""

    reason: str
    message: str
    normal: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What one container of a sick pod shows. `state` and `last` as in a containerStatus, times left out; `phase` is the
    pod's where the case states it."""

    state: Json
    last: Json | None = None
    init: bool = False
    ready: bool = False
    restarts: int = 0
    events: tuple[Event, ...] = ()
    log: str = ""
    phase: str = ""


def why_not(case: Case, scoring: Scoring) -> str | None:
    """Why no stage can show this case's symptom; None where one can, or where the control plane shows it."""
    unknown = sorted({name for symptom in case.symptoms for name in symptom.model_extra or {}})
    if unknown:
        return f"the stage cannot show {', '.join(unknown)}"
    if case.symptoms or scoring.expected is Expected.NOTHING:
        return None
    if case.tier in (Tier.KWOK, Tier.KUBELET) and _derived(scoring.fault_type) is None:
        return f"no symptom is stated, and none follows from {scoring.fault_type!r}"
    return None


def is_shown(case: Case, scoring: Scoring) -> bool:
    """Whether pods show anything that only a kubelet could tell."""
    if case.symptoms:
        return any(_tells(symptom) for symptom in case.symptoms)
    if scoring.expected is Expected.NOTHING:
        return False
    return case.tier in (Tier.KWOK, Tier.KUBELET) and _derived(scoring.fault_type) not in (None, _nothing)


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
        derive = _derived(fault_type)
        return derive(pod, container, state) if derive is not None else None
    stated = symptom.init_container_state or symptom.container_state
    events = tuple(map(event_of, symptom.events))
    if not _tells(symptom):
        return None
    if stated is None and symptom.last_state is not None:
        stated = {"waiting": {"reason": "CrashLoopBackOff"}}
    running = stated is None or "running" in stated
    told = _worded(stated or {"running": {}}, pod, container)
    last = _ended(symptom.last_state)
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
        events=events or _events_of(told, pod, container),
        log=symptom.logs or "",
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


# ---------------------------------------------------------------- what follows from a fault

Derive = Callable[[Json, Json, State], Shown | None]


def _derived(fault_type: str) -> Derive | None:
    kind = fault_type.casefold()
    return next((derive for start, derive in _FAULTS if kind.startswith(start)), None)


def _nothing(_pod: Json, _container: Json, _state: State) -> Shown | None:
    return None  # the scheduler or a controller says it


def _image_pull(pod: Json, container: Json, _state: State) -> Shown:
    image = container.get("image")
    said = f'Back-off pulling image "{image}"'
    state = {"waiting": {"reason": "ImagePullBackOff", "message": said}}
    return Shown(state, events=_events_of(state, pod, container))


def _start_error(pod: Json, container: Json, _state: State) -> Shown:
    program = next(iter(container.get("command") or container.get("args") or ["/entrypoint"]))
    message = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        f'unable to start container process: error during container init: exec: "{program}": '
        + (
            "executable file not found in $PATH"
            if "/" not in program
            else f"stat {program}: no such file or directory"
        )
    )
    last = _ended({"terminated": {"exitCode": 128, "reason": "StartError", "message": message}})
    waiting = {"reason": "CrashLoopBackOff", "message": _back_off(pod, container)}
    failed = Event("Failed", f"Error: {message}")
    return Shown({"waiting": waiting}, last, restarts=RESTARTS, events=(failed, _backing_off(pod, container)))


def _crash(pod: Json, container: Json, _state: State) -> Shown:
    waiting = {"reason": "CrashLoopBackOff", "message": _back_off(pod, container)}
    said, code = _script(container)
    last = _ended({"terminated": {"exitCode": code}})
    return Shown(
        {"waiting": waiting}, last, restarts=RESTARTS, events=(_backing_off(pod, container),), log=said
    )


_UNSET = re.compile(
    r"if \[\[? -z \"?\$\{?(?P<name>\w+)\}?\"? \]\]?; then echo (?P<said>[^;]+);(?P<rest>.*?)\b(?:else|fi)\b"
)


def _script(container: Json) -> tuple[str, int]:
    """What a shell script in the manifest says, and how it ends, where it stops for a variable that is not set: the
    program is there to be read. Else it says nothing and ends with 1."""
    text = " ".join(map(str, [*(container.get("command") or ()), *(container.get("args") or ())]))
    found = _UNSET.search(text)
    if found is None or found["name"] in {one.get("name") for one in maps(container.get("env"))}:
        return "", 1
    code = re.search(r"\bexit (\d+)", found["rest"])
    return found["said"].strip().strip("'\""), int(code[1]) if code else 0


def _oom(pod: Json, container: Json, _state: State) -> Shown:
    last = _ended({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    if dig(pod, "spec", "restartPolicy") == "Never":
        return Shown(dict(last or {}))
    waiting = {"reason": "CrashLoopBackOff", "message": _back_off(pod, container)}
    return Shown({"waiting": waiting}, last, restarts=RESTARTS, events=(_backing_off(pod, container),))


def _config_error(_pod: Json, container: Json, state: State) -> Shown:
    message = _missing(container, state, str(dig(_pod, "metadata", "namespace") or "default"))
    waiting = {"reason": "CreateContainerConfigError", "message": message}
    return Shown({"waiting": waiting}, events=(Event("Failed", f"Error: {message}"),))


def _readiness(_pod: Json, container: Json, _state: State) -> Shown:
    return Shown(
        {"running": {}},
        events=(Event("Unhealthy", f"Readiness probe failed: {_probed(container, 'readiness')}"),),
    )


def _liveness(kind: str) -> Derive:
    def derive(_pod: Json, container: Json, _state: State) -> Shown:
        probe = mapping(container.get(f"{kind}Probe"))
        failed = Event("Unhealthy", f"{kind.capitalize()} probe failed: {_probed(container, kind)}")
        tries = probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
        if tries > NEVER_RESTARTED:
            return Shown({"running": {}}, ready=kind == "liveness", events=(failed,))
        name = container.get("name")
        killing = Event("Killing", f"Container {name} failed {kind} probe, will be restarted", normal=True)
        last = _ended({"terminated": {"exitCode": 137, "reason": "Error"}})
        return Shown({"running": {}}, last, restarts=RESTARTS, events=(failed, killing))

    return derive


_FAULTS: tuple[tuple[str, Derive], ...] = (
    ("imagepull", _image_pull),
    ("errimagepull", _image_pull),
    ("invalidimagename", _image_pull),
    ("createcontainerconfigerror", _config_error),
    ("runcontainererror", _start_error),
    ("crashloopbackoff: typo in command", _start_error),
    ("init container: typo in command", _start_error),
    ("init container", _crash),
    ("crashloopbackoff", _crash),
    ("oomkilled", _oom),
    ("readiness probe", _readiness),
    ("liveness probe", _liveness("liveness")),
    ("startup probe", _liveness("startup")),
    ("unschedulable", _nothing),
    ("pending", _nothing),
    ("policy violation", _nothing),
)


# ---------------------------------------------------------------- words


def _worded(state: Json, pod: Json, container: Json) -> Json:
    """A stated state with the message that a kubelet adds where the case leaves it out."""
    waiting = dict(mapping(state.get("waiting")))
    if not waiting:
        return {name: dict(mapping(value)) for name, value in state.items()}
    if waiting.get("reason") == "CrashLoopBackOff" and not waiting.get("message"):
        waiting["message"] = _back_off(pod, container)
    return {"waiting": waiting}


def _ended(last: Mapping[str, object] | None) -> Json | None:
    ended = mapping(dict(last).get("terminated")) if last else {}
    if not ended:
        return None
    code = ended.get("exitCode", 1)
    return {"terminated": {"reason": "Completed" if code == 0 else "Error", **ended, "exitCode": code}}


def _back_off(pod: Json, container: Json) -> str:
    """pkg/kubelet/kuberuntime/kuberuntime_manager.go, doBackOff."""
    metadata = mapping(pod.get("metadata"))
    told = f"{metadata.get('name')}_{metadata.get('namespace')}({metadata.get('uid')})"
    return f"back-off 2m40s restarting failed container={container.get('name')} pod={told}"


def _backing_off(pod: Json, container: Json) -> Event:
    message = _back_off(pod, container).partition("failed ")[2].replace("=", " ", 1)
    return Event("BackOff", f"Back-off restarting failed {message.replace(' pod=', ' in pod ')}")


def _events_of(state: Json, pod: Json, container: Json) -> tuple[Event, ...]:
    """Events that a kubelet writes beside a waiting state."""
    waiting = mapping(state.get("waiting"))
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    match reason:
        case "CrashLoopBackOff":
            return (_backing_off(pod, container),)
        case "ImagePullBackOff" | "ErrImagePull":
            image = container.get("image")
            said = f'Failed to pull image "{image}": failed to pull and unpack image "{image}": not found'
            return (
                Event("Failed", said if reason == "ImagePullBackOff" else message or said),
                Event("BackOff", message),
            )
        case "CreateContainerConfigError" | "CreateContainerError" | "InvalidImageName":
            return (Event("Failed", f"Error: {message}"),)
        case _:
            return ()


def _probed(container: Json, kind: str) -> str:
    """What a failing probe says, as far as its definition tells."""
    probe = mapping(container.get(f"{kind}Probe"))
    if "httpGet" in probe:
        return "HTTP probe failed with statuscode: 404"
    if "tcpSocket" in probe:
        return f"dial tcp: connect to port {dig(probe, 'tcpSocket', 'port')}: connection refused"
    return ""


def _missing(container: Json, state: State, namespace: str) -> str:
    """The first reference of the container that the state does not keep, as the kubelet words it."""
    for kind, ref, key in _references(container):
        found = state.get(kind, namespace, ref)
        if found is None:
            return f'{kind.lower()} "{ref}" not found'
        if key and key not in {**mapping(found.get("data")), **mapping(found.get("stringData"))}:
            return f"couldn't find key {key} in {kind} {namespace}/{ref}"
    return "container configuration cannot be made"


def _references(container: Json) -> list[tuple[str, str, str]]:
    found = []
    for env in maps(container.get("env")):
        source = mapping(env.get("valueFrom"))
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if one := mapping(source.get(field)):
                found.append((kind, str(one.get("name")), str(one.get("key"))))
    for env in maps(container.get("envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if one := mapping(env.get(field)):
                found.append((kind, str(one.get("name")), ""))
    return found
