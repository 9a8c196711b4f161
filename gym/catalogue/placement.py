"""Pods that no node takes for what it is called, tainted or set apart. The scheduler itself says so: nothing is simulated."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import words
from gym.catalogue.base import MISLEADING, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    Json,
    at,
    below,
    main,
    node,
    workload,
)
from gym.catalogue.sketch import Sketch, any_of, check

FAMILY = "scheduling"
UNSCHEDULABLE = "Unschedulable"
ZONE = r"topology\.kubernetes\.io/zone"
ROLLED = ("Deployment", "StatefulSet")
"""Kinds whose pods the scheduler places freely: a DaemonSet whose selector fits no node has no pods at all."""


def three(d: Draw, **labels: str) -> list[Json]:
    """Three nodes, one a zone, with these labels."""
    return [
        node(f"{d.team}-{place}", labels={"topology.kubernetes.io/zone": zone, **labels})
        for place, zone in enumerate(words.ZONES, start=1)
    ]


@fixable(
    "node-selector",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a node selector's value has a typing error",
    "the value that the nodes have",
)
def selector(d: Draw, s: Sketch) -> None:
    key, right, wrong = d.turn(
        ("disk", "ssd", "sdd"), ("pool", "general", "genral"), ("cpu-class", "fast", "fats")
    )
    good = workload(d, d.turn(*ROLLED))
    good["spec"]["template"]["spec"]["nodeSelector"] = {key: right}
    s.breaks(
        good,
        f"{below(good)}.nodeSelector.{key}",
        wrong,
        check("schedulable", good),
        check("eq", good, f"{below(good)}.nodeSelector.{key}", value=right),
    )
    s.nodes = [node("worker-0"), *three(d, **{key: right})]
    s.mistake((good, f"{below(good)}.nodeSelector", ABSENT))


@fixable(
    "toleration-value",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a toleration's value is not the taint's; the sibling's is",
    "the toleration that the sibling has",
)
def toleration(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(("batch", "batches"), ("reports", "report"), ("search", "serach"))
    tolerates = {"key": "dedicated", "operator": "Equal", "value": right, "effect": "NoSchedule"}
    good = workload(d, d.turn(*ROLLED))
    beside = workload(d, "Deployment", f"{d.app}-queue")
    for obj in (good, beside):
        obj["spec"]["template"]["spec"]["tolerations"] = [dict(tolerates)]
    path = f"{below(good)}.tolerations"
    s.breaks(
        good,
        f"{path}[0].value",
        wrong,
        check("schedulable", good),
        check("eq", good, f"{path}[0].key", value="dedicated"),
        check("in", good, f"{path}[0].value", value=[right]),
        allow=path,
    )
    s.stands(beside)
    taint = {"key": "dedicated", "value": right, "effect": "NoSchedule"}
    s.nodes = [{**one, "taints": [taint]} for one in three(d)]
    s.mistake((good, path, [{"operator": "Exists"}]))


@fixable(
    "zone-that-is-none",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a required node affinity names a zone that is spelt otherwise; the revision before named it right",
    "the zone of the revision before",
)
def zone(d: Draw, s: Sketch) -> None:
    right = d.turn(*words.ZONES)
    good = workload(d)

    def affinity(value: str) -> Json:
        term = {
            "matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [value]}]
        }
        return {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        }

    good["spec"]["template"]["spec"]["affinity"] = affinity(right)
    path = f"{below(good)}.affinity"
    values = (
        f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
        ".matchExpressions[0].values[0]"
    )
    s.breaks(
        good,
        path,
        affinity(right.replace("-", "")),
        check("schedulable", good),
        check("eq", good, values, value=right),
    )
    s.had(good)
    s.nodes = three(d)
    s.mistake((good, path, ABSENT))


@fixable(
    "spread-over-a-label-that-is-none",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "a topology spread constraint counts over a label that no node has",
    "the label that the nodes have and the sibling counts over",
)
def spread(d: Draw, s: Sketch) -> None:
    wrong = d.turn("topology.kubernetes.io/zones", "failure-domain.kubernetes.io/zone", "topology/zone")
    good = workload(d, d.turn(*ROLLED))
    beside = workload(d, "Deployment", f"{d.app}-edge")
    for obj in (good, beside):
        constraint = {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": dict(obj["spec"]["selector"]["matchLabels"])},
        }
        obj["spec"]["template"]["spec"]["topologySpreadConstraints"] = [constraint]
    path = f"{below(good)}.topologySpreadConstraints"
    s.breaks(good, f"{path}[0].topologyKey", wrong, allow=path)
    s.stands(beside)
    s.nodes = three(d)
    s.mistake((good, path, ABSENT))


@fixable(
    "volume-in-another-zone",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "the node selector asks for one zone, the claim's volume is in another",
    "the volume's zone",
)
def volume_zone(d: Draw, s: Sketch) -> None:
    right = d.turn(*words.ZONES)
    wrong = next(one for one in words.ZONES if one != right)
    claim = f"{d.app}-data"
    good = workload(d, replicas=1)
    spec = good["spec"]["template"]["spec"]
    spec["nodeSelector"] = {"topology.kubernetes.io/zone": right}
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    main(good)["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    volume = f"{d.namespace}-{d.app}-vol"
    term = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [right]}]}
    s.stands(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": {"storage": "20Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {"namespace": d.namespace, "name": claim},
                "local": {"path": "/mnt/disks/0"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": d.namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "volumeName": volume,
                "resources": {"requests": {"storage": "20Gi"}},
            },
        },
    )
    path = f"{below(good)}.nodeSelector"
    wanted = f"{path}.{ZONE}"
    s.breaks(
        good,
        wanted,
        wrong,
        check("schedulable", good),
        any_of(check("eq", good, wanted, value=right), check("absent", good, wanted)),
        check("exists", good, f"{below(good)}.volumes[name=data].persistentVolumeClaim.claimName"),
        allow=path,
    )
    s.also_right((good, path, ABSENT))
    s.nodes = three(d)
    s.mistake((good, wanted, next(one for one in words.ZONES if one not in {right, wrong})))


@fixable(
    "node-selector-after-a-memory-change",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "the last change doubled the memory, which fits; a node selector of the same release does not",
    "the node selector of the revision before; the memory may stay",
    MISLEADING,
)
def after_memory(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(("general", "general-purpose"), ("web", "web-nodes"), ("stable", "stable-pool"))
    good = workload(d)
    good["spec"]["template"]["spec"]["nodeSelector"] = {"pool": right}
    s.had(good)
    larger = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}}
    before = dict(main(good)["resources"])
    main(good)["resources"] = larger
    good["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "memory: 512Mi, with twice that as limit"
    }
    path = f"{below(good)}.nodeSelector.pool"
    s.breaks(
        good,
        path,
        wrong,
        check("schedulable", good),
        check("eq", good, path, value=right),
        allow=[path, at(good, "resources")],
    )
    s.nodes = three(d, pool=right)
    s.also_right((good, at(good, "resources"), before))
    s.mistake((good, at(good, "resources"), before))


# ---------------------------------------------------------------- for a person


@hopeless(
    "all-nodes-cordoned",
    FAMILY,
    UNSCHEDULABLE,
    Tier.CONTROL_PLANE,
    "every node that fits is cordoned",
    "a person has to say when the maintenance ends",
)
def cordoned(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*ROLLED))
    obj["spec"]["template"]["spec"]["nodeSelector"] = {"pool": d.team}
    s.applies(obj)
    s.nodes = [{**one, "unschedulable": True} for one in three(d, pool=d.team)]
    s.finds(obj, "All nodes of the pool are `unschedulable`")


@hopeless(
    "scheduling-gate",
    FAMILY,
    "SchedulingGated Unschedulable",
    Tier.CONTROL_PLANE,
    "a scheduling gate waits for a controller that never lifts it",
    "a person has to look at that controller",
)
def gate(d: Draw, s: Sketch) -> None:
    name = d.turn("quota.example.com/admitted", "queue.example.org/position", "license.example.com/seat")
    obj = workload(d, d.turn(*ROLLED))
    obj["spec"]["template"]["spec"]["schedulingGates"] = [{"name": name}]
    s.applies(obj)
    s.nodes = three(d)
    s.finds(obj, f"The scheduling gate `{name}` was never lifted")


SCENARIOS: tuple[Scenario, ...] = (
    selector, toleration, zone, spread, volume_zone, after_memory, cordoned, gate,
)  # fmt: skip
