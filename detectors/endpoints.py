"""A Service has too few ready endpoints: its selector matches nothing, or what it matches is not ready.

Counted from the EndpointSlices that the API server has, not guessed from pods. The pods then tell why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.endpoint_counts import ready_endpoints
from detectors.facts import Pod, Service, labels_match
from detectors.model import FaultClass, Gap, ObjectRef, Severity, Turn, Unknown
from detectors.pods import ready
from detectors.timestamps import age
from detectors.world import Workers, ref
from intents.model import WORKLOAD_KINDS, EndpointsPresent

NAME = "endpoints"


def _judge(view: View) -> Iterator[Finding]:
    expectation = view.expectation
    assert isinstance(expectation, EndpointsPresent)
    name = (view.scope.namespace, expectation.service)
    service = view.world.observation.services().get(name)
    if service is None:
        yield view.violation(
            NAME,
            FaultClass.ABSENT,
            ObjectRef("Service", *name),
            severity=Severity.CRITICAL,
            reason="NotFound",
            message=f"there is no Service named {name[1]} in {name[0]}",
        )
        return
    if service.spec.type == "ExternalName":
        gap = Gap(
            f"Service/{name[1]}", "Invalid", "a Service of type ExternalName has no endpoints", Turn.OPERATOR
        )
        yield Unknown(view.intent.name, view.index, gap)
        return
    slices = view.world.slices_of(name)
    reachable = [part for part in slices if part.ports or not service.spec.ports]
    count = ready_endpoints(reachable)
    if count < expectation.at_least:
        closed = ready_endpoints(slices) > count
        yield from _why(view, service, expectation.at_least, count, closed=closed)


def _why(view: View, service: Service, wanted: int, count: int, *, closed: bool) -> Iterator[Finding]:
    """`closed`: there are ready addresses, but no port of the Service leads to them."""
    target = ref("Service", service.metadata)
    selector = service.spec.selector
    facts = {
        "service": service.metadata.name,
        "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        "ready": str(count),
        "wanted": str(wanted),
    }

    def broken(
        reason: str, message: str, fault: FaultClass = FaultClass.NO_ENDPOINTS, **more: str
    ) -> Finding:
        return view.violation(
            NAME,
            fault,
            target,
            severity=Severity.CRITICAL if count == 0 else Severity.WARNING,
            reason=reason,
            message=message,
            facts={**facts, **more},
        )

    if not selector:
        yield broken("NoSelector", f"{count} of {wanted} ready endpoints, and the Service has no selector")
        return
    pods = view.world.selected(service.metadata.namespace, selector)
    if not pods:
        empty = _without_pods(view, selector, service.metadata.namespace)
        if empty is not None:
            yield _not_ready(view, empty.ref, None, facts, f"{empty.ref} has no pods")
        else:
            yield broken("NoPodMatches", f"no pod has the labels {facts['selector']}")
        return
    unready = [pod for pod in pods if not ready(pod)]
    if unready:
        owners = Counter(view.world.top_owner(pod) for pod in unready)
        owner = min(owners, key=lambda found: (-owners[found], found))
        seen = next(pod for pod in unready if view.world.top_owner(pod) == owner)
        yield _not_ready(
            view, owner, seen, facts, f"{len(unready)} of the {len(pods)} pods that it selects are not ready"
        )
    elif closed:
        ports = ",".join(str(p.target_port) for p in service.spec.ports if isinstance(p.target_port, str))
        told = f"no selected pod has a port named {ports}"
        yield broken("NoSuchPort", told, FaultClass.SERVICE_PORT, targetPort=ports)
    elif len(pods) < wanted:
        owner = view.world.top_owner(pods[0])
        yield _not_ready(view, owner, pods[0], facts, f"it selects {len(pods)} pods, {wanted} are wanted")
    elif any(_fresh(view, pod) for pod in pods):
        yield view.settling(target, "the endpoints have not followed the pods yet")
    else:
        yield broken("NotPublished", f"{len(pods)} ready pods, but {count} of {wanted} ready endpoints")


def _not_ready(view: View, owner: ObjectRef, pod: Pod | None, facts: dict[str, str], why: str) -> Finding:
    return view.violation(
        NAME,
        FaultClass.ENDPOINTS_NOT_READY,
        owner,
        severity=Severity.CRITICAL if facts["ready"] == "0" else Severity.WARNING,
        reason="EndpointsNotReady",
        message=f"Service {facts['service']} has {facts['ready']} of {facts['wanted']} ready endpoints: {why}",
        subject=ref("Pod", pod.metadata) if pod is not None else owner,
        facts=facts,
    )


def _without_pods(view: View, selector: dict[str, str], namespace: str) -> Workers | None:
    """A workload whose template the selector matches, though it has no pods now: then the selector is
    right and the pods are what is missing."""
    world = view.world
    for kind in WORKLOAD_KINDS:
        for (where, _), workload in world.observation.workloads(kind).items():
            if where == namespace and labels_match(selector, workload.spec.template.metadata.labels):
                return world.workers(kind, workload)
    return None


def _fresh(view: View, pod: Pod) -> bool:
    """Whether the pod became ready so recently that the EndpointSlice controller may still follow."""
    for condition in pod.status.conditions:
        if condition.type == "Ready":
            since = age(condition.last_transition_time, view.at)
            return since is None or since < view.patience.missing
    return True


DETECTOR = Detector(
    NAME,
    frozenset(
        {FaultClass.NO_ENDPOINTS, FaultClass.SERVICE_PORT, FaultClass.ENDPOINTS_NOT_READY, FaultClass.ABSENT}
    ),
    (EndpointsPresent,),
    ("Service", "EndpointSlice", "Pod", "ReplicaSet", *WORKLOAD_KINDS),
    _judge,
)
