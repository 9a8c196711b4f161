"""How many endpoints of a Service serve, counted from the EndpointSlices that the API server has."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.facts import EndpointSlice


def ready_endpoints(slices: Sequence[EndpointSlice]) -> int:
    """Distinct ready addresses. A dual-stack Service lists each pod once per family: the larger family
    counts. `ready` None means true (discovery/v1)."""
    families: dict[bool, set[str]] = {}
    for part in slices:
        for endpoint in part.endpoints or ():
            if endpoint.conditions.ready is not False and endpoint.addresses:
                address = endpoint.addresses[0]
                families.setdefault(":" in address, set()).add(address)
    return max((len(addresses) for addresses in families.values()), default=0)
