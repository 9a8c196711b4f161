"""Texts of intent files that tests vary."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import yaml

GOOD: dict[str, Any] = {
    "apiVersion": "intentd.io/v1alpha1",
    "kind": "Intent",
    "metadata": {"name": "web"},
    "spec": {
        "scope": {"namespace": "shop", "kind": "Deployment", "name": "web"},
        "expectations": [{"type": "workloadHealthy"}],
        "mode": "auto",
        "editable": [{"path": "spec.template.spec.containers[*].image"}],
    },
}


def intent(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A good intent with parts of its spec replaced; None removes a part."""
    document = deepcopy(GOOD)
    document["metadata"]["name"] = name
    for key, value in spec.items():
        if value is None:
            document["spec"].pop(key, None)
        else:
            document["spec"][key] = value
    return document


def text(*documents: dict[str, Any]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False)
