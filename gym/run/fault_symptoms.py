"""What a broken pod shows where its case states no symptom: what follows from its fault, by how `fault_type` begins.

Pure. Nothing that is not known is guessed: a fault that is not in the table shows nothing, and its case is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gym.cases.state import Json, State, dig, mapping, maps
from gym.run.shown import RESTARTS, Event, Shown, back_off, backing_off, ended_as, events_of

NEVER_RESTARTED = 300.0
"""Seconds. A liveness probe that needs longer than this to give up is shown by its events alone, as a kubelet would
show it in the time that a case is watched."""

Derive = Callable[[Json, Json, State], Shown | None]


def derived(fault_type: str) -> Derive | None:
    kind = fault_type.casefold()
    return next((derive for start, derive in _FAULTS if kind.startswith(start)), None)


def says_nothing(_pod: Json, _container: Json, _state: State) -> Shown | None:
    return None  # the scheduler or a controller says it


def _image_pull(pod: Json, container: Json, _state: State) -> Shown:
    image = container.get("image")
    said = f'Back-off pulling image "{image}"'
    state = {"waiting": {"reason": "ImagePullBackOff", "message": said}}
    return Shown(state, events=events_of(state, pod, container))


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
    last = ended_as({"terminated": {"exitCode": 128, "reason": "StartError", "message": message}})
    waiting = {"reason": "CrashLoopBackOff", "message": back_off(pod, container)}
    failed = Event("Failed", f"Error: {message}")
    return Shown({"waiting": waiting}, last, restarts=RESTARTS, events=(failed, backing_off(pod, container)))


def _crash(pod: Json, container: Json, _state: State) -> Shown:
    waiting = {"reason": "CrashLoopBackOff", "message": back_off(pod, container)}
    said, code = _script(container)
    last = ended_as({"terminated": {"exitCode": code}})
    return Shown(
        {"waiting": waiting}, last, restarts=RESTARTS, events=(backing_off(pod, container),), log=said
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
    last = ended_as({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    if dig(pod, "spec", "restartPolicy") == "Never":
        return Shown(dict(last or {}))
    waiting = {"reason": "CrashLoopBackOff", "message": back_off(pod, container)}
    return Shown({"waiting": waiting}, last, restarts=RESTARTS, events=(backing_off(pod, container),))


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
        last = ended_as({"terminated": {"exitCode": 137, "reason": "Error"}})
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
    ("unschedulable", says_nothing),
    ("pending", says_nothing),
    ("policy violation", says_nothing),
)


# ---------------------------------------------------------------- what the manifest tells


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
