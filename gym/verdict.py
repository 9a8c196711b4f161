"""What the demo found: per fault how it ended, how long each stage took, and who would have been right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gym.story import CaseStory, Story
from gym.trial import Trial
from remediation.model import Outcome
from remediation.saga import Event

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """One fault's end. Times in seconds, None where the stage did not come; `wrong` says what is not as it
    must be, empty where all is."""

    fault: str
    fault_class: str
    expected: str
    outcome: str
    wrong: str
    detect: float | None
    wait: float | None
    diagnose: float | None
    act: float | None
    verify: float | None
    total: float | None
    p_yes: float | None
    model_right: bool | None
    code_right: bool
    wrote_manifest: bool

    @property
    def ok(self) -> bool:
        return not self.wrong


def judge(trial: Trial, story: Story) -> Result:
    """Look at the newest case of the fault and at the cluster itself."""
    fault = trial.fault
    cases = story.of(fault.intent_name, trial.injected_at - 1.0)
    case = cases[-1] if cases else None
    end = None
    if case is not None and case.ended:
        end = max(case.at.values()) - trial.injected_at
    return Result(
        fault=fault.name,
        fault_class=case.fault_class if case else "-",
        expected=fault.outcome.value,
        outcome=case.outcome.value if case and case.outcome else "open" if case else "not seen",
        wrong=_wrong(trial, case),
        detect=max(0.0, case.at[Event.OPENED] - trial.injected_at) if case else None,
        wait=case.seconds(Event.OPENED, Event.DIAGNOSIS_STARTED) if case else None,
        diagnose=case.seconds(Event.DIAGNOSIS_STARTED, Event.DIAGNOSED, Event.UNUSABLE) if case else None,
        act=case.seconds(Event.PLANNED, Event.APPLIED) if case else None,
        verify=case.seconds(Event.APPLIED, Event.HELD, Event.NOT_HELD) if case else None,
        total=end,
        p_yes=case.confidence if case else None,
        model_right=_model_right(trial, case),
        code_right=_code_right(trial, case),
        wrote_manifest=case is not None and case.wrote is not None,
    )


def _wrong(trial: Trial, case: CaseStory | None) -> str:
    if case is None:
        return "intentd opened no case"
    if case.outcome is None:
        return "the case is still open"
    if case.outcome is not trial.fault.outcome:
        return f"ended as {case.outcome}: {case.reason}"
    if case.fault_class != trial.fault.fault_class:
        return f"seen as {case.fault_class}, it is {trial.fault.fault_class}"
    return trial.what_is_wrong() or ""


def _model_right(trial: Trial, case: CaseStory | None) -> bool | None:
    """Whether what the model chose (or that it chose nothing) was right; None where it was not asked."""
    if case is None or not (case.chosen or case.unusable):
        return None
    chosen = case.chosen_candidate()
    if chosen is None:
        return trial.fault.outcome is Outcome.ESCALATED
    return trial.would_be_right(chosen)


def _code_right(trial: Trial, case: CaseStory | None) -> bool:
    """Whether taking the first candidate without asking anybody would have been right. Without candidates
    code can only call a person."""
    if case is None or not case.candidates:
        return trial.fault.outcome is Outcome.ESCALATED
    return trial.would_be_right(case.candidates[0])


PIPED_WIDTH = 140
"""Columns of the table where the output is no terminal: nothing is left out."""

_LEFT = ("fault", "class", "ended")
_STAGES = ("detect", "wait", "diagnose", "act", "verify", "total")
_COLUMNS = (*_LEFT, *_STAGES, "p(Yes)", "model", "code", "")
_EXPENDABLE = ("class", "wait", "act", "p(Yes)")
"""What a narrow terminal does without; report.json has it."""


def print_table(results: Sequence[Result], out: Console) -> None:
    """The demo's closing table, as much of it as fits."""
    wide = out if out.is_terminal else Console(file=out.file, width=PIPED_WIDTH)
    for dropped in range(len(_EXPENDABLE) + 1):
        shown = _table(results, _EXPENDABLE[:dropped])
        if Measurement.get(wide, wide.options.update(max_width=1000), shown).maximum <= wide.width:
            break
    wide.print(shown)
    wide.print(
        "model, code: would the model's choice, would code's first candidate alone, have been right?",
        style="dim",
    )
    if any(each.wrote_manifest for each in results):
        wide.print("¹ the model wrote the manifest itself: code had no candidate", style="dim")


def _table(results: Sequence[Result], left_out: Sequence[str]) -> Table:
    shown = Table(
        title="How it went (stages in seconds)", title_justify="left", header_style="bold", box=None
    )
    for name in _COLUMNS:
        if name not in left_out:
            justify: JustifyMethod = "left" if name in _LEFT else "right" if name in _STAGES else "center"
            shown.add_column(name, justify=justify, no_wrap=True)
    for each in results:
        cells: dict[str, str | Text] = {
            "fault": each.fault,
            "class": each.fault_class,
            "ended": _ended(each),
            **{stage: _seconds(getattr(each, stage)) for stage in _STAGES},
            "p(Yes)": "-" if each.p_yes is None else f"{each.p_yes:.2f}",
            "model": _right(each.model_right),
            "code": _right(each.code_right),
            "": Text("✓", style="green") if each.ok else Text("✗", style="bold red"),
        }
        shown.add_row(*(cell for name, cell in cells.items() if name not in left_out))
    return shown


def _ended(result: Result) -> str:
    mark = " ¹" if result.wrote_manifest else ""
    wanted = "" if result.outcome == result.expected else f", not {result.expected}"
    return f"{result.outcome}{mark}{wanted}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _right(value: bool | None) -> Text:
    if value is None:
        return Text("-")
    return Text("right", style="green") if value else Text("wrong", style="red")


def rows(results: Sequence[Result]) -> list[Json]:
    """For `report.json`."""
    return [asdict(each) | {"ok": each.ok} for each in results]
