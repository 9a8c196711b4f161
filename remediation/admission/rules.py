"""The rules that every kind shares: metadata, labels, annotations."""

from __future__ import annotations

from typing import NamedTuple

from remediation.admission.cel import literal, member, same_but
from remediation.guards.sensitive_fields import OWNING
from remediation.model import OPERATION_ANNOTATION


class Rule(NamedTuple):
    """One validation: false refuses. `guard` names the guard that says the same."""

    guard: str
    message: str
    expression: str


class Variable(NamedTuple):
    """A value that expressions share; evaluated once, when first used."""

    name: str
    expression: str


def changes(expression: str) -> str:
    """A rule about updates."""
    return f'request.operation != "UPDATE" || {expression}'


def creates(expression: str) -> str:
    """A rule about creations."""
    return f'request.operation != "CREATE" || {expression}'


_SERVER_KEEPS = ("generation", "managedFields", "resourceVersion")
"""What the API server itself moves with every write."""


def metadata_rule() -> tuple[Rule, ...]:
    """Owners, finalizers and identity stay as they are."""
    free = ("annotations", "labels", *_SERVER_KEEPS)
    stays = same_but(free, "object.metadata", "oldObject.metadata")
    return (Rule("sensitive", "owners, finalizers and identity stay", changes(stays)),)


def label_rule(new: str, old: str, what: str = "labels") -> Rule:
    """Labels that say whose the object is stay (sensitive_fields.owns_something in CEL)."""
    owning = literal([f"app.kubernetes.io/{name}" for name in OWNING])
    owns = f'(k.contains("/") && (!k.startsWith("app.kubernetes.io/") || k in {owning}))'
    before, after = member(old, "labels"), member(new, "labels")
    stays = (
        f"({after}.all(k, !{owns} || (k in {before} && {before}[k] == {after}[k]))"
        f" && {before}.all(k, !{owns} || k in {after}))"
    )
    return Rule("sensitive", f"{what} that say whose it is stay", changes(stays))


def annotation_rule(operation: str) -> Rule:
    """No annotation changes but our own mark."""
    stays = same_but(
        (operation,), member("object.metadata", "annotations"), member("oldObject.metadata", "annotations")
    )
    return Rule(
        "sensitive", f"no annotation changes but {literal(operation)}".replace('"', ""), changes(stays)
    )


def marked_rule() -> tuple[Rule, ...]:
    """What we create carries our mark, by which recovery and undo know it."""
    marked = creates(f"{literal(OPERATION_ANNOTATION)} in {member('object.metadata', 'annotations')}")
    return (Rule("kinds", "a new workload carries the mark of the operation", marked),)
