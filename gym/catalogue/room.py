"""Pods that ask for more than any node has, or than is left. The scheduler itself says so: nothing is simulated."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    at,
    below,
    main,
    workload,
)
from gym.catalogue.placement import FAMILY, ROLLED, UNSCHEDULABLE, three
from gym.catalogue.sketch import Sketch, check


@fixable(
    "cpu-request-without-its-unit",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a CPU request lost its m: hundreds of cores",
    "the same number in thousandths, as the revision before",
)
def cpu(d: Draw, s: Sketch) -> None:
    number = d.turn(100, 250, 500)
    good = workload(d)
    main(good)["resources"]["requests"]["cpu"] = f"{number}m"
    path = at(good, "resources.requests.cpu")
    s.breaks(
        good,
        path,
        str(number),
        check("schedulable", good),
        check("qty_ge", good, path, value=f"{number // 2}m"),
        check("qty_le", good, path, value="2"),
        allow=at(good, "resources"),
    )
    s.had(good)
    s.nodes = three(d)
    s.mistake((good, path, "16"))
    s.mistake((good, at(good, "resources"), ABSENT))


@fixable(
    "memory-request-too-large",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a memory request that no node has; its sibling of the same image asks for little",
    "what the sibling asks for",
    partial=True,
)
def memory(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*ROLLED))
    main(good)["resources"] = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}}
    beside = workload(d, "Deployment", f"{d.app}-batch", image=d.image())
    main(beside)["resources"] = dict(main(good)["resources"])
    path = at(good, "resources.requests.memory")
    wrong = d.any("24Gi", "32Gi", "48Gi")
    s.breaks(
        good,
        at(good, "resources"),
        {"requests": {"cpu": "100m", "memory": wrong}, "limits": {"memory": wrong}},
        check("schedulable", good),
        check("qty_ge", good, path, value="256Mi"),
        check("qty_le", good, path, value="4Gi"),
    )
    s.stands(beside)
    s.nodes = three(d)
    s.mistake((good, path, "1Mi"))


@fixable(
    "more-replicas-than-places",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "replicas must not share a node, and there are more replicas than nodes",
    "as many replicas as nodes, or a preference instead of the rule",
    partial=True,
)
def apart(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*ROLLED), replicas=3)
    labels = dict(good["spec"]["selector"]["matchLabels"])
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    good["spec"]["template"]["spec"]["affinity"] = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    }
    path = f"{below(good)}.affinity"
    s.breaks(
        good,
        "spec.replicas",
        d.turn(4, 5, 6),
        check("schedulable", good),
        check("qty_ge", good, "spec.replicas", value=3),
        allow=["spec.replicas", path],
    )
    preferred = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }
    s.also_right((good, path, preferred))
    s.nodes = three(d)
    s.mistake((good, "spec.replicas", 1))


# ---------------------------------------------------------------- for a person


@hopeless(
    "no-graphics-card",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "the program needs a device that no node has",
    "a person has to add such a node",
)
def device(d: Draw, s: Sketch) -> None:
    resource = d.turn("nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi")
    obj = workload(d, d.turn(*ROLLED))
    main(obj)["resources"]["limits"][resource] = "1"
    s.applies(obj)
    s.nodes = three(d)
    s.finds(obj, f"No node has `{resource}`")


@hopeless(
    "cluster-full",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "the requests are what the program needs, and no node has so much left",
    "a person has to add a node, or say what may go",
)
def crowded(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*ROLLED), replicas=2)
    main(obj)["resources"] = {"requests": {"cpu": "3", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    others = workload(d, "Deployment", d.other_app(), replicas=3, sidecar=False)
    main(others)["resources"] = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    s.stands(others)
    s.applies(obj)
    s.nodes = three(d)
    s.finds(obj, f"The nodes have too little `cpu` left for `{obj['metadata']['name']}`")


SCENARIOS: tuple[Scenario, ...] = (
    cpu, memory, apart, device, crowded,
)  # fmt: skip
