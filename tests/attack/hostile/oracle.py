"""What an object can do and reach, read without the guards' tables: it must be the same before and after."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_POD = (
    "securityContext", "hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace",
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "initContainers",
    "ephemeralContainers", "tolerations", "nodeName", "schedulerName", "priorityClassName", "runtimeClassName",
    "affinity", "imagePullSecrets", "hostAliases", "dnsPolicy", "dnsConfig", "hostname", "subdomain",
)  # fmt: skip
_CONTAINER = (
    "command", "args", "workingDir", "lifecycle", "securityContext", "volumeMounts", "volumeDevices", "stdin", "tty",
)  # fmt: skip
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_LOADERS = ("LD_", "PATH", "JAVA_", "NODE_", "PYTHON", "GIT_", "SSL_", "KUBERNETES_")


def gained(before: Json, after: Json) -> Json:
    """What `after` can do that `before` could not, empty where nothing. Pinning an image of the same registry by
    digest narrows what may run, so that one step is allowed; unpinning is not."""
    was, now = power(before), power(after)
    for old, new in zip(was.get("containers", []), now.get("containers", []), strict=False):
        if new["pinned"] and not old["pinned"]:
            old["pinned"] = True
    return {key: (was.get(key), now.get(key)) for key in was | now if was.get(key) != now.get(key)}


def power(item: Json) -> Json:
    """Everything that would give somebody more than an ordinary change gives."""
    meta = item["metadata"]
    found: Json = {
        key: meta.get(key) for key in ("name", "namespace", "uid", "finalizers", "ownerReferences")
    } | {
        "annotations": {
            k: v for k, v in (meta.get("annotations") or {}).items() if k != "intentd.io/operation"
        }
    }
    if item["kind"] != "Deployment":
        spec = item.get("spec") or {}
        return found | {key: value for key, value in spec.items() if key not in ("selector", "ports")}
    template = item["spec"]["template"]
    pod = template["spec"]
    return found | {
        "selector": item["spec"]["selector"],
        "template annotations": template["metadata"].get("annotations"),
        "pod": {key: pod.get(key) for key in _POD},
        "volumes": [
            volume for volume in pod.get("volumes") or [] if not {"configMap", "emptyDir"} & volume.keys()
        ],
        "containers": [_container(each) for each in pod["containers"]],
    }


def _container(container: Json) -> Json:
    env = container.get("env") or []
    image = str(container.get("image"))
    probes = {name: container.get(name) for name in _PROBES}
    return {
        "name": container["name"],
        "registry": image.split("/", maxsplit=1)[0],
        "pinned": "@" in image,
        "ascii": image.isascii(),
        **{key: container.get(key) for key in _CONTAINER},
        "probes": [name for name, probe in probes.items() if probe],
        "programs": [probe.get("exec") for probe in probes.values() if probe],
        "hosts": [(probe.get("httpGet") or {}).get("host") for probe in probes.values() if probe],
        "secrets": [entry for entry in env if "secretKeyRef" in (entry.get("valueFrom") or {})],
        "code": [entry for entry in env if str(entry["name"]).startswith(_LOADERS)],
        "expands": [entry for entry in env if "$(" in str(entry.get("value"))],
        "from": [source for source in container.get("envFrom") or [] if "secretRef" in source],
        "host ports": [
            port for port in container.get("ports") or [] if port.get("hostPort") or port.get("hostIP")
        ],
    }
