"""An admission webhook asks a Service that is not there or that serves nothing.

With failurePolicy Fail (what admissionregistration/v1 takes where nothing is said) the API server then refuses
whatever the webhook is about: the fault shows in objects far away from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.endpoint_counts import ready_endpoints
from detectors.facts import Pod
from detectors.facts_cluster import Webhook, WebhookConfiguration, WebhookService
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "webhookBackend"
KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
HTTPS = 443
"""The port of a webhook's Service where none is given (admissionregistration/v1, ServiceReference)."""


def _judge(view: View, kind: str) -> Iterator[Finding]:
    for found in view.world.observation.all_of(kind, WebhookConfiguration).values():
        dead: list[tuple[Webhook, str, str]] = []
        waits = False
        for webhook in found.webhooks:
            service = webhook.client_config.service
            why = None if service is None else _dead(view, service)
            if why == _WAIT:
                waits = True
            elif why is not None:
                dead.append((webhook, *why))
        target = ref(kind, found.metadata)
        if waits and not dead:
            yield view.settling(target, f"the backend of {kind} {target.name} starts")
        if not dead:
            continue
        refuses = [each for each in dead if each[0].failure_policy != "Ignore"]
        webhook, reason, message = (refuses or dead)[0]
        service = webhook.client_config.service
        assert service is not None
        effect = "is refused" if refuses else "goes through unchecked"
        more = f" (and {len(dead) - 1} more of its webhooks)" if len(dead) > 1 else ""
        yield view.violation(
            NAME,
            FaultClass.WEBHOOK_BACKEND,
            target,
            severity=Severity.CRITICAL if refuses else Severity.WARNING,
            reason=reason,
            message=f"webhook {webhook.name}{more}: {message}; what it should check {effect}",
            facts={
                "webhook": webhook.name,
                "service": f"{service.namespace}/{service.name}",
                "failurePolicy": webhook.failure_policy or "Fail",
            },
        )


_WAIT = ("", "")


def _dead(view: View, service: WebhookService) -> tuple[str, str] | None:
    """Reason and message; `_WAIT` while its pods only just changed; None where it can be asked."""
    where, world = f"Service {service.namespace}/{service.name}", view.world
    found = world.observation.services().get((service.namespace, service.name))
    if found is None:
        return "ServiceNotFound", f"{where} does not exist"
    if found.spec.type == "ExternalName":
        return None  # resolved outside; nothing here can tell
    port = HTTPS if service.port is None else service.port
    if all(offered.port != port for offered in found.spec.ports):
        return "NoSuchPort", f"{where} has no port {port}"
    slices = world.slices_of((service.namespace, service.name))
    if ready_endpoints([part for part in slices if part.ports]):
        return None
    fresh = age(found.metadata.creation_timestamp, view.at)
    pods = world.selected(service.namespace, found.spec.selector)
    if fresh is None or fresh <= view.patience.missing or any(_changing(view, pod) for pod in pods):
        return _WAIT
    have = f"none of its {len(pods)} pods is ready" if pods else "it selects no pods"
    return "NoEndpoints", f"{where} has no ready endpoint: {have}"


def _changing(view: View, pod: Pod) -> bool:
    """Whether the pod's readiness is as new as a rollout makes it; a time that nobody knows is."""
    for condition in pod.status.conditions:
        if condition.type == "Ready":
            since = age(condition.last_transition_time, view.at)
            return since is None or since <= view.patience.not_ready
    return True


def _validating(view: View) -> Iterator[Finding]:
    return _judge(view, KINDS[0])


def _mutating(view: View) -> Iterator[Finding]:
    return _judge(view, KINDS[1])


_BACKENDS = ("Service", "EndpointSlice", "Pod")
VALIDATING = Detector(
    f"{NAME}Validating",
    frozenset({FaultClass.WEBHOOK_BACKEND}),
    (ClusterHealthy,),
    (KINDS[0], *_BACKENDS),
    _validating,
    (KINDS[0],),
)
MUTATING = Detector(
    f"{NAME}Mutating",
    frozenset({FaultClass.WEBHOOK_BACKEND}),
    (ClusterHealthy,),
    (KINDS[1], *_BACKENDS),
    _mutating,
    (KINDS[1],),
)
