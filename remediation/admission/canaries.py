"""The rules about Pods: intentd's account creates none but the canary of a rehearsal (remediation/rehearsal.py).

What the canary may look like is the table that makes it. That it is a copy of its owner's template the API server
cannot tell: a policy reads no other object.
"""

from __future__ import annotations

from remediation.admission.cel import literal, member
from remediation.admission.rules import Rule, creates
from remediation.admission.workloads import harmless
from remediation.rehearsal import DROPPED, KEPT, LABEL, VOLUMES

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_POD = "object.spec"


def canary_rules(operation: str) -> tuple[Rule, ...]:
    """What every Pod must be that the account creates. `operation` is the annotation that marks our writes."""
    labels = member("object.metadata", "labels")
    rules = (
        ("it creates no pod but the canary of a rehearsal", f"{literal(LABEL)} in {labels}"),
        ("a canary has no label but its own", f"{labels}.all(label, label == {literal(LABEL)})"),
        ("a canary carries the mark of the operation", f"{literal(operation)} in {member('object.metadata', 'annotations')}"),
        ("a canary is owned by one workload, and controlled by none", _owned()),
        ("a canary ends by itself", f'"activeDeadlineSeconds" in {_POD}'),
        ("a canary has a field that a copy must not have", _fields()),
        ("a canary has a volume that outlives it", _volumes()),
        ("a canary has a port of the node, or a device", _containers()),
        ("a canary hands over the node", harmless(_POD)),
    )  # fmt: skip
    return tuple(Rule("rehearsal", message, creates(f"({rule})")) for message, rule in rules)


def _owned() -> str:
    owners = member("object.metadata", "ownerReferences", "[]")
    one = (
        f'o.apiVersion == "apps/v1" && o.kind in {literal(_WORKLOADS)}'
        ' && !o[?"controller"].orValue(dyn(false))'
    )
    return f"size({owners}) == 1 && {owners}.all(o, {one})"


def _fields() -> str:
    known = literal((KEPT | DROPPED) - {"nodeName"})
    return f"{_POD}.all(field, field in {known} || {_POD}[field] == false)"


def _volumes() -> str:
    return f"{member(_POD, 'volumes', '[]')}.all(v, v.all(kind, kind in {literal(VOLUMES)}))"


def _containers() -> str:
    ports = f'{member("c", "ports", "[]")}.all(p, p[?"hostPort"].orValue(dyn(0)) == 0)'
    host = f'{member(member("c", "securityContext"), "windowsOptions")}[?"hostProcess"].orValue(dyn(false)) == false'
    claims = f"size({member(member('c', 'resources'), 'claims', '[]')}) == 0"
    return f'{_POD}.containers.all(c, {ports} && {host} && {claims} && !("volumeDevices" in c))'
