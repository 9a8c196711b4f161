"""When a CronJob is due, read as its controller reads it.

The controller parses with robfig/cron's ParseStandard, whose language is its own: Sunday is 0 and never 7, `?` is
`*`, `N/step` runs to the field's end, `*/2` restricts as a list does, and there are @hourly and @every. Readers of
other cron dialects accept what it refuses and count days differently, so its few rules are written out here
(robfig/cron v3 parser.go and spec.go; the tests hold answers of that library). An activation is a minute whose wall
clock in the schedule's zone matches: what a clock change skips never comes, what it repeats comes twice.

Time zones are looked up in the standard library's table of them, the one thing here that is not computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

YEARS = 5
"""How far ahead is looked before a schedule counts as one that never comes (spec.go, `yearLimit`)."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|us|µs|ns|h|m|s)", re.ASCII)
_EXAMPLE_ZONE = "America/New_York"


class ScheduleError(ValueError):
    """A schedule or time zone that the controller cannot read; the sentence says what of it."""


class NoZonesError(LookupError):
    """The machine has no table of time zones, so no zone can be judged."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes at which a CronJob is due. `every` (seconds) stands instead of the sets for @every."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: tzinfo
    every: float | None = None

    def after(self, moment: float) -> float | None:
        """The first time due strictly after this one, both in Unix seconds; None where none comes."""
        return _after(self, moment)

    def includes(self, moment: float) -> bool:
        """Whether it is due at this very minute; always for @every, which counts from the last run."""
        return self.every is not None or self.after(moment - 1) == moment

    def on(self, day: date) -> bool:
        """Whether the date matches. Where day of month and weekday are both restricted, either is enough."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        return (of_month and of_week) if self.any_day or self.any_weekday else (of_month or of_week)


@lru_cache(maxsize=4096)
def parse(text: str, time_zone: str | None = None) -> Schedule:
    """The schedule; `time_zone` None is the controller's own, taken to be UTC.

    Raises ScheduleError for what the controller cannot read, NoZonesError where zones cannot be looked up.
    """
    text = text.strip()
    for prefix in ("CRON_TZ=", "TZ="):
        if text.startswith(prefix):
            time_zone, _, text = text.removeprefix(prefix).strip().partition(" ")
    zone = _zone(time_zone)
    if text.startswith("@every "):
        every = max(1.0, float(int(_seconds(text.removeprefix("@every ").strip()))))
        none: frozenset[int] = frozenset()
        return Schedule((), (), none, none, none, True, True, zone, every)
    if text.startswith("@") and text not in _MACROS:
        raise ScheduleError(f"{text!r} is no known macro, such as @hourly")
    fields = _MACROS.get(text, text).split()
    if len(fields) != 5:
        raise ScheduleError(f"{text!r} has {len(fields)} fields, not five")
    minutes, _ = _field(fields[0], 0, 59)
    hours, _ = _field(fields[1], 0, 23)
    days, any_day = _field(fields[2], 1, 31)
    months, _ = _field(fields[3], 1, 12, _MONTHS)
    weekdays, any_weekday = _field(fields[4], 0, 6, _DAYS)
    return Schedule(
        tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, any_day, any_weekday, zone
    )


@lru_cache(maxsize=4096)  # the last run of a CronJob stays the same for many looks
def _after(schedule: Schedule, moment: float) -> float | None:
    if schedule.every is not None:
        return float(int(moment)) + schedule.every
    try:
        first = datetime.fromtimestamp(moment, schedule.zone).date()
        day = first
        while day.year <= first.year + YEARS:
            found = _on_day(schedule, day, moment) if schedule.on(day) else None
            if found is not None:
                return found
            day += timedelta(days=1)
    except (OverflowError, ValueError, OSError):
        pass  # beyond the calendar: nothing comes there
    return None


def _on_day(schedule: Schedule, day: date, moment: float) -> float | None:
    for hour in schedule.hours:
        times = (
            found
            for minute in schedule.minutes
            for fold in (0, 1)
            if (found := _instant(day, hour, minute, fold, schedule.zone)) is not None and found > moment
        )
        earliest = min(times, default=None)
        if earliest is not None:
            return earliest
    return None


def _instant(day: date, hour: int, minute: int, fold: int, zone: tzinfo) -> float | None:
    """Unix seconds of a wall clock reading; None where the clock skips it."""
    wall = datetime(day.year, day.month, day.day, hour, minute, fold=fold, tzinfo=zone)
    found = wall.timestamp()
    back = datetime.fromtimestamp(found, zone)
    return found if (back.hour, back.minute, back.day) == (hour, minute, day.day) else None


# ---------------------------------------------------------------- reading it


def _field(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> tuple[frozenset[int], bool]:
    """The values of a field, and whether it leaves all open (parser.go, `getRange`: a star without a step)."""
    values: set[int] = set()
    free = False
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        first, dash, last = span.partition("-")
        star = first in ("*", "?") and not dash
        start = low if star else _number(first, low, names)
        end = high if star or (slash and not dash) else _number(last, low, names) if dash else start
        step = _number(step_text, 0, ()) if slash else 1
        if start < low or end > high or start > end or step < 1:
            raise ScheduleError(f"{part!r} is not within {low}-{high}")
        values.update(range(start, end + 1, step))
        free = free or (star and step == 1)
    return frozenset(values), free


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if text.lower() in names:
        return names.index(text.lower()) + low
    raise ScheduleError(f"{text!r} is no number")


def _seconds(text: str) -> float:
    """Go's time.ParseDuration, without signs."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ScheduleError(f"{text!r} is not a duration, such as 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _zone(name: str | None) -> tzinfo:
    if name is None or name in ("UTC", "Etc/UTC"):
        return UTC
    found = _look_up(name)
    if found is None and _look_up(_EXAMPLE_ZONE) is None:
        raise NoZonesError("this machine has no time zone data (the package tzdata)")
    if found is None:
        raise ScheduleError(f"{name!r} is no known time zone")
    return found


def _look_up(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # absent, no name at all, or a folder of zones
        return None
