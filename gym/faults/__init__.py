"""The fault catalogue: one file a fault, one tuple of all."""

from __future__ import annotations

from gym.faults.base import Fault
from gym.faults.config_key import CONFIG_KEY
from gym.faults.error_rate import ERROR_RATE
from gym.faults.image_tag import IMAGE_TAG
from gym.faults.memory_limit import MEMORY_LIMIT
from gym.faults.service_selector import SERVICE_SELECTOR

FAULTS: tuple[Fault, ...] = (IMAGE_TAG, MEMORY_LIMIT, CONFIG_KEY, SERVICE_SELECTOR, ERROR_RATE)
"""In the order in which the demo tells of them."""

BY_NAME = {fault.name: fault for fault in FAULTS}
