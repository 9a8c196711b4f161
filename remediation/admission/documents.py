"""ValidatingAdmissionPolicies for intentd's own service account, made of the guards' tables.

They hold what can be told from the request alone: which kinds and namespaces, and that an update touches
ordinary fields only. What guards know and the API server does not (the intent with its bounds, the last known
good, budgets, time) is theirs alone; docs/policy.md lists it. The failure policy is Fail: an expression that
cannot be evaluated refuses. Needs Kubernetes 1.30.
"""

from __future__ import annotations

from typing import NamedTuple

from remediation.admission.canaries import canary_rules
from remediation.admission.cel import NONE, differs_only_at, literal, member, tree_of
from remediation.admission.rules import (
    Rule,
    Variable,
    annotation_rule,
    changes,
    creates,
    label_rule,
    marked_rule,
    metadata_rule,
)
from remediation.admission.workloads import new_pod_rules, workload_rules
from remediation.guards.kinds import SHARED, SYSTEM_NAMESPACES
from remediation.guards.sensitive_fields import DIVERTING, LOADS_CODE, ORDINARY
from remediation.merge_keys import API_VERSIONS, POD, RECREATED
from remediation.model import OPERATION_ANNOTATION, Json
from remediation.rehearsal import LABEL

MAY_RECREATE = "intentd.io/may-recreate"
"""The annotation with which a person lets intentd's account delete an object that it never wrote to."""

NAME = "app.kubernetes.io/name"
"""The label that everything of deploy/manifests carries, with the value `intentd`."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_PODS = 'request.resource.group == "" && request.resource.resource == "pods"'


class Account(NamedTuple):
    """The service account that the daemon acts as."""

    namespace: str = "intentd"
    name: str = "intentd"

    @property
    def user(self) -> str:
        """As the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


def policy_documents(account: Account) -> list[Json]:
    """Every policy with its binding, in the order in which they are applied."""
    policies = [
        _policy("intentd-kinds", account, [_everything()], (), _kinds(account)),
        _policy("intentd-workloads", account, [_resources("apps", _WORKLOADS)], *workload_rules()),
        _policy(
            "intentd-canaries", account, [_resources("", ("Pod",))], (), canary_rules(OPERATION_ANNOTATION)
        ),
        _policy("intentd-services", account, [_resources("", ("Service",))], (), _plain("Service")),
        _policy("intentd-jobs", account, [_resources("batch", ("Job",))], (), new_pod_rules(POD)),
        _policy("intentd-claims", account, [_resources("", ("PersistentVolumeClaim",))], (), marked_rule()),
        _policy("intentd-configmaps", account, [_resources("", ("ConfigMap",))], (), _plain("ConfigMap")),
    ]
    return [document for policy in policies for document in (policy, _binding(policy))]


def _policy(
    name: str,
    account: Account,
    resources: list[Json],
    variables: tuple[Variable, ...],
    rules: tuple[Rule, ...],
) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": resources, "excludeResourceRules": [_QUESTIONS]},
            "matchConditions": [
                {
                    "name": "written-by-intentd",
                    "expression": f"request.userInfo.username == {literal(account.user)}",
                }
            ],
            **({"variables": [variable._asdict() for variable in variables]} if variables else {}),
            "validations": [
                {
                    "expression": rule.expression,
                    "message": f"intentd {rule.guard}: {rule.message}",
                    "reason": "Forbidden",
                }
                for rule in rules
            ],
        },
    }


def _binding(policy: Json) -> Json:
    name = policy["metadata"]["name"]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }


def _everything() -> Json:
    return {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}


_QUESTIONS: Json = {
    "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
    "apiVersions": ["*"],
    "operations": ["*"],
    "resources": ["*"],
}
"""`intentd doctor` asks what it may do; asking writes nothing."""


def _resources(group: str, kinds: tuple[str, ...]) -> Json:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": sorted(map(plural, kinds)),
    }


def plural(kind: str) -> str:
    """The resource's name in the API; true of each kind in API_VERSIONS and RECREATED."""
    return f"{kind.lower()}s"


def _kinds(account: Account) -> tuple[Rule, ...]:
    ours, anew = (
        [f"{v.rpartition('/')[0]}/{plural(k)}" for k, v in t.items()] for t in (API_VERSIONS, RECREATED)
    )
    resource = '(request.resource.group + "/" + request.resource.resource)'
    shared = [f"{plural(kind)}/{name}" for kind, name in SHARED]
    marks = member("oldObject.metadata", "annotations")
    return (
        Rule(
            "kinds",
            "not a kind that it changes",
            f"{resource} in {literal(ours)} "
            f'|| (request.operation in ["CREATE", "DELETE"] && ({resource} in {literal(anew)} || {_PODS}))',
        ),
        Rule("kinds", "it changes no subresource", '!has(request.subResource) || request.subResource == ""'),
        Rule(
            "kinds",
            "this namespace is not its own to change",
            f"has(request.namespace) && !(request.namespace in {literal([*SYSTEM_NAMESPACES, account.namespace])})",
        ),
        Rule(
            "kinds",
            "the control plane publishes this object",
            f'!has(request.name) || !((request.resource.resource + "/" + request.name) in {literal(shared)})',
        ),
        Rule(
            "kinds",
            "it is part of intentd",
            f'oldObject == null || {member(member("oldObject.metadata", "labels"), NAME, NONE)} != "intentd"',
        ),
        Rule(
            "kinds",
            "it deletes only what it wrote to, and what a person lets it recreate",
            f'request.operation != "DELETE" || (oldObject != null && ({literal(OPERATION_ANNOTATION)} in {marks}'
            f' || ({resource} in {literal(anew)} && {member(marks, MAY_RECREATE, NONE)} == "true")))',
        ),
        Rule(
            "rehearsal",
            "it deletes no pod but a canary",
            f'request.operation != "DELETE" || !({_PODS})'
            f" || (oldObject != null && {literal(LABEL)} in {member('oldObject.metadata', 'labels')})",
        ),
    )


def _plain(kind: str) -> tuple[Rule, ...]:
    """Kinds without pods: a Service and a ConfigMap."""
    tree = {name: below for name, below in tree_of(ORDINARY[kind]).items() if name != "metadata"}
    content = differs_only_at({**tree, "metadata": {}}, (), "object", "oldObject")
    return (
        Rule("sensitive", f"a field of the {kind} is not an ordinary one", changes(content)),
        *metadata_rule(),
        label_rule("object.metadata", "oldObject.metadata"),
        annotation_rule(OPERATION_ANNOTATION),
        *_OWN_RULES[kind],
    )


def _ports() -> str:
    """A Service serves no port that it did not serve before."""
    new, old = member("object.spec", "ports", "[]"), member("oldObject.spec", "ports", "[]")
    return f"{new}.all(n, {old}.exists(o, n.port == o.port && {member('n', 'protocol', _TCP)} == {member('o', 'protocol', _TCP)}))"


def _keys() -> str:
    """Keys that load code where they are read as environment stay as they are."""
    new, old = member("object", "data"), member("oldObject", "data")
    code = f"k.matches({literal(f'^(?:{LOADS_CODE})$')})"
    return f"({new}.all(k, !{code} || (k in {old} && {old}[k] == {new}[k])) && {old}.all(k, !{code} || k in {new}))"


_TCP = '"TCP"'
_OWN_RULES: dict[str, tuple[Rule, ...]] = {
    "Service": (
        Rule("sensitive", "a Service gets no further port", changes(_ports())),
        Rule(
            "sensitive",
            "a new Service takes no addresses from outside the cluster",
            creates(f"{literal(DIVERTING)}.all(k, !(k in object.spec))"),
        ),
    ),
    "ConfigMap": (Rule("sensitive", "keys that load code as environment stay", changes(_keys())),),
}
