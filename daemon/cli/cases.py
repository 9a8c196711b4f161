"""`cases`, `show`, `explain`: what happened, read from the ledger."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from daemon.cli.common import (
    WRONG,
    Output,
    OutputOption,
    SettingsOption,
    age,
    clock,
    err,
    out,
    print_json,
    print_table,
    reading,
)
from daemon.clock import SystemClock
from remediation.model import Outcome
from remediation.saga import Event, State
from store.ledger import Ledger
from store.queries import CaseRow, Step, find_cases, get_case, steps, to_rows

CaseArgument = Annotated[
    str, typer.Argument(help="A case id such as 3fa9c1d2-1, or the part before the dash for its newest.")
]


def cases(
    *,
    open_only: Annotated[bool, typer.Option("--open", help="Only cases that are not closed.")] = False,
    intent: Annotated[str | None, typer.Option(help="Only cases of this intent.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    output: OutputOption = Output.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List cases, the open ones first."""
    with reading(settings) as store:
        found = find_cases(store, only_open=open_only, intent=intent, limit=limit)
    if output is Output.JSON:
        print_json(to_rows(found))
        return
    now = SystemClock().now()
    rows = [
        (
            row.case_id,
            row.intent,
            f"{row.kind}/{row.name}",
            row.namespace,
            row.outcome or row.state.value,
            row.severity,
            row.summary,
            age(row.opened_at, now),
        )
        for row in found
    ]
    print_table(
        ("case", "intent", "target", "namespace", "state", "severity", "summary", "age"), rows, "no cases"
    )


def _find(store: Ledger, case_id: str) -> CaseRow:
    row = get_case(store, case_id)
    if row is None:
        err.print(f"there is no case {case_id!r}; `intentd cases` lists them", style="red", markup=False)
        raise typer.Exit(WRONG)
    return row


def show(case: CaseArgument, *, output: OutputOption = Output.TABLE, settings: SettingsOption = None) -> None:
    """Print every ledger row of one case."""
    with reading(settings) as store:
        row = _find(store, case)
        history = steps(store, row.case_id)
    if output is Output.JSON:
        print_json({"case": to_rows([row])[0], "steps": to_rows(history)})
        return
    print_table(
        ("case", "intent", "target", "state", "digest"),
        [
            (
                row.case_id,
                row.intent,
                f"{row.kind}/{row.name}",
                row.outcome or row.state.value,
                row.digest or "-",
            )
        ],
        "",
    )
    for step in history:
        out.print(Text(f"\n{clock(step.at)}  #{step.seq}  {step.event}", style="bold"))
        out.print(Text(json.dumps(step.payload, indent=2, ensure_ascii=False)))


def explain(
    case: CaseArgument, *, output: OutputOption = Output.TABLE, settings: SettingsOption = None
) -> None:
    """Tell one case: seen, cause, change, guards, how to undo."""
    with reading(settings) as store:
        row = _find(store, case)
        history = steps(store, row.case_id)
    told = explanation(row, history)
    if output is Output.JSON:
        print_json(told)
        return
    _print_explanation(told)


def explanation(row: CaseRow, history: tuple[Step, ...]) -> dict[str, Any]:
    """The story of a case as plain values."""
    newest: dict[str, Step] = {step.event: step for step in history}

    def payload(*events: Event) -> dict[str, Any]:
        return next((newest[event.value].payload for event in events if event.value in newest), {})

    first, answer, plan = (
        payload(Event.OPENED),
        payload(Event.DIAGNOSED, Event.UNUSABLE),
        payload(Event.PLANNED),
    )
    guards = payload(Event.GUARDED)
    return {
        "case": row.case_id,
        "intent": row.intent,
        "target": f"{row.kind}/{row.name}",
        "namespace": row.namespace,
        "state": row.outcome or row.state.value,
        "why_it_ended": row.outcome_reason,
        "seen": first.get("violations", []),
        "evidence": answer.get("evidence", []),
        "could_not_read": answer.get("gaps", []),
        "cause": row.cause,
        "cites": answer.get("cites", []),
        "confidence": answer.get("confidence"),
        "weights": row.weights,
        "no_answer_because": f"{answer['reason']}: {answer.get('detail', '')}"
        if "reason" in answer
        else None,
        "candidates": answer.get("candidates", []),
        "questions": answer.get("questions", []),
        "model_wrote_the_change": answer.get("wrote_manifest", False),
        "change": plan.get("touched", []),
        "recreates": (plan.get("plan") or {}).get("plan") == "recreate",
        "summary": plan.get("summary"),
        "digest": row.digest,
        "guards": guards.get("verdicts", []),
        "rehearsals": [
            f"{step.payload['result']}: {step.payload['reason']}"
            for step in history
            if step.event in (Event.REHEARSAL_ENDED, Event.REHEARSAL_IMPOSSIBLE)
        ],
        "applied": row.applied_at is not None,
        "operation": row.operation_id,
        "undo": (plan.get("plan") or {}).get("inverse"),
        "timeline": [{"at": clock(step.at), "event": step.event} for step in history],
    }


def _print_explanation(told: dict[str, Any]) -> None:
    out.print(
        Text(
            f"{told['target']} in {told['namespace']} (intent {told['intent']}, case {told['case']}): {told['state']}",
            style="bold",
        )
    )
    if told["why_it_ended"]:
        out.print(Text(told["why_it_ended"]))
    _section(
        "Seen",
        [
            f"{seen['fault_class']}: {seen['reason']}: {seen['message']} ({seen['subject']})"
            for seen in told["seen"]
        ],
    )
    cited = set(told["cites"])
    _section(
        "Evidence (* cited)",
        [
            f"{'*' if item['id'] in cited else ' '} {item['id']} {item['kind']}, {item['source']}: {item['text']}"
            for item in told["evidence"]
        ],
    )
    _section("Could not be read", [f"{gap['what']}: {gap['message']}" for gap in told["could_not_read"]])
    sure = f" (confidence {told['confidence']:.2f})" if told["confidence"] is not None else ""
    _section("Cause", [told["cause"] + sure] if told["cause"] else [])
    _section("No answer", [told["no_answer_because"]] if told["no_answer_because"] else [])
    _section(
        "Candidates",
        [
            f"{item['id']} p(Yes) {'-' if item['p_yes'] is None else format(item['p_yes'], '.2f')}  {item['summary']}  [{item['origin']}]"
            for item in told["candidates"]
        ],
    )
    if told["change"]:
        by = (
            "written by the model"
            if told["model_wrote_the_change"]
            else "a candidate that the evidence supports"
        )
        out.print(Text(f"\nChange ({by}; digest {told['digest']})", style="bold"))
        if told["recreates"]:
            out.print(Text("  The object is deleted and created anew: a field of it can never change."))
        for leaf in told["change"]:
            out.print(Text(f"  {leaf['path']}"))
            out.print(Text(f"    - {value(leaf, 'before', 'was_absent')}", style="red"))
            out.print(Text(f"    + {value(leaf, 'after', 'becomes_absent')}", style="green"))
    if told["guards"]:
        out.print(Text("\nGuards", style="bold"))
        for verdict in told["guards"]:
            out.print(
                Text(
                    f"  {'allow' if verdict['allowed'] else 'DENY '}  {verdict['guard']}: {verdict['reason']} {verdict['detail']}".rstrip(),
                    style="" if verdict["allowed"] else "red",
                )
            )
    _section("Rehearsals (a canary of the change)", told["rehearsals"])
    if told["state"] == State.PROPOSED.value and told["digest"]:
        _section(
            "Yours to decide",
            [
                f"intentd approve {told['case']} --digest {told['digest'][:12]}",
                f"intentd reject {told['case']} --reason WHY",
            ],
        )
    if told["applied"] and told["state"] != Outcome.ROLLED_BACK.value:
        _section("Undo", [f"intentd undo {told['case']}", f"or by hand: {_by_hand(told)}"])
    _section("Timeline", [f"{step['at']}  {step['event']}" for step in told["timeline"]])


def _by_hand(told: dict[str, Any]) -> str:
    """What takes the change back without intentd. A created object has no inverse patch: it is deleted."""
    kubectl = f"kubectl -n {told['namespace']}"
    if told["undo"] is None:
        return f"{kubectl} delete {told['target']}"
    return f"{kubectl} patch {told['target']} --type=json -p '{json.dumps(told['undo'])}'"


def value(leaf: dict[str, Any], side: str, absent: str) -> str:
    return "(not set)" if leaf.get(absent) else json.dumps(leaf[side], ensure_ascii=False)


def _section(title: str, lines: list[str]) -> None:
    if lines:
        out.print(Text(f"\n{title}", style="bold"))
        for line in lines:
            out.print(Text(f"  {line}"))
