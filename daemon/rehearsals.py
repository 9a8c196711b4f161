"""What the ledger and the latest look say about canaries: which stand, and how they do. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemon.casebook import CaseBook
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.base import Patience
from detectors.model import Gap, ObjectRef
from remediation.canary_health import Health, Watched, health
from remediation.saga import Event, State
from store.ledger import Ledger
from store.queries import Step, last_step, open_cases


@dataclass(frozen=True, slots=True)
class Standing:
    """A rehearsal that was announced and has not ended: its rows so far."""

    begun: Step
    created: Step | None
    verdict: Step | None
    rejected: Step | None
    reminded: Step | None

    @property
    def canary(self) -> ObjectRef:
        """The Pod, by the name that was announced and the uid that was confirmed."""
        return ObjectRef(**self.begun.payload["canary"])._replace(uid=self.uid)

    @property
    def operation_id(self) -> str:
        """What the Pod carries if it is ours."""
        return str(self.begun.payload["operation_id"])

    @property
    def uid(self) -> str:
        """Which incarnation it is; empty until it was confirmed."""
        return "" if self.created is None else str(self.created.payload["uid"])


def standing(store: Ledger, case_id: str) -> Standing | None:
    """The newest rehearsal of a case in Rehearsing."""
    begun = last_step(store, case_id, Event.REHEARSAL_STARTED)
    if begun is None:
        return None

    def since(event: Event) -> Step | None:
        found = last_step(store, case_id, event)
        return found if found is not None and found.seq > begun.seq else None

    return Standing(
        begun,
        since(Event.CANARY_CREATED),
        since(Event.REHEARSED),
        since(Event.REJECTED),
        since(Event.REMINDED),
    )


def canaries(store: Ledger) -> list[dict[str, Any]]:
    """Every canary that may stand, for `status`; `ends_by` (Unix seconds) is when it ends by itself at the latest,
    counted from when the request may have landed."""
    rows = open_cases(store, State.REHEARSING)
    found = [(row.case_id, now) for row in rows if (now := standing(store, row.case_id)) is not None]
    return [
        {
            "case": case_id,
            "pod": now.canary.name,
            "namespace": now.canary.namespace,
            "since": now.begun.at,
            "ends_by": now.begun.at + now.begun.payload["ends_after"],
            "verdict": None if now.verdict is None else now.verdict.payload["result"],
        }
        for case_id, now in found
    ]


def watched(world: World, memory: Memory, book: CaseBook) -> dict[str, Watched]:
    """Each confirmed canary with the latest look added, by case id."""
    found = {}
    for row in book.open:
        if row.state is not State.REHEARSING:
            continue
        now = standing(world.store, row.case_id)
        if now is None or now.created is None:
            continue
        seen = _seen(world, memory, now)
        before = memory.canaries.get(row.case_id)
        known = before if before is not None and before.uid == now.uid else Watched(now.uid, seen)
        found[row.case_id] = known.then(seen, world.clock.monotonic())
    return found


def _seen(world: World, memory: Memory, now: Standing) -> Health:
    """The canary as the watches show it."""
    target = ObjectRef(**now.begun.payload["target"])
    patience = Patience(not_ready=seconds(world.settings.not_ready_grace))
    observation = None if memory.picture is None else memory.picture.observation
    if observation is None or isinstance(observation.gap("Pod", target.kind), Gap):
        return health(None, None, target, 0.0, patience)
    pod = observation.pods().get((now.canary.namespace, now.canary.name))
    workload = observation.workloads(target.kind).get((target.namespace, target.name))
    if pod is not None and pod.metadata.uid != now.uid:
        pod = None
    if workload is not None and workload.metadata.uid != target.uid:
        workload = None
    return health(pod, workload, target, observation.at, patience)
