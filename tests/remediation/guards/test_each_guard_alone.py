"""Each guard alone stops a write: in a world where all others allow it, taking away one thing makes exactly
one guard refuse."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.model import FaultClass
from intents.model import Freeze, Gate, Mode
from remediation.guards import GUARDS, GrowthLimits, Limits, LocalTime, Surroundings, allowed, run_guards
from remediation.guards.base import Ruling
from remediation.guards.self_test import self_test
from remediation.plan import still_valid
from tests.fakes.manifests import deployment, ref
from tests.remediation.guards.ground import (
    EDITABLE,
    LIVE,
    app,
    change,
    context,
    intent,
    plan_for,
    recreation,
    stateful_set,
)

TAGS = st.text("0123456789.", min_size=1, max_size=5).filter(lambda tag: tag != "1.5" and tag[0] != ".")
MEMORY = st.integers(16, 256).filter(lambda mebi: mebi != 64).map(lambda mebi: f"{mebi}Mi")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "image": TAGS.map(lambda tag: f"shop/web:{tag}"),
        "resources": MEMORY.map(lambda memory: {"limits": {"memory": memory}}),
        "env": st.just([{"name": "MODE", "value": "slow"}]),
    },
).filter(bool)


@st.composite
def contexts(draw):
    """A harmless plan of one to four fields, and everything that allows it."""
    manifest = app(**draw(FIELDS))
    if draw(st.booleans()):
        manifest["spec"]["replicas"] = draw(st.sampled_from([1, 3, 4]))
    return context(manifest, now=draw(st.floats(1e9, 2e9)))


def closed(ctx):
    window = {"days": ["Mon"], "start": "09:00", "end": "17:00"}
    return replace(ctx, intent=intent(window=window), local_time=LocalTime(weekday=6, minute=600))


def unopened(ctx):
    return replace(ctx, plan=plan_for({"spec": {"minReadySeconds": 3}}))


def argued(ctx):
    opened = [*EDITABLE, {"path": "spec.template.spec.containers[*].args"}]
    return replace(ctx, intent=intent(editable=opened), plan=plan_for(app(args=["--mine"])))


def elsewhere(ctx):
    other = deployment("payments", *LIVE["spec"]["template"]["spec"]["containers"])
    return replace(ctx, plan=plan_for(app(image="shop/web:0"), other), live=other)


def steered(ctx):
    live = {
        **LIVE,
        "metadata": {**LIVE["metadata"], "annotations": {"argocd.argoproj.io/tracking-id": "web"}},
    }
    return replace(ctx, live=live)


def of_intent(ctx, **fields):
    return change(intent="web", name="another", age=0, **fields)


def gated(ctx):
    alert = Gate(query='ALERTS{alertstate="firing"}')
    return replace(
        ctx, limits=Limits(gates=(alert,)), surroundings=Surroundings(gates={alert.query: "{} => 1"})
    )


def frozen(ctx):
    freeze = Freeze.model_validate({"from": "2026-12-23", "until": "2027-01-02", "reason": "holidays"})
    around = Surroundings(freezes={freeze: (ctx.now - 1, ctx.now + 1)})
    return replace(ctx, intent=intent(freezes=[freeze.model_dump(by_alias=True)]), surroundings=around)


def grown(ctx):
    return replace(ctx, plan=plan_for(app(resources={"limits": {"memory": "257Mi"}})))


def dear(ctx):
    """Each of the two may ask for a little more; together it is more than an intent may."""
    opened = [*EDITABLE, {"path": "spec.template.spec.containers[*].resources.requests.memory"}]
    plan = plan_for(app(resources={"requests": {"memory": "128Mi"}}))
    caps = GrowthLimits(intent_memory=Decimal(2**27))
    past = replace(of_intent(ctx), at=ctx.now - 7200, adds={"memory": str(2**26)})
    return replace(
        ctx, plan=plan, intent=intent(editable=opened), limits=Limits(growth=caps), history=(past,)
    )


def serving(ctx):
    """Both pods are available, and a budget wants both."""
    live = {**LIVE, "status": {"observedGeneration": 4, "replicas": 2, "availableReplicas": 2}}
    live["spec"] = {**LIVE["spec"], "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}
    budget = {
        "metadata": {"name": "web", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0, "observedGeneration": 1},
    }
    plan = plan_for(app(image="shop/web:0"), live)
    return replace(ctx, live=live, plan=plan, surroundings=Surroundings(disruption_budgets=[budget]))


def failed_before(ctx, count, age, **fields):
    """Failures of other values, long enough ago for the cool-down and the budgets."""
    return tuple(
        replace(change(result="not-held", **fields), at=ctx.now - age - n, operation_id=f"op-{n}")
        for n in range(count)
    )


def anew(ctx):
    """A field of a StatefulSet that can never change, and an intent that opens it but says nothing of recreating."""
    live = stateful_set()
    opened = [{"kind": "StatefulSet", "path": "spec.serviceName"}]
    asked = intent(editable=opened, scope={"namespace": "shop"})
    return replace(ctx, live=live, plan=recreation(live), intent=asked, target=ref(live))


TAKE_AWAY = {
    "recreate": anew,
    "gate": gated,
    "opt-in": lambda ctx: replace(
        ctx, limits=Limits(opt_in=True), surroundings=Surroundings(namespace_labels={})
    ),
    "growth": grown,
    "spend": dear,
    "disruption": serving,
    "ineffective-chain": lambda ctx: replace(ctx, history=failed_before(ctx, 3, 80_000)),
    "backoff": lambda ctx: replace(ctx, history=failed_before(ctx, 1, 500)),
    "freeze": frozen,
    "kill-switch": lambda ctx: replace(ctx, kill_switch="stop"),
    "pause": lambda ctx: replace(ctx, paused="maintenance"),
    "storm": lambda ctx: replace(ctx, storm=True),
    "integrity": lambda ctx: replace(ctx, plan=replace(ctx.plan, digest="0" * 64)),
    "scope": elsewhere,
    "kinds": lambda ctx: replace(ctx, limits=Limits(namespaces=("payments",))),
    "editable": unopened,
    "sensitive": argued,
    "hands-off": steered,
    "same-knob": lambda ctx: replace(
        ctx, history=(replace(change(ctx.plan, result="rolled-back"), at=ctx.now - 86_400),)
    ),
    "budget": lambda ctx: replace(
        ctx, history=tuple(replace(of_intent(ctx), at=ctx.now - n) for n in range(3))
    ),
    "cooldown": lambda ctx: replace(ctx, history=(replace(change(), at=ctx.now - 299),)),
    "window": closed,
    "rehearsal": lambda ctx: replace(ctx, intent=intent(rehearsal={})),
    "mode": lambda ctx: replace(ctx, mode=Mode.PROPOSE),
}


def refusing(ctx):
    return [verdict.guard for verdict in run_guards(ctx, GUARDS) if not verdict.allowed]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contexts())
def test_every_guard_allows_a_harmless_plan(ctx):
    verdicts = run_guards(ctx, GUARDS)
    assert allowed(verdicts)
    assert [verdict.guard for verdict in verdicts] == [guard.name for guard in GUARDS]


@pytest.mark.parametrize("guard", [guard.name for guard in GUARDS])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ctx=contexts())
def test_each_guard_alone_stops_a_write(guard, ctx):
    spoilt = TAKE_AWAY[guard](ctx)
    assert refusing(spoilt) == [guard]
    assert not allowed(run_guards(spoilt, GUARDS))
    assert allowed(run_guards(spoilt, [one for one in GUARDS if one.name != guard]))


def test_every_registered_guard_has_its_own_way_to_refuse():
    assert set(TAKE_AWAY) == {guard.name for guard in GUARDS}
    assert self_test() == ()


class Broken:
    name = "broken"

    def judge(self, context):
        return {}["nothing"]


class Always:
    name = "window"

    def judge(self, context):
        return Ruling(self.name).allow()


def test_a_guard_that_fails_refuses_and_the_others_still_speak():
    verdicts = run_guards(context(), (Broken(), *GUARDS))
    assert [verdict.guard for verdict in verdicts if not verdict.allowed] == ["broken"]
    assert verdicts[0].reason == "GuardFailed"
    assert len(verdicts) == len(GUARDS) + 1
    assert not allowed(verdicts)


def test_no_guards_allow_nothing():
    assert not allowed(run_guards(context(), ()))


def test_the_self_test_finds_a_guard_that_lets_everything_pass_and_one_that_is_missing():
    lame = tuple(Always() if guard.name == "window" else guard for guard in GUARDS)
    assert self_test(lame) == ("window allows a plan that it must refuse",)
    assert self_test(GUARDS[1:]) == ("kill-switch is not among the guards",)
    assert any("broken" in problem for problem in self_test((*GUARDS, Broken())))


def test_a_plan_whose_operations_do_more_than_its_fields_say_is_stopped():
    """The guards judge the touched fields; the server gets the operations."""
    from remediation.digest import patch_digest

    honest = plan_for(app(image="shop/web:1.4"))
    more = plan_for({"spec": {"replicas": 5, **app(image="shop/web:1.4")["spec"]}})
    digest = patch_digest(honest.target, more.operations, honest.touched)
    lying = replace(honest, operations=more.operations, digest=digest)
    assert not still_valid(lying, LIVE)
    assert refusing(context(plan=lying)) == ["integrity"]


def test_without_an_intent_nothing_is_written():
    bound = {"scope", "editable", "budget", "cooldown", "backoff", "window", "freeze", "gate"}
    assert {*bound, "ineffective-chain"} <= set(refusing(replace(context(), intent=None)))


def test_a_plan_for_an_object_that_is_gone_or_anew_is_stopped():
    anew = {**LIVE, "metadata": {**LIVE["metadata"], "uid": "another"}}
    for live in (None, anew):
        assert "integrity" in refusing(replace(context(), live=live))


def test_the_context_defaults_to_the_safe_side():
    from remediation.guards import GuardContext

    bare = GuardContext(
        plan_for(app(image="shop/web:1.4")), LIVE, intent(), ref(LIVE), FaultClass.IMAGE_PULL, 0.0
    )
    assert refusing(bare) == ["mode"]
