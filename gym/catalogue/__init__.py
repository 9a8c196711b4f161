"""The catalogue of scenarios: one file a family, each scenario a pure, seeded generator of cases."""

from __future__ import annotations

from gym.catalogue import (
    admission,
    configuration,
    controls,
    crashes,
    crashes_for_a_person,
    images,
    jobs,
    memory,
    pairs,
    placement,
    policies,
    probes,
    quotas,
    room,
    scaling,
    starts,
    storage,
    traffic,
)
from gym.catalogue.base import Scenario

CATALOGUE: tuple[Scenario, ...] = (
    *images.SCENARIOS,
    *configuration.SCENARIOS,
    *starts.SCENARIOS,
    *crashes.SCENARIOS,
    *crashes_for_a_person.SCENARIOS,
    *memory.SCENARIOS,
    *probes.SCENARIOS,
    *placement.SCENARIOS,
    *room.SCENARIOS,
    *admission.SCENARIOS,
    *quotas.SCENARIOS,
    *traffic.SCENARIOS,
    *policies.SCENARIOS,
    *storage.SCENARIOS,
    *jobs.SCENARIOS,
    *scaling.SCENARIOS,
    *pairs.SCENARIOS,
    *controls.SCENARIOS,
)
"""All scenarios, family by family."""

BY_NAME = {scenario.name: scenario for scenario in CATALOGUE}
FAMILIES = tuple(dict.fromkeys(scenario.family for scenario in CATALOGUE))
