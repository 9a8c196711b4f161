"""From a candidate's manifest to a plan: the exact operations, bound by a digest.

The digest covers the target's uid, the operations and what the touched fields held before; not the
resourceVersion, because status changes all the time and voids no review. What was reviewed is what is
applied: a plan is stored, approved and written under the same digest, and `still_valid` says whether it may
still be written.
"""

from __future__ import annotations

from detectors.model import ObjectRef
from intents.fields import MISSING, format_path, get
from remediation.diff import PreconditionFailed, changed_leaves, diff, fork, leaves, same_changes
from remediation.digest import create_digest, patch_digest, plan_digest
from remediation.immutable import immutable
from remediation.manifest import merge
from remediation.merge_keys import API_VERSIONS
from remediation.model import ABSENT, Candidate, Create, Delete, Json, NoPlan, Patch, Plan, Recreate, Touched
from remediation.plan_json import plan_from_json, plan_to_json
from remediation.recreate import recreation, still_as_reviewed
from remediation.redact import redact_manifest
from remediation.undo import as_planned, inverse_for, undo_plan, undo_valid
from remediation.untrusted import refuse_strange
from remediation.values import same

__all__ = [
    "as_planned",
    "inverse_for",
    "plan_change",
    "plan_digest",
    "plan_from_json",
    "plan_to_json",
    "still_as_planned",
    "still_valid",
    "undo_plan",
    "undo_valid",
]


def plan_change(candidate: Candidate, live: Json | None, desired: Json | None = None) -> Plan | NoPlan:
    """What the candidate changes in the live object.

    `live` None means that the object was read and is not there; then only a manifest that an intent desires
    is created, exactly as the intent states it (`desired`), under the name that the intent gives it.
    """
    if live is None:
        return _create(candidate, desired)
    if (wrong := _other_object(candidate.target, live)) is not None:
        return wrong
    merged = merge(live, candidate.manifest, candidate.target)
    if isinstance(merged, NoPlan):
        return merged
    change = diff(live, merged)
    if not change.operations:
        return NoPlan("NothingToChange", f"{candidate.target} is already like that")
    if (secret := _secret(live, change.touched) or _new_secret(merged, change.touched)) is not None:
        return secret
    target = candidate.target._replace(uid=str(get(live, ("metadata", "uid"))))
    if stuck := immutable(target.kind, live, change.touched):
        return recreation(live, merged, target, stuck)
    digest = patch_digest(target, change.operations, change.touched)
    return Patch(target, change.operations, change.inverse, change.touched, digest)


def _secret(live: Json, touched: tuple[Touched, ...]) -> NoPlan | None:
    """A plan is stored, told and kept for its undo, so it must not carry a secret away: a field whose present
    value redaction would take out is a person's to change."""
    clean, found = redact_manifest(live)
    for leaf in touched if found else ():
        if leaf.before != ABSENT and not same(get(clean, leaf.path), leaf.before):
            return NoPlan(
                "HoldsSecret", f"{format_path(leaf.path)} holds a secret now: a person has to change it"
            )
    return None


def _new_secret(wanted: Json, touched: tuple[Touched, ...]) -> NoPlan | None:
    """The same for what comes in, by a patch as by a creation: a desired manifest may hold what belongs into a
    Secret."""
    clean, found = redact_manifest(wanted)
    for leaf in touched if found else ():
        if leaf.after != ABSENT and not same(get(clean, leaf.path), leaf.after):
            return NoPlan(
                "HoldsSecret",
                f"{format_path(leaf.path)} would hold a secret, which ledger and notices would tell: put it in a Secret",
            )
    return None


def _other_object(target: ObjectRef, live: Json) -> NoPlan | None:
    """The live object must be the very one that the candidate is about."""
    uid = get(live, ("metadata", "uid"))
    if not isinstance(uid, str) or not uid:
        return NoPlan("NoUid", f"{target} was read without its uid")
    if target.uid and uid != target.uid:
        return NoPlan("OtherIncarnation", f"{target} was deleted and created anew")
    found = (
        live.get("kind", target.kind),
        get(live, ("metadata", "namespace")),
        get(live, ("metadata", "name")),
    )
    return None if found == target.key else NoPlan("OtherObject", f"read {found}, wanted {target.key}")


def _create(candidate: Candidate, desired: Json | None) -> Create | NoPlan:
    target = candidate.target._replace(uid="")
    if desired is None:
        return NoPlan("Absent", f"{target} does not exist, and no intent says how it should be")
    if (strange := refuse_strange(desired)) is not None:
        return strange
    if not same(candidate.manifest, desired):
        return NoPlan("NotDesired", "only the manifest that the intent states is created, unchanged")
    meta = desired.get("metadata") or {}
    manifest = {**desired, "metadata": {**meta, "namespace": meta.get("namespace", target.namespace)}}
    named = (manifest.get("kind"), manifest["metadata"]["namespace"], manifest["metadata"].get("name"))
    if named != target.key or manifest.get("apiVersion") != API_VERSIONS.get(target.kind):
        return NoPlan("OtherObject", f"the desired manifest is not {target}")
    touched = tuple(Touched(path, ABSENT, value) for path, value in leaves(manifest, ()))
    if (secret := _new_secret(manifest, touched)) is not None:
        return secret
    return Create(target, manifest, touched, create_digest(target, manifest))


def still_valid(plan: Plan, live: Json | None) -> bool:
    """Whether the plan still means what was reviewed: same incarnation, every touched field as it was, and
    the operations (with their positions) still apply."""
    match plan:
        case Create():
            return live is None
        case Delete():
            return live is not None and (
                get(live, ("metadata", "uid")) == plan.target.uid
                and get(live, ("metadata", "resourceVersion")) == plan.resource_version
            )
        case Recreate():
            return (
                live is not None
                and get(live, ("metadata", "uid")) == plan.target.uid
                and still_as_reviewed(plan, live)
            )
        case Patch():
            try:
                return live is not None and still_as_planned(plan, live, fork(live, plan.operations))
            except PreconditionFailed:
                return False


def still_as_planned(plan: Patch, live: Json | None, after: Json) -> bool:
    """The same of a patch, where `after` is at hand: `live` forked by its operations. They must change exactly the
    touched leaves: guards judge these, the server gets those."""
    return (
        live is not None
        and get(live, ("metadata", "uid")) == plan.target.uid
        and all(_unchanged(live, leaf) for leaf in plan.touched)
        and same_changes(changed_leaves(live, after), plan.touched)
    )


def _unchanged(live: Json, leaf: Touched) -> bool:
    found = get(live, leaf.path)
    return found is MISSING if leaf.before == ABSENT else same(found, leaf.before)
