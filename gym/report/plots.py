"""Inline SVG: shares with their intervals, and distributions. Colours are the page's (`style.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gym.cases.results import Interval
from gym.report.html import Html, el

WIDTH, LEFT, RIGHT = 860, 250, 24
STEP, GAP = 11, 12
"""Pixels between the series of one group, and between groups."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin. `parts` are stacked, one for each series."""

    label: str
    parts: tuple[int, ...]


def shares(groups: Sequence[tuple[str, Sequence[Interval | None]]], series: Sequence[str]) -> Html:
    """A group of dots with intervals, 0 to 100 %, for each name; a series that has no share there is left out."""
    height = 26 + sum(GAP + STEP * len(series) for _ in groups)
    drawn: list[Html] = []
    for tick in range(0, 101, 25):
        x = _x(tick / 100)
        drawn += [
            el("line", x1=x, x2=x, y1=18, y2=height, class_="grid"),
            el("text", f"{tick} %", x=x, y=12, text_anchor="middle"),
        ]
    top = 26
    for name, intervals in groups:
        middle = top + STEP * (len(series) - 1) / 2
        drawn.append(el("text", _short(name), x=LEFT - 12, y=middle + 4, text_anchor="end"))
        for place, (one, label) in enumerate(zip(intervals, series, strict=True)):
            if one is None:
                continue
            y = top + STEP * place
            said = f"{name}, {label}: {percent(one)}, {one.scenarios} scenarios"
            marks = [
                el("line", x1=_x(one.low), x2=_x(one.high), y1=y, y2=y, class_=f"range s{place}"),
                el("circle", cx=_x(one.share), cy=y, r=4, class_=f"s{place}"),
            ]
            drawn.append(el("g", el("title", said), *marks))
        top += STEP * len(series) + GAP
    return _svg(height, drawn, "Share of scenarios that ended right, with 95 % intervals")


def histogram(bars: Sequence[Bar], series: Sequence[str], title: str) -> Html:
    """Stacked counts."""
    height, base, most = 190, 160, max([sum(bar.parts) for bar in bars] or [1]) or 1
    wide = (WIDTH - 60) / max(len(bars), 1)
    drawn: list[Html] = []
    for place, bar in enumerate(bars):
        x, bottom = 40 + place * wide, float(base)
        for index, count in enumerate(bar.parts):
            tall = count / most * (base - 24)
            bottom -= tall
            said = f"{bar.label}, {series[index]}: {count}"
            box = el(
                "rect",
                x=_round(x + 1),
                y=_round(bottom),
                width=_round(wide - 2),
                height=_round(tall),
                class_=f"h{index}",
            )
            drawn.append(el("g", el("title", said), box))
        if total := sum(bar.parts):
            drawn.append(
                el("text", total, x=_round(x + wide / 2), y=_round(bottom - 4), text_anchor="middle")
            )
        drawn.append(el("text", bar.label, x=_round(x + wide / 2), y=base + 16, text_anchor="middle"))
    drawn.append(el("line", x1=40, x2=WIDTH - 20, y1=base, y2=base, class_="grid"))
    return _svg(height, drawn, title)


def bins(values: Sequence[tuple[float, int]], edges: Sequence[float], series: int, unit: str) -> list[Bar]:
    """Counts between edges, of values with the index of their series. The last bin is open."""
    found = []
    for place, low in enumerate(edges):
        high = edges[place + 1] if place + 1 < len(edges) else float("inf")
        parts = tuple(sum(low <= value < high and of == s for value, of in values) for s in range(series))
        label = f"{low:g}{unit}+" if high == float("inf") else f"{low:g}-{high:g}{unit}"
        found.append(Bar(label, parts))
    return found


def percent(one: Interval | None) -> str:
    """The share with its interval."""
    return "-" if one is None else f"{one.share:.0%} ({one.low:.0%}-{one.high:.0%})"


def _svg(height: float, drawn: Sequence[Html], title: str) -> Html:
    return el("svg", *drawn, viewBox=f"0 0 {WIDTH} {_round(height)}", role="img", aria_label=title)


def _x(share: float) -> float:
    return _round(LEFT + share * (WIDTH - LEFT - RIGHT))


def _round(value: float) -> float:
    return round(value, 1)


def _short(name: str) -> str:
    return name if len(name) <= 36 else name[:35] + "…"
