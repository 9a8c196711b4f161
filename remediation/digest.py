"""The digest that binds a plan: what a person approves is what is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from detectors.model import ObjectRef
from remediation.model import Create, Delete, Json, Operation, Plan, Recreate, Touched
from remediation.plan_json import operation_to_json, path_to_json
from remediation.values import canonical


def patch_digest(target: ObjectRef, operations: Sequence[Operation], touched: Sequence[Touched]) -> str:
    """SHA-256 over the uid, the operations and the touched fields' values before."""
    return _sha(
        {
            "plan": "patch",
            "target": list(target),
            "operations": [operation_to_json(operation) for operation in operations],
            "before": [[path_to_json(leaf.path), leaf.before] for leaf in touched],
        }
    )


def create_digest(target: ObjectRef, manifest: Json) -> str:
    """SHA-256 over the name and the whole manifest."""
    return _sha({"plan": "create", "target": list(target), "manifest": manifest})


def delete_digest(target: ObjectRef, resource_version: str) -> str:
    """SHA-256 over the incarnation and its version."""
    return _sha({"plan": "delete", "target": list(target), "resourceVersion": resource_version})


def recreate_digest(target: ObjectRef, manifest: Json, before: Json) -> str:
    """SHA-256 over the uid, what is created and what was there."""
    return _sha({"plan": "recreate", "target": list(target), "manifest": manifest, "before": before})


def plan_digest(plan: Plan) -> str:
    """The digest that this plan must carry."""
    match plan:
        case Create():
            return create_digest(plan.target, plan.manifest)
        case Delete():
            return delete_digest(plan.target, plan.resource_version)
        case Recreate():
            return recreate_digest(plan.target, plan.manifest, plan.before)
        case _:
            return patch_digest(plan.target, plan.operations, plan.touched)


def _sha(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
