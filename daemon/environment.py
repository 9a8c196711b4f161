"""Which `INTENTD_` variables of the environment are settings. A mistyped one would be ignored without a word,
and with it the ceiling that it was meant to set; so a stranger is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

PREFIX = "INTENTD_"
NESTING = "__"
"""Between a group and its setting: INTENTD_MODEL__NAME."""

NOT_SETTINGS = ("INTENTD_CACHE", "INTENTD_GYM_", "INTENTD_TEST_")
"""Variables of this repository's practice cluster and tests, whole or by their beginning."""

SEE_ALL = "Remove it; `intentd settings --reference` lists all."
"""The remedy where nothing near is known."""

_SERVICE = "_SERVICE_HOST"


def variable(*path: str) -> str:
    """The variable of a setting: `variable("model", "name")` is INTENTD_MODEL__NAME."""
    return PREFIX + NESTING.join(path).upper()


def strangers(environment: Mapping[str, str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Variables that look like settings and are none, each with a remedy. Names are compared without case,
    as pydantic-settings reads them.

    Kubernetes gives pods `INTENTD_SERVICE_HOST`, `INTENTD_PORT_9464_TCP` and so on for a Service named
    intentd (service links): those are nobody's mistake.
    """
    names = [name for name in environment if name.upper().startswith(PREFIX)]
    links = tuple(
        start
        for name in names
        if name.endswith(_SERVICE)
        for start in (f"{name.removesuffix(_SERVICE)}_SERVICE_", f"{name.removesuffix(_SERVICE)}_PORT")
    )
    for name in sorted(names):
        upper = name.upper()
        if upper in known or upper.startswith(NOT_SETTINGS) or (links and name.startswith(links)):
            continue
        close = get_close_matches(upper, known, n=1, cutoff=0.6)
        yield name, f"Did you mean {close[0]}?" if close else SEE_ALL
