"""A small namespace with one workload: healthy first, then changed by a fault. Objects are as the API sends
them, in the fields that evidence and candidates read."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.model import Case, CaseKey, CaseReason, FaultClass, ObjectRef, Severity, Violation
from intents.fields import parse_path
from intents.model import Intent
from remediation.lastgood import known_good
from remediation.model import Json, RawEvidence
from tuning.incidents import pools
from tuning.incidents.pools import Pool

POD_SPEC = "spec.template.spec"

EDITABLE: tuple[dict[str, Any], ...] = (
    {"path": f"{POD_SPEC}.containers[*].image"},
    {"path": f"{POD_SPEC}.containers[*].resources.limits.memory", "min": "16Mi", "max": "2Gi"},
    {"path": f"{POD_SPEC}.containers[*].resources.requests.memory", "min": "16Mi", "max": "4Gi"},
    {"path": f"{POD_SPEC}.containers[*].resources.requests.cpu", "min": "50m", "max": "4"},
    {"path": f"{POD_SPEC}.containers[*].resources.limits.cpu", "min": "50m", "max": "4"},
    {"path": f"{POD_SPEC}.containers[*].env[*].value"},
    {"path": f"{POD_SPEC}.containers[*].env[*].valueFrom.configMapKeyRef.key"},
    {"path": f"{POD_SPEC}.containers[*].env[*].valueFrom.configMapKeyRef.name"},
    {"path": f"{POD_SPEC}.containers[*].readinessProbe.httpGet.path"},
    {"path": f"{POD_SPEC}.containers[*].readinessProbe.httpGet.port"},
    {"path": f"{POD_SPEC}.containers[*].livenessProbe.initialDelaySeconds", "min": "0", "max": "600"},
    {"path": f"{POD_SPEC}.volumes[*].configMap.name"},
    {"path": f"{POD_SPEC}.nodeSelector.*"},
    {"path": "spec.replicas", "min": "1", "max": "20"},
    {"kind": "Service", "path": "spec.selector.*"},
    {"kind": "Service", "path": "spec.ports[*].targetPort"},
)


class World:
    """Mutable while an incident is made; `raw` and `case` freeze it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.namespace = pool.any(pools.NAMESPACES)
        self.name = pool.any(pools.NAMES) + pool.any(("", "", "", "-v2", "-eu", "-svc"))
        self.app = pool.any(pools.MAIN)
        self.port = pool.any(pools.PORTS)
        self.tag, self.next_tag = pool.any(pools.TAGS)
        self.repository = pool.any(pools.REGISTRIES) + self.name.removesuffix("-v2")
        self.labels = {pool.any(("app", "app.kubernetes.io/name", "name")): self.name}
        if pool.chance(0.4):
            self.labels[pool.any(("tier", "component", "team"))] = pool.any(
                ("front", "backend", "core", "data")
            )
        self.replicas = pool.any((1, 2, 2, 3))
        self.env: list[Json] = []
        for name in pool.rng.sample(pools.ENV_NAMES, pool.any((0, 1, 2))):
            self.env.append({"name": name, "value": pools.ENV_VALUES[name]})
        self.good = self._deployment()
        self.live = copy.deepcopy(self.good)
        self.healthy_before = True
        self.statuses: list[Json] = []
        self.pod_conditions: list[Json] = []
        self.ready = 0
        self.events: list[Json] = []
        self.logs: dict[tuple[str, str, bool], str] = {}
        self.related: dict[ObjectRef, Json] = {}
        self.metrics: dict[str, str] = {}
        self.hash_now, self.hash_then = pool.hash(9), pool.hash(9)
        self.pod_names = [f"{self.name}-{self.hash_now}-{pool.hash(5)}" for _ in range(min(self.replicas, 2))]
        self.editable: tuple[dict[str, Any], ...] = EDITABLE
        self.service: Json | None = None
        self.service_good: Json | None = None

    @property
    def image(self) -> str:
        return f"{self.repository}:{self.tag}"

    def _deployment(self) -> Json:
        pool = self.pool
        memory = pool.any((64, 96, 128, 192, 256, 512))
        main: Json = {
            "name": self.app,
            "image": self.image,
            "ports": [{"containerPort": self.port, "name": "http", "protocol": "TCP"}],
            "env": self.env,
            "resources": {
                "limits": {"memory": f"{memory}Mi"},
                "requests": {"cpu": "100m", "memory": f"{memory // 2}Mi"},
            },
        }
        if pool.chance(0.6):
            main["readinessProbe"] = {
                "httpGet": {"path": pool.any(pools.PATHS)[0], "port": self.port},
                "periodSeconds": 5,
            }
        containers = [main]
        if pool.chance(0.35):
            sidecar = pool.any(pools.SIDECARS)
            containers.insert(
                pool.any((0, 1)),
                {"name": sidecar, "image": f"{sidecar}:{pool.any(('1.0', '2.3', '1.30'))}",
                 "resources": {"limits": {"memory": "64Mi"}}},
            )  # fmt: skip
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace, "uid": f"uid-{pool.hash(8)}", "labels": dict(self.labels)},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": dict(self.labels)},
                "template": {"metadata": {"labels": dict(self.labels)}, "spec": {"containers": containers}},
            },
        }  # fmt: skip

    # ------------------------------------------------------------ reaching into objects

    def container(self, obj: Json | None = None, name: str | None = None) -> Json:
        """A container of the live (or given) Deployment; the main one by default."""
        items = (obj or self.live)["spec"]["template"]["spec"]["containers"]
        found: Json = next(item for item in items if item["name"] == (name or self.app))
        return found

    @property
    def sidecar(self) -> str | None:
        names = [c["name"] for c in self.live["spec"]["template"]["spec"]["containers"]]
        return next((name for name in names if name != self.app), None)

    def both(self, change: Any) -> None:
        """Apply to live and good: how it always was."""
        change(self.live)
        change(self.good)

    # ------------------------------------------------------------ what goes wrong

    def waiting(self, reason: str, message: str, last: Json | None = None, restarts: int = 0) -> None:
        """The main container waits."""
        self.statuses.append(
            {"name": self.app, "ready": False, "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": message}}}
            | ({"lastState": {"terminated": last}} if last else {})
        )  # fmt: skip

    def crashed(self, reason: str, code: int, restarts: int | None = None) -> None:
        """It ends and is restarted: in back-off, or between two starts."""
        ended = {"reason": reason, "exitCode": code}
        count = restarts if restarts is not None else self.pool.any((1, 2, 3, 4, 6, 9))
        if self.pool.chance(0.75):
            back = self.pool.any(("10s", "20s", "40s", "1m20s", "5m0s"))
            self.waiting(
                "CrashLoopBackOff",
                f"back-off {back} restarting failed container={self.app} pod={self.pod_names[0]}",
                ended,
                count,
            )
        else:
            state = self.pool.any(({"terminated": ended}, {"running": {}}))
            self.statuses.append(
                {
                    "name": self.app,
                    "ready": False,
                    "restartCount": count,
                    "state": state,
                    "lastState": {"terminated": ended},
                }
            )
        self.event("BackOff", f"Back-off restarting failed container {self.app} in pod {self.pod_names[0]}")

    def unready(self) -> None:
        """It runs and is not ready."""
        self.statuses.append({"name": self.app, "ready": False, "restartCount": 0, "state": {"running": {}}})

    def event(self, reason: str, message: str, kind: str = "Warning", minutes: int | None = None) -> None:
        """An event on a pod, so many minutes before noon."""
        ago = self.pool.any((0, 1, 2)) if minutes is None else minutes
        self.events.append(
            {"type": kind, "reason": reason, "message": message, "lastTimestamp": f"2026-03-0{self.pool.any((2, 3))}T11:{59 - ago:02d}:00Z",
             "involvedObject": {"kind": "Pod", "name": self.pod_names[0]}}
        )  # fmt: skip

    def log(self, *lines: str, previous: bool = False, container: str | None = None) -> None:
        """Log lines of the first pod, after some quiet ones."""
        pool = self.pool
        quiet = pool.rng.sample(pools.QUIET_LOGS, pool.any((0, 1, 2, 3)))
        stamp = pool.any(("", "", "2026-03-03T11:58:01Z "))
        self.logs[self.pod_names[0], container or self.app, previous] = "\n".join(
            stamp + line for line in (*quiet, *lines)
        )

    def put(self, obj: Json) -> None:
        """A related object."""
        meta = obj["metadata"]
        self.related[ObjectRef(obj["kind"], self.namespace, meta["name"], meta.get("uid", ""))] = obj

    def config_map(self, name: str, data: Mapping[str, str]) -> None:
        """A ConfigMap in the namespace."""
        self.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": self.namespace},
                "data": dict(data),
            }
        )

    # ------------------------------------------------------------ frozen

    def distract(self) -> None:
        """What else goes on in a real cluster: a neighbour's log, an old event, somebody's instructions."""
        pool = self.pool
        if self.sidecar and pool.chance(0.7):
            self.log(pool.of(pools.NEIGHBOUR_LOGS), container=self.sidecar)
        if pool.chance(0.3):
            kind, reason, message = pool.of(pools.OLD_EVENTS)
            self.event(reason, message, kind, minutes=pool.any((25, 40, 55)))
        if pool.chance(0.12):
            key = next(iter(self.logs), (self.pod_names[0], self.app, False))
            self.logs[key] = "\n".join(filter(None, (self.logs.get(key, ""), pool.of(pools.INJECTIONS))))

    def revisions(self) -> None:
        """The ReplicaSets: the one before (healthy where the workload was) and the present one."""

        def replica_set(suffix: str, number: int, template: Json, wanted: int, ready: int) -> Json:
            owner = [{"kind": "Deployment", "name": self.name, "controller": True}]
            meta = {"name": f"{self.name}-{suffix}", "namespace": self.namespace, "ownerReferences": owner,
                    "annotations": {"deployment.kubernetes.io/revision": str(number)}}  # fmt: skip
            return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": {"replicas": wanted, "template": template},
                    "status": {"replicas": wanted, "readyReplicas": ready}}  # fmt: skip

        number = self.pool.any((2, 3, 5, 8))
        now, then = self.live["spec"]["template"], self.good["spec"]["template"]
        self.put(replica_set(self.hash_now, number, now, len(self.pod_names), self.ready))
        if now != then and self.healthy_before:
            keeps = self.pool.any((0, 1))
            self.put(replica_set(self.hash_then, number - 1, then, keeps, keeps))

    def pods(self) -> tuple[Json, ...]:
        """The workload's pods with the same trouble each."""
        result = []
        for name in self.pod_names:
            statuses = [s | {} for s in self.statuses]
            if statuses and self.sidecar:
                statuses.append(
                    {"name": self.sidecar, "ready": True, "restartCount": 0, "state": {"running": {}}}
                )
            labels = self.live["spec"]["template"]["metadata"]["labels"] | {
                "pod-template-hash": self.hash_now
            }
            owner = [{"kind": "ReplicaSet", "name": f"{self.name}-{self.hash_now}", "controller": True}]
            result.append(
                {"apiVersion": "v1", "kind": "Pod",
                 "metadata": {"name": name, "namespace": self.namespace, "labels": labels, "ownerReferences": owner},
                 "spec": self.live["spec"]["template"]["spec"],
                 "status": {"containerStatuses": statuses, "conditions": list(self.pod_conditions)}}
            )  # fmt: skip
        return tuple(result)

    def raw(self) -> RawEvidence:
        """As the cluster port would gather it."""
        self.live["status"] = {"replicas": len(self.pod_names), "readyReplicas": self.ready}
        if self.service is not None:
            workload = ObjectRef("Deployment", self.namespace, self.name)
            related = {**self.related, workload: self.live}
            related |= {ObjectRef("Pod", self.namespace, p["metadata"]["name"]): p for p in self.pods()}
            good = known_good(self.service_good) if self.service_good else None
            return RawEvidence(
                self.service, related, (), tuple(self.events), dict(self.logs), good, {}, dict(self.metrics)
            )
        self.revisions()
        good = known_good(self.good) if self.healthy_before else None
        return RawEvidence(
            self.live,
            dict(self.related),
            self.pods(),
            tuple(self.events),
            dict(self.logs),
            good,
            {},
            dict(self.metrics),
        )

    def case(
        self, fault: FaultClass, reason: str, message: str, facts: Mapping[str, str] | None = None
    ) -> Case:
        """The case that triage makes of it."""
        kind = "Service" if self.service is not None else "Deployment"
        name = self.service["metadata"]["name"] if self.service is not None else self.name
        target = ObjectRef(kind, self.namespace, name, "uid-1")
        container = None if self.service is not None or fault in _WHOLE else self.app
        violation = Violation(
            intent=f"{self.name}-healthy", expectation=0, detector=fault.value, fault_class=fault, severity=Severity.CRITICAL,
            target=target, subject=ObjectRef("Pod", self.namespace, self.pod_names[0]), reason=reason, message=message,
            container=container, facts=dict(facts or {}),
        )  # fmt: skip
        return Case(
            CaseKey(violation.intent, kind, self.namespace, name), target, CaseReason.MENDABLE, (violation,)
        )

    def intent(self) -> Intent:
        """The operator's intent for it."""
        for entry in self.editable:
            parse_path(entry["path"])
        return Intent.model_validate(
            {
                "apiVersion": "intentd.io/v1alpha1",
                "kind": "Intent",
                "metadata": {"name": f"{self.name}-healthy"},
                "spec": {
                    "scope": {"namespace": self.namespace},
                    "expectations": [{"type": "workloadHealthy"}],
                    "mode": "auto",
                    "editable": list(self.editable),
                },
            }
        )


_WHOLE = (FaultClass.UNSCHEDULABLE, FaultClass.REPLICAS_LOW, FaultClass.METRIC, FaultClass.NO_ENDPOINTS)


def steps_above(need: float, steps: Sequence[int]) -> tuple[int, ...]:
    """The steps that hold the need with a tenth to spare: below that, the kernel kills again."""
    return tuple(step for step in steps if step >= need * 1.1)
