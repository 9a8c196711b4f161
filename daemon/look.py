"""Look: observe, judge, and bring the ledger's cases up to date. Never asks the model, never writes to the
cluster, so nothing slow delays it.

One turn, with time read once:
 1. Put the watches' facts and the latest metric readings into one Observation.
 2. Judge it against the catalog, and group what is broken into cases.
 3. Open a case for what is newly broken.
 4. Close cases that went away by themselves; move those under verification.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.records import opened, resolved, verified
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.judge import judge
from detectors.model import Case, CaseKey, CaseReason, Gap, Judgement, Observation, Turn
from detectors.triage import triage
from intents.units import parse_duration
from remediation.saga import Event, State
from remediation.verify import Progress, check_progress
from store.ledger import Entry
from store.queries import CaseRow, find_cases, open_cases, wanted_back

DEFAULT_WINDOW = 60.0
"""Seconds of quiet for a case whose intent is gone (ARCHITECTURE invariant 6)."""


@dataclass(frozen=True, slots=True)
class LookReport:
    """What one turn saw and did, for telemetry and `run --once`."""

    observation: Observation
    judgement: Judgement
    cases: tuple[Case, ...]
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def observe(world: World, memory: Memory) -> Observation:
    """One consistent picture. Metric readings older than three rounds are Gaps, not memories."""
    metrics = memory.metrics
    age = world.clock.monotonic() - memory.metrics_at
    if metrics and age > 3 * seconds(world.settings.prometheus.interval) + seconds(world.settings.prometheus.timeout):
        stale = Gap("metrics", "Stale", f"the last reading is {age:.0f} s old", Turn.OURS)
        metrics = dict.fromkeys(metrics, stale)
    return Observation(at=world.clock.now(), objects=world.cluster.snapshot(), metrics=metrics, desired=memory.desired)


def assess(world: World, memory: Memory) -> LookReport:
    """Steps 1 and 2: reads only."""
    observation = observe(world, memory)
    judgement = judge(memory.catalog.in_force(), observation, not_ready_grace=seconds(world.settings.not_ready_grace))
    limits = world.settings.limits
    cases = triage(judgement, observation, storm_targets=limits.storm_targets, storm_share=limits.storm_share)
    return LookReport(observation, judgement, cases)


def look(world: World, memory: Memory) -> LookReport:
    """One whole turn."""
    report = assess(world, memory)
    found = {case.key: case for case in report.cases}
    rows = open_cases(world.store)
    clear = _clear_since(memory, report.judgement, found, [row.key for row in rows], world.clock.monotonic())
    memory.judgement, memory.cases, memory.clear_since = report.judgement, found, clear
    memory.storm = any(case.reason is CaseReason.STORM for case in report.cases)
    closed = tuple(row.case_id for row in rows if _advance(world, memory, row))
    known = {row.key for row in rows}
    opened_ids = tuple(_open(world, memory, case) for case in report.cases if case.key not in known and _due(world, memory, case))
    memory.seen_clear = (memory.seen_clear | _judged_keys(world, report.judgement)) - found.keys()
    memory.looked.set()
    return LookReport(report.observation, report.judgement, report.cases, opened_ids, closed)


def _clear_since(
    memory: Memory, judgement: Judgement, found: dict[CaseKey, Case], keys: Iterable[CaseKey], now: float
) -> dict[CaseKey, float]:
    """Since when each open case's key has been seen without violation. Only a look that decided every
    expectation of the intent counts as seen; one that could not read starts the clock again."""
    unknown = {item.intent for item in judgement.unknowns}
    decided = {intent for intent, _ in judgement.judged} - unknown
    return {key: memory.clear_since.get(key, now) for key in keys if key not in found and key.intent in decided}


def _judged_keys(world: World, judgement: Judgement) -> frozenset[CaseKey]:
    """Keys of ended cases whose intents were decided in this look; with the found ones taken off, they
    were seen clear."""
    unknown = {item.intent for item in judgement.unknowns}
    decided = {intent for intent, _ in judgement.judged} - unknown
    return frozenset(row.key for row in find_cases(world.store, limit=1000) if row.state is State.CLOSED and row.intent in decided)


def _due(world: World, memory: Memory, case: Case) -> bool:
    """Whether a broken key deserves a case now. A case that a person was called for is not opened again
    until its key was seen clear, another fault came, or `reopen_after` has passed: nobody is called twice
    a minute for one fault."""
    if case.reason is CaseReason.ROLLING_OUT or case.reason is CaseReason.PAUSED_BY_OWNER:
        return False
    earlier = next((row for row in find_cases(world.store, intent=case.key.intent) if row.key == case.key), None)
    if earlier is None or case.key in memory.seen_clear:
        return True
    if case.fault_class.value != earlier.fault_class:
        return True
    return world.clock.now() - earlier.updated_at >= seconds(world.settings.reopen_after)


def _open(world: World, memory: Memory, case: Case) -> str:
    memory.seen_clear -= {case.key}
    return str(world.store.open_case(case.key, opened(case), at=world.clock.now()))


def _advance(world: World, memory: Memory, row: CaseRow) -> bool:
    """Move one open case as far as looking alone can; true where it closed."""
    now, intent = world.clock.now(), memory.catalog.get(row.intent)
    window = parse_duration(intent.spec.verification.window) if intent else DEFAULT_WINDOW
    since = memory.clear_since.get(row.key)
    quiet = None if since is None else world.clock.monotonic() - since
    if row.state in (State.OPEN, State.DIAGNOSING, State.PROPOSED, State.STUCK):
        if intent is None:
            world.store.record([Entry(Event.CLOSED, {"outcome": "abandoned", "reason": "the intent is gone"}, row.case_id)], at=now)
            return True
        if quiet is not None and quiet >= window:
            world.store.record([resolved(row, quiet)], at=now)
            return True
        return False
    if row.state is not State.VERIFYING or wanted_back(world.store, row.case_id) is not None:
        return False
    timeout = parse_duration(intent.spec.verification.timeout) if intent else 5 * DEFAULT_WINDOW
    found = memory.cases.get(row.key)
    progress = check_progress(row, found, quiet=quiet, waited=now - (row.applied_at or now), window=window, timeout=timeout)
    if progress.state is Progress.WAITING:
        return False
    world.store.record([verified(row, progress)], at=now)
    return progress.state is Progress.HELD
