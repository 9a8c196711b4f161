"""All guards together on one plan, in this process: how long they take.

The plan changes five fields in each of ten containers, 50 in all: image, a variable, two requests, a limit. It
passes every guard (all of them run in any case), the past holds 500 changes of a month, and the intent and the
operator name a window, a freeze and a gate, so that no guard is done before it began.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.figures import Figure, percentile, tell
from detectors.model import FaultClass, ObjectRef
from intents.model import Freeze, Gate, Intent, Mode
from remediation.guards import (
    GUARDS,
    Change,
    Guard,
    GuardContext,
    Limits,
    LocalTime,
    Surroundings,
    allowed,
    run_guards,
)
from remediation.model import Candidate, Json, Patch
from remediation.plan import plan_change

PROMISED_MS = 5.0
NOW = 1_760_000_000.0
CONTAINERS = 10
PAST = 500
TARGET = ObjectRef("Deployment", "shop", "web", "uid-1")


def measure(rounds: int, output: str) -> None:
    context = situation()
    verdicts = run_guards(context, GUARDS)
    refused = [
        f"{verdict.guard}: {verdict.reason} {verdict.detail}" for verdict in verdicts if not verdict.allowed
    ]
    if not allowed(verdicts):
        raise SystemExit(f"the plan should pass every guard, but {refused}")
    assert isinstance(context.plan, Patch)
    load = os.getloadavg()[0]
    whole = _timed(context, GUARDS, rounds, time.perf_counter)
    work = _timed(context, GUARDS, rounds, time.thread_time)
    each = {
        guard.name: round(statistics.median(_timed(context, (guard,), rounds // 4, time.thread_time)), 3)
        for guard in GUARDS
    }
    figures = [
        Figure("all guards, CPU, median", "ms", statistics.median(work), at_most=PROMISED_MS, samples=rounds),
        Figure("all guards, median", "ms", statistics.median(whole), at_most=PROMISED_MS, samples=rounds),
        Figure("all guards, p99", "ms", percentile(whole, 0.99), at_most=PROMISED_MS, samples=rounds),
    ]
    details = {
        "guards": len(GUARDS),
        "fields_changed": len(context.plan.touched),
        "operations_with_their_tests": len(context.plan.operations),
        "past_changes": PAST,
        "median_cpu_ms_by_guard": dict(sorted(each.items(), key=lambda pair: -pair[1])),
    }
    tell("guards", figures, details, output=output, load=load)


def _timed(
    context: GuardContext, guards: tuple[Guard, ...], rounds: int, clock: Callable[[], float]
) -> list[float]:
    """Milliseconds of each run by this clock (the wall's, or this thread's CPU time, which a busy machine does not
    stretch), after a warm-up; the collector rests, as it does in so short a time. Each run has a context of its own,
    as each write has: what guards share, they work out within the time."""
    for _ in range(20):
        run_guards(replace(context), guards)
    took = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            fresh = replace(context)
            start = clock()
            run_guards(fresh, guards)
            took.append((clock() - start) * 1000)
    finally:
        gc.enable()
    return took


def situation() -> GuardContext:
    """A plan of 50 fields and everything that allows it."""
    live = _live()
    change = {"spec": {"template": {"spec": {"containers": [_changed(n) for n in range(CONTAINERS)]}}}}
    plan = plan_change(Candidate("c1", "benchmark", TARGET, "", change), live)
    assert isinstance(plan, Patch), plan
    good = copy.deepcopy(live)
    freeze = Freeze.model_validate({"from": "2026-12-23", "until": "2027-01-02", "reason": "holidays"})
    gate = Gate(query='ALERTS{alertname="EtcdDown"}')
    return GuardContext(
        plan=plan,
        live=live,
        intent=_intent(),
        target=TARGET,
        fault_class=FaultClass.IMAGE_PULL,
        now=NOW,
        mode=Mode.AUTO,
        last_known_good=good,
        history=tuple(_past(number) for number in range(PAST)),
        limits=Limits(opt_in=True, freezes=(freeze,), gates=(gate,)),
        local_time=LocalTime(weekday=0, minute=600),
        surroundings=Surroundings(
            namespace_labels={"intentd.io/managed": "true"},
            disruption_budgets=[_budget()],
            gates={gate.query: None},
            freezes={freeze: (NOW + 1, NOW + 2)},
        ),
    )


def _changed(number: int) -> Json:
    return {
        "name": f"app-{number}",
        "image": "shop/web:1.4",
        "env": [{"name": "MODE", "value": "slow"}],
        "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "192Mi"}},
    }


def _live() -> Json:
    labels = {"app": "web"}
    containers = [
        {
            "name": f"app-{number}",
            "image": "shop/web:1.5",
            "env": [{"name": "MODE", "value": "fast"}, {"name": "COLOUR", "value": "blue"}],
            "ports": [{"containerPort": 8000 + number, "protocol": "TCP"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000 + number}},
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        }
        for number in range(CONTAINERS)
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": TARGET.uid,
            "resourceVersion": "7",
            "generation": 4,
            "labels": labels,
            "creationTimestamp": _time(NOW - 30 * 86400),
            "managedFields": _managed(containers),
        },
        "spec": {
            "replicas": 8,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {"observedGeneration": 4, "replicas": 8, "availableReplicas": 8},
    }


def _managed(containers: list[Json]) -> list[Json]:
    """As the API server keeps it: who applied the workload a month ago, which pipeline scaled it a moment ago, and the
    controller, of status alone."""
    template = {"f:spec": {"f:containers": {_key(one): _fields(one) for one in containers}}}
    return [
        _entry(
            "kubectl-client-side-apply", 30 * 86400, {"f:spec": {"f:replicas": {}, "f:template": template}}
        ),
        _entry("pipeline", 60, {"f:spec": {"f:replicas": {}}}),
        {**_entry("kube-controller-manager", 30, {"f:status": {}}), "subresource": "status"},
    ]


def _entry(manager: str, seconds_ago: float, fields: Json) -> Json:
    about = {"apiVersion": "apps/v1", "fieldsType": "FieldsV1", "operation": "Update"}
    return {**about, "manager": manager, "time": _time(NOW - seconds_ago), "fieldsV1": fields}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(item: Json) -> str:
    return "k:" + json.dumps({"name": item["name"]}, separators=(",", ":"))


def _fields(value: object) -> Json:
    """The managed fields of a value: every leaf by its name, list elements by theirs."""
    if isinstance(value, dict):
        return {f"f:{name}": _fields(part) for name, part in value.items()}
    if isinstance(value, list):
        return {_key(item): {".": {}} | _fields(item) for item in value if "name" in item}
    return {}


def _budget() -> Json:
    return {
        "metadata": {"name": "web", "generation": 1},
        "spec": {"maxUnavailable": 2, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 2, "observedGeneration": 1},
    }


def _past(number: int) -> Change:
    """Spread over a month and 50 objects; none so recent that it would be refused for it."""
    name = f"w{number % 50}"
    path = f"spec.template.spec.containers[name=app-{number % CONTAINERS}].image"
    return Change(
        operation_id=f"op-{number}",
        at=NOW - 4000 - number * 5000,
        intent="web",
        kind="Deployment",
        namespace="shop",
        name="web" if number % 10 == 0 else name,
        fault_class=FaultClass.OOM_KILLED.value if number % 2 else FaultClass.IMAGE_PULL.value,
        knobs=((path, f'"shop/web:0.{number}"'),),
        result="held",
        was=((path, f'"shop/web:0.{number + 1}"'),),
        adds={"memory": "1048576"},
    )


def _intent() -> Intent:
    container = "spec.template.spec.containers[*]"
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
                    {"path": f"{container}.image", "pattern": "shop/web:[0-9.]+"},
                    {"path": f"{container}.env[*].value", "values": ["fast", "slow"]},
                    {"path": f"{container}.resources.requests.cpu", "max": "1"},
                    {"path": f"{container}.resources.requests.memory", "max": "1Gi"},
                    {"path": f"{container}.resources.limits.memory", "max": "1Gi"},
                ],
                "window": {"days": ["Mon"], "start": "08:00", "end": "18:00"},
            },
        }
    )
