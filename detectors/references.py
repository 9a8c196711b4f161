"""The kubelet's sentences about a ConfigMap or Secret that is not there.

Source: kubernetes pkg/kubelet/kubelet_pods.go (`couldn't find key %v in ConfigMap %v/%v`) and
apimachinery's NotFound (`configmap "x" not found`). The kubelet's own cache also answers `object "ns"/"x"
not registered` and `failed to sync configmap cache`: those pass by themselves and name no fault.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CONFIG_ERROR = "CreateContainerConfigError"
"""The waiting reason with which the kubelet says them (pkg/kubelet/kuberuntime)."""

_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) [^/\s]+/(?P<name>\S+)")
_OBJECT = re.compile(r'(?P<kind>configmap|secret)s? "(?P<name>[^"]+)" not found', re.IGNORECASE)
_PASSING = re.compile(r"not registered|failed to sync (?:configmap|secret) cache")


class MissingReference(NamedTuple):
    """What a container refers to in vain. `key` is None where the whole object is absent."""

    kind: str  # ConfigMap or Secret
    name: str
    key: str | None = None


def missing_reference(message: str) -> MissingReference | None:
    """The reference that the kubelet's message names; None where it names none."""
    found = _KEY.search(message)
    if found is not None:
        return MissingReference(found["kind"], found["name"], found["key"])
    found = _OBJECT.search(message)
    if found is not None:
        return MissingReference(
            "ConfigMap" if found["kind"].lower() == "configmap" else "Secret", found["name"]
        )
    return None


def passes_by_itself(message: str) -> bool:
    """Whether the kubelet only waits for its own cache."""
    return _PASSING.search(message) is not None
