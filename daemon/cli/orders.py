"""Orders to the running daemon: `approve`, `reject`, `undo`, `close`, `pause`, `resume`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from daemon.cli.cases import CaseArgument
from daemon.cli.common import SettingsOption, clock, out, sentences, settings_of
from daemon.control import call

Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]


READING = 60.0
"""Seconds for an order that has the daemon read an object first; it gives up the API server before."""


def order(settings: Any, verb: str, **arguments: Any) -> dict[str, Any]:
    """Ask the daemon; what it refuses becomes a sentence and an exit code."""
    with sentences():
        return call(settings_of(settings).socket, verb, **arguments)


def approve(
    case: CaseArgument,
    digest: Annotated[
        str, typer.Option(help="Digest of the plan that you read, or its first 12 characters.")
    ],
    *,
    settings: SettingsOption = None,
) -> None:
    """Allow one proposed change. It is bound to the digest, and expires."""
    told = order(settings, "approve", case=case, digest=digest, timeout=READING)
    if told["missing"]:
        by = ", ".join(told["approved_by"])
        out.print(f"approved by {by}; {told['missing']} more of you have to approve it", markup=False)
    else:
        out.print(f"approved until {clock(told['approved_until'])} UTC", markup=False)


def reject(case: CaseArgument, reason: Reason = "", *, settings: SettingsOption = None) -> None:
    """Refuse a proposed change and close its case."""
    order(settings, "reject", case=case, reason=reason)
    out.print("rejected", markup=False)


def undo(case: CaseArgument, *, settings: SettingsOption = None) -> None:
    """Take a change back. Exactly our fields, where they still are ours."""
    order(settings, "undo", case=case)
    out.print(f"asked; see `intentd show {case}`", markup=False)


def close(case: CaseArgument, reason: Reason = "", *, settings: SettingsOption = None) -> None:
    """Close a case that a person took over, a stuck one say."""
    order(settings, "close", case=case, reason=reason)
    out.print("closed", markup=False)


def pause(
    scope: Annotated[str, typer.Argument(help="`all`, or an intent's name.")] = "all",
    *,
    reason: Reason,
    for_: Annotated[str, typer.Option("--for", help="How long, such as 30m.")] = "1h",
    settings: SettingsOption = None,
) -> None:
    """Stop writing for a while. Looking goes on."""
    told = order(settings, "pause", scope=scope, reason=reason, **{"for": for_})
    out.print(f"{told['scope']} paused until {clock(told['until'])} UTC", markup=False)


def resume(
    scope: Annotated[str, typer.Argument(help="`all`, or an intent's name.")] = "all",
    *,
    settings: SettingsOption = None,
) -> None:
    """End a pause. Nothing to end is no error."""
    told = order(settings, "resume", scope=scope)
    if told["resumed"]:
        out.print(f"{scope} resumed", markup=False)
    elif not told["paused"]:
        out.print("nothing was paused", markup=False)
    else:
        out.print(f"{scope} was not paused", markup=False)
    for other in told["paused"]:
        out.print(f"still paused: {other} (intentd resume {other})", markup=False)
    if told["kill_switch"]:
        out.print(f"the kill switch still stops every write: {told['kill_switch']}", markup=False)
