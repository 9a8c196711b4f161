"""How limits stand to requests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gym.cases.assertions.base import Assertion, Held, Quantity, Targeted, on_target
from gym.cases.context import ClusterContext
from gym.cases.state import Json, State
from gym.cases.workloads import amount, containers
from intents.units import parse_quantity


class Ratio(Targeted):
    """limit / request of each container is at most the value."""

    resource: str
    value: Quantity


def _ratio(_state: State, _context: ClusterContext, args: Ratio, found: Json) -> Held:
    every = containers(found)
    if not every:
        return Held(False, "it has no containers")
    bound = parse_quantity(args.value)
    for container in every:
        name = container.get("name", "?")
        limit, request = (
            amount(container, "limits", args.resource),
            amount(container, "requests", args.resource),
        )
        if limit is None or request is None:
            return Held(False, f"container {name} sets no {args.resource} limit")
        if request <= 0:
            return Held(False, f"container {name} requests no {args.resource}")
        if limit > bound * request:
            ratio = (limit / request).quantize(Decimal("0.01"))
            return Held(False, f"container {name}: limit / request of {args.resource} is {ratio}")
    return Held(True, f"limit / request of {args.resource} is at most {args.value} in all containers")


ASSERTIONS: Mapping[str, Assertion[Any]] = {"ratio_le": on_target(Ratio, _ratio)}
