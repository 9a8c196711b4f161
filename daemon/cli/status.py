"""`status`: what the daemon does now; where none answers, what the ledger last knew."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.text import Text

from daemon.cli.common import (
    Output,
    OutputOption,
    SettingsOption,
    age,
    clock,
    out,
    print_json,
    print_table,
    sentences,
    settings_of,
)
from daemon.clock import SystemClock
from daemon.control import NotRunning, call
from daemon.rehearsals import canaries
from daemon.settings import Settings
from daemon.unfinished import unfinished
from store.decisions import active_grants
from store.ledger import Ledger
from store.queries import active_pauses, open_cases

SHOWN_UNKNOWN = 5
"""Expectations that could not be judged, as listed for people: more have one cause, usually."""

HASH_CHARS = 12


def status(*, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """Show what the daemon does now. Without one, what the ledger last knew."""
    with sentences():
        told = ask(settings_of(settings))
    if output is Output.JSON:
        print_json(told)
    else:
        _print(told, SystemClock().now())


def ask(settings: Settings) -> dict[str, Any]:
    """The daemon's answer, or what the ledger says where none runs. Raises CommandError, StoreError."""
    try:
        return {"running": True, **call(settings.socket, "status")}
    except NotRunning as error:
        store, now = Ledger.open_read_only(settings.database), SystemClock().now()
        try:
            return {
                "running": False,
                "reason": str(error),
                "open_cases": len(open_cases(store)),
                "pauses": [asdict(pause) for pause in active_pauses(store, now)],
                "missing": unfinished(store),
                "kill_switch": f"{settings.kill_switch} exists" if settings.kill_switch.exists() else None,
                "canaries": canaries(store),
                "grants": [asdict(grant) for grant in active_grants(store, now)],
            }
        finally:
            store.close()


def _print(told: dict[str, Any], now: float) -> None:
    for name, value in _lines(told):
        out.print(Text(f"{name + ':':<15}").append(value))
    unknown = told.get("unknown", [])
    _section("Unknown", [f"  {line}" for line in unknown[:SHOWN_UNKNOWN]])
    if len(unknown) > SHOWN_UNKNOWN:
        out.print(Text(f"  and {len(unknown) - SHOWN_UNKNOWN} more; `-o json` lists all"))
    for item in told.get("missing", []):
        doubt = "was deleted" if told["running"] else "may be deleted"
        title = f"Missing: {item['object']} {doubt} by intentd and not created again (case {item['case']})"
        manifest = json.dumps(item["manifest"], indent=1)
        _section(title, ["  What was there, for `kubectl create -f -`:", manifest])
    _section("Canaries", [_canary(found, told["kill_switch"]) for found in told["canaries"]])
    _section("Problems", [f"  {line}" for line in told.get("problems", [])])
    if told["pauses"]:
        _section("Pauses", [])
        print_pauses(told["pauses"], now)
    if told["grants"]:
        _section("Grants", [])
        print_grants(told["grants"], now)


def _canary(found: dict[str, Any], killed: str | None) -> str:
    """Where a copy of a program runs, and when it ends at the latest."""
    stays = "; it stays while the kill switch is on" if killed else ""
    named = f"  {found['namespace']}/{found['pod']} of case {found['case']}"
    return f"{named}, since {clock(found['since'])}, ends by itself at about {clock(found['ends_by'])}{stays}"


def _lines(told: dict[str, Any]) -> list[tuple[str, str]]:
    """The short facts."""
    if not told["running"]:
        first = [("Daemon", f"not running: {told['reason']}")]
    else:
        look = told["last_look_seconds_ago"]
        looked = "has not looked yet" if look is None else f"looked {look:.1f} s ago"
        model = f"{told['model'] or 'none'}" + (
            f", weights {told['weights'][:HASH_CHARS]}" if told["weights"] else ""
        )
        if told["model_trouble"]:
            model += f"; the last question got no answer: {told['model_trouble']}"
        first = [
            ("Daemon", f"running, {looked}"),
            ("Mode ceiling", told["mode_ceiling"]),
            ("Model", model),
            ("Intents", str(told["intents"])),
            ("Violations", str(told["violations"])),
            ("Storm", "yes: nothing is written" if told["storm"] else "no"),
        ]
    return [
        *first,
        ("Open cases", str(told["open_cases"])),
        ("Kill switch", f"on: {told['kill_switch']}" if told["kill_switch"] else "off"),
        *([] if told["pauses"] else [("Pauses", "none")]),
        *([] if told["grants"] else [("Grants", "none; `intentd autonomy` shows what was earned")]),
    ]


def _section(title: str, lines: list[str]) -> None:
    if lines or title in ("Pauses", "Grants"):
        out.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        out.print(Text(line))


def print_pauses(pauses: list[dict[str, Any]], now: float) -> None:
    """Pauses in force."""
    rows = [
        (pause["scope"], until(pause["until"]), pause["by"], age(pause["at"], now), pause["reason"])
        for pause in pauses
    ]
    print_table(("scope", "until (utc)", "by", "age", "reason"), rows, "no pauses")


def print_grants(grants: list[dict[str, Any]], now: float) -> None:
    """What may be done without asking."""
    rows = [
        (
            grant["fault_class"],
            grant["mode"],
            grant["weights"][:HASH_CHARS],
            until(grant["until"]),
            grant["granted_by"],
            age(grant["at"], now),
            grant["reason"],
        )
        for grant in grants
    ]
    columns = ("fault class", "mode", "weights", "until (utc)", "by", "age", "reason")
    print_table(columns, rows, "no grants: nothing is written without your approval")


def until(at: float | None) -> str:
    """When something ends."""
    return "changed" if at is None else clock(at)
