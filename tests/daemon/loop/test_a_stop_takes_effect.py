"""A pause, the kill switch or a revocation holds within a second, at whatever step a write is.

First each step by itself, on a clock of the test's own; then the real loops, threads, clock and control socket,
over the fake and over a real API server, while many objects wait for their write.
"""

import threading
import time
from contextlib import contextmanager

import pytest

from daemon.clock import SystemClock
from daemon.commands import Commands
from daemon.control import ControlServer, call
from daemon.cycle import Cycle
from daemon.rounds import read_catalog, read_metrics
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from intents.catalog import Catalog
from remediation.saga import Event, State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import changes_since, find_cases
from tests.contract.worlds import fake_world, named_kubeconfig, real_world
from tests.fakes.meanwhile import EventfulRig
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier
from tests.fakes.rig import BAD, GOOD

PROMISED = 1.0  # seconds
OBJECTS = 60

# ---------------------------------------------------------------- each step


def pulls_the_kill_switch(rig):
    rig.world.settings.kill_switch.touch()


def pauses_everything(rig):
    Commands(rig.world, rig.memory)("pause", {"scope": "all", "reason": "wait", "for": "1d"}, "alice")


def pauses_the_intent(rig):
    Commands(rig.world, rig.memory)("pause", {"scope": "web-runs", "reason": "wait", "for": "1d"}, "alice")


def revokes(rig):
    Commands(rig.world, rig.memory)("revoke", {"fault_class": "ImagePull", "reason": "wait"}, "alice")


STOPS = [pulls_the_kill_switch, pauses_everything, pauses_the_intent, revokes]


def goes_on(rig):
    """Whatever stopped it ends."""
    orders = Commands(rig.world, rig.memory)
    rig.world.settings.kill_switch.unlink(missing_ok=True)
    for scope in ("all", "web-runs"):
        orders("resume", {"scope": scope}, "alice")
    orders("grant", {"fault_class": "ImagePull", "weights": "*", "reason": "go on"}, "alice")


@pytest.fixture
def rig(tmp_path):
    rig = EventfulRig(tmp_path)
    rig.turn(8)
    return rig


@pytest.mark.parametrize("stop", STOPS)
def test_during_the_dry_run_it_stops_the_write(rig, stop):
    rig.during_the_dry_run(lambda: stop(rig))
    rig.set_image(BAD)
    rig.turn(60)
    assert (rig.image, rig.cluster.written, changes_since(rig.store, 0.0)) == (BAD, [], ())
    goes_on(rig)
    assert rig.until(State.CLOSED).outcome == "fixed"


@pytest.mark.parametrize("stop", STOPS)
def test_after_the_row_and_before_the_request_it_stops_the_write(rig, stop):
    """The disk may take seconds for the row."""
    rig.once_recorded(Event.APPLY_STARTED, lambda: stop(rig))
    rig.set_image(BAD)
    rig.turn(60)
    case = find_cases(rig.store)[0]
    assert (rig.image, rig.cluster.written, case.state) == (BAD, [], State.PROPOSED)
    assert [change.result for change in changes_since(rig.store, 0.0)] == ["refused"]
    goes_on(rig)
    assert rig.until(State.CLOSED, seconds=200).outcome == "fixed"
    assert (rig.image, len(rig.cluster.written)) == (GOOD, 1)


@pytest.mark.parametrize("stop", STOPS[:3])
@pytest.mark.parametrize("step", ["the dry run", "the row"])
def test_it_stops_an_undo_too_which_goes_on_afterwards(rig, stop, step):
    rig.works.clear()
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    if step == "the row":
        rig.once_recorded(Event.ROLLBACK_STARTED, lambda: stop(rig))
    else:
        rig.during_the_dry_run(lambda: stop(rig))
    rig.turn(150)
    assert rig.image == GOOD
    goes_on(rig)
    assert rig.until(State.CLOSED).outcome == "rolled-back"
    assert (rig.image, len(rig.cluster.written)) == (BAD, 2)


def test_a_daemon_killed_between_the_row_and_the_stop_does_not_write_after_it(rig):
    from tests.fakes.cluster import Crash

    def dies():
        pauses_everything(rig)
        raise Crash

    rig.once_recorded(Event.APPLY_STARTED, dies)
    rig.set_image(BAD)
    with pytest.raises(Crash):
        rig.turn(20)
    rig.restart()
    rig.turn(200)
    assert (rig.image, rig.cluster.written) == (BAD, [])


# ---------------------------------------------------------------- the real loops

WISH = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: wish-{number}}}
spec:
  mode: auto
  scope: {{namespace: {namespace}}}
  expectations:
    - type: manifest
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: wish-{number}, namespace: {namespace}}}
        data: {{level: info}}
  budget: {{changes: 100, per: 1h}}
  cooldown: 0s
"""


class Watched:
    """A Cluster that notes when each write leaves, and whose dry runs take a moment longer."""

    def __init__(self, cluster, clock):
        self._cluster, self._clock, self.left = cluster, clock, []

    def __getattr__(self, name):
        return getattr(self._cluster, name)

    def create(self, manifest, *, operation_id, dry_run):
        if not dry_run:
            self.left.append(self._clock.monotonic())
        answer = self._cluster.create(manifest, operation_id=operation_id, dry_run=dry_run)
        if dry_run:
            self._clock.wait(threading.Event(), 0.02)
        return answer


class Living:
    """A daemon with its loops running and a control socket, and objects missing that it should make."""

    def __init__(self, folder, cluster, namespace):
        self.clock = SystemClock()
        self.cluster = Watched(cluster, self.clock)
        self.settings = Settings.model_validate(
            {
                "database": folder / "ledger.db",
                "socket": folder / "control.sock",
                "kill_switch": folder / "kill",
                "look_interval": "200ms",
                "limits": {
                    "cluster_changes": 1000,
                    "namespace_changes": 1000,
                    "fault_class_changes": 1000,
                    "storm_targets": 1000,
                    "concurrent": 100,
                },
            }
        )
        self.store = Ledger.open(self.settings.database)
        model = FakeModel()
        world = World(
            cluster=self.cluster,
            metrics=FakeMetrics(),
            model=model,
            judge=model,
            clock=self.clock,
            notifier=FakeNotifier(),
            store=self.store,
            settings=self.settings,
        )
        texts = [WISH.format(number=number, namespace=namespace) for number in range(OBJECTS)]
        self.world, self.memory = world, Memory(Catalog())
        read_catalog(world, self.memory, FakeIntentSource({"wishes.yaml": "---".join(texts).encode()}))
        grant = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "t", "by": "t"}
        self.store.record([Entry(SystemEvent.GRANTED, grant)], at=self.clock.now())
        self.cycle = Cycle(world, self.memory, Telemetry(self.clock), beat=lambda: None)
        self.control = ControlServer(self.settings.socket, Commands(world, self.memory))

    @contextmanager
    def running(self):
        loops = (self.cycle.looking, self.cycle.thinking, self.cycle.acting, self._reading)
        threads = [threading.Thread(target=loop) for loop in loops]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.cycle.stop.set()
            for event in (self.cluster.changed(), self.memory.looked, self.memory.thought):
                event.set()
            for thread in threads:
                thread.join(20)
            self.control.close()
            self.store.close()
            assert not any(thread.is_alive() for thread in threads)

    def _reading(self):
        while not self.cycle.stop.is_set():
            read_metrics(self.world, self.memory)
            self.clock.wait(self.cycle.stop, 0.5)

    def until_written(self, count, seconds=60):
        deadline = self.clock.monotonic() + seconds
        while len(self.cluster.left) < count:
            assert self.clock.monotonic() < deadline, [row.state for row in find_cases(self.store)]
            time.sleep(0.002)

    def order(self, verb, **arguments):
        return call(self.settings.socket, verb, **arguments)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.cluster)])
def living(request, tmp_path):
    if request.param == "fake":
        made = fake_world()
    else:
        made = real_world(named_kubeconfig() or request.getfixturevalue("practice").kubeconfig)
    with made as world:
        living = Living(tmp_path, world.cluster, world.namespace)
        with living.running():
            yield living


def by_pause(living):
    living.order("pause", scope="all", reason="wait")
    return lambda: living.order("resume", scope="all")


def by_kill_switch(living):
    living.settings.kill_switch.touch()
    return living.settings.kill_switch.unlink


def by_revocation(living):
    living.order("revoke", fault_class="Absent", reason="wait")
    return lambda: living.order("grant", fault_class="Absent", reason="go on")


@pytest.mark.parametrize("stop", [by_pause, by_kill_switch, by_revocation])
def test_while_many_writes_are_under_way_none_leaves_a_second_after_the_stop(living, stop):
    living.until_written(5)
    go_on = stop(living)
    stopped, before = living.clock.monotonic(), len(living.cluster.left)
    time.sleep(PROMISED + 1.5)
    assert [at - stopped for at in living.cluster.left if at > stopped + PROMISED] == []
    left = len(living.cluster.left)
    assert left - before <= 1  # at most the one that had left already
    assert left < OBJECTS
    go_on()
    living.until_written(OBJECTS)
    assert len(changes_since(living.store, 0.0)) >= OBJECTS
