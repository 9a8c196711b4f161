"""An object created anew because a field of it can never change: what may be, and what exactly is created.

Recreated is only what loses nothing by it:
 * a StatefulSet, whose pods, claims and revisions stay and are adopted by the new one (propagation Orphan);
 * a Job that failed or is suspended: one that runs or completed has done work that would be done twice;
 * a Pod that nobody owns;
 * a PersistentVolumeClaim that was never bound: a bound or lost one stands for data.
No approval makes anything else safe: it is a person's to do. Everything here is asked again just before the write.
"""

from __future__ import annotations

from detectors.model import ObjectRef
from intents.fields import MISSING, format_path, get
from remediation.diff import apply, changed_leaves, same_changes
from remediation.digest import recreate_digest
from remediation.managed_fields import owners
from remediation.merge_keys import RECREATED
from remediation.model import OPERATION_ANNOTATION, Json, NoPlan, Patch, Recreate, Touched
from remediation.redact import redact_manifest
from remediation.values import copied, same

_SERVER_METADATA = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    }
)
_CONTROLLERS_MARKS = {
    "Job": frozenset({"batch.kubernetes.io/job-tracking"}),
    "PersistentVolumeClaim": frozenset(
        {
            "pv.kubernetes.io/bind-completed",
            "pv.kubernetes.io/bound-by-controller",
            "volume.kubernetes.io/selected-node",
            "volume.kubernetes.io/storage-provisioner",
            "volume.beta.kubernetes.io/storage-provisioner",
        }
    ),
}
"""Annotations that controllers write on the old incarnation and about it."""

_JOB_LABELS = frozenset(
    {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}
)
"""What the API server generates for a Job whose selector is its own; a copy of it would be refused."""


FOR_A_PERSON = ": a person has to change it"
"""Ends the detail of every change that no plan can make because a field is immutable."""


def content(live: Json) -> Json:
    """What people said of the object: without what the server and controllers wrote of this incarnation, and
    without our mark. Labels, other annotations, finalizers and owners stay."""
    kind = str(live.get("kind", ""))
    said = {key: copied(value) for key, value in live.items() if key != "status"}
    meta = {k: v for k, v in (said.get("metadata") or {}).items() if k not in _SERVER_METADATA}
    ours = {OPERATION_ANNOTATION, *_CONTROLLERS_MARKS.get(kind, ())}
    marks = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k not in ours}
    said["metadata"] = meta | ({"annotations": marks} if marks else {})
    if kind == "Job":
        _without_generated_selector(said)
    elif kind == "Pod" and not any(owner.claims(("spec", "nodeName")) for owner in owners(live)):
        (said.get("spec") or {}).pop("nodeName", None)  # bound by the scheduler, which binds anew
    return said


def _without_generated_selector(job: Json) -> None:
    spec = job.get("spec") or {}
    if spec.get("manualSelector") is True:
        return
    spec.pop("selector", None)
    holders = [job["metadata"], (spec.get("template") or {}).get("metadata") or {}]
    for holder in holders:
        labels = {k: v for k, v in (holder.pop("labels", None) or {}).items() if k not in _JOB_LABELS}
        if labels:
            holder["labels"] = labels


def recreation(live: Json, merged: Json, target: ObjectRef, stuck: tuple[Touched, ...]) -> Recreate | NoPlan:
    """The plan that makes `live` what `merged` says by creating it anew. `stuck` are the immutable fields that
    demand it; they are named in the refusal."""
    kind, fields = target.kind, ", ".join(format_path(leaf.path) for leaf in stuck)
    said = f"{fields} of a {kind} can never change"
    if kind not in RECREATED:
        return NoPlan("Immutable", f"{said}, and a {kind} is not recreated{FOR_A_PERSON}")
    before, after = content(live), content(merged)
    touched = changed_leaves(before, after)
    if not touched:
        return NoPlan("Immutable", f"{said}: the server makes it itself{FOR_A_PERSON}")
    if (loss := unsafe(kind, live, touched)) is not None:
        return NoPlan(loss[0], f"{said}, and recreating it is not safe: {loss[1]}{FOR_A_PERSON}")
    if redact_manifest(before)[1] or redact_manifest(after)[1]:
        return NoPlan(
            "HoldsSecret",
            f"{said}, and the object holds a secret that a plan must not keep{FOR_A_PERSON}",
        )
    return Recreate(target, after, before, touched, recreate_digest(target, after, before))


Loss = tuple[str, str]
"""Named reason, and what would be lost."""


def unsafe(kind: str, live: Json, touched: tuple[Touched, ...] = ()) -> Loss | None:
    """Why deleting this very object now would lose something that creating it does not bring back."""
    if get(live, ("metadata", "deletionTimestamp")) is not MISSING:
        return "BeingDeleted", "somebody is deleting it"
    match kind:
        case "StatefulSet":
            return _stateful_set(touched)
        case "Job":
            return _job(live)
        case "Pod":
            return _pod(live)
        case "PersistentVolumeClaim":
            return _claim(live)
        case _:
            return "KindNotRecreated", f"a {kind} is not recreated"


def _stateful_set(touched: tuple[Touched, ...]) -> Loss | None:
    if any(leaf.path[:2] == ("spec", "selector") for leaf in touched):
        return "NotAdopted", "with another selector its pods would be nobody's"
    return None


def _job(live: Json) -> Loss | None:
    if _condition(live, "Complete") or _condition(live, "SuccessCriteriaMet"):
        return "JobCompleted", "it completed, and would do its work again"
    if _condition(live, "Failed"):
        if get(live, ("status", "succeeded")) in (MISSING, 0):
            return None
        return "JobPartlyDone", "some of its pods completed, and would do their work again"
    suspended = get(live, ("spec", "suspend")) is True
    worked = [get(live, ("status", count)) for count in ("active", "succeeded", "terminating")]
    if suspended and all(count in (MISSING, 0) for count in worked):
        return None
    return "JobRuns", "it runs; only one that failed or is suspended is recreated"


def _condition(live: Json, wanted: str) -> bool:
    found = get(live, ("status", "conditions"))
    return any(
        item.get("type") == wanted and item.get("status") == "True"
        for item in (found if isinstance(found, list) else ())
        if isinstance(item, dict)
    )


def _pod(live: Json) -> Loss | None:
    meta = live.get("metadata") or {}
    if meta.get("ownerReferences"):
        return "PodOwned", "its owner makes its pods: change it there"
    if "kubernetes.io/config.mirror" in (meta.get("annotations") or {}):
        return "PodStatic", "its node makes it from a file"
    if get(live, ("spec", "ephemeralContainers")) not in (MISSING, []):
        return "PodDebugged", "somebody is debugging it"
    return None


def _claim(live: Json) -> Loss | None:
    phase, volume = get(live, ("status", "phase")), get(live, ("spec", "volumeName"))
    if phase == "Pending" and volume in (MISSING, ""):
        return None
    return (
        "ClaimHoldsData",
        f"it is {phase if phase is not MISSING else 'in an unknown phase'}, and may stand for data",
    )


# ---------------------------------------------------------------- still what was reviewed, and the way back


def still_as_reviewed(plan: Recreate, live: Json) -> bool:
    """Whether the object is what the plan was made from, and the plan changes exactly what it says."""
    changes = changed_leaves(plan.before, plan.manifest)
    return same(content(live), plan.before) and same_changes(changes, plan.touched)


def recreated_back(plan: Recreate, live: Json, step: Patch) -> Recreate | NoPlan:
    """The undo as a recreation of its own: `step` puts our fields back in the object as it is now."""
    kind, target = plan.target.kind, plan.target._replace(uid=str(get(live, ("metadata", "uid"))))
    before, after = content(live), content(apply(live, step.operations))
    touched = changed_leaves(before, after)
    if (loss := unsafe(kind, live, touched)) is not None:
        return NoPlan(loss[0], loss[1])
    return Recreate(target, after, before, touched, recreate_digest(target, after, before))
