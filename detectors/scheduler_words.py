"""The scheduler's sentence about a pod that no node takes: how many nodes, and why each does not.

Source: kubernetes pkg/scheduler/framework/types.go (FitError.Error): `0/3 nodes are available: 1 node(s) had
untolerated taint(s), 2 Insufficient memory. preemption: ...`, or, where a plugin refuses before it looks at nodes,
`0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. ...`. The reasons are those of
pkg/scheduler/framework/plugins (1.36; older wordings beside them).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NODES = re.compile(r"0/(?P<all>\d{1,7}) nodes are available: (?P<why>.*)", re.DOTALL)
_PREEMPTION = re.compile(r"\.? *preemption: |\. no new claims to deallocate")
_COUNTED = re.compile(
    r"(?P<count>\d{1,7}) (?P<reason>Insufficient [^\s,]{1,120}|[^,{]{1,200}(?:\{[^}]{0,300}\})?)"
)
_TAINT = re.compile(r"untolerated taint \{(?P<taint>[^}]{1,300})\}")
_CLAIM = re.compile(r'persistentvolumeclaim "(?P<claim>[^"]{1,253})"')

_KINDS = (
    ("ClaimMissing", re.compile(r'persistentvolumeclaim "[^"]*" (?:not found|is being deleted)')),
    (
        "ClaimUnbound",
        re.compile(r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes"),
    ),
    ("VolumeMissing", re.compile(r"bound to non-existent p")),
    (
        "VolumeZone",
        re.compile(
            r"no available volume zone|PersistentVolume's node affinity|volume node affinity conflict"
        ),
    ),
    ("VolumeInUse", re.compile(r"no available disk|ReadWriteOncePod|exceed max volume count")),
    ("StorageFull", re.compile(r"not have enough free storage")),
    ("Insufficient", re.compile(r"Insufficient |Too many pods")),
    ("HostPort", re.compile(r"free ports for the requested")),
    (
        "NodeAffinity",
        re.compile(r"node affinity/selector|scheduler-enforced node affinity|requested node name"),
    ),
    ("PodAffinity", re.compile(r"pod affinity rules|affinity terms conflict")),
    ("PodAntiAffinity", re.compile(r"anti-affinity rules")),
    ("TopologySpread", re.compile(r"topology spread constraints")),
    ("UntoleratedTaint", re.compile(r"untolerated taint|taints that the pod didn't tolerate")),
    ("NodesCordoned", re.compile(r"were unschedulable|had unknown conditions")),
    ("NoNodes", re.compile(r"no nodes available")),
)
"""What the pod asks for comes before what the nodes say: where as many nodes refuse for either, the pod can be changed."""


class NoPlace(NamedTuple):
    """Why no node takes the pod. `kind` is empty where the words are not known; `nodes` is None where the scheduler
    names no number."""

    kind: str
    nodes: int | None = None
    resources: tuple[str, ...] = ()
    taint: str = ""
    claim: str = ""


def read(message: str) -> NoPlace:
    """The reason for which most nodes refuse."""
    found = _NODES.search(message)
    nodes = int(found["all"]) if found else None
    why = _PREEMPTION.split(found["why"] if found else message)[0]
    taint, claim = _TAINT.search(why), _CLAIM.search(why)
    return NoPlace(
        kind=_most(why),
        nodes=nodes,
        resources=tuple(dict.fromkeys(re.findall(r"Insufficient ([^\s,]{1,120}?)\.?(?=[,\s]|$)", why))),
        taint=taint["taint"] if taint else "",
        claim=claim["claim"] if claim else "",
    )


def _most(why: str) -> str:
    counts: dict[str, int] = {}
    for part in _COUNTED.finditer(why):
        kind = _kind(part["reason"])
        if kind:  # several resources may be short on one node: it counts once
            counts[kind] = max(counts.get(kind, 0), int(part["count"]))
    if not counts:
        return _kind(why)
    order = [kind for kind, _ in _KINDS]
    return min(counts, key=lambda kind: (-counts[kind], order.index(kind)))


def _kind(reason: str) -> str:
    return next((kind for kind, words in _KINDS if words.search(reason)), "")
