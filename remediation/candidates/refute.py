"""What the evidence refutes: a change to something that is known to fail too is no candidate.

A model that judges a change by its wording accepts "go back to revision 2" readily (MODEL.md); that revision 2
failed as well is for code to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediation.candidates.base import Context, Proposal
from remediation.evidence.draft import as_list, as_map, metadata
from remediation.model import Json, RawEvidence

_PULL_FAILED = re.compile(
    r"(?:rpc error: code = \w{1,30} desc = )?"
    r"(?:[Ff]ailed to pull(?: and unpack)? image|Back-off pulling image) \"([^\"\s]{1,400})\""
)
"""Only at the beginning of a message: further on stands what a probe, a program or a registry answered."""
_BROKEN = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff", "CreateContainerConfigError"}
    | {"CreateContainerError", "RunContainerError"}
)


def refuted(context: Context, proposal: Proposal) -> bool:
    """Whether the proposal sets an image that could not be pulled."""
    failed = failed_images(context.raw)
    return any(change.path[-1] == "image" and change.after in failed for change in proposal.changes)


def failed_images(raw: RawEvidence) -> frozenset[str]:
    """Images that the kubelet says it cannot pull."""
    texts = [str(event.get("message") or event.get("note") or "") for event in raw.events]
    texts += [str(waiting.get("message", "")) for waiting in waiting_states(all_pods(raw))]
    return frozenset(match[1] for text in texts if (match := _PULL_FAILED.match(text)))


def all_pods(raw: RawEvidence) -> list[Json]:
    """The target's pods and those among the related objects."""
    return [*raw.pods, *(obj for ref, obj in raw.related.items() if ref.kind == "Pod")]


def revision_failed(replica_set: Json, raw: RawEvidence) -> bool:
    """Whether this ReplicaSet has pods and none is ready, or has a pod that is broken."""
    status = as_map(replica_set.get("status"))
    if (status.get("replicas") or 0) > 0 and not status.get("readyReplicas"):
        return True
    name = metadata(replica_set).get("name")
    own = [
        pod
        for pod in all_pods(raw)
        if any(owner.get("name") == name for owner in as_list(metadata(pod).get("ownerReferences")))
    ]
    return any(waiting.get("reason") in _BROKEN for waiting in waiting_states(own))


def waiting_states(pods: list[Json]) -> Iterator[Json]:
    """Why containers of these pods wait: maps with reason and message."""
    for pod in pods:
        status = as_map(pod.get("status"))
        for entry in (
            *as_list(status.get("initContainerStatuses")),
            *as_list(status.get("containerStatuses")),
        ):
            yield as_map(as_map(entry.get("state")).get("waiting"))
