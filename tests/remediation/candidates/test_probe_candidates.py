"""What code offers where a probe asks at the wrong door, and where it holds back."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.model import FaultClass
from remediation.evidence import select
from remediation.model import RawEvidence
from tests.fakes.manifests import APP, Json, case, container, deployment, event, pod, ref, running
from tests.remediation.candidates.helpers import app, offered

PROBES = tuple(
    ("Deployment", f"{APP}.{probe}.{ask}")
    for probe in ("readinessProbe", "livenessProbe", "startupProbe")
    for ask in ("httpGet.path", "httpGet.port", "tcpSocket.port")
)
NOT_FOUND = "Liveness probe failed: HTTP probe failed with statuscode: 404"


def http(path: str = "/healthz", port: int | str = 8080) -> Json:
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, "periodSeconds": 10}


def found(fault: FaultClass, *messages: str, ports: tuple[int, ...] = (8080,), **probes: Any) -> list[Json]:
    declared = [{"containerPort": port, "name": f"p{port}"} for port in ports]
    live = deployment("web", container(ports=declared, **probes))
    raw = RawEvidence(
        live=live,
        pods=(pod(live, running(ready=False)),),
        events=tuple(event("Unhealthy", message) for message in messages),
    )
    return [candidate.manifest for candidate in offered(case(fault, ref(live)), raw, PROBES)]


def test_a_port_that_the_container_does_not_declare_becomes_one_that_another_probe_asks() -> None:
    changed = found(
        FaultClass.LIVENESS_PROBE,
        ports=(9090, 8080),
        livenessProbe=http(port=8081),
        readinessProbe=http(port=8080),
    )
    assert changed == [app({"livenessProbe": {"httpGet": {"port": port}}}) for port in (8080, 9090)]


def test_without_another_probe_the_declared_port_is_offered() -> None:
    changed = found(FaultClass.NOT_READY, readinessProbe={"tcpSocket": {"port": 80}})
    assert changed == [app({"readinessProbe": {"tcpSocket": {"port": 8080}}})]


def test_a_path_that_the_program_does_not_know_becomes_the_one_that_another_probe_asks_for() -> None:
    probes = {"livenessProbe": http("/health"), "readinessProbe": http("/healthz")}
    changed = found(FaultClass.LIVENESS_PROBE, NOT_FOUND, **probes)
    assert changed == [app({"livenessProbe": {"httpGet": {"path": "/healthz"}}})]


@pytest.mark.parametrize(
    "message",
    [
        "Liveness probe failed: HTTP probe failed with statuscode: 500",
        "Readiness probe failed: HTTP probe failed with statuscode: 404",
        'Liveness probe failed: Get "http://10.0.0.1:8080/health": context deadline exceeded',
        "the log said: Liveness probe failed: HTTP probe failed with statuscode: 404",
    ],
)
def test_a_path_is_left_alone_where_the_program_did_not_answer_404_to_this_probe(message: str) -> None:
    probes = {"livenessProbe": http("/health"), "readinessProbe": http("/healthz")}
    assert found(FaultClass.LIVENESS_PROBE, message, **probes) == []


@pytest.mark.parametrize(
    ("fault", "ports", "probes"),
    [
        (FaultClass.LIVENESS_PROBE, (8080,), {"livenessProbe": http(port=8080)}),  # the right port
        (FaultClass.LIVENESS_PROBE, (8080,), {"livenessProbe": http(port="p8080")}),  # by its name
        (FaultClass.LIVENESS_PROBE, (), {"livenessProbe": http(port=9)}),  # nothing declared: nothing known
        (FaultClass.LIVENESS_PROBE, (8080,), {"livenessProbe": {"exec": {"command": ["true"]}}}),
        (FaultClass.CRASH_LOOP, (8080,), {"livenessProbe": http(port=9)}),
    ],
)
def test_nothing_is_offered_where_nothing_tells(
    fault: FaultClass, ports: tuple[int, ...], probes: dict[str, Any]
) -> None:
    assert found(fault, ports=ports, **probes) == []


def test_the_evidence_of_a_liveness_kill_shows_the_probe_the_ports_and_the_kubelets_proof() -> None:
    live = deployment("web", container(ports=[{"containerPort": 8080}], livenessProbe=http(port=9)))
    kill = event("Killing", "Container app failed liveness probe, will be restarted", type_="Normal")
    raw = RawEvidence(live=live, pods=(pod(live, running()),), events=(kill,))
    told = [item.text for item in select(case(FaultClass.LIVENESS_PROBE, ref(live)), raw).items]
    assert any("has liveness probe" in text and "port" in text for text in told)
    assert "container app declares the ports 8080" in told
    assert any("failed liveness probe" in text for text in told)
