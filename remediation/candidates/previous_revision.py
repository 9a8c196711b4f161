"""Put the pod template back to the newest earlier revision that is not known to have failed.

A Deployment keeps its earlier templates as ReplicaSets. One that still has ready pods is proof that it
works; one scaled to nothing proves nothing and ranks lower; one whose pods fail too is struck out.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediation.candidates.base import Context, Proposal
from remediation.candidates.groups import put_back
from remediation.candidates.refute import revision_failed
from remediation.evidence.draft import as_map, metadata, pod_template
from remediation.evidence.related import owned_by, revision
from remediation.lastgood import known_good
from remediation.model import Json

ORIGIN = "previous-revision"


def previous_revision(context: Context) -> Iterator[Proposal]:
    """What differs between the live template and that revision's, in groups."""
    live, target = context.raw.live, context.case.target
    if live is None or target.kind != "Deployment":
        return
    earlier = [
        obj
        for _, obj in context.related("ReplicaSet")
        if owned_by(obj, target)
        and _is_earlier(obj, live)
        and not revision_failed(obj, context.raw)
        and as_map(pod_template(obj)).get("spec")
    ]
    earlier.sort(key=lambda obj: (_ready(obj) > 0, revision(obj)), reverse=True)
    for chosen in earlier[:1]:
        number, ready = revision(chosen), _ready(chosen)
        why = f"the value in revision {number}, " + (
            f"which has {ready} ready {'pod' if ready == 1 else 'pods'}" if ready else "an earlier one"
        )
        good = known_good(_with_template(live, chosen))
        best = 0.9 if ready else 0.6
        yield from put_back(context, target, live, good, origin=ORIGIN, because=why, best=best)


def _is_earlier(replica_set: Json, live: Json) -> bool:
    now = revision(live)
    return bool(now) and 0 < revision(replica_set) < now


def _ready(replica_set: Json) -> int:
    ready = as_map(replica_set.get("status")).get("readyReplicas")
    return ready if isinstance(ready, int) else 0


def _with_template(live: Json, replica_set: Json) -> Json:
    """The live object with the revision's pod spec; pod labels stay, they carry the revision's hash."""
    template = {
        "metadata": metadata(pod_template(live)),
        "spec": pod_template(replica_set)["spec"],
    }
    return {**live, "spec": {**live["spec"], "template": template}}
