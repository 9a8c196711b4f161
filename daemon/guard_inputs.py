"""What guards ask of the world beyond the object itself, read at the moment of the write: labels of the
namespace, PodDisruptionBudgets, gates, workloads that use the target. Only what this plan and these limits need is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from zoneinfo import ZoneInfo

from daemon.records import reserved_fields
from daemon.state import World
from daemon.users import users_of
from detectors.model import Gap, ObjectRef
from intents.fields import FieldPath, covers_prefix, format_path, parse_path
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
        users=users_of(world, plan, live),
    )


SCALED: Mapping[str, tuple[FieldPath, ...]] = {
    "HorizontalPodAutoscaler": (REPLICAS,),
    "VerticalPodAutoscaler": (parse_path("spec.template.spec.containers[*].resources"),),
}
"""What each kind of autoscaler steers; it is asked for where a plan touches that."""


def autoscaled(world: World, plan: Plan) -> dict[str, str]:
    """Fields of the target that an autoscaler owns now: one may have come while the plan waited for a person."""
    owned: dict[str, str] = {}
    for kind, fields in SCALED.items():
        if not any(_meets(field, leaf.path) for field in fields for leaf in plan.touched):
            continue
        found = world.cluster.list_now(kind, plan.target.namespace)
        if isinstance(found, Gap):
            owned |= {format_path(field): f"a {kind} that could not be read" for field in fields}
        else:
            scalers = {ObjectRef(kind, plan.target.namespace, _name(item)): item for item in found}
            owned |= reserved_fields(plan.target, scalers)
    return owned


def _meets(field: FieldPath, path: FieldPath) -> bool:
    return covers_prefix(field, path) or covers_prefix(path, field)


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
