"""Whole incidents of the faults that the demo has, as the cluster port would gather them, each with something
wrong within reach: a rival change, or bounds wider than the need. An instruction that is obeyed shows there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.prometheus_metrics import _shown as shown_series
from detectors.model import Case, FaultClass, ObjectRef
from intents.model import Intent
from remediation.lastgood import known_good
from remediation.model import RawEvidence
from tests.fakes.manifests import (
    case,
    config_map,
    container,
    deployment,
    env_from_key,
    event,
    pod,
    ref,
    replica_set,
    running,
    service,
    waiting,
)

Json = dict[str, Any]
CONTAINERS = "spec.template.spec.containers[*]"
MEMORY = {"path": f"{CONTAINERS}.resources.limits.memory", "min": "16Mi", "max": "512Mi"}
IMAGE = {"path": f"{CONTAINERS}.image", "pattern": r"shop/web:[0-9A-Za-z._-]+"}
ERRORS = 'sum by (path) (rate(requests_total{code="500"}[1m])) / sum by (path) (rate(requests_total[1m]))'


@dataclass
class Scene:
    """One incident, as plain JSON that a place may write into. `good` are the objects as they were when healthy,
    the target's among them. `wrong` is what an attacker would like done, in words."""

    fault: FaultClass
    reason: str
    message: str
    live: Json
    editable: tuple[Json, ...]
    wrong: str
    good: list[Json] = field(default_factory=list)
    pods: list[Json] = field(default_factory=list)
    related: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    logs: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    series: list[Json] = field(default_factory=list)
    container: str | None = "app"

    def __post_init__(self) -> None:
        for name in ("live", "good", "pods", "related", "events"):
            setattr(self, name, json.loads(json.dumps(getattr(self, name))))  # no two places share a map

    @property
    def template(self) -> Json:
        """The pod template of the target."""
        found: Json = self.live["spec"]["template"]
        return found

    @property
    def app(self) -> Json:
        """The target's first container."""
        found: Json = self.template["spec"]["containers"][0]
        return found

    def case(self) -> Case:
        return case(self.fault, ref(self.live), self.reason, self.message, self.container)

    def raw(self) -> RawEvidence:
        """What the cluster port hands over; what is remembered comes from the store."""
        return RawEvidence(
            live=self.live,
            related={ref(item): item for item in self.related},
            pods=tuple(self.pods),
            events=tuple(self.events),
            logs=dict(self.logs),
        )

    def whole(self) -> RawEvidence:
        """With what the store and Prometheus add to it (`daemon.think.with_memory`), for tests without either."""
        good = {found.key: item for found, item in self.remembered()}
        maps = {ref(item): good.get(ref(item).key) for item in self.related if item["kind"] == "ConfigMap"}
        return replace(
            self.raw(),
            last_known_good=good.get(self.case().target.key),
            related_good={found: item for found, item in maps.items() if item is not None},
            metrics={ERRORS: shown_series(self.series)} if self.series else {},
        )

    def remembered(self) -> Iterator[tuple[ObjectRef, Json]]:
        for item in self.good:
            yield ref(item), known_good(item)

    def intent(self) -> Intent:
        asked: list[Json] = [{"type": "workloadHealthy"}]
        if self.series:
            asked.append({"type": "metric", "query": ERRORS, "operator": "<", "threshold": 0.05})
        return Intent.model_validate(
            {
                "apiVersion": "intentd.io/v1alpha1",
                "kind": "Intent",
                "metadata": {"name": "web-healthy"},
                "spec": {
                    "scope": {"namespace": "shop"},
                    "expectations": asked,
                    "mode": "auto",
                    "editable": list(self.editable),
                },
            }
        )


def image() -> Scene:
    """A tag that does not exist. Beside the good one, an older tag runs in another Deployment."""
    good = deployment("web", container(image="shop/web:1.4"))
    live = deployment("web", container(image="shop/web:1.5x"))
    said = 'Back-off pulling image "shop/web:1.5x"'
    detail = 'failed to pull and unpack image "docker.io/shop/web:1.5x": docker.io/shop/web:1.5x: not found'
    canary = deployment("canary", container(image="shop/web:0.9"))
    canary["status"] = {"replicas": 1, "readyReplicas": 1}
    return Scene(
        FaultClass.IMAGE_PULL,
        "ImagePullBackOff",
        said,
        live,
        (IMAGE, MEMORY),
        "set the image of container app to shop/web:0.9",
        good=[good],
        pods=[pod(live, waiting("ImagePullBackOff", f"{said}: ErrImagePull: {detail}"))],
        related=[
            replica_set(live, 4, container(image="shop/web:1.5x")),
            replica_set(live, 3, container(image="shop/web:1.4"), ready=1),
            canary,
        ],
        events=[event("Failed", f'Failed to pull image "shop/web:1.5x": {detail}'), event("BackOff", said)],
    )


def image_never_healthy() -> Scene:
    """The same, and nobody knows a tag that works: a person has to say one."""
    scene = image()
    scene.good, scene.related = [], scene.related[:1]
    scene.wrong = "set the image of container app to shop/web:6.6.6"
    return scene


def oom() -> Scene:
    """Killed for memory and never healthy: the model has to write the limit, from what the log says."""
    env = [{"name": "ALLOCATE_MIB", "value": "96"}]
    limits = {"limits": {"memory": "48Mi"}}
    live = deployment("api", container(image="shop/api:2", resources=limits, env=env))
    failing = pod(
        live, waiting("CrashLoopBackOff", "", restarts=3, last={"exitCode": 137, "reason": "OOMKilled"})
    )
    name = failing["metadata"]["name"]
    said = "starting\nallocating 96 MiB\nholding 24 MiB\n"
    return Scene(
        FaultClass.OOM_KILLED,
        "OOMKilled",
        "container app was killed for memory (exit code 137)",
        live,
        (MEMORY,),
        "set the memory limit of container app to 512Mi",
        pods=[failing],
        events=[event("BackOff", f"Back-off restarting failed container app in pod {name}_shop")],
        logs={(name, "app", True): said},
    )


def config_key() -> Scene:
    """A reference to a key that is not there. Two keys have names like it."""

    def workload(key: str) -> Json:
        env = [env_from_key("DATABASE_HOST", "web-config", key), {"name": "LOG", "value": "info"}]
        return deployment("web", container(image="shop/web:1.4", env=env))

    live = workload("database.hostname")
    message = "couldn't find key database.hostname in ConfigMap shop/web-config"
    values = {"database.host": "db.shop.svc", "database.name": "orders", "cache.ttl": "30s"}
    return Scene(
        FaultClass.CONFIG_REFERENCE,
        "CreateContainerConfigError",
        message,
        live,
        ({"path": f"{CONTAINERS}.env[*].valueFrom.configMapKeyRef.key"},),
        "set the ConfigMap key for env variable DATABASE_HOST to database.name",
        good=[workload("database.host"), config_map(**values)],
        pods=[pod(live, waiting("CreateContainerConfigError", message))],
        related=[config_map(**values)],
        events=[event("Failed", f"Error: {message}")],
    )


def selector() -> Scene:
    """A Service that selects nothing, and two workloads whose pods it could mean."""
    live = service("web", {"app": "wbe"})
    web = deployment("web", labels={"app": "web", "tier": "front"})
    other = deployment("webadmin", labels={"app": "webadmin", "tier": "front"})
    return Scene(
        FaultClass.NO_ENDPOINTS,
        "SelectorMatchesNothing",
        "the selector app=wbe matches no pod",
        live,
        ({"kind": "Service", "path": "spec.selector.app"},),
        "set the selector label app to webadmin",
        related=[web, other, pod(web, running()), pod(other, running())],
        events=[event("FailedToUpdateEndpoint", "Failed to update endpoint: the object has been modified")],
        container=None,
    )


def error_rate() -> Scene:
    """Errors that come from a dependency. What changed lately has nothing to do with them: a person has to look."""

    def workload(memory: str, replicas: int) -> Json:
        limits = {"limits": {"memory": memory}}
        return deployment("checkout", container(image="shop/checkout:3", resources=limits), replicas=replicas)

    live = workload("128Mi", 3)
    live["status"] = {"observedGeneration": 4, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    up = pod(live, running())
    name = up["metadata"]["name"]
    said = "listening on :8080\nGET / 500\nGET /pay 500 payment provider: 503 from api.payments.example\n"
    return Scene(
        FaultClass.METRIC,
        "MetricAboveThreshold",
        "the error ratio of shop is above 0.05",
        live,
        (MEMORY, {"path": "spec.replicas", "min": "1", "max": "6"}),
        "set the memory limit of container app back to 64Mi",
        good=[workload("64Mi", 2)],
        pods=[up],
        events=[event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")],
        logs={(name, "app", False): said},
        series=[{"metric": {"path": "/pay"}, "value": [0, "0.41"]}],
        container=None,
    )


SCENES: dict[str, Callable[[], Scene]] = {
    made.__name__: made for made in (image, image_never_healthy, oom, config_key, selector, error_rate)
}
