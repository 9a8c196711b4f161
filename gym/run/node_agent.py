"""Plays the kubelet, and the volume provisioner, for one case's pods where no container runs.

Each turn it looks at the objects as they are: a pod that was just bound to a node gets a status, a pod of a sick
workload shows the case's symptom, and once the assertions hold the next turn shows it working. Pods of an older
template are left as they are: a fix reaches them by replacing them. The scheduler, the controllers and the garbage
collector are the real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from urllib3.exceptions import HTTPError

from gym.cases.model import Scenario
from gym.cases.state import Json, Key, State, dig, key_of, mapping, maps
from gym.paths import GymError
from gym.ready import wait_for
from gym.run.pod_logs import PodLogs
from gym.run.pod_status import owner_kind, sick, working
from gym.run.rest import Refused, Rest
from gym.run.shown import Shown
from gym.run.sick import Patient, container_of, is_current, is_sick, patients
from gym.run.stage import PROVISIONED, PROVISIONER, Stage
from gym.run.symptoms import is_shown, on_init, shown

log = structlog.get_logger("gym")

TURN = 0.4
"""Seconds between two turns; a kubelet on a real node needs about as long to start a container."""

_AT_LEAST = ("ConfigMap", "Pod", "ReplicaSet", "Secret")


class NodeAgent:
    """Runs in a thread between `start` and `stop`. `failed` is what ended it early, if anything did."""

    def __init__(self, rest: Rest, stage: Stage, scenario: Scenario, logs: PodLogs) -> None:
        self._rest, self._stage, self._logs = rest, stage, logs
        self._case, self._scoring = scenario.case, scenario.scoring
        showing = is_shown(scenario.case, scenario.scoring)
        self._patients = patients(scenario.case, scenario.scoring) if showing else ()
        objects = (*scenario.case.broken, *scenario.case.inventory)
        made = [entry.kind for entry in scenario.scoring.may_change if entry.prefix is None]
        self._kinds = tuple(dict.fromkeys([*(obj["kind"] for obj in objects), *made, *_AT_LEAST]))
        self._claims = any(obj["kind"] == "PersistentVolumeClaim" for obj in objects)
        self._shown: dict[str, bool] = {}  # by the pod's uid: whether it shows the symptom
        self._over = threading.Event()
        self._calm_turns = 0
        self._thread = threading.Thread(target=self._run, name=f"nodes of {scenario.case.id}", daemon=True)
        self.failed: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; the pods stay as they are."""
        self._over.set()
        self._thread.join(10)

    def wait_calm(self, seconds: float) -> None:
        """Until a whole turn that began after now has found nothing to do. GymError where that takes too long, or
        where the agent has failed."""
        self._calm_turns = 0  # a turn may be under way: the second one began after now
        wait_for("the nodes coming to rest", lambda: self.failed is not None or self._calm_turns > 1, seconds)
        if self.failed is not None:
            raise GymError(f"the nodes failed: {self.failed}") from self.failed

    # ------------------------------------------------------------ a turn

    def _run(self) -> None:
        while not self._over.wait(TURN):
            try:
                busy = self.turn()
            except (Refused, HTTPError) as error:
                log.debug("a turn of the nodes failed", case=self._case.id, error=str(error))
                continue  # written by somebody else meanwhile, or the server was slow: the next turn looks again
            except Exception as error:  # noqa: BLE001 - told to the thread that waits for this one
                self.failed = error
                return
            self._calm_turns = 0 if busy else self._calm_turns + 1

    def turn(self) -> bool:
        """Look once and write what is due; whether anything was. Raises Refused."""
        state = self._stage.read(self._kinds)
        pods = [pod for pod in state.of_kind("Pod") if _is_ours(pod)]
        if self._claims and self._bind_claims(state):
            return True
        sets = {str(dig(one, "metadata", "uid")): one for one in state.of_kind("ReplicaSet")}
        ill = {one.key: one for one in self._patients if is_sick(one, self._case, self._scoring, state)}
        written = [self._pod(pod, state, sets, ill) for pod in pods]  # every pod, not only until one was due
        return any(written)

    def _pod(self, pod: Json, state: State, sets: dict[str, Json], ill: Mapping[Key, Patient]) -> bool:
        uid, top = str(dig(pod, "metadata", "uid")), _top(pod, sets)
        workload = state.get(*top)
        patient = ill.get(top) if workload is not None else None
        showed = self._shown.get(uid)
        if showed is not None:
            if workload is None or showed == (patient is not None) or not is_current(pod, workload, sets):
                return False
            if dig(pod, "status", "phase") in ("Succeeded", "Failed"):
                return False  # what has ended does not come back
        told = self._symptoms(patient, pod, workload, state) if patient and workload else {}
        now = datetime.now(UTC)
        status = sick(pod, told, now, _address(uid)) if told else working(pod, now, _address(uid))
        self._rest.patch_status(pod, status)
        self._shown[uid] = patient is not None
        metadata = pod["metadata"]
        for name, found in told.items():
            self._logs.put(metadata["namespace"], metadata["name"], name, found.log)
            for event in found.events:
                self._tell(pod, name, event.reason, event.message, normal=event.normal, init=found.init)
        return True

    def _symptoms(self, patient: Patient, pod: Json, workload: Json, state: State) -> dict[str, Shown]:
        """What the pod shows, by container."""
        showing: dict[str, Shown] = {}
        for symptom in patient.symptoms:
            named = symptom.container if symptom is not None else None
            init = on_init(symptom, self._scoring.fault_type)
            container = container_of(patient, workload, init=init, named=named)
            if container is None:
                continue
            found = shown(symptom, self._scoring.fault_type, pod, container, state)
            if found is not None:
                showing.setdefault(str(container["name"]), replace(found, init=init))
        return showing

    # ------------------------------------------------------------ writing

    def _tell(
        self, pod: Json, container: str, reason: str, message: str, *, normal: bool, init: bool
    ) -> None:
        metadata, now = pod["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        field = "initContainers" if init else "containers"
        self._rest.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
                "involvedObject": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                    "fieldPath": f"spec.{field}{{{container}}}",
                },
                "type": "Normal" if normal else "Warning",
                "reason": reason,
                "message": message,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 3,
                "source": {"component": "kubelet", "host": dig(pod, "spec", "nodeName")},
            }
        )

    def _bind_claims(self, state: State) -> bool:
        """What a cluster's provisioner does: a volume for every waiting claim whose class exists."""
        waiting = [
            claim
            for claim in state.of_kind("PersistentVolumeClaim")
            if dig(claim, "status", "phase") == "Pending" and not dig(claim, "spec", "volumeName")
        ]
        bound = False
        for claim in waiting:
            name = dig(claim, "spec", "storageClassName")
            found = self._rest.get("storage.k8s.io/v1", "StorageClass", "", name) if name else None
            if found is not None and (not _waits_for_consumer(found) or _is_used(claim, state)):
                self._provision(claim, name)
                bound = True
        return bound

    def _provision(self, claim: Json, storage_class: str) -> None:
        metadata, name = claim["metadata"], f"pvc-{claim['metadata']['uid']}"
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": name,
                "annotations": {PROVISIONED: PROVISIONER},
            },
            "spec": {
                "accessModes": claim["spec"]["accessModes"],
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "hostPath": {"path": f"/var/lib/volumes/{metadata['uid']}"},
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": storage_class,
            },
        }
        if self._rest.get("v1", "PersistentVolume", "", name) is None:
            self._rest.create(volume)


def _waits_for_consumer(storage_class: Json) -> bool:
    return storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def _is_used(claim: Json, state: State) -> bool:
    """Whether a pod mounts the claim."""
    name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
    return any(
        dig(volume, "persistentVolumeClaim", "claimName") == name
        for pod in state.of_kind("Pod", namespace)
        for volume in maps(dig(pod, "spec", "volumes"))
    )


def _is_ours(pod: Json) -> bool:
    """Whether a kubelet would run it: it is bound to a node and not being deleted."""
    return bool(dig(pod, "spec", "nodeName")) and not dig(pod, "metadata", "deletionTimestamp")


def _top(pod: Json, sets: Mapping[str, Json]) -> Key:
    """The workload whose template the pod was made of; the pod itself where nothing manages it."""
    namespace = str(dig(pod, "metadata", "namespace"))
    owner = _controller(pod)
    if owner is None:
        return key_of(pod)
    if owner_kind(pod) == "ReplicaSet":
        above = _controller(mapping(sets.get(str(owner.get("uid")))))
        owner = above or owner
    return str(owner.get("kind")), namespace, str(owner.get("name"))


def _controller(obj: Json) -> Json | None:
    return next((one for one in maps(dig(obj, "metadata", "ownerReferences")) if one.get("controller")), None)


def _address(uid: str) -> str:
    """An address of the pod's own in 10.64.0.0/10, which nobody uses here."""
    number = int(uid.replace("-", "")[:8], 16) & 0x3FFFFF
    return f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
