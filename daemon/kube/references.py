"""Reading whole objects as JSON: what they name, who owns them, which containers are in trouble.

Pure functions over JSON as the API server sends it; nothing here talks to anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from remediation.model import Json
from remediation.users import config_maps_read

REVISION = "deployment.kubernetes.io/revision"


def label_selector(selector: Json) -> str:
    """A LabelSelector as the query parameter; empty where it selects nothing in particular."""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression.get("key", ""), expression.get("operator")
        values = ",".join(expression.get("values") or ())
        match operator:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
            case _:
                pass  # a newer operator: fewer terms select more, and owners decide in the end
    return ",".join(terms)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a Service's selector selects these labels; an empty one selects nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def owned_by(item: Json, uids: set[str]) -> bool:
    """Whether the controlling owner is one of these."""
    owners = item["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") in uids for owner in owners)


def revision(replica_set: Json) -> int:
    """The rollout revision, 0 where it is not marked."""
    text = str((replica_set["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isdecimal() else 0


def config_maps_named(pod_spec: Json) -> list[str]:
    """Names of the ConfigMaps that environment and volumes refer to, each once, in order."""
    # In every namespace, put there by the cluster for each service account: says nothing about a fault.
    return [name for name in config_maps_read(pod_spec) if name != "kube-root-ca.crt"]


def is_troubled(pod: Json) -> bool:
    """Whether a pod is worth a log: not ready, restarted, or not yet placed."""
    conditions = {item.get("type"): item.get("status") for item in _status(pod).get("conditions") or ()}
    return conditions.get("Ready") != "True" or any(
        status.get("restartCount", 0) > 0 for status in _statuses(pod)
    )


def troubled_containers(pod: Json) -> list[tuple[str, bool]]:
    """(container, previous) logs to read, at most four containers. All containers where none stands out:
    a metric can be broken while every pod is ready."""
    wanted: list[tuple[str, bool]] = []
    statuses = list(_statuses(pod))[:8]
    odd = [
        status
        for status in statuses
        if (not status.get("ready") and not _finished(status)) or status.get("restartCount", 0) > 0
    ]
    for status in (odd or statuses)[:4]:
        name = str(status.get("name"))
        if status.get("restartCount", 0) > 0 or (status.get("lastState") or {}).get("terminated"):
            wanted.append((name, True))
        if "waiting" not in (status.get("state") or {}) or wanted[-1:] == [(name, True)]:
            wanted.append((name, False))
    return wanted


def _finished(status: Json) -> bool:
    """An init container that ended well."""
    ended: Json = (status.get("state") or {}).get("terminated") or {}
    return ended.get("exitCode") == 0


def _status(pod: Json) -> Json:
    status: Json = pod.get("status") or {}
    return status


def _statuses(pod: Json) -> Iterator[Json]:
    yield from _status(pod).get("initContainerStatuses") or ()
    yield from _status(pod).get("containerStatuses") or ()
