"""The operator's settings as guards understand them."""

from __future__ import annotations

from decimal import Decimal

from daemon.kill_switch import key_of_config_map
from daemon.settings import seconds
from daemon.state import World
from intents.units import parse_duration, parse_quantity
from remediation.guards import GrowthLimits, Limits


def limits_of(world: World) -> Limits:
    """The operator's settings as guards understand them."""
    said, growth = world.settings.limits, world.settings.growth
    own = key_of_config_map(world.settings.kill_switch_config_map)
    return Limits(
        namespaces=said.namespaces,
        system_namespaces=said.system_namespaces,
        cluster_changes=said.cluster_changes,
        namespace_changes=said.namespace_changes,
        fault_class_changes=said.fault_class_changes,
        object_changes=said.object_changes,
        per=parse_duration(said.per),
        person_window=seconds(world.settings.human_edit_grace),
        opt_in=said.opt_in,
        own=frozenset() if own is None else frozenset({own.key}),
        ineffective_changes=said.ineffective_changes,
        ineffective_per=seconds(said.ineffective_per),
        backoff_most=seconds(said.backoff_most),
        freezes=said.freezes,
        gates=said.gates,
        growth=GrowthLimits(
            at_once=Decimal(str(growth.at_once)),
            in_window=Decimal(str(growth.in_window)),
            per=seconds(growth.per),
            memory_floor=parse_quantity(growth.memory_floor),
            cpu_floor=parse_quantity(growth.cpu_floor),
            replicas_floor=Decimal(growth.replicas_floor),
            intent_cpu=parse_quantity(growth.intent_cpu),
            intent_memory=parse_quantity(growth.intent_memory),
            cluster_cpu=parse_quantity(growth.cluster_cpu),
            cluster_memory=parse_quantity(growth.cluster_memory),
        ),
    )
