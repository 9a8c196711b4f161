"""The catalogue of scenarios: one file a family, each scenario a pure, seeded generator of cases."""

from __future__ import annotations

from gym.catalogue import images
from gym.catalogue.base import Scenario

CATALOGUE: tuple[Scenario, ...] = (*images.SCENARIOS,)
"""All scenarios, family by family."""

BY_NAME = {scenario.name: scenario for scenario in CATALOGUE}
FAMILIES = tuple(dict.fromkeys(scenario.family for scenario in CATALOGUE))
