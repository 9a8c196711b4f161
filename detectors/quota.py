"""A ResourceQuota is nearly used up, or wholly: what is asked for next is refused."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from detectors.base import Detector, Finding, View
from detectors.facts_batch import ResourceQuota
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ObjectsHealthy
from intents.units import parse_quantity

NAME = "quota"
NEAR_FULL = Decimal("0.9")
"""Share of the hard limit. Source: kubernetes-mixin's alert KubeQuotaAlmostFull (0.9, severity info)."""


def _judge(view: View) -> Iterator[Finding]:
    for found in view.objects("ResourceQuota", ResourceQuota):
        if found.metadata.deletion_timestamp:
            continue
        shares = {
            resource: share
            for resource, hard in found.status.hard.items()
            if (share := _share(found.status.used.get(resource), hard)) is not None and share > NEAR_FULL
        }
        if not shares:
            continue
        worst = sorted(shares, key=lambda resource: (-shares[resource], resource))
        full = [resource for resource in worst if shares[resource] >= 1]
        used = ", ".join(
            f"{resource} {found.status.used[resource]} of {found.status.hard[resource]}" for resource in worst
        )
        yield view.violation(
            NAME,
            FaultClass.QUOTA_NEAR_FULL,
            ref("ResourceQuota", found.metadata),
            severity=Severity.WARNING if full else Severity.INFO,
            reason="Full" if full else "NearFull",
            message=f"{'used up' if full else 'nearly used up'}: {used}",
            facts={"resources": ",".join(worst), "full": ",".join(full), "used": used},
        )


def _share(used: str | None, hard: str) -> Decimal | None:
    """Used of hard; None where one cannot be read, or where nothing is allowed at all: that is a wish."""
    try:
        limit = parse_quantity(hard)
        return parse_quantity(used) / limit if used is not None and limit > 0 else None
    except ValueError:
        return None


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.QUOTA_NEAR_FULL}),
    (ObjectsHealthy,),
    ("ResourceQuota",),
    _judge,
    ("ResourceQuota",),
)
