"""What a pause may name, so that a mistyped one is refused instead of recorded and then meaning nothing."""

from __future__ import annotations

import re
from collections.abc import Collection

from daemon.control import CommandError
from detectors.model import FaultClass
from remediation.guards.pause import ALL, FAULT_CLASS, LABEL, NAMESPACE

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_LABEL = re.compile(
    r"[A-Za-z0-9][-A-Za-z0-9_./]{0,316}=[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII
)


def checked_scope(scope: str, intents: Collection[str], verb: str) -> str:
    """The scope itself, to pause or resume. Raises CommandError with what would have been right."""
    if scope.startswith(FAULT_CLASS):
        known = [one.value for one in FaultClass]
        if scope.removeprefix(FAULT_CLASS) not in known:
            raise CommandError(f"there is no fault class in {scope!r}: {', '.join(known)}")
    elif scope.startswith(NAMESPACE):
        if _NAMESPACE.fullmatch(scope.removeprefix(NAMESPACE)) is None:
            raise CommandError(f"{scope!r} names no namespace: write {NAMESPACE}shop")
    elif scope.startswith(LABEL):
        if _LABEL.fullmatch(scope.removeprefix(LABEL)) is None:
            raise CommandError(f"{scope!r} names no label: write {LABEL}team=payments")
    elif scope != ALL and scope not in intents:
        raise CommandError(
            f"there is no intent {scope!r} to {verb}; `intentd intents` lists them. Also: {ALL}, {FAULT_CLASS}ImagePull, "
            f"{NAMESPACE}shop, {LABEL}team=payments"
        )
    return scope
