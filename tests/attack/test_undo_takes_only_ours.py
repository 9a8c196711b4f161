"""Somebody put their own entry into a list that our fix created: the undo leaves it, and so does the guard."""

import copy

import pytest

from remediation.diff import apply
from remediation.guards.editable import Editable
from remediation.model import Candidate
from remediation.plan import plan_change, undo_plan
from tests.fakes.manifests import container, deployment, ref
from tests.remediation.guards.ground import app, context

LISTS = {
    "env": ({"name": "A", "value": "1"}, {"name": "B", "value": "theirs"}),
    "ports": (
        {"containerPort": 80, "protocol": "TCP", "name": "web"},
        {"containerPort": 90, "protocol": "TCP"},
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_an_entry_that_somebody_added_to_our_new_list_stays(name):
    ours, theirs = LISTS[name]
    live = deployment("web", container("app"))
    plan = plan_change(Candidate("c", "t", ref(live), "s", app(**{name: [ours]})), live)
    now = apply(live, plan.operations)
    _box(now)[name].append(copy.deepcopy(theirs))
    after = apply(now, undo_plan(plan, now).operations)
    assert _box(after)[name] == [theirs]


@pytest.mark.parametrize("name", LISTS)
def test_our_new_list_goes_as_a_whole_where_nobody_else_is_in_it(name):
    live = deployment("web", container("app"))
    plan = plan_change(Candidate("c", "t", ref(live), "s", app(**{name: [LISTS[name][0]]})), live)
    now = apply(live, plan.operations)
    assert apply(now, undo_plan(plan, now).operations) == live


def test_the_guard_refuses_an_undo_that_takes_their_entry_too():
    live = deployment("web", container("app"))
    fix = plan_change(Candidate("c", "t", ref(live), "s", app(env=[LISTS["env"][0]])), live)
    now = apply(live, fix.operations)
    _box(now)["env"].append(LISTS["env"][1])
    greedy = copy.deepcopy(live)
    from remediation.diff import changed_leaves, operations
    from remediation.digest import patch_digest
    from remediation.model import Patch

    forward, touched = operations(now, greedy), changed_leaves(now, greedy)
    plan = Patch(fix.target, forward, (), touched, patch_digest(fix.target, forward, touched))
    verdict = Editable().judge(context(plan=plan, live=now, undoes=fix))
    assert (verdict.allowed, verdict.reason) == (False, "NotOurs")


def _box(live):
    return live["spec"]["template"]["spec"]["containers"][0]
