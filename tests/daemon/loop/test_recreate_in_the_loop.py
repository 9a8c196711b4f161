"""A StatefulSet whose immutable field is wrong: deleted and created anew where the intent allows it, proposed where
it does not; killed, stopped or refused in between, it is never lost, doubled or taken from somebody else."""

import pytest

from daemon.commands import Commands
from daemon.rounds import read_catalog
from remediation.model import OPERATION_ANNOTATION
from remediation.saga import State
from store.queries import find_cases
from tests.daemon.loop.test_every_interruption import MortalLedger, live_through
from tests.fakes.cluster import Crash, Mishap
from tests.fakes.rig import Rig
from tests.remediation.guards.ground import stateful_set

WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: db-as-written}
spec:
  mode: auto
  scope: {namespace: shop, kind: StatefulSet, name: db}
  expectations:
    - type: manifest
      manifest:
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: db, namespace: shop}
        spec: {serviceName: db}
  recreate: [StatefulSet]
  cooldown: 1s
  verification: {window: 5s, timeout: 30s}
"""
KEY = ("StatefulSet", "shop", "db")
REHEARSAL = [None, None]  # the dry runs of the creation and of the deletion


class RecreateRig(Rig):
    ledger = MortalLedger

    def begin(self, wish=WISH):
        live = stateful_set()
        live["metadata"].pop("uid")
        live["metadata"].pop("managedFields", None)
        self.old = self.cluster.put(live)["metadata"]["uid"]
        self.source.write("wish.yaml", wish.encode())
        read_catalog(self.world, self.memory, self.source)
        return self

    @property
    def db(self):
        return self.cluster.read(self.ref())

    def ref(self):
        from detectors.model import ObjectRef

        return ObjectRef(*KEY)

    @property
    def verbs(self):
        return [written.verb for written in self.cluster.written]


@pytest.fixture
def rig(tmp_path):
    return RecreateRig(tmp_path).begin()


def service_of(live):
    return live["spec"]["serviceName"]


def test_where_the_intent_allows_it_the_object_is_recreated_and_the_fix_is_proven(rig):
    case = rig.until(State.CLOSED)
    assert case.outcome == "fixed"
    assert service_of(rig.db) == "db"
    assert rig.db["metadata"]["uid"] != rig.old
    assert rig.verbs == ["delete", "create"]
    assert [(run.verb, run.ref.name == "db") for run in rig.cluster.dry_runs] == [
        ("create", False),
        ("delete", True),
    ]
    assert rig.model.asked == []


def test_where_it_does_not_a_person_approves_this_very_plan_first(tmp_path):
    rig = RecreateRig(tmp_path).begin(WISH.replace("  recreate: [StatefulSet]\n", ""))
    case = rig.until(State.PROPOSED)
    rig.turn(3)
    assert rig.verbs == []
    (told,) = [notice for notice in rig.notifier.sent if "proposes" in notice.title]
    assert "deleted and created anew" in told.body
    digest = find_cases(rig.store)[0].digest
    Commands(rig.world, rig.memory)("approve", {"case": case.case_id, "digest": digest}, "ann")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert service_of(rig.db) == "db"


def test_an_undo_recreates_it_as_it_was(rig):
    case = rig.until(State.CLOSED)
    rig.source.delete("wish.yaml")
    read_catalog(rig.world, rig.memory, rig.source)
    Commands(rig.world, rig.memory)("undo", {"case": case.case_id}, "ann")
    rig.turn(5)
    assert find_cases(rig.store)[0].outcome == "rolled-back"
    assert service_of(rig.db) == "wrong"
    assert rig.verbs == ["delete", "create"] * 2


def test_an_undo_leaves_an_object_alone_that_somebody_else_created(rig):
    case = rig.until(State.CLOSED)
    theirs = rig.db
    rig.cluster.remove(*KEY)
    theirs["metadata"].pop("uid")
    theirs["metadata"]["annotations"] = {}
    rig.cluster.put(theirs)
    Commands(rig.world, rig.memory)("undo", {"case": case.case_id}, "ann")
    rig.turn(5)
    assert any("could not be undone" in notice.body for notice in rig.notifier.sent)
    assert service_of(rig.db) == "db"
    assert rig.verbs == ["delete", "create"]


# ------------------------------------------------------------ interrupted

RECORDS = 7


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("point", range(1, RECORDS + 1))
def test_killed_at_any_ledger_write_it_is_recreated_once(tmp_path, point, after):
    rig = RecreateRig(tmp_path).begin()
    rig.store.seen, rig.store.die_at, rig.store.after = 0, point, after
    live_through(rig)
    assert [row.outcome for row in find_cases(rig.store)] == ["fixed"]
    assert rig.verbs == ["delete", "create"]
    assert service_of(rig.db) == "db"
    assert rig.store.verify().intact


@pytest.mark.parametrize(
    "mishap", [Mishap.CRASH_BEFORE, Mishap.CRASH_AFTER, Mishap.LOST_BEFORE, Mishap.LOST_AFTER]
)
@pytest.mark.parametrize("which", [0, 1], ids=["the deletion", "the creation"])
@pytest.mark.parametrize("undoing", [False, True], ids=["the fix", "its undo"])
def test_killed_or_cut_off_around_either_request_it_happens_once(tmp_path, mishap, which, undoing):
    rig = RecreateRig(tmp_path).begin()
    mishaps = [*REHEARSAL, *[None] * which, mishap]
    if undoing:
        case = rig.until(State.CLOSED)
        rig.source.delete("wish.yaml")
        read_catalog(rig.world, rig.memory, rig.source)
        Commands(rig.world, rig.memory)("undo", {"case": case.case_id}, "ann")
    rig.cluster.mishaps.extend(mishaps)
    for _ in range(60):
        try:
            rig.turn()
        except Crash:
            rig.restart()
    row = find_cases(rig.store)[0]
    assert (row.state, row.outcome) == (State.CLOSED, "rolled-back" if undoing else "fixed")
    assert rig.verbs == ["delete", "create"] * (2 if undoing else 1)
    assert service_of(rig.db) == ("wrong" if undoing else "db")
    assert rig.cluster.mishaps == type(rig.cluster.mishaps)()


def deleted_and_killed(rig):
    """The process died between the two requests; a new one is there and has not acted yet."""
    rig.cluster.mishaps.extend([*REHEARSAL, Mishap.CRASH_AFTER])
    with pytest.raises(Crash):
        rig.turn(30)
    assert rig.db is None
    rig.restart()


def test_what_somebody_else_created_meanwhile_is_never_overwritten(rig):
    deleted_and_killed(rig)
    theirs = stateful_set(service="theirs")
    theirs["metadata"].pop("uid")
    rig.cluster.put(theirs)
    rig.turn(3)
    assert service_of(rig.db) == "theirs"
    assert rig.verbs == ["delete"]
    assert find_cases(rig.store)[-1].outcome == "abandoned"
    assert any("somebody else created" in notice.body for notice in rig.notifier.sent)


def test_an_intent_that_is_gone_after_the_deletion_gets_the_old_object_back(rig):
    deleted_and_killed(rig)
    rig.source.delete("wish.yaml")
    read_catalog(rig.world, rig.memory, rig.source)
    rig.turn(5)
    assert service_of(rig.db) == "wrong"
    assert rig.verbs == ["delete", "create"]


def test_a_creation_that_is_refused_after_the_deletion_puts_the_old_object_back_at_once(rig):
    rig.cluster.mishaps.extend([*REHEARSAL, None, Mishap.REFUSED])
    case = rig.until(State.CLOSED)
    assert service_of(rig.db) == "wrong"
    assert rig.db["metadata"]["annotations"][OPERATION_ANNOTATION].endswith(".back")
    assert rig.verbs == ["delete", "create"]
    assert case.outcome == "refused"
    assert any("put back as it was" in notice.body for notice in rig.notifier.sent)
    rig.turn(30)
    assert rig.verbs == ["delete", "create"], "once is enough: it is a person's now"


@pytest.mark.parametrize("mishap", [Mishap.CRASH_BEFORE, Mishap.CRASH_AFTER, Mishap.LOST_AFTER])
def test_killed_while_it_is_put_back_it_is_there_again_and_a_person_is_told(rig, mishap):
    rig.cluster.mishaps.extend([*REHEARSAL, None, Mishap.REFUSED, mishap])
    for _ in range(30):
        try:
            rig.turn()
        except Crash:
            rig.restart()
    assert rig.db is not None
    assert rig.verbs == ["delete", "create"]
    assert find_cases(rig.store)[0].state in (State.CLOSED, State.VERIFYING)


def test_where_neither_form_can_be_created_it_is_tried_again_and_a_person_is_told_once(rig):
    rig.cluster.mishaps.extend([*REHEARSAL, None, *[Mishap.REFUSED] * 12])
    rig.turn(5)
    told = [notice for notice in rig.notifier.sent if "is missing" in notice.body]
    assert len(told) == 1
    status = Commands(rig.world, rig.memory)("status", {}, "ann")
    assert [(item["object"], service_of(item["manifest"])) for item in status["missing"]] == [
        ("StatefulSet/shop/db", "wrong")
    ]
    rig.turn(20)
    assert rig.db is not None
    assert Commands(rig.world, rig.memory)("status", {}, "ann")["missing"] == []


# ------------------------------------------------------------ stopped in between


def kill_after_the_deletion(rig):
    def react(written):
        if written.verb == "delete":
            rig.world.settings.kill_switch.write_text("stop")

    rig.cluster.react = react


def test_under_the_kill_switch_nothing_is_written_and_status_prints_what_is_missing(rig):
    kill_after_the_deletion(rig)
    rig.turn(30)
    assert rig.verbs == ["delete"]
    missing = Commands(rig.world, rig.memory)("status", {}, "ann")["missing"]
    assert [item["object"] for item in missing] == ["StatefulSet/shop/db"]
    assert service_of(missing[0]["manifest"]) == "wrong"
    rig.cluster.react = None
    rig.world.settings.kill_switch.unlink()
    rig.turn(20)
    assert service_of(rig.db) == "db"
    assert find_cases(rig.store)[0].outcome == "fixed"


def test_what_a_person_applied_under_the_kill_switch_stays(rig):
    kill_after_the_deletion(rig)
    rig.turn(5)
    (missing,) = Commands(rig.world, rig.memory)("status", {}, "ann")["missing"]
    rig.cluster.put(missing["manifest"])
    rig.cluster.react = None
    rig.world.settings.kill_switch.unlink()
    rig.turn(3)
    assert rig.verbs == ["delete"]
    assert service_of(rig.db) == "wrong"


def test_a_pause_in_between_puts_the_old_object_back(rig):
    def react(written):
        if written.verb == "delete":
            Commands(rig.world, rig.memory)("pause", {"scope": "all", "reason": "mine"}, "ann")

    rig.cluster.react = react
    rig.turn(30)
    assert service_of(rig.db) == "wrong"
    assert rig.verbs == ["delete", "create"]


def test_an_object_that_takes_long_to_go_is_waited_for_and_not_held_up_for(rig):
    live = rig.db
    live["metadata"]["finalizers"] = ["example.com/slow"]
    rig.cluster.put(live)
    began = rig.clock.monotonic()
    rig.turn(10)
    assert rig.clock.monotonic() - began < 10 + 2 * 5.0, "a turn waits five seconds, once"
    assert rig.verbs == ["delete"]
    assert "deletionTimestamp" in rig.db["metadata"]
    rig.cluster.remove(*KEY)
    rig.until(State.CLOSED)
    assert service_of(rig.db) == "db"
    assert rig.db["metadata"]["finalizers"] == ["example.com/slow"]


def test_a_rehearsal_that_is_refused_leaves_the_old_object_alone(rig):
    rig.cluster.mishaps.append(Mishap.REFUSED)
    case = rig.until(State.CLOSED)
    assert case.outcome == "refused"
    assert rig.verbs == []
    assert rig.db["metadata"]["uid"] == rig.old
