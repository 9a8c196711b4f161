"""Orders to the running daemon: `status`, `approve`, `reject`, `undo`, `close`, `pause`, `resume`, `autonomy grant`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from daemon.cli.cases import CaseArgument
from daemon.cli.common import (
    Output,
    OutputOption,
    SettingsOption,
    clock,
    err,
    out,
    print_json,
    sentences,
    settings_of,
)
from daemon.clock import SystemClock
from daemon.control import NotRunning, call
from store.ledger import Ledger
from store.queries import active_pauses, open_cases

Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]


def _order(settings: Any, verb: str, **arguments: Any) -> dict[str, Any]:
    with sentences():
        return call(settings_of(settings).socket, verb, **arguments)


def status(*, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """What the daemon does now; without a daemon, what the ledger last knew."""
    with sentences():
        chosen = settings_of(settings)
        try:
            told = {"running": True, **call(chosen.socket, "status")}
        except NotRunning as error:
            store = Ledger.open_read_only(chosen.database)
            pauses = active_pauses(store, SystemClock().now())
            told = {
                "running": False,
                "reason": str(error),
                "open_cases": len(open_cases(store)),
                "pauses": [pause.scope for pause in pauses],
            }
            told["kill_switch"] = "the file exists" if chosen.kill_switch.exists() else None
            store.close()
    if output is Output.JSON:
        print_json(told)
        return
    for name, value in told.items():
        out.print(Text(f"{name.replace('_', ' '):<24}{_short(value)}"))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "-" if not value else "; ".join(str(item) for item in value)
    return "-" if value is None else str(value)


def approve(
    case: CaseArgument,
    digest: Annotated[
        str, typer.Option(help="Digest of the plan that you read, or its first 12 characters.")
    ],
    *,
    settings: SettingsOption = None,
) -> None:
    """Allow one proposed change; bound to its digest, and it expires."""
    told = _order(settings, "approve", case=case, digest=digest)
    err.print(f"approved until {clock(told['approved_until'])} UTC", markup=False)


def reject(case: CaseArgument, reason: Reason = "", *, settings: SettingsOption = None) -> None:
    """Refuse a proposed change and close its case."""
    _order(settings, "reject", case=case, reason=reason)
    err.print("rejected", markup=False)


def undo(case: CaseArgument, *, settings: SettingsOption = None) -> None:
    """Put back exactly the fields that a change of ours set, where they still are ours."""
    _order(settings, "undo", case=case)
    err.print(f"asked; see `intentd show {case}`", markup=False)


def close(case: CaseArgument, reason: Reason = "", *, settings: SettingsOption = None) -> None:
    """Close a case that a person took over (a stuck one, say)."""
    _order(settings, "close", case=case, reason=reason)
    err.print("closed", markup=False)


def pause(
    scope: Annotated[str, typer.Argument(help="`all`, or an intent's name.")] = "all",
    *,
    reason: Reason,
    for_: Annotated[str, typer.Option("--for", help="How long, such as 30m.")] = "1h",
    settings: SettingsOption = None,
) -> None:
    """Write nothing for a while; looking goes on."""
    told = _order(settings, "pause", scope=scope, reason=reason, **{"for": for_})
    err.print(f"{told['scope']} paused until {clock(told['until'])} UTC", markup=False)


def resume(
    scope: Annotated[str, typer.Argument(help="`all`, or an intent's name.")] = "all",
    *,
    settings: SettingsOption = None,
) -> None:
    """End a pause."""
    _order(settings, "resume", scope=scope)
    err.print(f"{scope} resumed", markup=False)


def grant(
    fault_class: Annotated[str, typer.Argument(help="A fault class such as ImagePull, or * for all.")],
    *,
    reason: Reason,
    weights: Annotated[str, typer.Option(help="Digest of the model's weights, or * for any.")] = "*",
    mode: Annotated[str, typer.Option(help="propose or auto.")] = "auto",
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 12h; without it, until changed.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Let intentd act by itself on one fault class; without a grant it only proposes."""
    told = _order(
        settings, "grant", fault_class=fault_class, reason=reason, weights=weights, mode=mode, **{"for": for_}
    )
    err.print(f"{told['fault_class']}: {told['mode']} for weights {told['weights']}", markup=False)
