"""Charged writes of the ledger as guards remember them."""

from __future__ import annotations

from collections.abc import Mapping

from remediation.guards import Change, Knob
from remediation.model import ABSENT
from remediation.values import canonical
from store.queries import ChangeRow


def past_change(row: ChangeRow, adds: Mapping[str, str] | None = None) -> Change:
    """A charged write as guards remember it; `adds` is what the spend guard recorded with it."""
    return Change(
        operation_id=row.operation_id,
        at=row.at,
        intent=row.intent,
        kind=row.kind,
        namespace=row.namespace,
        name=row.name,
        fault_class=row.fault_class,
        knobs=tuple(knob(leaf) for leaf in row.touched),
        result=row.result,
        was=tuple(_was(leaf) for leaf in row.touched),
        adds=adds,
    )


def knob(leaf: Mapping[str, object]) -> Knob:
    """A touched leaf of the ledger (records.touched): its path and what it was set to."""
    return str(leaf["path"]), ABSENT if leaf["becomes_absent"] else canonical(leaf["after"])


def _was(leaf: Mapping[str, object]) -> Knob:
    return str(leaf["path"]), ABSENT if leaf["was_absent"] else canonical(leaf["before"])
