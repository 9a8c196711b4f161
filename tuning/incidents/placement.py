"""Where pods can run and how many: requests, node labels, replicas."""

from __future__ import annotations

import copy

from detectors.model import FaultClass as F
from tuning.incidents.base import EARLIER, Made, at, equals
from tuning.incidents.world import World


def requests_too_big(w: World) -> Made:
    """A request that no node can hold."""
    pool = w.pool
    memory = pool.chance(0.6)
    leaf, right, wrong = ("memory", pool.any(("128Mi", "256Mi", "512Mi")), pool.any(("64Gi", "128Gi", "900Gi", "2Ti"))) if memory else (
        "cpu", pool.any(("100m", "250m", "1")), pool.any(("64", "200", "5000")))  # fmt: skip
    w.container(w.good)["resources"]["requests"] = {"cpu": "100m", "memory": "64Mi"} | {leaf: right}
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
    w.container()["resources"]["requests"][leaf] = wrong
    nodes = pool.any((1, 3, 5, 12))
    message = f"0/{nodes} nodes are available: {nodes} Insufficient {leaf}." + pool.of(
        (
            "",
            f" preemption: 0/{nodes} nodes are available: {nodes} No preemption victims found for incoming pod.",
            " no new claims to deallocate.",
        )
    )
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    path = at(w.app, f"resources.requests.{leaf}")
    other = "cpu" if memory else "memory"
    return Made(
        w.case(F.UNSCHEDULABLE, "Unschedulable", message),
        causes=(f"container {w.app} of {w.name} requests {wrong} {leaf}, more than any node has; it was {right}.",
                f"No node fits the {leaf} request {wrong} of container {w.app}."),
        telling=("Insufficient", wrong),
        fix={path: equals(right)},
        near=((path, {"64Gi": "48Gi", "128Gi": "96Gi", "900Gi": "450Gi", "2Ti": "1Ti", "64": "48", "200": "150", "5000": "2000"}[wrong], EARLIER),
              (at(w.app, f"resources.requests.{other}"), "50m" if other == "cpu" else "32Mi", f"a smaller {other} request"),
              ("spec.replicas", w.replicas + 1, "one more replica")),
    )  # fmt: skip


def node_selector(w: World) -> Made:
    """A node label that no node carries."""
    pool = w.pool
    key, right, wrong = pool.any(
        (
            ("disktype", "ssd", "sdd"),
            ("zone", "eu-1a", "eu-1x"),
            ("pool", "general", "genral"),
            ("arch", "amd64", "amd46"),
        )
    )
    w.both(lambda obj: obj["spec"]["template"]["spec"].update(nodeSelector={key: right}))
    w.live["spec"]["template"]["spec"]["nodeSelector"] = {key: wrong}
    nodes = pool.any((1, 3, 5))
    message = f"0/{nodes} nodes are available: {nodes} node(s) didn't match Pod's node affinity/selector."
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    path = f"spec.template.spec.nodeSelector.{key}"
    return Made(
        w.case(F.UNSCHEDULABLE, "Unschedulable", message),
        causes=(f"The nodeSelector of {w.name} asks for {key}={wrong}, which no node has; it was {right}.",
                f"No node carries {key}={wrong}, so the pods of {w.name} are not scheduled."),
        telling=("didn't match", wrong),
        fix={path: equals(right)},
        near=((path, right + "-2", EARLIER), (at(w.app, "resources.requests.memory"), "32Mi", "a smaller memory request")),
    )  # fmt: skip


def replicas_low(w: World) -> Made:
    """Scaled below what the intent asks."""
    pool = w.pool
    right = pool.any((2, 3, 4, 5))
    w.good["spec"]["replicas"] = right
    low = pool.any(tuple(range(1, right)))
    w.live["spec"]["replicas"] = low
    w.ready = low
    message = f"{low} of at least {right} replicas are available"
    w.statuses = [{"name": w.app, "ready": True, "restartCount": 0, "state": {"running": {}}}]
    return Made(
        w.case(F.REPLICAS_LOW, "ReplicasLow", message),
        causes=(f"{w.name} was scaled from {right} to {low} replicas, below the {right} that are wanted.", f"spec.replicas of {w.name} is {low}; at least {right} are wanted."),
        telling=("replicas",),
        fix={"spec.replicas": lambda v: isinstance(v, int) and v >= right},
        near=(("spec.replicas", max(1, low - 1) if low > 1 else None, "fewer replicas"), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary"),
              (at(w.app, "resources.limits.memory"), "1Gi", "more memory")),
    )  # fmt: skip
