"""A whole intentd over fakes: one Deployment `web` with a tiny controller, one intent, the real ledger."""

from __future__ import annotations

from pathlib import Path

from daemon.cycle import Cycle
from daemon.good_times import GoodTimes
from daemon.look import observe
from daemon.rounds import read_catalog, read_metrics, tell_people
from daemon.settings import Settings
from daemon.state import Memory, World
from daemon.telemetry import Telemetry
from intents.catalog import Catalog
from remediation.model import Json
from remediation.saga import State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import CaseRow, find_cases, steps
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster, Written
from tests.fakes.manifests import deployment, pod, replica_set, running, waiting
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeIntentSource, FakeNotifier

GOOD, BAD = "shop/web:1.4", "shop/web:1.5x"
INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: web-runs}
spec:
  mode: auto
  scope: {namespace: shop, kind: Deployment, name: web}
  expectations:
    - type: workloadHealthy
  editable:
    - path: spec.template.spec.containers[*].image
      pattern: "shop/.*"
  cooldown: 1m
  verification: {window: 10s, timeout: 60s}
"""


class Rig:
    """`turn` is one second of the daemon's life; `restart` is a new process on the same disk and cluster."""

    ledger = Ledger

    def __init__(self, folder: Path, intent: str = INTENT, *, grant: bool = True, **settings: object) -> None:
        self.folder, self.settings = folder, settings
        self.clock, self.cluster, self.metrics = FakeClock(), FakeCluster(), FakeMetrics()
        self.notifier, self.model = FakeNotifier(), FakeModel()
        self.source = FakeIntentSource({"web.yaml": intent.encode()})
        self.works = {GOOD}
        self.broken = lambda image: waiting("ImagePullBackOff", f'Back-off pulling image "{image}"')
        self.cluster.react = self._controller
        self.set_image(GOOD)
        self._start()
        if grant:
            self.grant("auto")

    def _start(self) -> None:
        places = {"database": self.folder / "ledger.db", "kill_switch": self.folder / "kill"}
        settings = Settings.model_validate({**places, "look_interval": "1s", **self.settings})
        self.store = self.ledger.open(settings.database)
        self.world = World(
            cluster=self.cluster,
            metrics=self.metrics,
            model=self.model,
            judge=self.model,
            clock=self.clock,
            notifier=self.notifier,
            store=self.store,
            settings=settings,
        )
        self.memory = Memory(Catalog())
        self.good_times = GoodTimes(lasting=3.0)
        self.cycle = Cycle(self.world, self.memory, Telemetry(self.clock), beat=lambda: None)
        read_catalog(self.world, self.memory, self.source)

    def restart(self) -> None:
        """The old process is gone, however it went."""
        self.store.close()
        self._start()

    # ------------------------------------------------------------ life

    def turn(self, seconds: int = 1) -> None:
        """Everything that the daemon's loops and jobs do in so many seconds."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            read_metrics(self.world, self.memory)
            self.cycle.look_once()
            self.cycle.think_once()
            self.cycle.act_once()
            self.good_times.note(self.world, self.memory, observe(self.world, self.memory))
            tell_people(self.world)

    def until(self, *states: State, seconds: int = 120) -> CaseRow:
        """Live on until the newest case is in one of these states."""
        for _ in range(seconds):
            self.turn()
            if (rows := find_cases(self.store)) and rows[0].state in states:
                return rows[0]
        raise AssertionError(
            f"never {states}: {[(row.case_id, row.state, row.outcome) for row in find_cases(self.store)]}"
        )

    def grant(self, mode: str) -> None:
        row = {
            "fault_class": "*",
            "weights": "*",
            "mode": mode,
            "until": None,
            "reason": "test",
            "by": "test",
        }
        self.store.record([Entry(SystemEvent.GRANTED, row)], at=self.clock.now())

    def events(self, case_id: str) -> list[str]:
        return [step.event for step in steps(self.store, case_id)]

    # ------------------------------------------------------------ the world

    @property
    def image(self) -> str:
        """What the cluster says now."""
        found = self.cluster.object("Deployment", "shop", "web")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def set_image(self, image: str) -> None:
        """A person (or a pipeline) changes the image."""
        item = deployment("web")
        item["spec"]["template"]["spec"]["containers"][0]["image"] = image
        item["metadata"].pop("uid", None)
        item["metadata"].pop("managedFields", None)
        live = self.cluster.put(item)
        self._roll_out(live)

    def _controller(self, written: Written) -> None:
        if written.live is not None and written.ref.kind == "Deployment":
            self._roll_out(written.live)

    def _roll_out(self, live: Json) -> None:
        """What the controller manager and the kubelet would do: one pod of the newest template."""
        image = live["spec"]["template"]["spec"]["containers"][0]["image"]
        works = image in self.works
        live = dict(live)
        live["status"] = {
            "observedGeneration": live["metadata"]["generation"],
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": int(works),
            "availableReplicas": int(works),
            "unavailableReplicas": int(not works),
        }
        owner = self.cluster.put(live)
        owned = replica_set(owner, live["metadata"]["generation"], replicas=1, ready=int(works))
        owned["metadata"]["name"] = "web-7f9c6d5b4d"
        owned["metadata"]["uid"] = "uid-of-the-replica-set"
        owned["metadata"]["ownerReferences"] = [
            {"kind": "Deployment", "name": "web", "uid": owner["metadata"]["uid"], "controller": True}
        ]
        self.cluster.put(owned)
        status = running() if works else self.broken(image)
        runs = pod(owner, status)
        runs["metadata"]["uid"] = f"uid-of-pod-{live['metadata']['generation']}"
        runs["metadata"]["ownerReferences"][0]["uid"] = "uid-of-the-replica-set"
        runs["status"]["conditions"] = [
            {
                "type": "Ready",
                "status": "True" if works else "False",
                "lastTransitionTime": "2025-03-01T10:00:00Z",
            }
        ]
        self.cluster.put(runs)
