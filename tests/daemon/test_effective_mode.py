"""Whatever is granted, earned, lost and revoked in whatever order: the mode that guards see is never above the
intent's, the operator's or the earned one, and a demotion is in it from the very next guard run."""

import shutil
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.guarding import context_for
from daemon.mode import effective_mode
from detectors.model import ObjectRef
from intents.catalog import compile_catalog
from intents.model import Mode
from remediation.approval import Approval, agreement
from remediation.autonomy import Decided, Decision, earned
from remediation.guards import GUARDS, run_guards
from remediation.plan import plan_from_json
from remediation.saga import Event, State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import get_case
from store.retention import backup
from tests.fakes.rig import BAD, INTENT, Rig

CLASSES, WEIGHTS = ("*", "ImagePull", "OOMKilled"), ("*", "sha256:fake", "sha256:other")
MODES = st.sampled_from(tuple(Mode))
NOW = 1_767_607_300.0
TIMES = st.floats(NOW - 1e5, NOW + 1e5)


def intent_of(mode):
    text = INTENT.replace("mode: auto", f"mode: {mode}")
    return compile_catalog({"web.yaml": text.encode()})


# ---------------------------------------------------------------- as values

decisions = st.builds(
    Decision,
    fault_class=st.sampled_from(CLASSES),
    weights=st.sampled_from(WEIGHTS),
    mode=MODES,
    decided=st.sampled_from(tuple(Decided)),
    seq=st.integers(1, 99),
    at=TIMES,
    until=st.none() | TIMES,
)


@given(made=st.lists(decisions), mode=MODES, ceiling=MODES, now=TIMES)
def test_the_effective_mode_is_never_above_any_of_the_three(made, mode, ceiling, now):
    (intent,) = intent_of(mode).intents.values()
    pair = {"fault_class": "ImagePull", "weights": "sha256:fake", "now": now}
    found = effective_mode(intent, ceiling, made, **pair)
    assert found.rank <= min(mode.rank, ceiling.rank, earned(made, **pair).rank)


@given(made=st.lists(decisions), mode=MODES, ceiling=MODES, now=TIMES)
def test_a_hint_is_proposed_at_most_and_changes_nothing_else(made, mode, ceiling, now):
    (intent,) = intent_of(mode).intents.values()
    pair = {"fault_class": "ImagePull", "weights": "sha256:fake", "now": now}
    sure, hint = (effective_mode(intent, ceiling, made, **pair, hint=hint) for hint in (False, True))
    assert hint.rank == min(sure.rank, Mode.PROPOSE.rank)


@given(made=st.lists(decisions), now=TIMES, newest=decisions)
def test_no_older_decision_is_seen_past_the_newest_that_stands(made, now, newest):
    newest = replace(newest, seq=100, until=None)
    if newest.about("ImagePull", "sha256:fake"):
        assert earned([*made, newest], fault_class="ImagePull", weights="sha256:fake", now=now) is newest.mode


@given(made=st.lists(decisions), now=TIMES)
def test_what_nobody_spoke_of_may_propose_and_no_more(made, now):
    assert earned(made, fault_class="Drift", weights="sha256:new", now=now) in {
        Mode.PROPOSE,
        *(one.mode for one in made if one.fault_class == "*" and one.weights == "*"),
    }


people = st.sampled_from(("alice", "bob", "carol", "root"))
given_approvals = st.lists(
    st.builds(Approval, digest=st.sampled_from(("d", "e")), by=people, at=TIMES, until=TIMES)
)


@given(said=given_approvals, needed=st.integers(1, 4), now=TIMES)
def test_a_plan_is_approved_by_that_many_different_people_who_said_yes_to_it_and_still_do(said, needed, now):
    found = agreement(said, "d", now=now, needed=needed, shared={"root"})
    standing = {one.by for one in said if one.digest == "d" and one.until > now}
    assert set(found.by) == (standing - {"root"} if needed > 1 else standing)
    assert found.complete == (len(set(found.by)) >= needed)
    if found.complete:
        assert not agreement(said, "d", now=found.until, needed=needed, shared={"root"}).complete
    else:
        assert found.until is None


# ---------------------------------------------------------------- through the ledger and the guards


@pytest.fixture(scope="module")
def proposed(tmp_path_factory):
    """A rig with one proposal that waits, and a copy of its ledger to go on from."""
    folder = tmp_path_factory.mktemp("proposed")
    rig = Rig(folder, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    backup(rig.store, folder / "copy.db")
    return rig, case, folder


@st.composite
def happenings(draw):
    """Rows that raise or lower trust, and what each says of ImagePull under sha256:fake: up, down, nothing."""
    kind = draw(st.sampled_from(("grant", "grant", "revoke", "promoted", *ENDS)))
    fault_class, weights = draw(st.sampled_from(CLASSES)), draw(st.sampled_from(WEIGHTS))
    about = fault_class in ("*", "ImagePull") and weights in ("*", "sha256:fake")
    said = {"fault_class": fault_class, "weights": weights, "reason": "r", "by": draw(people)}
    if kind == "grant":
        mode = draw(MODES)
        row = said | {"mode": mode.value, "until": draw(st.none() | TIMES), "people": draw(st.integers(1, 2))}
        return "up" if about and mode is Mode.AUTO else "", [(SystemEvent.GRANTED, row)]
    if kind == "revoke":
        return "down" if about else "", [(SystemEvent.REVOKED, said)]
    if kind == "promoted":
        row = said | {"successes": draw(st.integers(1, 3)), "case": "x-1"}
        return "up" if about else "", [(SystemEvent.PROMOTED, row)]
    pair = draw(st.sampled_from((("ImagePull", "sha256:fake"),) * 3 + (("OOMKilled", "sha256:fake"),)))
    exact = {"fault_class": pair[0], "weights": pair[1]}
    same = pair[0] == "ImagePull"
    lost = "down" if same and kind != "held" else ""
    return lost, [(event, exact) for event in ENDS[kind]]


WRITTEN = (Event.DIAGNOSIS_STARTED, Event.DIAGNOSED, Event.PLANNED, Event.APPLY_STARTED, Event.APPLIED)
ENDS = {
    "held": (Event.OPENED, *WRITTEN, Event.HELD),
    "not-held": (Event.OPENED, *WRITTEN, Event.NOT_HELD),
    "undo-asked": (Event.OPENED, *WRITTEN, Event.UNDO_ASKED),
    "rejected": (Event.OPENED, *WRITTEN[:3], Event.REJECTED),
}


def entry(event, row, number):
    if isinstance(event, SystemEvent):
        return Entry(event, row)
    key = {"intent": "other", "kind": "Deployment", "namespace": "shop", "name": f"w{number}", "opening": 1}
    told = {
        **key,
        **row,
        "severity": "warning",
        "summary": "",
        "plan": {},
        "digest": "d",
        "operation_id": f"op{number}",
        "target": key,
        "touched": [],
        "approved": True,
        "outcome": "fixed",
    }
    return Entry(event, told, f"other{number}-1")


MOSTLY_AUTO = st.sampled_from((Mode.AUTO,) * 4 + tuple(Mode))
WIDE = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "r", "by": "ann"}


@settings(max_examples=60, deadline=None)
@example(  # a grant that one of two people said lifted a revocation
    rows=[
        (
            (
                "down",
                [
                    (
                        SystemEvent.REVOKED,
                        {"fault_class": "*", "weights": "sha256:fake", "reason": "r", "by": "alice"},
                    )
                ],
            ),
            NOW,
        ),
        (
            (
                "",
                [
                    (
                        SystemEvent.GRANTED,
                        {
                            "fault_class": "*",
                            "weights": "sha256:fake",
                            "reason": "r",
                            "by": "alice",
                            "mode": "observe",
                            "until": None,
                            "people": 2,
                        },
                    )
                ],
            ),
            NOW,
        ),
    ],
    mode=Mode.AUTO,
    ceiling=Mode.AUTO,
)
@given(
    rows=st.lists(st.tuples(happenings(), TIMES), min_size=1, max_size=8),
    mode=MOSTLY_AUTO,
    ceiling=MOSTLY_AUTO,
)
def test_a_demotion_is_in_the_very_next_guard_run_and_nothing_is_ever_above_the_three(
    proposed, rows, mode, ceiling
):
    rig, case, folder = proposed
    shutil.copy(folder / "copy.db", folder / "ledger-of-this-example.db")
    store = Ledger.open(folder / "ledger-of-this-example.db")
    limits = rig.world.settings.limits.model_copy(update={"mode": ceiling})
    world = replace(rig.world, store=store, settings=rig.world.settings.model_copy(update={"limits": limits}))
    memory = replace(rig.memory, catalog=intent_of(mode))
    lowered = False
    try:
        store.record([Entry(SystemEvent.GRANTED, WIDE)], at=NOW)
        for number, ((says, events), at) in enumerate(rows):
            store.record([entry(event, row, number) for event, row in events], at=at)
            lowered = {"up": False, "down": True, "": lowered}[says]
            seen = _guards_see(world, memory, store, case)
            assert seen.rank <= min(mode.rank, ceiling.rank)
            if lowered:
                assert seen.rank <= Mode.PROPOSE.rank
    finally:
        store.close()


def _guards_see(world, memory, store, case):
    row = get_case(store, case.case_id)
    plan = plan_from_json(row.plan)
    live = world.cluster.read(ObjectRef(*plan.target))
    context = context_for(world, memory, row, plan, live)
    (verdict,) = run_guards(context, [guard for guard in GUARDS if guard.name == "mode"])
    assert verdict.allowed == (context.mode is Mode.AUTO)
    return context.mode
