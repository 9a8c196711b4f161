"""A Gateway, one of its listeners, or an HTTPRoute that is not accepted, not resolved or not programmed.

By the conditions of the Gateway API (gateway-api apis/v1, `GatewayConditionType`, `ListenerConditionType`,
`RouteConditionType`). What no controller has taken says so by Unknown, or by nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detectors.base import Detector, Finding, View
from detectors.conditions import lasted
from detectors.facts import Condition
from detectors.facts_network import Gateway, HTTPRoute
from detectors.model import FaultClass, ObjectRef, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

NAME = "gatewayRoute"
WANTED = ("Accepted", "ResolvedRefs", "Programmed")
"""Conditions that have to be True, causes first."""
UNWANTED = ("Conflicted", "PartiallyInvalid")
"""Conditions that have to be False or absent."""


def _judge(view: View) -> Iterator[Finding]:
    gateways = view.world.observation.all_of("Gateway", Gateway)
    for gateway in view.objects("Gateway", Gateway):
        yield from _found(
            view, ref("Gateway", gateway.metadata), gateway.metadata.creation_timestamp, _gateway(gateway)
        )
    for route in view.objects("HTTPRoute", HTTPRoute):
        here = route.metadata.namespace
        absent = [
            one.name
            for one in route.spec.parent_refs
            # A Gateway of another namespace may be one that intentd does not watch.
            if one.kind == "Gateway" and one.namespace in (None, here) and (here, one.name) not in gateways
        ]
        said = [*_route(route, absent)]
        yield from _found(view, ref("HTTPRoute", route.metadata), route.metadata.creation_timestamp, said)


Said = tuple[str, str, Condition | None]
"""A reason, what is wrong in words, and the condition that says so."""


def _gateway(gateway: Gateway) -> Iterator[Said]:
    if not gateway.status.conditions:
        yield "NoController", f"no controller has taken it (class {gateway.spec.gateway_class_name})", None
    yield from _wrong("", gateway.status.conditions)
    for listener in gateway.status.listeners:
        yield from _wrong(f"listener {listener.name}: ", listener.conditions)


def _route(route: HTTPRoute, absent: list[str]) -> Iterator[Said]:
    for parent in route.status.parents:
        yield from _wrong(f"Gateway {parent.parent_ref.name}: ", parent.conditions)
    taken = {parent.parent_ref.name for parent in route.status.parents}
    for name in absent:
        if name not in taken:
            yield "ParentNotFound", f"it hangs on Gateway {name}, which does not exist", None
    if not route.status.parents and not absent and route.spec.parent_refs:
        yield "NoController", "no controller has taken it", None


def _wrong(where: str, conditions: Iterable[Condition]) -> Iterator[Said]:
    by_type = {condition.type: condition for condition in conditions}
    for kind in (*WANTED, *UNWANTED):
        condition = by_type.get(kind)
        if condition is None or condition.status == ("True" if kind in WANTED else "False"):
            continue
        if kind in UNWANTED and condition.status != "True":
            continue
        reason = condition.reason or kind
        yield reason, f"{where}{kind} is {condition.status} ({reason}) {condition.message}".strip(), condition


def _found(view: View, target: ObjectRef, created: str, said: Iterable[Said]) -> Iterator[Finding]:
    """The first that has lasted; the others mostly follow from it. A condition that no controller has written yet
    carries the default of the CRD, 1970: then the object's age counts."""
    since = age(created, view.at)
    young = since is not None and since <= view.patience.setup
    for reason, told, condition in said:
        fresh = condition is not None and not lasted(condition, view.at, view.patience.missing)
        if young or fresh:
            yield view.settling(target, told)
        else:
            yield view.violation(
                NAME,
                FaultClass.ROUTE_NOT_ACCEPTED,
                target,
                severity=Severity.WARNING,
                reason=reason,
                message=told,
                facts={"condition": "" if condition is None else condition.type},
            )
        return


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.ROUTE_NOT_ACCEPTED}),
    (ObjectsHealthy,),
    ("Gateway", "HTTPRoute"),
    _judge,
    ("Gateway", "HTTPRoute"),
)
