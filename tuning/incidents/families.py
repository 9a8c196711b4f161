"""The catalogue of families, which of them are held out, and the one way to make an incident."""

from __future__ import annotations

from collections.abc import Mapping

from tuning.incidents import hopeless as h
from tuning.incidents import memory as o
from tuning.incidents import mendable as m
from tuning.incidents.base import Family, Incident
from tuning.incidents.pools import Pool
from tuning.incidents.world import World

FAMILIES: Mapping[str, Family] = {
    f.__name__: f
    for f in (
        m.image_tag, m.image_name, m.image_unparsable, m.config_key, m.config_map_name, m.env_changed, m.bad_release,
        m.probe_early, m.readiness_path, m.readiness_port, m.requests_too_big, m.node_selector, m.replicas_low,
        m.selector, o.oom_never_healthy, o.oom_limit_lowered, o.oom_new_image,
        h.dependency_down, h.registry_down, h.secret_missing, h.metric_upstream, h.no_node, h.volume_not_bound,
        h.certificate_expired, h.disk_full, h.image_too,
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
