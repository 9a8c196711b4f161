"""What stood around a change: who was harmed by it, and who recovered without it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model import CaseKey
from remediation.blast_radius import Neighbours, attribute, controls, harmed
from remediation.verify import Progress, Verification

WEB, API, DB = (CaseKey("runs", "Deployment", "shop", name) for name in ("web", "api", "db"))
PULL = frozenset({"ImagePull"})
ALL = {key[1:]: 1 for key in (WEB, API, DB)}
OURS = {WEB[1:]}
HELD = Verification(Progress.HELD, "not seen for 10 s")


def around(broken=(), unsettled=(), unjudged=(), generations=ALL):
    return Neighbours(
        dict.fromkeys(broken, PULL), frozenset(unsettled), frozenset(unjudged), dict(generations)
    )


def judged(before, now, *, patient=False):
    return attribute(HELD, before, now, WEB, OURS, "ImagePull", patient=patient).state


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (around([WEB]), around(), Progress.HELD),
        (around([WEB]), around([API]), Progress.SPREAD),
        (around([WEB]), around([CaseKey("other", *WEB[1:])]), Progress.SPREAD),
        (around([WEB], unsettled=[API]), around([API]), Progress.HELD),
        (around([WEB]), around([API], generations={**ALL, API[1:]: 2}), Progress.HELD),
        (around([WEB], generations={WEB[1:]: 1}), around([API]), Progress.HELD),  # made since
        (around([WEB, API]), around([API]), Progress.HELD),
        (around([WEB, API]), around(), Progress.UNPROVEN),
        (around([WEB, API]), around(unsettled=[API]), Progress.HELD),
        (around([WEB, API]), around(unjudged=["runs"]), Progress.HELD),
        (around([WEB, API]), around(generations={**ALL, API[1:]: 2}), Progress.HELD),
        (around([WEB, API]), around(generations={WEB[1:]: 1}), Progress.HELD),  # deleted since
        (around([WEB, API, DB]), around([DB]), Progress.HELD),  # one stayed broken: ours was not luck
    ],
)
def test_a_proof_is_judged_by_what_stands_around_it(before, now, expected):
    assert judged(before, now) is expected


def test_a_neighbour_has_the_timeout_to_come_back():
    assert judged(around([WEB]), around([API]), patient=True) is Progress.WAITING


@pytest.mark.parametrize("state", [state for state in Progress if state is not Progress.HELD])
def test_what_did_not_hold_is_left_as_it_was_judged(state):
    told = Verification(state, "so")
    assert attribute(told, around([WEB]), around([API]), WEB, OURS, "ImagePull", patient=False) is told


KEYS = st.builds(
    CaseKey,
    st.sampled_from("ab"),
    st.sampled_from(["Deployment", "Service"]),
    st.just("shop"),
    st.sampled_from("xyz"),
)
AROUND = st.builds(
    Neighbours,
    st.dictionaries(KEYS, st.frozensets(st.sampled_from(["ImagePull", "OOMKilled"]), min_size=1)),
    st.frozensets(KEYS),
    st.frozensets(st.sampled_from("ab")),
    st.dictionaries(KEYS.map(lambda key: key[1:]), st.integers(0, 2)),
)


@given(AROUND)
def test_the_ledger_gives_back_what_it_was_given(before):
    assert Neighbours.from_json(json.loads(json.dumps(before.to_json()))) == before


@given(AROUND, AROUND, KEYS)
def test_nobody_is_both_harmed_and_a_control(before, now, ours):
    changed = {ours[1:]}
    found = harmed(before, now, ours, changed), controls(before, now, ours, changed, "ImagePull")
    assert not set(found[0]) & set(found[1])
    assert ours not in found[0] + found[1]
    assert set(found[0]) <= set(now.broken) - set(before.broken)


@given(AROUND, KEYS)
def test_where_nothing_changed_nobody_is_harmed(before, ours):
    assert harmed(before, before, ours, {ours[1:]}) == ()
