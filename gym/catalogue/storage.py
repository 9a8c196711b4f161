"""Claims that are not bound, and claims that are not there."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import Json, main, peers, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "storage"
PENDING = "ClaimPending Unschedulable"
TIER = Tier.CONTROL_PLANE
CLASSES = (("standard", "standart"), ("fast", "fast-ssd"), ("replicated", "replicate"))
"""A StorageClass, and one that is easily taken for it."""


def claim(d: Draw, name: str, **spec: object) -> Json:
    """A PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": d.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": d.any("2Gi", "5Gi", "10Gi")}},
            **spec,
        },
    }


def mounting(d: Draw, name: str) -> Json:
    """A Deployment that mounts a claim."""
    obj = workload(d, replicas=1)
    obj["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": name}}
    ]
    main(obj)["volumeMounts"] = [{"name": "data", "mountPath": f"/var/lib/{d.app}"}]
    return obj


@fixable(
    "claim-class",
    FAMILY,
    PENDING,
    TIER,
    "a claim names a StorageClass that does not exist; a claim's class can never change",
    "the claim anew, with the class that exists",
)
def storage_class(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(*CLASSES)
    good = claim(d, f"{d.app}-data", storageClassName=right)
    s.applies(mounting(d, f"{d.app}-data"))
    s.breaks(good, "spec.storageClassName", wrong)
    s.demands(check("ref_exists", good, "spec.storageClassName", kind="StorageClass"))
    s.existing = {"StorageClass": [right]}
    s.mistake((good, "spec.storageClassName", ""))


@fixable(
    "claim-name",
    FAMILY,
    "Unschedulable",
    TIER,
    "a volume names a claim that is called otherwise",
    "the claim that is there and that nobody uses",
)
def claim_name(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn((f"{d.app}-data", f"data-{d.app}"), (f"{d.app}-store", f"{d.app}-storage"), (f"{d.app}-pvc", d.app))  # fmt: skip
    good = mounting(d, right)
    path = "spec.template.spec.volumes[name=data].persistentVolumeClaim.claimName"
    s.breaks(good, path, wrong)
    s.demands(check("ref_exists", good, path, kind="PersistentVolumeClaim"))
    other = d.other_app()
    s.stands(
        claim(d, right, storageClassName="standard"), claim(d, f"{other}-data", storageClassName="standard")
    )
    s.existing = {"StorageClass": ["standard"]}
    s.mistake((good, path, f"{other}-data"))
    s.mistake((good, "spec.template.spec.volumes[name=data]", {"name": "data", "emptyDir": {}}))


@fixable(
    "stateful-set-class",
    FAMILY,
    PENDING,
    TIER,
    "a StatefulSet's claims name a class that does not exist; that can never change",
    "the StatefulSet anew, with the class that exists",
)
def stateful_class(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(*CLASSES)
    good = workload(d, "StatefulSet")
    template = claim(d, "data", storageClassName=right)
    good["spec"]["volumeClaimTemplates"] = [
        {"metadata": {"name": "data"}, "spec": template["spec"]},
    ]
    main(good)["volumeMounts"] = [{"name": "data", "mountPath": f"/var/lib/{d.app}"}]
    path = "spec.volumeClaimTemplates[0].spec.storageClassName"
    s.breaks(good, path, wrong)
    s.demands(check("ref_exists", good, path, kind="StorageClass"))
    s.existing = {"StorageClass": [right]}
    s.mistake((good, path, "local"))


@fixable(
    "stateful-set-service",
    FAMILY,
    "GoverningService",
    TIER,
    "a StatefulSet names a Service that does not exist; that can never change",
    "the StatefulSet anew, with the headless Service that selects its pods",
)
def stateful_service(d: Draw, s: Sketch) -> None:
    good = workload(d, "StatefulSet")
    right = good["spec"]["serviceName"] = f"{d.app}-{d.turn('peers', 'headless', 'members')}"
    s.stands(peers(good))
    s.breaks(good, "spec.serviceName", d.app)
    s.demands(check("ref_exists", good, "spec.serviceName", kind="Service"))
    other = workload(d, "StatefulSet", d.other_app())
    s.stands(other)
    s.mistake((good, "spec.serviceName", other["spec"]["serviceName"]))
    if right != f"{d.app}-peers":
        s.inventory = [one for one in s.inventory if one["metadata"]["name"] != f"{d.app}-peers"]


# ---------------------------------------------------------------- for a person


@hopeless(
    "claim-without-class",
    FAMILY,
    "ClaimPending DefaultStorageClass Unschedulable",
    TIER,
    "a claim leaves its class open, no class is the default, and several could be meant",
    "a person has to choose the class",
)
def no_default(d: Draw, s: Sketch) -> None:
    name = f"{d.app}-{d.turn('data', 'files', 'spool')}"
    found = claim(d, name)
    s.applies(found, mounting(d, name))
    s.existing = {"StorageClass": ["archive", "fast", "replicated"]}
    s.finds(found, f"The claim `{name}` names no class, and no class is the default")


@hopeless(
    "claim-lost-its-volume",
    FAMILY,
    "ClaimPending ClaimLost Unschedulable",
    TIER,
    "a claim names a volume that is gone, with its data",
    "a person has to find the data",
)
def lost(d: Draw, s: Sketch) -> None:
    name, volume = f"{d.app}-data", f"vol-{d.letters(10)}"
    found = claim(d, name, volumeName=volume, storageClassName="")
    s.applies(found, mounting(d, name))
    s.finds(found, f"The volume `{volume}` does not exist any more")


@hopeless(
    "volume-kept-for-another",
    FAMILY,
    "ClaimPending VolumeReleased Unschedulable",
    TIER,
    "the only volume that fits still belongs to a claim that was deleted",
    "a person has to say what becomes of its data",
)
def released(d: Draw, s: Sketch) -> None:
    name, volume = f"{d.app}-data", f"{d.namespace}-disk-{d.any(1, 2, 3)}"
    found = claim(d, name, storageClassName="")
    found["spec"]["resources"]["requests"]["storage"] = "10Gi"
    s.applies(found, mounting(d, name))
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
                "claimRef": {
                    "namespace": d.namespace,
                    "name": f"{d.app}-data-2025",
                    "uid": "5f0c2a7e-3f0e-4f5e-9a55-0d3c1b7a9e11",
                },
                "local": {"path": f"/mnt/{volume}"},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}
                        ]
                    }
                },
            },
        }
    )
    s.finds(found, f"The volume `{volume}` is kept for another claim")


SCENARIOS: tuple[Scenario, ...] = (
    storage_class, claim_name, stateful_class, stateful_service, no_default, lost, released,
)  # fmt: skip
