"""When a CronJob is due. The expected times were computed by robfig/cron v3.0.1 itself, which the controller uses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.schedule import Schedule, ScheduleError, parse

AS_THE_LIBRARY_SAYS = [
    (
        "*/15 * * * *",
        "UTC",
        "2026-11-21T10:07:00Z",
        ["2026-11-21T10:15:00Z", "2026-11-21T10:30:00Z", "2026-11-21T10:45:00Z"],
    ),
    (
        "0 3 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        ["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z", "2026-03-31T01:00:00Z"],
    ),
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        ["2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z", "2026-04-01T00:30:00Z"],
    ),
    (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"],
    ),
    (
        "30 1 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"],
    ),
    (
        "0 0 13 * fri",
        "UTC",
        "2026-11-01T00:00:00Z",
        ["2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"],
    ),
    (
        "0 0 */2 * mon",
        "UTC",
        "2026-11-01T00:00:00Z",
        ["2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-05T00:00:00Z"],
    ),
    (
        "5/20 22-23 * JAN,mar ?",
        "UTC",
        "2026-12-01T00:00:00Z",
        ["2027-01-01T22:05:00Z", "2027-01-01T22:25:00Z", "2027-01-01T22:45:00Z"],
    ),
    (
        "0 0 29 2 *",
        "UTC",
        "2026-11-21T00:00:00Z",
        ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"],
    ),
    ("0 0 31 2 *", "UTC", "2026-11-21T00:00:00Z", ["never"]),
    (
        "@weekly",
        "Asia/Kolkata",
        "2026-11-21T00:00:00Z",
        ["2026-11-21T18:30:00Z", "2026-11-28T18:30:00Z", "2026-12-05T18:30:00Z"],
    ),
    (
        "@every 1h30m",
        "UTC",
        "2026-11-21T00:00:30Z",
        ["2026-11-21T01:30:30Z", "2026-11-21T03:00:30Z", "2026-11-21T04:30:30Z"],
    ),
    (
        "TZ=Asia/Tokyo 0 9 * * 1-5",
        "UTC",
        "2026-11-20T00:00:00Z",
        ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"],
    ),
]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def following(schedule: Schedule, since: float, count: int) -> list[str]:
    found = []
    for _ in range(count):
        after = schedule.after(since)
        if after is None:
            return [*found, "never"]
        found.append(datetime.fromtimestamp(after, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        since = after
    return found


@pytest.mark.parametrize(("text", "zone", "since", "expected"), AS_THE_LIBRARY_SAYS)
def test_runs_come_when_the_controllers_library_says(text, zone, since, expected):
    assert following(parse(text, zone), moment(since), len(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "0 0 * * 7",
        "*/0 * * * *",
        "61 * * * *",
        "5-3 * * * *",
        "@reboot",
        "@every x",
        "0 0 L * *",
    ],
)
def test_what_the_controller_cannot_read_is_an_error(text):
    with pytest.raises(ScheduleError):
        parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "x\0y"])
def test_a_zone_that_nobody_knows_is_an_error(zone):
    with pytest.raises(ScheduleError, match="time zone"):
        parse("0 0 * * *", zone)


FIELD = st.one_of(
    st.sampled_from(["*", "*/7", "?", "1-5", "3,9", "2/3", "mon", "feb"]),
    st.text("0123456789*/-,?", max_size=5),
)


@given(st.one_of(st.text(max_size=30), st.lists(FIELD, min_size=5, max_size=5).map(" ".join)))
def test_any_text_is_a_schedule_or_an_error(text):
    try:
        schedule = parse(text)
    except ScheduleError:
        return
    due = schedule.after(1_800_000_000.0)
    assert due is None or due > 1_800_000_000.0
    assert due is None or schedule.includes(due)
