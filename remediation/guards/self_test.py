"""A guard that lets everything pass looks like one that works. Before the daemon may write, each guard is fed
a plan that it must refuse, and all of them one that they must allow (a gate that is always shut hides a
broken guard just as well).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from detectors.model import FaultClass, ObjectRef
from intents.model import Freeze, Gate, Intent, Mode
from remediation.guards.base import Change, Guard, GuardContext, LocalTime, knobs, run_guards
from remediation.guards.registry import GUARDS
from remediation.guards.surroundings import Surroundings
from remediation.model import Candidate, Json, Patch, Recreate
from remediation.plan import plan_change

_NOW = 1_000_000.0
_TARGET = ObjectRef("Deployment", "shop", "web", "uid-1")


def self_test(guards: Sequence[Guard] = GUARDS) -> tuple[str, ...]:
    """What is wrong, as sentences; empty where every guard works. `guards` is what the daemon will use."""
    good = _harmless()
    problems = [
        f"{verdict.guard} refuses a harmless plan: {verdict.reason}"
        for verdict in run_guards(good, guards)
        if not verdict.allowed
    ]
    bad = _forbidden(good)
    by_name = {guard.name: guard for guard in guards}
    for name, context in bad.items():
        if name not in by_name:
            problems.append(f"{name} is not among the guards")
        elif run_guards(context, (by_name[name],))[0].allowed:
            problems.append(f"{name} allows a plan that it must refuse")
    return tuple(problems + [f"{name} has no self-test" for name in by_name if name not in bad])


def _forbidden(good: GuardContext) -> dict[str, GuardContext]:
    plan, intent = good.plan, good.intent
    assert isinstance(plan, Patch)
    assert intent is not None
    privileged = _plan({"securityContext": {"privileged": True}})
    other = replace(plan, target=_TARGET._replace(name="other"))
    past = Change(
        "op-1", _NOW - 1, "web", *_TARGET.key, FaultClass.IMAGE_PULL.value, knobs(plan), "rolled-back"
    )
    since = _NOW - 1800
    failed = tuple(replace(past, at=since - n, result="not-held", fault_class="other") for n in range(3))
    big = _plan({"resources": {"requests": {"memory": "1Gi"}}})
    alert, freeze = (
        Gate(query="self-test"),
        Freeze(**{"from": "1970-01-01"}, until="1970-01-12", reason="test"),
    )
    argo = {**_live(), "metadata": {**_live()["metadata"], "labels": {"argocd.argoproj.io/instance": "web"}}}
    return {
        "kill-switch": replace(good, kill_switch="self-test"),
        "pause": replace(good, paused="self-test"),
        "storm": replace(good, storm=True),
        "gate": replace(
            good,
            limits=replace(good.limits, gates=(alert,)),
            surroundings=Surroundings(gates={alert.query: "1"}),
        ),
        "integrity": replace(good, plan=replace(plan, operations=plan.operations[:-1])),
        "scope": replace(good, plan=other),
        "opt-in": replace(good, limits=replace(good.limits, opt_in=True)),
        "kinds": replace(good, plan=replace(plan, target=_TARGET._replace(namespace="kube-system"))),
        "recreate": replace(good, plan=_recreation(), live=_stateful_set()),
        "editable": replace(good, plan=privileged),
        "sensitive": replace(good, plan=privileged),
        "growth": replace(good, plan=big),
        "disruption": replace(good, live=_served_by_one()),
        "hands-off": replace(good, live=argo),
        "same-knob": replace(good, history=(past,)),
        "ineffective-chain": replace(good, history=failed),
        "budget": replace(good, history=(past,) * intent.spec.budget.changes),
        "spend": replace(
            good,
            plan=big,
            limits=replace(good.limits, growth=replace(good.limits.growth, intent_memory=Decimal(0))),
        ),
        "cooldown": replace(good, history=(past,)),
        "backoff": replace(good, history=failed),
        "window": replace(good, local_time=LocalTime(weekday=5, minute=0)),
        "freeze": replace(
            good,
            limits=replace(good.limits, freezes=(freeze,)),
            surroundings=Surroundings(freezes={freeze: (0.0, _NOW + 1)}),
        ),
        "rehearsal": replace(good, intent=_intent(rehearsal={})),
        "mode": replace(good, mode=Mode.PROPOSE),
    }


def _harmless() -> GuardContext:
    return GuardContext(
        plan=_plan({"image": "shop/web:1.4"}),
        live=_live(),
        intent=_intent(),
        target=_TARGET,
        fault_class=FaultClass.IMAGE_PULL,
        now=_NOW,
        mode=Mode.AUTO,
        local_time=LocalTime(weekday=0, minute=600),
    )


def _plan(change: Json) -> Patch:
    manifest = {"spec": {"template": {"spec": {"containers": [{"name": "app", **change}]}}}}
    plan = plan_change(Candidate("c1", "self-test", _TARGET, "", manifest), _live())
    assert isinstance(plan, Patch), plan
    return plan


def _recreation() -> Recreate:
    target = ObjectRef("StatefulSet", "shop", "web", "uid-2")
    manifest = {"spec": {"serviceName": "other"}}
    plan = plan_change(Candidate("c1", "self-test", target, "", manifest), _stateful_set())
    assert isinstance(plan, Recreate), plan
    return plan


def _stateful_set() -> Json:
    live = _live()
    meta = {**live["metadata"], "uid": "uid-2"}
    return {**live, "kind": "StatefulSet", "metadata": meta, "spec": {**live["spec"], "serviceName": "web"}}


def _live() -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "uid-1",
            "resourceVersion": "7",
            "generation": 2,
        },
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "app", "image": "shop/web:1.5"}]}},
        },
        "status": {"observedGeneration": 2, "replicas": 1, "unavailableReplicas": 1},
    }


def _served_by_one() -> Json:
    """The same with its only pod available, which a Recreate takes away first."""
    live = _live()
    spec = {**live["spec"], "strategy": {"type": "Recreate"}}
    return {**live, "spec": spec, "status": {"observedGeneration": 2, "replicas": 1, "availableReplicas": 1}}


def _intent(**more: object) -> Intent:
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": "web"},
            "spec": {
                "scope": {"namespace": "shop", "kind": "Deployment", "name": "web"},
                "expectations": [{"type": "workloadHealthy"}],
                "mode": "auto",
                "editable": [
                    {"path": "spec.template.spec.containers[*].image", "pattern": "shop/web:[0-9.]+"}
                ],
                "window": {"days": ["Mon"], "start": "08:00", "end": "18:00"},
                **more,
            },
        }
    )
