"""Pods that a ResourceQuota or a LimitRange keeps out. The real server says so: nothing is simulated."""

from __future__ import annotations

from gym.catalogue.admission import CREATE, FAMILY, TIER
from gym.catalogue.base import PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    SHAPES,
    Json,
    at,
    main,
    workload,
)
from gym.catalogue.sketch import Sketch, check


def quota(d: Draw, **hard: str) -> Json:
    """A ResourceQuota of the namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": d.any("compute", "team-budget", "limits"), "namespace": d.namespace},
        "spec": {"hard": {key.replace("_", "."): amount for key, amount in hard.items()}},
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


# ---------------------------------------------------------------- for a person


@hopeless(
    "quota-of-nothing",
    FAMILY,
    CREATE,
    TIER,
    "a quota of no pods: somebody closed the namespace for everything new",
    "a person has to say why, and whether it may be opened",
)
def closed(d: Draw, s: Sketch) -> None:
    found = quota(d, pods="0")
    found["metadata"]["name"] = d.turn("closing-down", "frozen", "no-new-pods")
    obj = workload(d, d.turn(*SHAPES), sidecar=False)
    s.stands(found)
    s.applies(obj)
    s.finds(obj, f"The quota `{found['metadata']['name']}` admits no pods at all")


SCENARIOS: tuple[Scenario, ...] = (
    conflict, unset, maximum, closed,
)  # fmt: skip
