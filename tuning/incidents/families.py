"""The catalogue of families, which of them are held out, and the one way to make an incident."""

from __future__ import annotations

from collections.abc import Mapping

from tuning.incidents import configuration, hopeless, images, memory, placement, probes, services
from tuning.incidents.base import Family, Incident
from tuning.incidents.pools import Pool
from tuning.incidents.world import World

FAMILIES: Mapping[str, Family] = {
    f.__name__: f
    for f in (
        images.image_tag, images.image_name, images.image_unparsable,
        configuration.config_key, configuration.config_map_name, configuration.env_changed, images.bad_release,
        probes.probe_early, probes.readiness_path, probes.readiness_port,
        placement.requests_too_big, placement.node_selector, placement.replicas_low, services.selector,
        memory.oom_never_healthy, memory.oom_limit_lowered, memory.oom_new_image,
        hopeless.dependency_down, hopeless.registry_down, hopeless.secret_missing, hopeless.metric_upstream,
        hopeless.no_node, hopeless.volume_not_bound, hopeless.certificate_expired, hopeless.disk_full, hopeless.image_too,
    )
}  # fmt: skip

HELD_OUT = ("readiness_path", "node_selector", "config_map_name", "certificate_expired", "volume_not_bound")
"""Families that are never trained on: three that a change mends and two that none does."""


def make(family: str, seed: str, *, held: bool) -> Incident:
    """One incident of a family. The same family, seed and part give the same incident."""
    pool = Pool(f"{family} {seed} {held}", held=held)
    world = World(pool)
    made = FAMILIES[family](world)
    if made.fix and world.healthy_before and world.service is None and pool.chance(0.3):
        _something_else_too(world, family)
    world.distract()
    return Incident(f"{family}-{seed}", family, made.case, world.raw(), world.intent(), made)


def _something_else_too(world: World, family: str) -> None:
    """Another harmless change of the same day, so that putting back only that one, or all, is offered too."""
    main = world.container()
    kinds = {"replicas", "cpu", "memory"}
    kinds -= {"replicas"} if family == "replicas_low" else set()
    kinds -= {"cpu"} if family == "requests_too_big" else set()
    kinds -= {"memory"} if family.startswith("oom") else set()
    kind = world.pool.any(sorted(kinds))
    if kind == "replicas":
        world.live["spec"]["replicas"] = world.replicas + 2
    elif kind == "cpu":
        main["resources"].setdefault("requests", {})["cpu"] = "150m"
    else:
        main["resources"]["limits"]["memory"] = "768Mi"
