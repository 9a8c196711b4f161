"""The whole daemon, and what holds it back: owners, operators, alerts, dates, pods that serve.

Each test breaks the image of a workload that intentd would mend, says who is against it, and looks at the image
in the cluster.
"""

from dataclasses import replace

import pytest

from daemon.commands import Commands
from detectors.model import Gap, Turn
from intents.model import Freeze
from remediation.saga import Event, State
from store.queries import find_cases, last_step
from store.spend import spend_since
from tests.fakes.manifests import metadata
from tests.fakes.rig import BAD, GOOD, INTENT, Rig

ALERT = 'ALERTS{alertname="EtcdDown"}'


@pytest.fixture
def broken(tmp_path):
    """A rig with these settings and lines of the intent, its good image known and then broken."""

    def make(*lines, before=lambda rig: None, kind=Rig, **settings):
        rig = kind(tmp_path, INTENT + "".join(f"  {line}\n" for line in lines), **settings)
        rig.turn(8)
        before(rig)
        rig.set_image(BAD)
        return rig

    return make


def refusals(rig):
    """Guard and reason of each refusal in the newest verdicts of the newest case."""
    step = last_step(rig.store, find_cases(rig.store)[0].case_id, Event.GUARDED)
    return {v["guard"]: v["reason"] for v in step.payload["verdicts"] if not v["allowed"]}


def is_held_back(rig, guard, reason):
    rig.until(State.PROPOSED)
    rig.turn(8)
    assert rig.image == BAD
    assert refusals(rig) == {guard: reason}
    return True


def is_mended(rig):
    rig.until(State.VERIFYING, State.CLOSED)
    assert rig.image == GOOD
    return True


# ---------------------------------------------------------------- kill switch, silence


def switch(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("switch", "ops"), "data": data}


def test_a_config_map_stops_every_write_at_once_and_lets_go_again(broken):
    rig = broken(kill_switch_config_map="ops/switch", before=lambda rig: rig.cluster.put(switch(kill="true")))
    assert is_held_back(rig, "kill-switch", "Killed")
    rig.cluster.put(switch(kill="false"))
    assert is_mended(rig)


def test_an_absent_config_map_is_no_kill_switch(broken):
    assert is_mended(broken(kill_switch_config_map="ops/switch"))


def test_a_config_map_that_cannot_be_read_counts_as_set(broken):
    rig = broken(kill_switch_config_map="ops/switch", before=lambda rig: rig.cluster.forbid("ConfigMap"))
    assert is_held_back(rig, "kill-switch", "Killed")
    assert "cannot be read" in Commands(rig.world, rig.memory)("status", {}, "alice")["kill_switch"]
    rig.cluster.gaps.clear()
    assert is_mended(rig)


@pytest.mark.parametrize("scope", ["fault-class:ImagePull", "namespace:shop", "label:app=web"])
def test_a_silence_holds_back_what_it_names_until_it_expires(broken, scope):
    def silence(rig):
        order = {"scope": scope, "reason": "registry upgrade", "for": "60s"}
        Commands(rig.world, rig.memory)("pause", order, "alice")

    rig = broken(before=silence)
    assert is_held_back(rig, "pause", "Paused")
    rig.turn(60)
    assert is_mended(rig)


def test_a_silence_of_something_else_holds_nothing_back(broken):
    def silence(rig):
        for scope in ("fault-class:OOMKilled", "namespace:pay", "label:app=api"):
            Commands(rig.world, rig.memory)("pause", {"scope": scope, "reason": "lunch"}, "alice")

    assert is_mended(broken(before=silence))


# ---------------------------------------------------------------- opt-in


def namespace(**labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def test_where_opting_in_is_demanded_the_namespaces_label_lets_changes_in(broken):
    rig = broken(
        limits={"opt_in": True},
        before=lambda rig: rig.cluster.put(namespace(**{"intentd.io/managed": "true"})),
    )
    assert is_mended(rig)


def test_where_opting_in_is_demanded_and_nobody_did_a_person_is_told_and_nothing_changes(broken):
    rig = broken(limits={"opt_in": True}, before=lambda rig: rig.cluster.put(namespace()))
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("refused", BAD)
    assert "opt-in: NotManaged" in case.outcome_reason


def test_a_namespace_that_cannot_be_read_now_is_waited_for(broken):
    away = Gap("Namespace", "TimedOut", "no answer", Turn.OURS)
    rig = broken(limits={"opt_in": True}, before=lambda rig: rig.cluster.gaps.update(Namespace=away))
    assert is_held_back(rig, "opt-in", "NamespaceUnknown")
    rig.cluster.gaps.clear()
    rig.cluster.put(namespace(**{"intentd.io/managed": "true"}))
    assert is_mended(rig)


def test_an_object_that_is_to_be_ignored_is_not_changed(broken):
    rig = broken()
    live = rig.cluster.object("Deployment", "shop", "web")
    live["metadata"]["labels"] = {**live["metadata"]["labels"], "intentd.io/ignore": "true"}
    rig.cluster.put(live)
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("refused", BAD)
    assert "opt-in: Ignored" in case.outcome_reason


# ---------------------------------------------------------------- gates, freezes


@pytest.mark.parametrize("by", ["operator", "intent"])
def test_nothing_changes_while_an_alert_fires(broken, by):
    def fires(rig):
        rig.metrics.values[ALERT] = "{} => 1"

    gate = {"query": ALERT, "reason": "etcd is down"}
    rig = (
        broken(limits={"gates": [gate]}, before=fires)
        if by == "operator"
        else broken(f"gates: [{{query: '{ALERT}', reason: etcd is down}}]", before=fires)
    )
    assert is_held_back(rig, "gate", "Shut")
    del rig.metrics.values[ALERT]
    assert is_mended(rig)


def test_a_gate_that_nobody_can_read_is_shut(broken):
    rig = broken(limits={"gates": [{"query": ALERT}]}, before=lambda rig: rig.metrics.go_down())
    assert is_held_back(rig, "gate", "Unreadable")
    rig.metrics.come_back()
    assert is_mended(rig)


def test_a_kill_switch_thrown_while_a_gate_is_being_read_still_counts(broken):
    """Prometheus may take ten seconds to answer; what a person does meanwhile is not overlooked."""
    rig = broken(limits={"gates": [{"query": ALERT}]})
    answers = rig.metrics.value

    def slow(query):
        (rig.folder / "kill").touch()
        return answers(query)

    rig.metrics.value = slow
    assert is_held_back(rig, "kill-switch", "Killed")
    rig.metrics.value = answers
    (rig.folder / "kill").unlink()
    assert is_mended(rig)


def test_a_freeze_ends_at_midnight_where_it_was_declared(broken):
    """The clock says Monday 2026-01-05, 10:00 UTC, which is 19:00 in Tokyo: the 5th ends there at 15:00 UTC."""
    tokyo = {"from": "2026-01-05", "until": "2026-01-05", "time_zone": "Asia/Tokyo", "reason": "audit"}
    rig = broken(limits={"freezes": [tokyo]})
    assert is_held_back(rig, "freeze", "Frozen")
    rig.clock.advance(5 * 3600 - 120)
    rig.turn(3)
    assert rig.image == BAD
    rig.clock.advance(120)
    assert is_mended(rig)


def test_a_freeze_in_a_zone_that_this_machine_does_not_know_freezes(broken):
    """The test's catalog does check zones, a machine whose time zone data went missing later does not."""
    rig = broken()
    named = rig.memory.catalog.intents["web-runs"]
    freeze = {"from": "2020-01-01", "until": "2020-01-02", "timeZone": "Mars/Base", "reason": "x"}
    frozen = named.model_copy(
        update={"spec": named.spec.model_copy(update={"freezes": (Freeze.model_validate(freeze),)})}
    )
    rig.memory.catalog = replace(rig.memory.catalog, intents={"web-runs": frozen})
    assert is_held_back(rig, "freeze", "NoLocalTime")


# ---------------------------------------------------------------- pods that serve


class Serving(Rig):
    """The old pod still serves beside the broken one, and the strategy would take it away first."""

    def _roll_out(self, live):
        super()._roll_out({**live, "spec": {**live["spec"], "strategy": {"type": "Recreate"}}})
        live = self.cluster.object("Deployment", "shop", "web")
        live["status"] |= {"availableReplicas": 1, "observedGeneration": live["metadata"]["generation"]}
        self.cluster.put(live)


def disruption_budget(left):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata("web"),
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": left, "observedGeneration": 1},
    }


def test_what_would_take_the_last_serving_pod_away_is_a_persons_to_approve(broken):
    rig = broken(kind=Serving)
    assert is_held_back(rig, "disruption", "TakesServingPods")
    assert [notice.title for notice in rig.notifier.sent] == [
        "intentd proposes a change: Deployment/web in shop"
    ]
    case = find_cases(rig.store)[0]
    Commands(rig.world, rig.memory)("approve", {"case": case.case_id, "digest": case.digest}, "alice")
    assert is_mended(rig)


def test_a_disruption_budget_with_nothing_left_stops_it_and_a_person_is_told(broken):
    rig = broken(kind=Serving, before=lambda rig: rig.cluster.put(disruption_budget(0)))
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("refused", BAD)
    assert "disruption: DisruptionBudget" in case.outcome_reason


def test_budgets_that_nobody_may_read_stop_it_and_a_person_is_told(broken):
    rig = broken(kind=Serving, before=lambda rig: rig.cluster.forbid("PodDisruptionBudget"))
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("refused", BAD)
    assert "disruption: BudgetsForbidden" in case.outcome_reason


def test_a_workload_with_nothing_available_has_nothing_to_lose(broken):
    assert is_mended(broken(before=lambda rig: rig.cluster.put(disruption_budget(0))))


# ---------------------------------------------------------------- our own past


def test_a_fault_that_comes_back_after_every_fix_is_a_persons_after_the_third(broken):
    rig = broken("budget: {changes: 9, per: 1h}", limits={"object_changes": 9})
    for _ in range(3):
        assert is_mended(rig)
        rig.until(State.CLOSED)
        rig.turn(60)  # the cool-down
        rig.set_image(BAD)
    assert is_held_back(rig, "ineffective-chain", "Ineffective")
    case = find_cases(rig.store)[0]
    Commands(rig.world, rig.memory)("approve", {"case": case.case_id, "digest": case.digest}, "alice")
    assert is_mended(rig)


def test_what_a_write_requests_more_is_on_record_with_its_charge(broken):
    """The next spend guard reads what this one recorded, also after a restart."""
    rig = broken(before=lambda rig: (rig.folder / "kill").touch())
    case = rig.until(State.PROPOSED)
    (rig.folder / "kill").unlink()
    rig.until(State.VERIFYING)
    (operation,) = spend_since(rig.store, 0.0)
    assert spend_since(rig.store, 0.0) == {operation: {}}
    assert spend_since(rig.store, rig.clock.now() + 1) == {}
    began = last_step(rig.store, case.case_id, Event.APPLY_STARTED)
    inputs = next(v["inputs"] for v in began.payload["verdicts"] if v["guard"] == "spend")
    assert inputs["adds"] == {}
    rig.restart()
    assert spend_since(rig.store, 0.0) == {operation: {}}
