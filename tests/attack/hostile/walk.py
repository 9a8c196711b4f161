"""The way of an answer from decoding to the API server: candidate, plan, guards, choke point, ledger.

The same code over the fake cluster and over a real one. Each answer becomes a case of its own that stands at
`Proposed` with the hostile plan, as `daemon.think` would have left it; then the act loop has its turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.act import act
from daemon.ports import Clock, Cluster
from daemon.records import opened, planned
from daemon.settings import Settings
from daemon.state import Memory, World
from detectors.model import FaultClass, ObjectRef
from intents.catalog import Catalog
from intents.fields import format_path
from intents.model import Intent
from remediation.model import Candidate, Json, NoPlan, Patch, Plan, RawEvidence
from remediation.plan import plan_change
from remediation.saga import Event, State
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import get_case, last_step
from tests.attack.hostile.row import Hostile
from tests.fakes.manifests import case as case_of
from tests.fakes.metrics import FakeMetrics
from tests.fakes.model import FakeModel
from tests.fakes.notifier import FakeNotifier

INTENT = "web-runs"
CONTAINERS = "spec.template.spec.containers[*]"
USUAL = [
    {"path": f"{CONTAINERS}.image", "pattern": r"registry\.example\.com/shop/web:1\.[0-9]+"},
    {"path": f"{CONTAINERS}.resources.limits.memory", "min": "16Mi", "max": "512Mi"},
    {"path": f"{CONTAINERS}.env[*].value", "values": ["fast", "slow"]},
    {"path": "spec.replicas", "min": "0", "max": "5"},
    {"path": "spec.template.metadata.labels.*", "values": ["web"]},
    {"kind": "ConfigMap", "path": "data.colour", "values": ["blue", "green"]},
]


@dataclass(frozen=True)
class Attempt:
    """What became of one answer. `refused` holds each refusal as `GUARD:REASON`, or `NoPlan:REASON` alone."""

    refused: frozenset[str]
    plan: Plan | NoPlan
    written: bool
    told: str = ""


class Walk:
    """One daemon's ledger and settings, for any number of answers."""

    def __init__(self, folder: Path, cluster: Cluster, clock: Clock, live: Mapping[str, Json]) -> None:
        self.live = live
        settings = Settings(
            database=folder / "ledger.db", kill_switch=folder / "kill", human_edit_grace="0s"
        )  # the tests put the objects back by hand, moments before each answer
        self.store = Ledger.open(settings.database)
        model = FakeModel()
        self.world = World(
            cluster=cluster,
            metrics=FakeMetrics(),
            model=model,
            judge=model,
            clock=clock,
            notifier=FakeNotifier(),
            store=self.store,
            settings=settings,
        )
        self._grant()

    def close(self) -> None:
        self.store.close()

    def try_(self, row: Hostile) -> Attempt:
        """Send one answer all the way."""
        live = self.live[row.kind]
        target = _ref(live)
        found = plan_change(Candidate("model", "model", target, row.name[:80], row.manifest), live)
        if isinstance(found, NoPlan):
            return Attempt(frozenset({f"NoPlan:{found.reason}"}), found, written=False, told=found.detail)
        return self.act_on(found, USUAL if row.bounded else opening(found))

    def act_on(self, plan: Plan, editable: list[dict[str, str]]) -> Attempt:
        """Guards and choke point for one plan, under an intent that opens these fields."""
        target = plan.target
        memory = Memory(Catalog({INTENT: _intent(target, editable)}))
        case = case_of(FaultClass.CRASH_LOOP, target)
        key = case.key._replace(intent=INTENT)
        case = replace(case, key=key)
        memory.cases = {key: case}
        at = self.world.clock.now()
        case_id = str(self.store.open_case(key, opened(case), at=at))
        raw = RawEvidence(
            live=self.live[target.kind], related={_ref(item): item for item in self.live.values()}
        )
        steps = [
            Entry(Event.DIAGNOSIS_STARTED, {}, case_id),
            Entry(Event.DIAGNOSED, {"cause": "an attack", "weights": "sha256:hostile"}, case_id),
            planned(case_id, plan, "an attack", raw),
        ]
        self.store.record(steps, at=at)
        row = get_case(self.store, case_id)
        assert row is not None
        assert row.state is State.PROPOSED
        act(self.world, memory, row)
        judged = last_step(self.store, case_id, Event.GUARDED)
        verdicts = judged.payload["verdicts"] if judged else []
        refused = frozenset(f"{v['guard']}:{v['reason']}" for v in verdicts if not v["allowed"])
        after = get_case(self.store, case_id)
        assert after is not None
        begun = last_step(self.store, case_id, Event.APPLY_STARTED) is not None
        if not begun and after.state is not State.CLOSED:
            ended = {"outcome": "abandoned", "reason": "the next answer"}
            self.store.record([Entry(Event.CLOSED, ended, case_id)], at=at)
        return Attempt(refused, plan, written=begun, told=f"{after.state} {after.outcome}")

    def _grant(self) -> None:
        row = {
            "fault_class": "*",
            "weights": "*",
            "mode": "auto",
            "until": None,
            "reason": "test",
            "by": "test",
        }
        self.store.record([Entry(SystemEvent.GRANTED, row)], at=self.world.clock.now())


def opening(plan: Plan) -> list[dict[str, str]]:
    """Entries that open exactly what the plan touches, without bounds: more than `intentd check` lets an intent
    open, so that the guards stand alone."""
    assert isinstance(plan, Patch)
    return [{"kind": plan.target.kind, "path": format_path(leaf.path)} for leaf in plan.touched]


def _ref(live: Json) -> ObjectRef:
    meta = live["metadata"]
    return ObjectRef(live["kind"], meta["namespace"], meta["name"], meta["uid"])


def _intent(target: ObjectRef, editable: list[dict[str, str]]) -> Intent:
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": INTENT},
            "spec": {
                "mode": "auto",
                "scope": {"namespace": target.namespace},
                "expectations": [{"type": "workloadHealthy"}],
                "editable": editable,
                "budget": {"changes": 1000, "per": "1h"},
                "cooldown": "1s",
            },
        }
    )
