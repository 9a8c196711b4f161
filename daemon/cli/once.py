"""`run`: the daemon, or with `--once` one read-only look at any cluster."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from daemon.cli.cases import value
from daemon.cli.common import (
    UNREACHABLE,
    WRONG,
    Output,
    OutputOption,
    SettingsOption,
    err,
    out,
    print_json,
    print_table,
    sentences,
    settings_of,
)
from daemon.findings import whose
from daemon.settings import Settings
from detectors.model import Turn


def run(
    *,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Look once, say what is wrong and what would be proposed, write nothing, and end."
        ),
    ] = False,
    ask: Annotated[bool, typer.Option(help="With --once: ask the model too.")] = True,
    wait: Annotated[
        float, typer.Option(min=1, help="With --once: seconds to wait for the cluster's lists.")
    ] = 30.0,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Run the daemon, or look once with --once. It stays in the foreground, as systemd and containers want it.

    With --once: exit code 1 where something is wrong, 3 where nothing could be judged.
    """
    with sentences():
        chosen = settings_of(settings)
        if not once:
            from daemon.wiring import run as run_daemon

            raise typer.Exit(run_daemon(chosen))
        told = look_once(chosen, ask=ask, wait=wait)
    if output is Output.JSON:
        print_json(told)
    else:
        _print(told)
    if told["unknown"] and not told["judged"]:
        raise typer.Exit(UNREACHABLE)
    raise typer.Exit(WRONG if told["violations"] or told["problems"] else 0)


def look_once(settings: Settings, *, ask: bool, wait: float) -> dict[str, Any]:
    """One look without a trace: nothing is written to the cluster, nor to the daemon's database (known
    goods are read from it where it exists)."""
    from daemon.intent_directory import IntentDirectory
    from daemon.logs import configure_logging
    from daemon.look import assess
    from daemon.records import summarise
    from daemon.rounds import read_catalog, read_metrics
    from daemon.state import Memory
    from daemon.wiring import cluster_of, world_of
    from intents.catalog import Catalog
    from store.ledger import Ledger
    from store.retention import backup

    configure_logging(settings.log_format, least=logging.ERROR)  # what failed is in the answer
    cluster = cluster_of(settings)
    with tempfile.TemporaryDirectory(prefix="intentd-once-") as scratch:
        database = Path(scratch) / "ledger.db"
        if settings.database.exists():
            known = Ledger.open_read_only(settings.database)
            backup(known, database)
            known.close()
        store = Ledger.open(database)
        world, memory = world_of(settings, cluster, store), Memory(Catalog())
        read_catalog(world, memory, IntentDirectory(settings.intents))
        cluster.start()
        try:
            cluster.wait_until_listed(wait)
            read_metrics(world, memory)
            report = assess(world, memory)
            proposals = [_proposal(world, memory, case) for case in report.cases] if ask else []
        finally:
            cluster.stop()
            store.close()
    return {
        "cluster": cluster.host,
        "intents": len(memory.catalog.intents),
        "problems": [str(problem) for problem in memory.catalog.problems],
        "judged": len(report.judgement.judged),
        "unknown": [
            {"intent": item.intent, "expectation": item.expectation, **item.gap._asdict()}
            for item in report.judgement.unknowns
        ],
        "violations": [
            {
                "intent": v.intent,
                "target": str(v.target),
                "namespace": v.target.namespace,
                "severity": v.severity.value,
                "summary": summarise(v),
                "message": v.message,
            }
            for v in report.judgement.violations
        ],
        "proposals": proposals,
    }


def _proposal(world: Any, memory: Any, case: Any) -> dict[str, Any]:
    """What would be proposed for one case; read-only."""
    from daemon.records import touched
    from daemon.think import consider
    from detectors.model import CaseReason
    from remediation.model import NoPlan, Unusable

    if case.reason is CaseReason.SAME_CAUSE:
        return {
            "target": str(case.target),
            "namespace": case.target.namespace,
            "reason": case.reason.value,
            "cause": str(case.cause),
            "proposal": None,
            "why_not": f"{case.cause} is worked on first{f' in case {case.first}' if case.first else ''}",
        }
    found = consider(world, case, memory.catalog.intents[case.key.intent])
    told: dict[str, Any] = {
        "target": str(case.target),
        "namespace": case.target.namespace,
        "reason": case.reason.value,
        "cause": found.answer.cause,
    }
    if isinstance(found.answer, Unusable):
        return told | {"proposal": None, "why_not": f"{found.answer.reason}: {found.answer.detail}"}
    if found.plan is None or isinstance(found.plan, NoPlan):
        return told | {"proposal": None, "why_not": "no change can be made of the answer"}
    return told | {
        "proposal": touched(found.plan.touched),
        "confidence": found.answer.confidence,
        "digest": found.plan.digest,
    }


def _print(told: dict[str, Any]) -> None:
    for problem in told["problems"]:
        err.print(problem, style="red", markup=False)
    # Several expectations may be broken by one fault: said once.
    rows = list(
        dict.fromkeys(
            (v["intent"], v["target"], v["namespace"], v["severity"], v["summary"])
            for v in told["violations"]
        )
    )
    print_table(
        ("intent", "target", "namespace", "severity", "violation"),
        rows,
        f"no violations; {told['judged']} expectations of {told['intents']} intents judged"
        if told["judged"]
        else "nothing could be judged",
    )
    for line in dict.fromkeys(
        f"unknown: {item['intent']}: {item['what']}: {item['message']} ({whose(Turn(item['turn']))})"
        for item in told["unknown"]
    ):
        err.print(line, style="yellow", markup=False)
    for proposal in told["proposals"]:
        out.print(
            Text(
                f"\n{proposal['target']} in {proposal['namespace']}: {proposal['cause'] or 'cause unknown'}",
                style="bold",
            )
        )
        if proposal["proposal"] is None:
            out.print(Text(f"  no proposal: {proposal['why_not']}"))
            continue
        for leaf in proposal["proposal"]:
            out.print(
                Text(
                    f"  {leaf['path']}: {value(leaf, 'before', 'was_absent')} -> {value(leaf, 'after', 'becomes_absent')}"
                )
            )
        out.print(Text(f"  confidence {proposal['confidence']:.2f}; nothing was written"))
