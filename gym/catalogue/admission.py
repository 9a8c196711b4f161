"""Pods that the API server refuses to create. The real server says so: nothing is simulated."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, SHAPES, Json, at, below, main, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "admission"
CREATE = "FailedCreate ReplicasLow"
TIER = Tier.CONTROL_PLANE


def quota(d: Draw, **hard: str) -> Json:
    """A ResourceQuota of the namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": d.any("compute", "team-budget", "limits"), "namespace": d.namespace},
        "spec": {"hard": {key.replace("_", "."): amount for key, amount in hard.items()}},
    }


def namespace(d: Draw, **labels: str) -> Json:
    """The namespace with labels."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": d.namespace, "labels": {"team": d.team, **labels}},
    }


@fixable(
    "quota-conflict",
    FAMILY,
    CREATE,
    TIER,
    "a release asks for more CPU than the namespace's quota allows",
    "the request of the revision before, or another that the quota admits",
    PUBLISHED,
)
def conflict(d: Draw, s: Sketch) -> None:
    good = workload(d, replicas=2, sidecar=False)
    main(good)["resources"] = {
        "requests": {"cpu": "250m", "memory": "128Mi"},
        "limits": {"cpu": "500m", "memory": "256Mi"},
    }
    found = quota(d, requests_cpu="1", limits_memory="2Gi")
    path = at(good, "resources.requests.cpu")
    wrong = d.turn("1500m", "2", "3")
    resources = {"requests": {"cpu": wrong, "memory": "128Mi"}, "limits": {"cpu": "4", "memory": "256Mi"}}
    s.breaks(
        good,
        at(good, "resources"),
        resources,
        check("quota_admits", good, quota=f"ResourceQuota/{found['metadata']['name']}"),
        check("qty_ge", good, path, value="100m"),
        check("eq", good, "spec.replicas", value=2),
    )
    s.stands(found)
    s.had(good)
    s.also_right((good, path, "500m"))
    s.mistake((good, path, "1m"))
    s.mistake((found, r"spec.hard.requests\.cpu", "64"))
    s.mistake((good, "spec.replicas", 1))


@fixable(
    "quota-asks-for-limits",
    FAMILY,
    CREATE,
    TIER,
    "a quota asks for memory limits, and a release dropped them",
    "the limits of the revision before",
)
def unset(d: Draw, s: Sketch) -> None:
    good = workload(d, sidecar=False, replicas=d.any(1, 2))
    found = quota(d, limits_memory="4Gi")
    path = at(good, "resources.limits.memory")
    s.breaks(
        good,
        path,
        ABSENT,
        check("quota_admits", good, quota=f"ResourceQuota/{found['metadata']['name']}"),
        check("qty_ge", good, path, value="64Mi"),
        allow=at(good, "resources"),
    )
    s.stands(found)
    s.had(good)
    s.mistake((good, path, "1Mi"))


@fixable(
    "limit-range-maximum",
    FAMILY,
    CREATE,
    TIER,
    "a memory limit above what the namespace's LimitRange allows a container; the sibling keeps to it",
    "the limit that the sibling has, or another that the LimitRange admits",
)
def maximum(d: Draw, s: Sketch) -> None:
    most = d.turn("512Mi", "768Mi", "1Gi")
    good = workload(d, d.turn(*SHAPES), sidecar=False)
    beside = workload(d, "Deployment", f"{d.app}-worker", sidecar=False, image=d.image())
    for obj in (good, beside):
        main(obj)["resources"] = {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "384Mi"},
        }
    path = at(good, "resources.limits.memory")
    s.breaks(
        good,
        path,
        d.turn("2Gi", "3Gi", "4Gi"),
        check("qty_le", good, path, value=most),
        check("qty_ge", good, path, value="128Mi"),
        allow=at(good, "resources"),
    )
    s.stands(
        beside,
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "per-container", "namespace": d.namespace},
            "spec": {"limits": [{"type": "Container", "max": {"memory": most}}]},
        },
    )
    s.also_right((good, path, most))
    s.mistake((good, path, ABSENT))


@fixable(
    "pod-security-restricted",
    FAMILY,
    CREATE,
    TIER,
    "the namespace enforces the restricted profile, and a release dropped what it demands",
    "the security context of the revision before",
)
def restricted(d: Draw, s: Sketch) -> None:
    good = workload(d, sidecar=False)
    context = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    main(good)["securityContext"] = context
    path = at(good, "securityContext")
    dropped = d.turn("allowPrivilegeEscalation", "capabilities", "seccompProfile")
    s.breaks(good, f"{path}.{dropped}", ABSENT, allow=path)
    s.demands(check("eq", good, path, value=context))
    s.stands(namespace(d, **{"pod-security.kubernetes.io/enforce": "restricted"}))
    s.had(good)
    s.mistake((good, path, ABSENT))


@fixable(
    "service-account-name",
    FAMILY,
    CREATE,
    TIER,
    "a service account's name has a typing error; the sibling of the same image has it right",
    "the service account that the sibling uses",
)
def account(d: Draw, s: Sketch) -> None:
    right = f"{d.app}-{d.turn('runner', 'reader', 'identity')}"
    good = workload(d, d.turn(*SHAPES))
    beside = workload(d, "Deployment", f"{d.app}-worker", image=d.image(), probe=False)
    for obj in (good, beside):
        obj["spec"]["template"]["spec"]["serviceAccountName"] = right
    path = f"{below(good)}.serviceAccountName"
    s.breaks(good, path, right[:-1])
    s.stands(
        beside,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": right, "namespace": d.namespace},
        },
    )
    s.mistake((good, path, ABSENT))


@fixable(
    "priority-class-name",
    FAMILY,
    CREATE,
    TIER,
    "a priority class that does not exist; the sibling names the one that does",
    "the priority class that the sibling names",
)
def priority(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(
        (f"{d.team}-high", f"{d.team}-hi"), ("serving", "service"), ("business-hours", "busines-hours")
    )
    good = workload(d, d.turn(*SHAPES))
    beside = workload(d, "Deployment", f"{d.app}-canary")
    for obj in (good, beside):
        obj["spec"]["template"]["spec"]["priorityClassName"] = right
    path = f"{below(good)}.priorityClassName"
    s.breaks(good, path, wrong)
    s.stands(
        beside,
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": right},
            "value": 100000,
        },
    )
    s.mistake((good, path, ABSENT))
    s.mistake((good, path, "system-cluster-critical"))


@fixable(
    "runtime-class-name",
    FAMILY,
    CREATE,
    TIER,
    "a runtime class that does not exist; the revision before names one that does",
    "the runtime class of the revision before",
)
def runtime(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(("sandboxed", "sandbox"), ("gvisor", "gvisr"), ("kata", "kata-containers"))
    good = workload(d)
    good["spec"]["template"]["spec"]["runtimeClassName"] = right
    path = f"{below(good)}.runtimeClassName"
    s.breaks(good, path, wrong)
    s.existing = {"RuntimeClass": [right]}
    s.had(good)
    s.mistake((good, path, ABSENT))


# ---------------------------------------------------------------- for a person


@hopeless(
    "webhook-backend-gone",
    FAMILY,
    "FailedCreate WebhookBackend ReplicasLow",
    TIER,
    "a webhook that must be asked before pods are made has no backend any more",
    "a person has to bring the webhook's backend back, or take the webhook away",
)
def webhook(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn("Deployment", "StatefulSet"))
    name = f"pods.{d.team}-policy.example.com"
    s.applies(obj)
    s.stands(
        namespace(d),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"{d.namespace}-{d.team}-policy"},
            "webhooks": [
                {
                    "name": name,
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 2,
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": d.namespace}},
                    "rules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["pods"],
                        }
                    ],
                    "clientConfig": {
                        "service": {"name": f"{d.team}-policy", "namespace": d.namespace, "path": "/pods"}
                    },
                }
            ],
        },
    )
    s.finds(obj, f"The webhook `{name}` cannot be called")


@hopeless(
    "quota-used-up-by-others",
    FAMILY,
    CREATE,
    TIER,
    "others use the whole quota; what this workload asks for is little",
    "a person has to raise the quota, or say what may go",
)
def used_up(d: Draw, s: Sketch) -> None:
    greedy = workload(d, "Deployment", d.other_app(), replicas=3, sidecar=False)
    main(greedy)["resources"] = {"requests": {"cpu": "1", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    obj = workload(d, d.turn("Deployment", "StatefulSet"), sidecar=False)
    main(obj)["resources"] = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    found = quota(d, requests_cpu="3")
    s.stands(found, greedy)
    s.applies(obj)
    s.finds(obj, f"The quota `{found['metadata']['name']}` is used up by others")


@hopeless(
    "policy-asks-for-a-label",
    FAMILY,
    CREATE,
    TIER,
    "an admission policy asks for a label whose value only people know",
    "a person has to say the value",
)
def policy(d: Draw, s: Sketch) -> None:
    label = d.turn("cost-centre", "data-class", "on-call")
    obj = workload(d, d.turn("Deployment", "StatefulSet"))
    name = f"{d.namespace}-require-{label}"
    says = f"pods carry the label {label}: ask the owners for its value"
    s.applies(obj)
    s.stands(
        namespace(d),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["pods"],
                        }
                    ]
                },
                "validations": [
                    {
                        "expression": f"has(object.metadata.labels) && '{label}' in object.metadata.labels",
                        "message": says,
                    }
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": d.namespace}}
                },
            },
        },
    )
    s.finds(obj, f"An admission policy asks for the label `{label}`")


SCENARIOS: tuple[Scenario, ...] = (
    conflict, unset, maximum, restricted, account, priority, runtime, webhook, used_up, policy,
)  # fmt: skip
