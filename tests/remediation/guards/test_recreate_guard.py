"""Recreating needs the intent's word or a person's, and is weighed by the other guards as the fields that it changes."""

import copy
from dataclasses import replace

import pytest

from remediation.guards import Surroundings
from remediation.model import Candidate, Recreate
from remediation.plan import plan_change
from tests.fakes.manifests import ref
from tests.remediation.guards.ground import context, intent, recreation, stateful_set, verdict

OPENED = [
    {"kind": "StatefulSet", "path": "spec.serviceName"},
    {"kind": "Pod", "path": "spec.containers[*].env[*].value"},
    {"kind": "Pod", "path": "spec.containers[*].command"},
    {"kind": "PersistentVolumeClaim", "path": "spec.resources.requests.storage"},
    {"kind": "PersistentVolumeClaim", "path": "spec.storageClassName"},
]


def asked(live, manifest=None, recreate=(), **more):
    target = ref(live)
    plan = plan_change(Candidate("c1", "test", target, "", manifest or {"spec": {"serviceName": "db"}}), live)
    assert isinstance(plan, Recreate), plan
    wishes = intent(editable=OPENED, scope={"namespace": "shop"}, recreate=list(recreate))
    return context(live=live, plan=plan, intent=wishes, target=target, **more)


def bare_pod(*, ready):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "it", "namespace": "shop", "uid": "u-1", "labels": {"app": "it"}},
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "image": "shop/it:1",
                    "command": ["serve"],
                    "env": [{"name": "MODE", "value": "slow"}],
                }
            ]
        },
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def claim(storage="1Gi"):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "it", "namespace": "shop", "uid": "u-1"},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": storage}}},
        "status": {"phase": "Pending"},
    }


MODE = {"spec": {"containers": [{"name": "app", "env": [{"name": "MODE", "value": "fast"}]}]}}


def refusing(ctx):
    from remediation.guards import GUARDS, run_guards

    return {found.guard: found.reason for found in run_guards(ctx, GUARDS) if not found.allowed}


def test_the_intents_word_or_a_persons_is_enough():
    live = stateful_set()
    assert refusing(asked(live, recreate=["StatefulSet"])) == {}
    unasked = asked(live)
    assert refusing(unasked) == {"recreate": "NotOpened"}
    assert refusing(replace(unasked, approved_digest=unasked.plan.digest)) == {}


def test_another_kinds_word_is_not():
    assert refusing(asked(stateful_set(), recreate=["Job"])) == {"recreate": "NotOpened"}


@pytest.mark.parametrize("approved", [False, True])
def test_what_became_unsafe_since_is_refused_whoever_approved_it(approved):
    ctx = asked(claim(), {"spec": {"storageClassName": "slow"}}, recreate=["PersistentVolumeClaim"])
    bound = {**ctx.live, "status": {"phase": "Bound"}}
    digest = ctx.plan.digest if approved else None
    assert refusing(replace(ctx, live=bound, approved_digest=digest)) == {"recreate": "ClaimHoldsData"}


def test_an_object_that_is_deleted_already_may_come_back_but_not_over_somebody_elses():
    ctx = asked(stateful_set(), recreate=["StatefulSet"])
    assert refusing(replace(ctx, live=None, deleted=True)) == {}
    assert refusing(replace(ctx, deleted=True)) == {"integrity": "OtherIncarnation"}
    assert {"integrity", "recreate"} <= set(refusing(replace(ctx, live=None)))


def test_a_field_that_is_not_opened_stays_closed():
    ctx = asked(stateful_set(), {"spec": {"podManagementPolicy": "Parallel"}}, recreate=["StatefulSet"])
    assert refusing(ctx) == {"editable": "NotOpened"}


def test_a_command_goes_back_to_its_last_known_good_only():
    live = bare_pod(ready=False)
    manifest = {"spec": {"containers": [{"name": "app", "command": ["sh"]}]}}
    ctx = asked(live, manifest, recreate=["Pod"])
    assert refusing(ctx) == {"sensitive": "Command"}
    good = copy.deepcopy(live)
    good["spec"]["containers"][0]["command"] = ["sh"]
    assert refusing(replace(ctx, last_known_good=good)) == {}


@pytest.mark.parametrize(
    "uses", [{"command": ["sh", "-c", "$(MODE)"]}, {"env": [{"name": "PATH", "value": "/opt/$(MODE)"}]}]
)
def test_a_variable_that_a_command_is_made_of_is_as_sensitive_as_the_command(uses):
    live = bare_pod(ready=False)
    app = live["spec"]["containers"][0]
    app |= {**uses, "env": [*app["env"], *uses.get("env", [])]}
    assert refusing(asked(live, MODE, recreate=["Pod"])) == {"sensitive": "Expansion"}


def test_a_pod_that_serves_is_taken_only_where_its_budget_and_a_person_allow_it():
    budget = {
        "metadata": {"name": "it", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "it"}}},
        "status": {"disruptionsAllowed": 0, "observedGeneration": 1},
    }
    ctx = asked(bare_pod(ready=True), MODE, recreate=["Pod"])
    ctx = replace(ctx, surroundings=Surroundings(disruption_budgets=[]))
    assert refusing(ctx) == {"disruption": "TakesServingPods"}
    approved = replace(ctx, approved_digest=ctx.plan.digest)
    assert refusing(approved) == {}
    held = replace(approved, surroundings=Surroundings(disruption_budgets=[budget]))
    assert refusing(held) == {"disruption": "DisruptionBudget"}
    assert refusing(asked(bare_pod(ready=False), MODE, recreate=["Pod"])) == {}


def test_a_claim_grows_twofold_at_most():
    def storage(size):
        manifest = {"spec": {"resources": {"requests": {"storage": size}}}}
        return asked(claim(), manifest, recreate=["PersistentVolumeClaim"])

    assert refusing(storage("2Gi")) == {}
    assert refusing(storage("3Gi")) == {"growth": "TooMuchAtOnce"}


def test_a_plan_that_changes_more_than_it_says_is_altered_or_stale():
    live = stateful_set()
    plan = recreation(live)
    more = {**plan.manifest, "spec": {**plan.manifest["spec"], "replicas": 9}}
    ctx = asked(live, recreate=["StatefulSet"])
    assert verdict("integrity", replace(ctx, plan=replace(plan, manifest=more))).reason == "Altered"
    from remediation.digest import plan_digest

    lying = replace(plan, manifest=more)
    lying = replace(lying, digest=plan_digest(lying))
    assert verdict("integrity", replace(ctx, plan=lying)).reason == "Stale"
