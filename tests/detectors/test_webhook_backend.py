"""Admission webhooks whose Service cannot answer."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, Severity
from tests.fakes.ground import CLUSTER, ground, webhook
from tests.fakes.world import endpoint_slice, pod, service, unreadable, waiting

BACKEND = ("shop", "web")


def found(*facts, **world):
    return judge([CLUSTER], ground(*facts, **world)).violations


def test_a_webhook_that_can_be_asked_is_silent():
    assert found(webhook("policy", BACKEND), service(), endpoint_slice("web", True)) == ()
    assert found(webhook("policy", url="https://policy.example.com")) == ()
    assert found(webhook("policy", BACKEND), service(kind="ExternalName", selector={})) == ()


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
@pytest.mark.parametrize(
    ("policy", "severity", "effect"),
    [
        ("Fail", Severity.CRITICAL, "is refused"),
        ("", Severity.CRITICAL, "is refused"),
        ("Ignore", Severity.WARNING, "goes through unchecked"),
    ],
)
def test_an_absent_service_is_as_grave_as_the_failure_policy(kind, policy, severity, effect):
    (violation,) = found(webhook("policy", BACKEND, kind=kind, failure_policy=policy))
    assert (violation.fault_class, violation.reason) == (FaultClass.WEBHOOK_BACKEND, "ServiceNotFound")
    assert (violation.target.kind, violation.target.name) == (kind, "policy")
    assert violation.severity is severity
    assert "Service shop/web does not exist" in violation.message
    assert effect in violation.message


def test_a_service_without_ready_endpoints_names_its_pods():
    sick = pod("web-1", waiting("ImagePullBackOff"))
    (violation,) = found(webhook("policy", BACKEND), service(), endpoint_slice("web", False), sick)
    assert violation.reason == "NoEndpoints"
    assert "none of its 1 pods is ready" in violation.message


def test_a_port_that_the_service_has_not_is_named():
    hook = webhook("policy", BACKEND)
    other = service()
    moved = type(other)(metadata=other.metadata, spec=type(other.spec)(ports=()))
    (violation,) = found(hook, moved, endpoint_slice("web", True))
    assert (violation.reason, "no port 80" in violation.message) == ("NoSuchPort", True)


def test_a_backend_that_starts_settles():
    fresh = pod("web-1", waiting("ContainerCreating"), age=5)
    judgement = judge(
        [CLUSTER], ground(webhook("policy", BACKEND), service(), endpoint_slice("web", False), fresh)
    )
    assert judgement.violations == ()
    assert [settling.target.name for settling in judgement.settling] == ["policy"]


def test_several_dead_webhooks_of_one_configuration_are_one_violation():
    (violation,) = found(webhook("policy", BACKEND, ("shop", "other")))
    assert "and 1 more of its webhooks" in violation.message


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "Service", "EndpointSlice", "Pod"])
def test_nothing_is_said_where_the_backend_cannot_be_read(kind):
    judgement = judge([CLUSTER], ground(webhook("policy", BACKEND), gaps={kind: unreadable(kind)}))
    assert judgement.violations == ()
    assert judgement.judged == frozenset()
