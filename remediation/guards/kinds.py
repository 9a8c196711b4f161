"""Kinds and places: a closed list of kinds, never the cluster's own namespaces, only namespaces that the
operator allows, and never what intentd itself is made of or steered by."""

from __future__ import annotations

from intents.fields import get
from remediation.guards.base import GuardContext, Ruling
from remediation.merge_keys import API_VERSIONS, RECREATED
from remediation.model import Create, Delete, Json, Recreate, Verdict

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""What Kubernetes creates for itself; a wrong write there can take the cluster down."""

SHARED = frozenset(
    ("ConfigMap", name) for name in ("kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt")
)
"""Published by control planes into every namespace; every client's trust hangs on them."""


OURS = "intentd"
"""`app.kubernetes.io/name` of everything that deploy/manifests installs."""


class Kinds:
    """Refuses kinds and namespaces that are not ours to touch."""

    name = "kinds"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan = Ruling(self.name), context.plan
        target = plan.target
        inputs: Json = {
            "kind": target.kind,
            "namespace": target.namespace,
            "allowed": list(context.limits.namespaces),
        }
        kinds = RECREATED if isinstance(plan, Recreate) else API_VERSIONS
        if target.kind not in kinds or (target.kind, target.name) in SHARED:
            return ruling.refuse("KindNotAllowed", f"{target} is not ours to change", **inputs)
        item = plan.manifest if isinstance(plan, Create | Recreate) else context.live
        ours = get(item, ("metadata", "labels", "app.kubernetes.io/name")) == OURS
        if ours or target.key in context.limits.own:
            return ruling.refuse("OurOwn", f"{target} is part of intentd, or steers it", **inputs)
        if not target.namespace:
            return ruling.refuse("NoNamespace", "a plan names its namespace", **inputs)
        if target.namespace in SYSTEM_NAMESPACES and not context.limits.system_namespaces:
            return ruling.refuse("SystemNamespace", f"{target.namespace} belongs to the cluster", **inputs)
        if context.limits.namespaces and target.namespace not in context.limits.namespaces:
            return ruling.refuse("NamespaceNotAllowed", "the operator allows other namespaces only", **inputs)
        if isinstance(plan, Delete) and not context.is_rollback:
            return ruling.refuse("DeleteNotAllowed", "deleting only undoes our own creation", **inputs)
        return ruling.allow(**inputs)
