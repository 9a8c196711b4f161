"""What looks suspicious and is as its owners want it. Right is to leave it alone."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue.base import Scenario, control
from gym.catalogue.draw import Draw
from gym.catalogue.jobs import cron_job, job
from gym.catalogue.objects import (
    SHAPES,
    Json,
    at,
    config_map,
    earlier_revision,
    event,
    node,
    put,
    service,
    workload,
)
from gym.catalogue.sketch import Sketch
from gym.catalogue.storage import claim

FAMILY = "control"
LEAVE = "leave it alone"
PLAIN, KWOK = Tier.CONTROL_PLANE, Tier.KWOK


@control("rollout-in-progress", FAMILY, PLAIN, "a rollout that takes its time, pod by pod", LEAVE)
def rollout(d: Draw, s: Sketch) -> None:
    before = workload(d, replicas=4)
    before["spec"].update(minReadySeconds=600, progressDeadlineSeconds=3600)
    earlier = earlier_revision(d, before)
    earlier["spec"]["replicas"] = 4
    s.stands(earlier)
    s.applies(_with_image(before, d.image(release=d.next_release)))


@control("paused-deployment", FAMILY, PLAIN, "a Deployment that its owner paused between two releases", LEAVE)
def paused(d: Draw, s: Sketch) -> None:
    before = workload(d, replicas=2)
    earlier = earlier_revision(d, before)
    earlier["spec"]["replicas"] = 2
    now = _with_image(before, d.image(release=d.next_release))
    now["spec"]["paused"] = True
    now["metadata"]["annotations"] = {"kubernetes.io/change-cause": f"hold {d.next_release} until Monday"}
    s.stands(earlier)
    s.applies(now)


@control("finished-job", FAMILY, KWOK, "a Job that is done: its pod is Completed and not ready", LEAVE)
def finished(d: Draw, s: Sketch) -> None:
    obj = job(d, f"{d.app}-{d.any('seed', 'backfill', 'import')}")
    s.applies(obj)
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    s.shows(
        obj,
        container=d.main,
        containerState=ended,
        phase="Succeeded",
        ready=False,
        logs=d.quiet("0 errors, 0 failed, 4711 rows"),
    )


@control(
    "drained-node", FAMILY, PLAIN, "a node is drained for maintenance, and its pods run elsewhere", LEAVE
)
def drained(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn("Deployment", "StatefulSet"), replicas=2)
    s.applies(obj)
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    s.nodes = [node("worker-1"), node("worker-2", unschedulable=True, taints=[taint]), node("worker-3")]


@control("suspended-cron-job", FAMILY, PLAIN, "a CronJob that its owners suspended", LEAVE)
def suspended(d: Draw, s: Sketch) -> None:
    obj = cron_job(d, f"{d.app}-newsletter", d.any("0 6 * * *", "30 22 * * 5"))
    obj["spec"]["suspend"] = True
    obj["metadata"]["annotations"] = {"description": f"suspended by {d.team} until the spring campaign"}
    s.applies(obj)


@control("scaled-to-zero", FAMILY, PLAIN, "a workload that its owners scaled to nothing", LEAVE)
def asleep(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn("Deployment", "StatefulSet"))
    obj["spec"]["replicas"] = 0
    obj["metadata"]["annotations"] = {
        "description": d.any("sleeps until the season begins", "on demand only")
    }
    s.applies(obj)


@control(
    "restart-of-weeks-ago", FAMILY, KWOK, "a container that was killed for its memory once, weeks ago", LEAVE
)
def restarted(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    s.applies(obj)
    ended = {
        "exitCode": 137,
        "reason": "OOMKilled",
        "startedAt": "2026-09-01T06:00:00Z",
        "finishedAt": f"2026-09-{d.any(14, 15, 16)}T11:20:31Z",
    }
    s.shows(
        obj,
        container=d.main,
        containerState={"running": {"startedAt": "2026-09-17T00:00:05Z"}},
        lastState={"terminated": ended},
        restartCount=1,
        ready=True,
    )


@control(
    "events-of-weeks-ago", FAMILY, PLAIN, "Warnings of a pull that failed weeks ago; all pods run", LEAVE
)
def old_warnings(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    image = d.image(release=d.next_release)
    at = f"2026-09-{d.any(11, 18, 25)}T08:00:12Z"
    s.applies(obj)
    s.stands(
        event(d, obj, "Failed", f'Failed to pull image "{image}": {image}: not found', at),
        event(d, obj, "FailedCreate", "exceeded quota: compute, requested: requests.cpu=2", at),
    )


@control(
    "service-without-selector",
    FAMILY,
    PLAIN,
    "a Service without selector, whose endpoints somebody keeps by hand",
    LEAVE,
)
def by_hand(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn(*SHAPES))
    name = f"{d.app}-{d.any('mainframe', 'ldap', 'warehouse')}"
    meta = {"name": name, "namespace": d.namespace}
    s.applies(
        behind,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"name": "tcp", "port": 1521}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-1",
                "namespace": d.namespace,
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "tcp", "port": 1521}],
            "endpoints": [{"addresses": [f"192.0.2.{d.any(17, 41, 88)}"], "conditions": {"ready": True}}],
        },
    )


@control("external-name", FAMILY, PLAIN, "a Service that is only a name for a host outside", LEAVE)
def external(d: Draw, s: Sketch) -> None:
    behind = workload(d, d.turn(*SHAPES))
    alias: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{d.app}-mail", "namespace": d.namespace},
        "spec": {"type": "ExternalName", "externalName": d.any("smtp.example.com", "mail.example.net")},
    }
    s.applies(behind, service(d, behind), alias)


@control(
    "optional-config-map", FAMILY, PLAIN, "an optional ConfigMap that is not there, and need not be", LEAVE
)
def optional(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    put(obj, at(obj, "envFrom"), [{"configMapRef": {"name": f"{d.app}-overrides", "optional": True}}])
    s.applies(obj)
    s.stands(config_map(d, f"{d.app}-config", {}))


@control(
    "claim-without-consumer",
    FAMILY,
    PLAIN,
    "a claim that waits for its first consumer, as its class says",
    LEAVE,
)
def waiting(d: Draw, s: Sketch) -> None:
    name = d.any("local-disks", "zonal")
    s.applies(workload(d, d.turn(*SHAPES)), claim(d, f"{d.app}-scratch-for-batch", storageClassName=name))
    s.stands(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )


@control(
    "daemon-set-without-nodes",
    FAMILY,
    PLAIN,
    "a DaemonSet for nodes with a device; today there is none",
    LEAVE,
)
def nodeless(d: Draw, s: Sketch) -> None:
    obj = workload(d, "DaemonSet", f"{d.app}-device-agent")
    obj["spec"]["template"]["spec"]["nodeSelector"] = {"hardware/device": d.any("fpga", "gpu")}
    s.applies(obj)
    s.nodes = [node("worker-1"), node("worker-2")]


@control("loud-but-well", FAMILY, KWOK, "a program whose log cries, while it is ready and serves", LEAVE)
def loud(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    s.applies(obj)
    lines = (
        "ERROR FATAL_RETRIES is deprecated, using 5",
        f"java.net.ConnectException: tracing.example:9411 (ignored), {d.any(3, 8)} spans dropped",
        "panic mode is off",
        f"GET {d.path} 200",
    )
    s.shows(obj, container=d.main, containerState={"running": {}}, ready=True, logs="\n".join(lines))


def _with_image(deployment: Json, image: str) -> Json:
    """The same Deployment with another image."""
    template = deployment["spec"]["template"]
    first, *others = template["spec"]["containers"]
    containers = [{**first, "image": image}, *others]
    spec = {
        **deployment["spec"],
        "template": {**template, "spec": {**template["spec"], "containers": containers}},
    }
    return {**deployment, "spec": spec}


SCENARIOS: tuple[Scenario, ...] = (
    rollout, paused, finished, drained, suspended, asleep, restarted, old_warnings, by_hand, external, optional,
    waiting, nodeless, loud,
)  # fmt: skip
