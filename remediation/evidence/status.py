"""What the status of pods, containers and the target itself says; the first thing that anybody reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.model import Case
from remediation.evidence.draft import Draft, as_list, as_map, own_pods, owner_names
from remediation.evidence.text import steady
from remediation.model import EvidenceKind, Json, RawEvidence

K = EvidenceKind.STATUS


def status_items(case: Case, raw: RawEvidence) -> Iterator[Draft]:
    """Containers in trouble, then conditions, then the violation itself where nothing else says it."""
    names = owner_names(raw)
    seen = ""
    for pod in own_pods(raw):
        owner = names.get(as_map(pod.get("metadata")).get("name", ""), case.target.name)
        for draft in (*_containers(pod, owner, names), *_pod_conditions(pod, owner)):
            seen += draft.text
            yield draft
    yield from _workload(case, raw.live)
    for index, violation in enumerate(case.violations):
        if violation.message and steady(violation.message, names)[:60] not in seen:
            subject = f"{violation.target.kind} {violation.target.name}"
            text = f"{subject}: {violation.reason}: {violation.message}"
            weight = 0.85 - 0.05 * min(index, 5)
            yield Draft(K, "detector", steady(text, names), weight, fact=f"{subject}: {violation.reason}")


def _containers(pod: Json, owner: str, names: Mapping[str, str]) -> Iterator[Draft]:
    status = as_map(pod.get("status"))
    where = f"pod {as_map(pod.get('metadata')).get('name', '')}"
    for field, kind in (("initContainerStatuses", "init container"), ("containerStatuses", "container")):
        for entry in as_list(status.get(field)):
            name = entry.get("name", "")
            told = _container(entry)
            if told:
                text, weight = told
                bare, _ = _container(_without_messages(entry)) or ("", 0.0)
                text, bare = (steady(f"{kind} {name} of {owner}: {each}", names) for each in (text, bare))
                yield Draft(K, f"{where}/{name}", text, weight, fact=bare)


def _without_messages(entry: Json) -> Json:
    """The same status without what registries, runtimes and the container itself say."""
    bare = dict(entry)
    for field in ("state", "lastState"):
        states = as_map(entry.get(field))
        bare[field] = {
            name: {part: told for part, told in as_map(state).items() if part != "message"}
            for name, state in states.items()
        }
    return bare


def _container(entry: Json) -> tuple[str, float] | None:
    """What is wrong with one container, and how telling that is; None where it runs and is ready."""
    state, last = as_map(entry.get("state")), as_map(entry.get("lastState"))
    restarts = entry.get("restartCount") or 0
    again = f", restarted {'once' if restarts == 1 else f'{restarts} times'}" if restarts else ""
    ended = as_map(state.get("terminated")) or as_map(last.get("terminated"))
    end = f"ended {_how(ended)}{again}" if ended else ""
    waiting = as_map(state.get("waiting"))
    if waiting:
        reason, message = waiting.get("reason") or "no reason given", waiting.get("message") or ""
        if reason in {"ContainerCreating", "PodInitializing"}:
            return (f"waiting {reason}", 0.3)
        if reason == "CrashLoopBackOff" and end:
            return (f"waiting CrashLoopBackOff, {end}", 1.0)
        return (f"waiting {reason}" + (f": {message}" if message else "") + (f", {end}" if end else ""), 1.0)
    if as_map(state.get("terminated")):
        bad = ended.get("exitCode") != 0
        return (end, 0.95 if bad else 0.2)
    if ended and restarts:
        return (f"runs now, last {end}", 0.9)
    if as_map(state.get("running")) and not entry.get("ready"):
        return ("runs but is not ready", 0.7)
    return None


def _how(ended: Json) -> str:
    reason, code = ended.get("reason") or "", ended.get("exitCode")
    said = f": {ended['message']}" if ended.get("message") else ""
    return f"{reason} with exit code {code}{said}".strip()


def _pod_conditions(pod: Json, owner: str) -> Iterator[Draft]:
    for condition in as_list(as_map(pod.get("status")).get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            text = f"pod of {owner} is not scheduled: {condition.get('message', '')}"
            yield Draft(K, "pod", text, 1.0)


def _workload(case: Case, live: Json | None) -> Iterator[Draft]:
    if live is None:
        yield Draft(K, str(case.target), f"{case.target.kind} {case.target.name} does not exist", 1.0)
        return
    status, spec = as_map(live.get("status")), as_map(live.get("spec"))
    name = f"{case.target.kind} {case.target.name}"
    if case.target.kind in {"Deployment", "StatefulSet"}:
        wanted = spec.get("replicas", 1)
        ready = status.get("readyReplicas", 0)
        yield Draft(K, str(case.target), f"{name}: {ready} of {wanted} pods ready", 0.6)
    for condition in as_list(status.get("conditions")):
        if condition.get("type") == "Progressing" and condition.get("status") == "False":
            yield Draft(K, str(case.target), f"{name}: rollout stopped: {condition.get('reason', '')}", 0.4)
