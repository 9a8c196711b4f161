"""Autoscalers that cannot scale, and disruption budgets that block or guard nothing."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import Scenario, fixable
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, Json, at, workload
from gym.catalogue.sketch import Sketch, check
from gym.catalogue.traffic import key_path

FAMILY = "scaling"


def autoscaler(d: Draw, of: Json, least: int, most: int) -> Json:
    """An autoscaler by CPU."""
    reference = {"apiVersion": "apps/v1", "kind": of["kind"], "name": of["metadata"]["name"]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{d.app}-cpu", "namespace": d.namespace},
        "spec": {
            "scaleTargetRef": reference,
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": d.any(60, 70, 80)},
                    },
                }
            ],
        },
    }


def budget(d: Draw, of: Json, **spec: object) -> Json:
    """A disruption budget over the workload's pods."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"{of['metadata']['name']}-budget", "namespace": d.namespace},
        "spec": {"selector": {"matchLabels": dict(of["spec"]["selector"]["matchLabels"])}, **spec},
    }


@fixable(
    "autoscaler-target",
    FAMILY,
    "AutoscalerTarget",
    Tier.METRICS,
    "an autoscaler scales a workload that is called otherwise",
    "the name of the workload that is there",
)
def target(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"), f"{d.app}-{d.turn('web', 'api', 'worker')}")
    good = autoscaler(d, behind, 1, 4)
    s.applies(behind)
    s.breaks(good, "spec.scaleTargetRef.name", d.app, check("hpa_target_has_request", good, resource="cpu"))
    s.demands(check("eq", good, "spec.scaleTargetRef.kind", value=behind["kind"]))
    s.mistake((good, "spec.scaleTargetRef.name", f"{d.app}-x"))


@fixable(
    "autoscaler-without-requests",
    FAMILY,
    "AutoscalerMetrics",
    Tier.METRICS,
    "an autoscaler by CPU share, and a release dropped the CPU request",
    "the request of the revision before",
)
def requests(d: Draw, s: Sketch) -> None:
    good = workload(d, sidecar=False)
    path = at(good, "resources.requests.cpu")
    scaler = autoscaler(d, good, 1, 5)
    s.breaks(
        good,
        path,
        ABSENT,
        check("hpa_target_has_request", scaler, resource="cpu"),
        check("qty_le", good, path, value="2"),
        allow=at(good, "resources"),
    )
    s.stands(scaler)
    s.had(good)
    s.also_right((good, path, "250m"))
    s.mistake((good, path, "40"))


@fixable(
    "budget-blocks-everything",
    FAMILY,
    "BudgetBlocks",
    Tier.CONTROL_PLANE,
    "a disruption budget lets no pod go, so that no node can ever be drained",
    "a budget that lets one pod go",
    partial=True,
)
def blocks(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"), replicas=3)
    good = budget(d, behind, minAvailable=2)
    s.applies(behind)
    s.breaks(
        good,
        "spec.minAvailable",
        d.turn(3, "100%", "90%"),
        check("pdb_allows_disruption", good),
        check("eq", good, "spec.selector.matchLabels", value=behind["spec"]["selector"]["matchLabels"]),
        allow=["spec.minAvailable", "spec.maxUnavailable"],
    )
    s.also_right((good, "spec.minAvailable", ABSENT), (good, "spec.maxUnavailable", 1))
    s.mistake((good, "spec.minAvailable", 4))
    s.mistake((good, "spec.selector", {"matchLabels": {"team": d.team}}))


@fixable(
    "budget-matches-nothing",
    FAMILY,
    "BudgetMatchesNothing",
    Tier.CONTROL_PLANE,
    "a disruption budget selects pods that do not exist, so it guards nothing",
    "the labels of the workload of its name",
)
def nothing(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn("Deployment", "StatefulSet"), replicas=2)
    good = budget(d, behind, maxUnavailable=1)
    key, name = next(iter(good["spec"]["selector"]["matchLabels"].items()))
    s.applies(behind)
    s.breaks(
        good,
        key_path("spec.selector.matchLabels", key),
        d.turn(f"{name}-v1", f"old-{name}", name[:-1]),
        allow="spec.selector",
    )
    s.mistake((good, "spec.selector", {}))


SCENARIOS: tuple[Scenario, ...] = (target, requests, blocks, nothing)
