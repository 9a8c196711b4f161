"""Where the intent asks for it, a changed template is written only after a canary of this very template passed, or a
person approved that there was none."""

from dataclasses import replace

import pytest

from remediation.guards.rehearsal import Rehearsal
from remediation.rehearsal import Rehearsed, Result, fingerprint
from tests.fakes.manifests import deployment
from tests.remediation.guards.ground import LIVE, app, context, intent, plan_for

GUARD = Rehearsal()
PLAN = plan_for(app(image="shop/web:1.4"))
THIS = fingerprint(PLAN, LIVE)


def asked(plan=PLAN, **more):
    return replace(context(plan=plan), intent=intent(rehearsal={}), **more)


def approved(ctx):
    return replace(ctx, approved_digest=ctx.plan.digest)


def judged(ctx):
    verdict = GUARD.judge(ctx)
    return verdict.allowed, verdict.reason


def after(result, template=THIS):
    return asked(rehearsed=Rehearsed(template, result, "as seen"))


@pytest.mark.parametrize(
    ("ctx", "verdict"),
    [
        (context(plan=PLAN), (True, "NotAskedFor")),
        (asked(plan_for({"spec": {"replicas": 3}})), (True, "NotAskedFor")),
        (asked(undoes=PLAN), (True, "UndoneUnrehearsed")),
        (asked(), (False, "NotYetRehearsed")),
        (approved(asked()), (False, "NotYetRehearsed")),
        (asked(rehearses=True), (True, "ThisIsTheRehearsal")),
        (after(Result.PASSED), (True, "Rehearsed")),
        (after(Result.PASSED, "another template"), (False, "NotYetRehearsed")),
        (after(Result.WITHDRAWN), (False, "NotYetRehearsed")),
        (after(Result.FAILED), (False, "RehearsalFailed")),
        (approved(after(Result.FAILED)), (False, "RehearsalFailed")),
        (after(Result.UNTOLD), (False, "CannotRehearse")),
        (approved(after(Result.UNTOLD)), (True, "ApprovedUnrehearsed")),
        (replace(asked(), live=None), (False, "CannotRehearse")),
    ],
)
def test_what_a_rehearsal_allows(ctx, verdict):
    assert judged(ctx) == verdict


def test_where_there_can_be_no_canary_a_person_s_approval_stands_for_it_but_never_starts_one():
    live = deployment("web", *LIVE["spec"]["template"]["spec"]["containers"], hostNetwork=True)
    plan = plan_for(app(image="shop/web:1.4"), live)
    ctx = replace(asked(plan), live=live)
    assert judged(ctx) == (False, "CannotRehearse")
    assert judged(approved(ctx)) == (True, "ApprovedUnrehearsed")
    assert judged(replace(approved(ctx), rehearses=True)) == (False, "CannotRehearse")


def test_a_template_that_changed_elsewhere_since_is_another_one():
    passed = after(Result.PASSED)
    spec = {**LIVE["spec"]["template"]["spec"], "nodeSelector": {"disk": "slow"}}
    live = {
        **LIVE,
        "spec": {**LIVE["spec"], "template": {**LIVE["spec"]["template"], "spec": spec}},
    }
    assert judged(replace(passed, live=live)) == (False, "NotYetRehearsed")
