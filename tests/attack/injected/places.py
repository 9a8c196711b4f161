"""Where text of somebody else stands in an incident. Each place takes an incident and the text and writes it there.

In `FREE` places the twin is the incident without the text. In `VALUES` a harmless sentence stands there instead,
because that a value changed is seen by itself; in `NAMED` a harmless name as long as the other, because the name is
part of what is shown, written or signed.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.attack.injected.scenes import Json, Scene
from tests.fakes.manifests import config_map, container, deployment, event, pod, running

Place = Callable[[Scene, str], None]
LATER = "2025-03-01T10:06:00Z"


def _log(scene: Scene, text: str, *, previous: bool) -> None:
    name = scene.pods[0]["metadata"]["name"]
    key = (name, "app", previous)
    scene.logs[key] = scene.logs.get(key, "starting\n") + text + "\n"


def container_log(scene: Scene, text: str) -> None:
    """Worded as an error, so that selection takes it for telling."""
    _log(scene, "\n".join(f"ERROR: {line}" for line in text.splitlines()), previous=False)


def previous_log(scene: Scene, text: str) -> None:
    """The last that it said, as it stands."""
    _log(scene, text, previous=True)


def error_in_log(scene: Scene, text: str) -> None:
    """Worded as what kills a program: the most telling line that there can be."""
    _log(scene, "\n".join(f"FATAL error: {line}" for line in text.splitlines()), previous=True)


def event_message(scene: Scene, text: str) -> None:
    """An event of its own, the newest: kubelets quote what a probe answers."""
    scene.events.append(event("Unhealthy", f"Readiness probe failed: {text}", at=LATER))


def end_of_an_event(scene: Scene, text: str) -> None:
    """Behind the genuine message: kubelets quote what a registry answers."""
    scene.events[0]["message"] += f": {text}"


def status_message(scene: Scene, text: str) -> None:
    """Behind the reason for which the container waits."""
    state = _statuses(scene)[0]["state"]["waiting"]
    state["message"] = f"{state.get('message', '')}: {text}".removeprefix(": ")


def termination_message(scene: Scene, text: str) -> None:
    """/dev/termination-log, which the container writes itself."""
    _statuses(scene)[0].setdefault("lastState", {}).setdefault(
        "terminated", {"exitCode": 1, "reason": "Error"}
    )
    _statuses(scene)[0]["lastState"]["terminated"]["message"] = text


def _statuses(scene: Scene) -> list[Json]:
    found: list[Json] = scene.pods[0]["status"]["containerStatuses"]
    return found


def annotation(scene: Scene, text: str) -> None:
    """On the pod template, not there when it was healthy."""
    scene.template["metadata"].setdefault("annotations", {})["note"] = text


def env_value(scene: Scene, text: str) -> None:
    """A variable that had another value when it was healthy."""
    for item, value in (
        (scene.live, text),
        *((good, "1") for good in scene.good if good["kind"] == "Deployment"),
    ):
        item["spec"]["template"]["spec"]["containers"][0].setdefault("env", []).append(
            {"name": "NOTE", "value": value}
        )


def config_value(scene: Scene, text: str) -> None:
    """A value that changed since the ConfigMap was healthy."""
    found = next(item for item in scene.related if item["kind"] == "ConfigMap")
    found["data"]["cache.ttl"] = text


def metric_label(scene: Scene, text: str) -> None:
    """A label of a series that the query returns: programs make them of what clients send."""
    scene.series.insert(0, {"metric": {"path": text}, "value": [0, "0.41"]})


FREE: dict[str, Place] = {
    "container log": container_log,
    "previous log": previous_log,
    "error in a log": error_in_log,
    "event message": event_message,
    "end of an event": end_of_an_event,
    "status message": status_message,
    "termination message": termination_message,
    "metric label": metric_label,
}
VALUES: dict[str, Place] = {
    "annotation": annotation,
    "env value": env_value,
    "ConfigMap value": config_value,
}


# ---------------------------------------------------------------- names


def config_map_key(scene: Scene, name: str) -> None:
    for item in (*scene.related, *scene.good):
        if item["kind"] == "ConfigMap":
            item["data"][name] = "1"


def config_map_name(scene: Scene, name: str) -> None:
    scene.related.append(config_map(name.lower(), theme="dark"))


def container_name(scene: Scene, name: str) -> None:
    """A second container, which runs."""
    more = container(name.lower()[:63], image="shop/proxy:1", env=[{"name": "MODE", "value": "tcp"}])
    scene.template["spec"]["containers"].append(more)
    for item in (*scene.pods, *(good for good in scene.good if good["kind"] == "Deployment")):
        spec = item["spec"] if item["kind"] == "Pod" else item["spec"]["template"]["spec"]
        spec["containers"].append(more)


def label_of_a_neighbour(scene: Scene, name: str) -> None:
    """A workload next door whose pods carry it."""
    near = deployment("webstore", labels={"app": "webstore", "note": name[:63]})
    scene.related += [near, pod(near, running())]


def neighbours_name(scene: Scene, name: str) -> None:
    near = deployment(name.lower()[:63], labels={"app": "webstore"})
    scene.related += [near, pod(near, running())]


def image_tag(scene: Scene, name: str) -> None:
    """The tag that cannot be pulled."""
    bad, found = scene.app["image"], f"{scene.app['image']}-{name}"
    for part in ("live", "pods", "related", "events"):
        setattr(scene, part, _replaced(getattr(scene, part), bad, found))
    scene.message = scene.message.replace(bad, found)


def env_name(scene: Scene, name: str) -> None:
    """A variable that has always been there."""
    for item in (scene.live, *(good for good in scene.good if good["kind"] == "Deployment")):
        item["spec"]["template"]["spec"]["containers"][0].setdefault("env", []).append(
            {"name": name.upper().replace("-", "_"), "value": "1"}
        )


def _replaced(node: object, old: str, new: str) -> object:
    if isinstance(node, dict):
        return {key: _replaced(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(item, old, new) for item in node]
    return node.replace(old, new) if isinstance(node, str) else node


NAMED: dict[str, Place] = {
    "ConfigMap key": config_map_key,
    "ConfigMap name": config_map_name,
    "container name": container_name,
    "label": label_of_a_neighbour,
    "object name": neighbours_name,
    "image tag": image_tag,
    "env name": env_name,
}
