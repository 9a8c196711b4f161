"""A desired object is not there, or is not as its manifest says.

Messages and facts hold paths, never values: a ConfigMap's value may be a secret by mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from detectors.base import Detector, Finding, View
from detectors.model import FaultClass, Gap, ObjectRef, Severity, Turn, Unknown, expectation_key
from detectors.subset import differences
from intents.fields import format_path
from intents.model import ManifestDesired

NAME = "drift"
SHOWN = 10
"""Paths in a violation's facts; the count tells of the rest."""


def _judge(view: View) -> Iterator[Finding]:
    expectation = view.expectation
    assert isinstance(expectation, ManifestDesired)
    key = expectation_key(view.intent.name, view.index)
    wish = expectation.manifest
    live = view.world.observation.desired.get(
        key, Gap(f"manifest {key}", "NotObserved", "the live object was not read", Turn.OURS)
    )
    if isinstance(live, Gap):
        yield Unknown(view.intent.name, view.index, live)
        return
    target = desired_target(wish, view.scope.namespace)
    if live is None:
        yield view.violation(
            NAME,
            FaultClass.ABSENT,
            target,
            severity=Severity.CRITICAL,
            reason="NotFound",
            message=f"{target} is desired but does not exist in {target.namespace}",
        )
        return
    meta = live.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    target = target._replace(uid=str(meta.get("uid", "")))
    if meta.get("deletionTimestamp"):
        yield view.settling(target, "it is being deleted")
        return
    paths = [format_path(path) for path in differences(wish, live)]
    if paths:
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        yield view.violation(
            NAME,
            FaultClass.DRIFT,
            target,
            severity=Severity.INFO,
            reason="FieldsDiffer",
            message=f"not as desired: {', '.join(paths[:SHOWN])}{more}",
            facts={"paths": "\n".join(paths[:SHOWN]), "fields": str(len(paths))},
        )


def desired_target(manifest: Mapping[str, Any], namespace: str) -> ObjectRef:
    """The object that a manifest is about; the scope's namespace where it names none."""
    meta = manifest["metadata"]
    return ObjectRef(str(manifest["kind"]), str(meta.get("namespace") or namespace), str(meta["name"]))


DETECTOR = Detector(NAME, frozenset({FaultClass.ABSENT, FaultClass.DRIFT}), (ManifestDesired,), (), _judge)
