"""The catalogue of scenarios: one file a family, each scenario a pure, seeded generator of cases."""

from __future__ import annotations

from gym.catalogue import (
    admission,
    configuration,
    controls,
    images,
    jobs,
    memory,
    pairs,
    placement,
    probes,
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
    *memory.SCENARIOS,
    *probes.SCENARIOS,
    *placement.SCENARIOS,
    *admission.SCENARIOS,
    *traffic.SCENARIOS,
    *storage.SCENARIOS,
    *jobs.SCENARIOS,
    *scaling.SCENARIOS,
    *pairs.SCENARIOS,
    *controls.SCENARIOS,
)
"""All scenarios, family by family."""

BY_NAME = {scenario.name: scenario for scenario in CATALOGUE}
FAMILIES = tuple(dict.fromkeys(scenario.family for scenario in CATALOGUE))
