"""One sample of one case: stage it, let a fresh daemon loose on it, watch, read back, score, clean up.

The daemon gets a ledger of its own (no memory of other cases), its own service account's rights, and the default intent
once the case's objects stand and show what they show. Nothing of the case's folder is in its reach.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from kubernetes import client

from detectors.model import ObjectRef
from gym.cases.model import Scenario
from gym.cases.results import Result, result
from gym.cases.score import Run, Score, score
from gym.cases.state import Json, Key, State, dig, mapping, maps
from gym.cluster import Cluster
from gym.daemon import Daemon, start_daemon
from gym.models import Served
from gym.paths import GymError
from gym.ready import wait_for
from gym.run.default_intent import as_text, default_intents
from gym.run.node_agent import NodeAgent
from gym.run.pod_logs import PodLogs
from gym.run.record import Recording
from gym.run.rest import Rest
from gym.run.settling import restless
from gym.run.stage import CannotStage, Stage
from gym.run.tap import Tap
from gym.run.watch import PATIENCE, Patience, Watched, consultations, follow, violations
from remediation.saga import Event

SETTLE_SECONDS = 40.0
"""For the controllers to make pods and the scheduler to place them."""


@dataclass(slots=True)
class Stand:
    """What the samples of one run share."""

    cluster: Cluster
    rest: Rest
    core: client.CoreV1Api
    logs: PodLogs
    served: Served | None
    patience: Patience = PATIENCE
    keep: Path | None = None  # where the daemons' own folders are kept, if anywhere
    stop: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=count)

    def stage(self, scenario: Scenario) -> Stage:
        """The stage of a case; nothing is put up by asking."""
        return Stage(self.rest, self.core, scenario.case)


def try_case(stand: Stand, scenario: Scenario, sample: int) -> tuple[Result, Recording | None]:
    """One sample, on nodes that are up. A case that the API server does not take is answered as skipped. Raises GymError where the practice
    itself fails, Stopped where the run is ended."""
    case = scenario.case
    stage = stand.stage(scenario)
    with ExitStack() as cleanup:
        tap = (
            cleanup.enter_context(Tap(stand.cluster.ollama_url).serving())
            if stand.cluster.ollama_url
            else None
        )
        daemon = cleanup.enter_context(_daemon(stand, tap, f"{case.id.replace('/', '__')}-{sample}"))
        cleanup.callback(_tear_down, stand, stage)
        try:
            stage.set_up()
        except CannotStage as error:
            return Result(case.id, sample, case.tier.value, skipped=str(error)), None
        agent = NodeAgent(stand.rest, stage, scenario, stand.logs)
        agent.start()
        cleanup.callback(agent.stop)
        _settle(stage, agent)
        before = stage.read()
        intents = default_intents(case)
        for intent in intents:
            daemon.drop_intent(intent["metadata"]["name"], as_text(intent))
        applied: list[State] = []
        seen = follow(daemon, stand.patience, lambda: applied.append(stage.read()), stand.stop)
        if agent.failed is not None:
            raise GymError(f"{case.id}: the nodes failed: {agent.failed}") from agent.failed
        clear = _is_clear(daemon, seen)
        after = _without_later(stage.read(), applied[0] if applied else None, seen)
    run = _run(seen, before, after, applied[0] if applied else None, clear=clear)
    scored = score(case, scenario.scoring, run)
    line = result(
        case,
        run,
        scored,
        sample=sample,
        seen=bool(seen.story.cases),
        seconds=round(seen.seconds, 1),
        tokens=seen.tokens,
        weights=(seen.case.weights or None) if seen.case else None,
    )
    provider = stand.cluster.provider.name
    return line, _recording(case.id, sample, provider, intents, run, scored, seen, tap)


# ---------------------------------------------------------------- before


@contextmanager
def _daemon(stand: Stand, tap: Tap | None, kept_as: str) -> Iterator[Daemon]:
    """A fresh intentd with an empty ledger, granted to act; gone with all its files afterwards, unless they are
    kept."""
    settings: dict[str, object] = {
        "model": {"name": None},
        "limits": {"concurrent": 1},
        "http": {"enabled": False},
    }
    if stand.served is not None and tap is not None:
        settings["model"] = stand.served.settings(tap.url)
    daemon = start_daemon(stand.cluster, settings, f"intentd{next(stand.numbers)}")
    try:
        daemon.order("grant", fault_class="*", weights="*", mode="auto", reason="practice")
        yield daemon
    finally:
        if not stand.stop.is_set():
            daemon.stop()
        if stand.keep is not None:
            _keep(daemon, stand.keep / kept_as)
        shutil.rmtree(daemon.folder, ignore_errors=True)


def _keep(daemon: Daemon, target: Path) -> None:
    """All that the daemon had and left, but its credentials."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(daemon.folder, target, ignore=shutil.ignore_patterns("kubeconfig", "*.sock", ".*"))
    shutil.copyfile(daemon.log, target / "intentd.log")


def _tear_down(stand: Stand, stage: Stage) -> None:
    """Remove the case's objects; where the run is being ended, they go with the cluster."""
    if not stand.stop.is_set():
        stage.tear_down()


def _settle(stage: Stage, agent: NodeAgent) -> None:
    """Until controllers, scheduler and nodes have nothing more to do, so that what is read next stays so."""
    found: list[str | None] = []

    def at_rest() -> bool:
        found[:] = [restless(stage.read())]
        return found == [None]

    try:
        wait_for("the case coming to rest", at_rest, SETTLE_SECONDS, pause=0.3)
    except GymError as error:
        raise GymError(f"the case does not come to rest: {found[0] if found else error}") from error
    agent.wait_calm(SETTLE_SECONDS)


# ---------------------------------------------------------------- after


def _is_clear(daemon: Daemon, seen: Watched) -> bool:
    """Whether the first plan was proven for its whole window and no detector sees anything else now."""
    if seen.first is None or Event.HELD not in seen.first.at:
        return False
    return violations(daemon) == 0


def _without_later(after: State, applied: State | None, seen: Watched) -> State:
    """What later plans were already writing to, as it was just after the first: only the first counts."""
    later = set(seen.later_targets())
    if applied is None or not later:
        return after
    kept = {key: obj for key, obj in after.objects.items() if key not in later}
    return State(kept | {key: obj for key, obj in applied.objects.items() if key in later})


def _run(seen: Watched, before: State, after: State, applied: State | None, *, clear: bool) -> Run:
    case = seen.case
    return Run(
        before=before,
        after=after,
        applied=applied,
        outcome=case.outcome if case is not None else None,
        clear=clear,
        fault_class=case.fault_class if case is not None else None,
        root_cause=(case.cause or case.message) if case is not None else "",
        named=seen.called_about(),
        worse=tuple(_worse(before, after)),
    )


def _worse(before: State, after: State) -> Iterator[ObjectRef]:
    """Objects that worked before and stand there broken now."""
    for key, obj in before.objects.items():
        now = after.objects.get(key)
        if now is not None and works(obj) and works(now) is False:
            yield ObjectRef(*key)


def works(obj: Json) -> bool | None:
    """Whether a workload has all it wants; None for what is no workload, or is another's to judge."""
    status, spec = mapping(obj.get("status")), mapping(obj.get("spec"))
    match obj.get("kind"):
        case "Deployment" | "StatefulSet":
            return bool(status.get("availableReplicas", 0) >= spec.get("replicas", 1))
        case "DaemonSet":
            return bool(status.get("numberAvailable", 0) >= status.get("desiredNumberScheduled", 0))
        case "Pod" if not dig(obj, "metadata", "ownerReferences"):
            conditions = {one.get("type"): one.get("status") for one in maps(status.get("conditions"))}
            return conditions.get("Ready") == "True" or status.get("phase") == "Succeeded"
        case _:
            return None


def _recording(
    case: str,
    sample: int,
    provider: str,
    intents: tuple[Json, ...],
    run: Run,
    scored: Score,
    seen: Watched,
    tap: Tap | None,
) -> Recording:
    return Recording(
        case=case,
        sample=sample,
        provider=provider,
        intents=intents,
        before=_objects(run.before),
        after=_objects(run.after),
        applied=_objects(run.applied) if run.applied is not None else None,
        consultations=consultations(seen.rows),
        exchanges=tap.taken if tap is not None else (),
        outcome=run.outcome.value if run.outcome is not None else None,
        clear=run.clear,
        fault_class=run.fault_class,
        root_cause=run.root_cause,
        named=tuple(ref.key for ref in run.named),
        worse=tuple(ref.key for ref in run.worse),
        later_plans=seen.later_plans,
        why=scored.why,
    )


def _objects(state: State) -> tuple[Json, ...]:
    """The objects, without what a Secret holds: its keys are kept."""
    return tuple(map(_hidden, _by_key(state.objects)))


def _by_key(objects: Mapping[Key, Json]) -> list[Json]:
    return [objects[key] for key in sorted(objects)]


def _hidden(obj: Json) -> Json:
    if obj.get("kind") != "Secret":
        return obj
    annotations = mapping(dig(obj, "metadata", "annotations"))
    kept = {name: value for name, value in annotations.items() if "last-applied" not in name}
    metadata = {**obj["metadata"], "annotations": kept}
    return {**obj, "metadata": metadata, "data": dict.fromkeys(mapping(obj.get("data")), "")}
