"""The catalogue for people: a table for a terminal, and docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from gym.cases.model import Determinable
from gym.catalogue import CATALOGUE, FAMILIES
from gym.catalogue.base import MISLEADING, PUBLISHED, TWO_FAULTS, Scenario

_HEAD = """# Faults that the gym knows

Written by `python -m gym catalogue --markdown`; do not edit. Each scenario is a pure, seeded generator of cases
([their format](cases.md)); every variant has other names, shapes and wordings.

    python -m gym catalogue --list                     # what there is
    python -m gym catalogue --out DIR                  # all of it, three variants each, as a folder of cases
    python -m gym catalogue --out DIR --seed 7 image   # one family, from another seed
    python -m gym.cases DIR                            # let each prove that it can tell right from wrong

The tier says what has to run for the fault to show: `control_plane` (the real controllers and scheduler show it),
`kwok_status_injection` (kwok shows what a kubelet would report), `prometheus_metrics` (a metrics API too). **fix**: the
right change follows from what can be seen (*several*: more than one is right); **person**: none does, and right is to
name object and cause to a person; **leave**: nothing is wrong, and any change is a mistake.
"""


def sort(scenario: Scenario) -> str:
    """What is right to do."""
    if scenario.control:
        return "leave"
    match scenario.determinable:
        case Determinable.NO:
            return "person"
        case Determinable.PARTIAL:
            return "fix, several"
        case _:
            return "fix"


def as_table(scenarios: Iterable[Scenario]) -> Table:
    """One line a scenario."""
    table = Table("family", "scenario", "right", "tier", "classes", "tags")
    for one in scenarios:
        table.add_row(
            one.family,
            one.name,
            sort(one),
            one.tier.value,
            " ".join(one.fault_classes),
            " ".join(sorted(one.tags)),
        )
    return table


def as_markdown() -> str:
    """docs/faults.md."""
    return "\n".join([_HEAD, *_counts(), *(line for family in FAMILIES for line in _family(family))]) + "\n"


def _counts() -> Iterator[str]:
    def count(tag: str) -> int:
        return sum(tag in one.tags for one in CATALOGUE)

    sorts = [sort(one) for one in CATALOGUE]
    faults = len(CATALOGUE) - sorts.count("leave")
    yield f"{len(CATALOGUE)} scenarios: {faults} faults and {sorts.count('leave')} controls. Of the faults"
    yield f"{sorts.count('person')} are for a person, {count(TWO_FAULTS)} are two at once, and of {count(MISLEADING)} what is"
    yield f"seen first is not the cause. {count(PUBLISHED)} are those that kubemend publishes."


def _family(family: str) -> Iterator[str]:
    yield ""
    yield f"## {family}"
    yield ""
    yield "| scenario | what is wrong | right | seen as | tier |"
    yield "|---|---|---|---|---|"
    for one in CATALOGUE:
        if one.family == family:
            marks = "".join(f" *{tag}*" for tag in sorted(one.tags))
            seen = " ".join(one.fault_classes) or "nothing"
            yield f"| `{one.name}`{marks} | {one.title} | **{sort(one)}**: {one.cure} | {seen} | `{one.tier.value}` |"
