"""Pods that the API server refuses for what they name or lack. The real server says so: nothing is simulated."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    SHAPES,
    Json,
    at,
    below,
    main,
    workload,
)
from gym.catalogue.sketch import Sketch, check

FAMILY = "admission"
CREATE = "FailedCreate ReplicasLow"
TIER = Tier.CONTROL_PLANE


def namespace(d: Draw, **labels: str) -> Json:
    """The namespace with labels."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": d.namespace, "labels": {"team": d.team, **labels}},
    }


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
    "pod-security-forbids-a-need",
    FAMILY,
    CREATE,
    TIER,
    "the namespace forbids what the program was made for, and nothing tells which of the two should give way",
    "a person has to decide whether the namespace admits it",
)
def forbidden(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn("Deployment", "DaemonSet"), f"{d.app}-node-agent", sidecar=False)
    spec = obj["spec"]["template"]["spec"]
    word = d.turn("hostPath", "hostNetwork", "hostPort")
    match word:
        case "hostPath":
            spec["volumes"] = [{"name": "machine", "hostPath": {"path": "/var/log"}}]
            main(obj)["volumeMounts"] = [{"name": "machine", "mountPath": "/machine", "readOnly": True}]
        case "hostNetwork":
            spec["hostNetwork"] = True
            main(obj)["ports"][0]["hostPort"] = d.port
        case _:
            main(obj)["ports"][0]["hostPort"] = 9100
    s.applies(obj)
    s.stands(namespace(d, **{"pod-security.kubernetes.io/enforce": "baseline"}))
    s.finds(obj, f"PodSecurity baseline forbids `{'host namespaces' if word == 'hostNetwork' else word}`")


SCENARIOS: tuple[Scenario, ...] = (
    restricted, account, priority, runtime, webhook, forbidden,
)  # fmt: skip
