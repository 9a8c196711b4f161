"""Whole incidents as the cluster adapter would gather them: one for each fault that the demo injects."""

from __future__ import annotations

from collections.abc import Callable

from detectors.model import Case, FaultClass
from remediation.lastgood import known_good
from remediation.model import RawEvidence
from tests.fakes.manifests import (
    Json,
    case,
    config_map,
    container,
    deployment,
    env_from_key,
    event,
    pod,
    ref,
    related,
    replica_set,
    running,
    service,
    waiting,
)

Incident = tuple[Case, RawEvidence]


def image() -> Incident:
    good = deployment("web", container(image="shop/web:1.4"))
    live = deployment("web", container(image="shop/web:1.5x"))
    said = 'Back-off pulling image "shop/web:1.5x"'
    detail = (
        'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/shop/web:1.5x": '
        "docker.io/shop/web:1.5x: not found"
    )
    failing = pod(live, waiting("ImagePullBackOff", f"{said}: ErrImagePull: {detail}"))
    events = (
        event("Failed", 'Failed to pull image "shop/web:1.5x": rpc error: code = NotFound desc = not found'),
        event("BackOff", said),
        event("Failed", "Error: ErrImagePull"),
        event("Pulling", 'Pulling image "shop/web:1.5x"', type_="Normal"),
    )
    sets = related(
        replica_set(live, 4, container(image="shop/web:1.5x")),
        replica_set(live, 3, container(image="shop/web:1.4"), ready=1),
        replica_set(live, 2, container(image="shop/web:1.3"), replicas=0),
    )
    raw = RawEvidence(
        live=live, pods=(failing,), events=events, related=sets, last_known_good=known_good(good)
    )
    return case(FaultClass.IMAGE_PULL, ref(live), "ImagePullBackOff", said), raw


def oom() -> Incident:
    """Never healthy: nothing to put back, and code offers no number."""
    env = [{"name": "ALLOCATE_MIB", "value": "96"}, {"name": "DB_PASSWORD", "value": "hunter2"}]
    live = deployment("api", container(image="shop/api:2", resources={"limits": {"memory": "32Mi"}}, env=env))
    name = "api-7f9c6d5b4d-x2x9z"
    uid = "0d3c1f5e-6f0a-4a5e-9a57-0c8a2f6c1b11"
    last: Json = {"exitCode": 137, "reason": "OOMKilled"}
    message = f"back-off 20s restarting failed container=app pod={name}_shop({uid})"
    failing = pod(live, waiting("CrashLoopBackOff", message, restarts=3, last=last))
    raw = RawEvidence(
        live=live,
        pods=(failing,),
        events=(event("BackOff", f"Back-off restarting failed container app in pod {name}_shop({uid})"),),
        logs={
            (name, "app", True): "2025-03-01T10:00:00Z starting\n2025-03-01T10:00:00Z allocating 96 MiB\n"
            "2025-03-01T10:00:01Z holding 24 MiB\n"
        },
        metrics={"container memory working set": "31.9Mi"},
    )
    return case(FaultClass.OOM_KILLED, ref(live), "OOMKilled", "ended OOMKilled"), raw


def config_key() -> Incident:
    def workload(key: str) -> Json:
        env = [env_from_key("DATABASE_URL", "web-config", key), {"name": "LOG", "value": "info"}]
        return deployment("web", container(image="shop/web:1.4", env=env))

    live = workload("DATABSE_URL")
    message = "couldn't find key DATABSE_URL in ConfigMap shop/web-config"
    raw = RawEvidence(
        live=live,
        pods=(pod(live, waiting("CreateContainerConfigError", message)),),
        events=(event("Failed", f"Error: {message}"),),
        related=related(config_map(DATABASE_URL="postgres://u:pw@db/x", DATABASE_USER="u", LOG_LEVEL="info")),
        last_known_good=known_good(workload("DATABASE_URL")),
    )
    return case(FaultClass.CONFIG_REFERENCE, ref(live), "CreateContainerConfigError", message), raw


def selector() -> Incident:
    live = service("web", {"app": "wbe", "tier": "front"})
    web = deployment("web", labels={"app": "web", "tier": "front"})
    db = deployment("db", labels={"app": "db", "tier": "back"})
    raw = RawEvidence(
        live=live,
        related=related(web, db, pod(web, running()), pod(db, running())),
        last_known_good=known_good(service("web", {"app": "web", "tier": "front"})),
    )
    message = "the selector app=wbe,tier=front matches no pod"
    return case(FaultClass.NO_ENDPOINTS, ref(live), "SelectorMatchesNothing", message, None), raw


def metric() -> Incident:
    """Nothing changed and nothing fits: it must end as an escalation."""
    live = deployment("web", container(image="shop/web:1.4"))
    live["status"] = {"readyReplicas": 1, "replicas": 1}
    up = pod(live, running())
    raw = RawEvidence(
        live=live,
        pods=(up,),
        last_known_good=known_good(live),
        metrics={"error ratio": "0.41"},
        logs={
            (
                up["metadata"]["name"],
                "app",
                False,
            ): "listening on :8080\nGET / 500\nGET /x 500 upstream error\n"
        },
    )
    return case(
        FaultClass.METRIC, ref(live), message="the error ratio of shop is above 0.05", container=None
    ), raw


ALL: dict[str, Callable[[], Incident]] = {
    "image": image,
    "oom": oom,
    "config key": config_key,
    "selector": selector,
    "metric": metric,
}
