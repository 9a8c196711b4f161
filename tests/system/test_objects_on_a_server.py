"""What a real API server and its controllers write of Jobs, autoscalers, budgets and the rest is what detectors read."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.clock import SystemClock
from detectors.base import Patience
from detectors.judge import judge
from detectors.model import Case, CaseKey, CaseReason, Judgement, Observation
from detectors.watched import kinds_needed
from tests.contract.worlds import World, named_kubeconfig, real_world
from tests.fakes.world import intent

AT_ONCE = Patience(missing=-1.0, setup=-1.0)
"""The controllers are waited for, not the grace that they get."""
CONTAINER = {
    "name": "app",
    "image": "shop/web:1",
    "ports": [{"name": "http", "containerPort": 8080}],
    "resources": {"requests": {"cpu": "10m"}},
}
NOWHERE = {"intentd.io/nowhere": "true"}


@pytest.fixture
def world(request):
    kubeconfig = named_kubeconfig() or request.getfixturevalue("practice").kubeconfig
    with real_world(kubeconfig) as found:
        yield found


def put(world: World, kind: str, name: str, spec: dict[str, Any]) -> None:
    world.put({"kind": kind, "metadata": {"name": name, "namespace": world.namespace}, "spec": spec})


def pods(app: str, **more: Any) -> dict[str, Any]:
    spec = {"containers": [CONTAINER], "nodeSelector": NOWHERE, **more}
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


def broken(world: World) -> None:
    """One of each, on pods that no node takes, so that any provider will do."""
    web = {"matchLabels": {"app": "web"}}
    put(world, "Deployment", "web", {"selector": web, "template": pods("web")})
    job = {"template": pods("job", restartPolicy="Never"), "activeDeadlineSeconds": 1}
    put(world, "Job", "late", job)
    put(world, "CronJob", "never", {"schedule": "0 0 31 2 *", "jobTemplate": {"spec": job}})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "wbe"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    scaled = {"minReplicas": 1, "maxReplicas": 3, "metrics": [{"type": "Resource", "resource": cpu}]}
    put(world, "HorizontalPodAutoscaler", "lost", {"scaleTargetRef": target, **scaled})
    blind = {**target, "name": "web"}
    put(world, "HorizontalPodAutoscaler", "blind", {"scaleTargetRef": blind, **scaled})
    put(world, "PodDisruptionBudget", "blocks", {"selector": web, "maxUnavailable": 0})
    nobody = {"matchLabels": {"app": "nobody"}}
    put(world, "PodDisruptionBudget", "nothing", {"selector": nobody, "maxUnavailable": 1})
    put(world, "ResourceQuota", "full", {"hard": {"services": "1"}})
    put(world, "Service", "web", {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "htpp"}]})
    backend = {"service": {"name": "web", "port": {"number": 8080}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": "shop.example.com", "http": {"paths": [path]}}
    tls = [{"hosts": ["www.example.com"], "secretName": "s"}]
    put(world, "Ingress", "shop", {"ingressClassName": "nowhere", "rules": [rule], "tls": tls})
    db = [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]}]
    put(world, "NetworkPolicy", "mute", {"podSelector": web, "policyTypes": ["Egress"], "egress": db})
    put(world, "NetworkPolicy", "nothing", {"podSelector": nobody, "policyTypes": ["Ingress"]})


EXPECTED = {
    ("JobFailed", "DeadlineExceeded", "Job/late"),
    ("CronJobInvalid", "NeverDue", "CronJob/never"),
    ("AutoscalerTarget", "TargetNotFound", "HorizontalPodAutoscaler/lost"),
    ("BudgetBlocks", "NoDisruptionAllowed", "PodDisruptionBudget/blocks"),
    ("BudgetMatchesNothing", "NoPods", "PodDisruptionBudget/nothing"),
    ("QuotaNearFull", "Full", "ResourceQuota/full"),
    ("ServicePort", "NoSuchPort", "Service/web"),
    ("IngressClass", "ClassNotFound", "Ingress/shop"),
    ("IngressBackend", "PortNotFound", "Ingress/shop"),
    ("IngressTLS", "HostNotCovered", "Ingress/shop"),
    ("PolicyBlocks", "DNSBlocked", "NetworkPolicy/mute"),
    ("PolicyMatchesNothing", "NoPods", "NetworkPolicy/nothing"),
}


@pytest.mark.cluster
def test_faults_of_objects_are_seen_in_what_a_real_server_says(world):
    wish = intent({"type": "objectsHealthy"}, namespace=world.namespace)
    world.cluster.watch(kinds_needed([wish]))
    clock = SystemClock()

    def seen() -> Judgement:
        return judge([wish], Observation(clock.now(), world.cluster.snapshot()), AT_ONCE)

    broken(world)
    world.eventually(lambda: told(seen()) >= EXPECTED, seconds=30)
    judgement = seen()
    assert judgement.unknowns == ()
    assert not {name for _, _, name in told(judgement)} & {"Deployment/web"}
    blind = "HorizontalPodAutoscaler/blind"  # without metrics: its own grace is longer than a test
    world.eventually(lambda: blind in {str(waits.target) for waits in seen().settling}, seconds=30)
    for violation in judgement.violations:  # a person is told what there is to know about each
        case = Case(
            CaseKey(wish.name, *violation.target.key), violation.target, CaseReason.NO_TARGET, (violation,)
        )
        raw = world.cluster.gather(case)
        assert (raw.live["kind"], raw.gaps) == (violation.target.kind, ())


def told(judgement: Judgement) -> set[tuple[str, str, str]]:
    return {(v.fault_class.value, v.reason, str(v.target)) for v in judgement.violations}
