"""The page: how it was run, families beside baselines, plots, and every sample."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from gym.cases.results import Interval, Summary
from gym.replay.baselines import WHAT, Baseline
from gym.report.details import row
from gym.report.html import Html, el, join
from gym.report.numbers import Line, Sample, gained, lines
from gym.report.plots import bins, histogram, percent, shares
from gym.report.style import STYLE
from gym.run.record import Settings

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script, nothing from elsewhere: a page full of logs and answers stays text."""

SERIES = ("intentd", *(one.value for one in Baseline))
SECONDS = (0, 10, 20, 30, 45, 60, 90, 120, 180, 300)
P_YES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def page(samples: Sequence[Sample], settings: Settings, unknown: int = 0) -> str:
    """The whole document. `unknown` results are of cases that the folder no longer holds as they were
    run; they are left out."""
    found = lines(samples, settings.seed)
    body = el(
        "body",
        *_head(samples, settings, unknown),
        el("h2", "Families"),
        el("div", _table(found), class_="wide"),
        _notes(samples),
        el("h2", "What intentd adds"),
        _gains(samples, settings.seed),
        el("h2", "Right, beside baselines"),
        _key(SERIES, "s"),
        shares([(one.family, _rights(one)) for one in (found[-1], *found[:-1])], SERIES),
        *_distributions(samples),
        el("h2", "Samples"),
        *(row(one) for one in samples),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width,initial-scale=1"),
        el("title", "intentd: a run of the gym"),
        el("style", Html(STYLE)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _head(samples: Sequence[Sample], settings: Settings, unknown: int) -> list[Html]:
    skipped = sum(one.live.skipped is not None for one in samples)
    told = f"model: {settings.made_of}; provider: {settings.provider}; seed of the intervals: {settings.seed}"
    counted = f"{len(samples)} samples, {skipped} of them not run"
    return [
        el("h1", "A run of the gym"),
        el("p", told, class_="dim"),
        el(
            "p",
            counted
            + (
                f"; {unknown} results are left out: their cases are no longer what was run" if unknown else ""
            ),
        ),
        el("p", _agreement(samples)),
    ]


def _agreement(samples: Sequence[Sample]) -> str:
    tried = [one.again for one in samples if one.again is not None]
    if not tried:
        return "No plan was applied, so replay could not be checked against live verdicts."
    return (
        f"Replay of the plan that was applied gives the live verdict in {sum(tried)} of {len(tried)} samples."
    )


def _table(found: Sequence[Line]) -> Html:
    names = ("family", "scenarios", "not run", "seen", "class right", "outcome", "right", "harm", "seconds")
    head = [el("th", name, class_="left" if name == "outcome" else None) for name in names]
    head += [el("th", one.value) for one in Baseline]
    body = [_row(one, last=one is found[-1]) for one in found]
    return el("table", el("thead", el("tr", *head)), el("tbody", *body))


def _row(one: Line, *, last: bool) -> Html:
    ended = ", ".join(f"{count} {name}" for name, count in one.outcomes) or "-"
    cells = [
        el("td", one.family),
        el("td", one.scenarios),
        el("td", one.live.skipped),
        el("td", percent(one.live.seen)),
        el("td", percent(one.class_right)),
        el("td", ended, class_="left"),
        el("td", percent(_right(one.live))),
        el("td", percent(one.live.harm)),
        el("td", f"{median(one.seconds):.0f}" if one.seconds else "-"),
    ]
    cells += [el("td", _beside(one, baseline)) for baseline in Baseline]
    return el("tr", *cells, class_="all" if last else None)


def _beside(one: Line, baseline: Baseline) -> str:
    """The baseline's share; with its own number of scenarios where it could not be scored on all."""
    told, live = _right(one.baselines[baseline]), _right(one.live)
    if told is None or live is None or told.scenarios == live.scenarios:
        return percent(told)
    return f"{percent(told)} of {told.scenarios}"


def _right(told: Summary) -> Interval | None:
    """Of faults; of a family of controls, the share left untouched."""
    return told.right or told.untouched


def _rights(one: Line) -> list[Interval | None]:
    return [_right(one.live), *(_right(one.baselines[baseline]) for baseline in Baseline)]


def _notes(samples: Sequence[Sample]) -> Html:
    harmed = [f"{name.value}: {_harmed(samples, name)}" for name in Baseline]
    return join(
        [
            el(
                "p",
                "Shares are of scenarios, with 95 % bootstrap intervals; of controls: left untouched. Seconds are medians.",
                class_="dim",
            ),
            el(
                "p",
                "Baselines are replays on the recorded objects, with verification and without guards. "
                f"Samples that they harmed: {'; '.join(harmed)}.",
                class_="dim",
            ),
            el("ul", *(el("li", el("b", name.value), ": ", words) for name, words in WHAT.items())),
        ]
    )


def _gains(samples: Sequence[Sample], seed: int) -> Html:
    """The same samples under both, so that hard and easy cases do not blur the difference."""
    told = [(name.value, gained(samples, name, seed)) for name in Baseline]
    points = [f"over {name}: {_points(one)}" for name, one in told if one is not None]
    return join(
        [
            el(
                "p",
                "Scenarios with a fault that end right, in percentage points more (95 % interval), on the same samples:",
            ),
            el("ul", *(el("li", one) for one in points)),
        ]
    )


def _points(one: Interval) -> str:
    return f"{round(100 * one.share):+d} ({round(100 * one.low):+d} to {round(100 * one.high):+d}), {one.scenarios} scenarios"


def _harmed(samples: Sequence[Sample], baseline: Baseline) -> int:
    return sum(one.baselines[baseline].harm for one in samples)


def _distributions(samples: Sequence[Sample]) -> list[Html]:
    marks = ("right", "wrong")
    timed = [(one.live.seconds, int(not one.live.right)) for one in samples if one.live.seconds is not None]
    found = [
        el("h2", "Seconds of a sample"),
        _key(marks, "h"),
        histogram(bins(timed, SECONDS, 2, ""), marks, "Seconds of a sample"),
    ]
    judged = [(each.p_yes, int(not each.right)) for one in samples for each in one.judged]
    found.append(el("h2", "p(Yes) of judged changes"))
    if judged:
        found += [_key(marks, "h"), histogram(bins(judged, P_YES, 2, ""), marks, "p(Yes) of judged changes")]
    else:
        found.append(el("p", "No change was judged by a model in this run.", class_="dim"))
    return found


def _key(names: Sequence[str], colours: str) -> Html:
    marks = (
        el("span", el("i", class_=f"{colours}{place}"), name, class_="key")
        for place, name in enumerate(names)
    )
    return el("p", *marks)
