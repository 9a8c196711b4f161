"""What guards ask of the world beyond the object itself, read at the moment of the write: labels of the
namespace, PodDisruptionBudgets, gates. Only what this plan and these limits need is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from zoneinfo import ZoneInfo

from daemon.records import reserved_fields
from daemon.state import World
from detectors.model import Gap, ObjectRef
from intents.fields import covers_prefix
from intents.model import Freeze, Gate, Intent
from remediation.guards import Limits, Surroundings
from remediation.guards.rollout import may_take_pods
from remediation.guards.sizes import REPLICAS
from remediation.guards.surroundings import Period
from remediation.model import Json, Plan


def surroundings(
    world: World, limits: Limits, plan: Plan, live: Json | None, intent: Intent | None
) -> Surroundings:
    """Read now. An undo needs none of it, but asking costs little and the guards decide."""
    namespace = plan.target.namespace
    gates = (*limits.gates, *(intent.spec.gates if intent else ()))
    freezes = (*limits.freezes, *(intent.spec.freezes if intent else ()))
    budgets = world.cluster.list_now("PodDisruptionBudget", namespace) if may_take_pods(plan, live) else None
    return Surroundings(
        namespace_labels=_labels(world, namespace) if limits.opt_in else None,
        disruption_budgets=budgets,
        gates=_gates(world, gates),
        freezes={freeze: period for freeze in freezes if (period := _period(freeze)) is not None},
    )


def autoscaled(world: World, plan: Plan) -> dict[str, str]:
    """Fields of the target that an autoscaler owns now: one may have come while the plan waited for a person."""
    if not any(covers_prefix(leaf.path, REPLICAS) for leaf in plan.touched):
        return {}
    found = world.cluster.list_now("HorizontalPodAutoscaler", plan.target.namespace)
    if isinstance(found, Gap):
        return {"spec.replicas": "an autoscaler that could not be read"}
    scalers = {
        ObjectRef("HorizontalPodAutoscaler", plan.target.namespace, _name(item)): item for item in found
    }
    return reserved_fields(plan.target, scalers)


def _name(item: Json) -> str:
    return str((item.get("metadata") or {}).get("name", ""))


def _labels(world: World, namespace: str) -> dict[str, str] | Gap | None:
    found = world.cluster.read(ObjectRef("Namespace", "", namespace))
    if found is None or isinstance(found, Gap):
        return found
    return dict((found.get("metadata") or {}).get("labels") or {})


def _gates(world: World, gates: Iterable[Gate]) -> dict[str, str | Gap | None]:
    """Until one is found that holds the change back: the others would only take time."""
    read: dict[str, str | Gap | None] = {}
    for gate in gates:
        if gate.query not in read:
            read[gate.query] = _samples(world, gate.query)
        if read[gate.query] is not None:
            break
    return read


def _samples(world: World, query: str) -> str | Gap | None:
    """No series is an answer: the gate is open."""
    found = world.metrics.value(query)
    return None if isinstance(found, Gap) and found.reason == "NoData" else found


def _period(freeze: Freeze) -> Period | None:
    """None where the zone, or the time in it, is not known. Where clocks change, a time of day may come twice or
    never: then the longest time that the words can mean."""
    try:
        zone = ZoneInfo(freeze.time_zone)
        first, after = (
            [local.replace(tzinfo=zone, fold=fold).astimezone(UTC).timestamp() for fold in (0, 1)]
            for local in freeze.bounds()
        )
    except (KeyError, ValueError, OSError, OverflowError):
        return None
    return min(first), max(after)
