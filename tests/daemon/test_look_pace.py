"""Looks come at once after a rest, and in the long run take one hundredth of the time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pace import COALESCE, LONGEST, SAVED, SHARE, LookPace


def live(cost: float, seconds: float) -> list[float]:
    """When looks begin, each of that cost, while something changes all the time."""
    pace, now, began = LookPace(0.0), 0.0, []
    while now < seconds:
        began.append(now)
        now = pace.rest_until(now, now + cost)
    return began


def test_a_burst_is_looked_at_as_it_comes():
    assert live(0.005, 2.0)[1] == pytest.approx(0.005 + COALESCE)
    assert len(live(0.005, 2.0)) == pytest.approx(2.0 / (0.005 + COALESCE), rel=0.05)


@pytest.mark.parametrize("cost", [0.002, 0.005, 0.009])
def test_looking_all_the_time_takes_its_share_and_no_more(cost):
    spent = cost * sum(1 for at in live(cost, 10_000.0) if at > 5_000.0)
    assert spent == pytest.approx(SHARE * 5_000.0, rel=0.1)


def test_however_dear_a_look_is_the_next_one_comes_within_a_second():
    looks = live(5.0, 100.0)
    assert max(b - a for a, b in pairwise(looks)) <= 5.0 + LONGEST + 1e-6


def test_a_rest_saves_up_for_the_next_burst_and_not_for_more():
    pace = LookPace(0.0)
    for at in range(1000):
        pace.rest_until(at, at + 0.5)  # all is spent
    begins = 1000.0 + SAVED / SHARE
    assert pace.rest_until(begins, begins + 0.01) == pytest.approx(begins + 0.01 + COALESCE)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=30))
def test_the_next_look_is_never_before_its_rest_nor_later_than_the_longest(steps):
    pace, now = LookPace(0.0), 0.0
    for rest, cost in steps:
        now += rest
        until = pace.rest_until(now, now + cost)
        now += cost
        assert now + COALESCE <= until <= now + LONGEST + 1e-6
