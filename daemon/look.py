"""Look: observe, judge, and bring the ledger's cases up to date. Never asks the model, never writes to the
cluster, so nothing slow delays it.

One turn, with time read once:
 1. Put the watches' facts and the latest metric readings into one Observation.
 2. Judge it against the catalog, and group what is broken into cases.
 3. Close cases that went away by themselves; move those under verification.
 4. Open a case for what is newly broken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice

from daemon.autonomy import with_promotion
from daemon.casebook import CaseBook
from daemon.neighbours import attributed
from daemon.records import PROVEN, opened, resolved, verified
from daemon.rehearsals import watched
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.base import Patience
from detectors.judge import judge
from detectors.model import Case, CaseKey, CaseReason, Cause, Gap, Judgement, Observation, Standing, Turn
from detectors.same_cause import NOBODY_LEADS
from detectors.triage import triage
from detectors.world import World as Picture
from intents.units import parse_duration
from remediation.model import Outcome
from remediation.saga import Event, IllegalMove, State
from remediation.verify import LONGEST, Progress, check_progress, stabilisation
from store.ledger import Entry
from store.queries import CaseRow, get_case, wanted_back

DEFAULT_WINDOW, DEFAULT_TIMEOUT = 60.0, 300.0
"""Seconds, for a case whose intent is gone (the defaults of intents.model.Verification)."""

MOST_AT_ONCE = 200
"""Cases that one look opens, and that it closes; the next look goes on. Each is a durable transaction of a few
milliseconds, and a look of thousands would starve the watchdog (60 s)."""

WAITING_FOR_PEOPLE = frozenset({State.OPEN, State.DIAGNOSING, State.PROPOSED, State.STUCK})
CALLED = frozenset(
    outcome.value for outcome in Outcome if outcome not in (Outcome.FIXED, Outcome.SELF_RESOLVED)
)
"""The ends for which a person was called, or that nobody saw whole: what was broken may be broken still."""
NOT_NOW = frozenset({CaseReason.ROLLING_OUT, CaseReason.PAUSED_BY_OWNER, CaseReason.SAME_CAUSE})


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
    metrics, desired = memory.metrics, memory.desired
    age = world.clock.monotonic() - memory.metrics_at
    if age > 3 * seconds(world.settings.prometheus.interval) + seconds(world.settings.prometheus.timeout):
        stale = Gap("metrics", "Stale", f"the last reading is {age:.0f} s old", Turn.OURS)
        metrics, desired = dict.fromkeys(metrics, stale), dict.fromkeys(desired, stale)
    return Observation(
        at=world.clock.now(), objects=world.cluster.snapshot(), metrics=metrics, desired=desired
    )


def assess(
    world: World,
    memory: Memory,
    leading: Mapping[Cause, CaseKey] = NOBODY_LEADS,
    ended: Collection[CaseKey] = (),
) -> LookReport:
    """Steps 1 and 2: reads only."""
    observation = observe(world, memory)
    patience = Patience(not_ready=seconds(world.settings.not_ready_grace))
    memory.picture = memory.picture.then(observation) if memory.picture else Picture(observation)
    judgement = judge(memory.catalog.intents.values(), observation, patience, world=memory.picture)
    limits = world.settings.limits
    cases = triage(
        judgement,
        observation,
        storm_at_least=limits.storm_targets,
        storm_share=limits.storm_share,
        world=memory.picture,
        leading=leading,
        ended=ended,
    )
    return LookReport(observation, judgement, cases)


def look(world: World, memory: Memory, book: CaseBook) -> LookReport:
    """One whole turn."""
    report = assess(world, memory, book.leading(), _ended(memory, book))
    found = {case.key: case for case in report.cases}
    memory.judgement, memory.cases = report.judgement, found
    memory.storm = any(case.reason is CaseReason.STORM for case in report.cases)
    memory.clear_since = _clear_since(world, memory, book)
    memory.canaries = watched(world, memory, book)
    proofs_first = sorted(book.open, key=lambda row: row.state is not State.VERIFYING)
    moved = (row.case_id for row in proofs_first if _advanced(world, memory, book, row))
    closed = tuple(islice(moved, MOST_AT_ONCE))
    known = {row.key for row in book.open}
    due = (case for case in report.cases if case.key not in known and _due(world, memory, book, case))
    fresh = tuple(islice(due, MOST_AT_ONCE))
    opened_ids = tuple(
        str(
            world.store.open_case(
                case.key, opened(case, _recurs_after(world, book, case)), at=report.judgement.at
            )
        )
        for case in fresh
    )
    seen_clear = {row.key for row in book.rows.values() if _gone(world, memory, book, row)}
    memory.seen_clear = (memory.seen_clear | seen_clear) - {case.key for case in fresh}
    memory.handed_over = book.handed_over(key for key, case in found.items() if case.cause is not None)
    memory.looked.set()
    return LookReport(report.observation, report.judgement, report.cases, opened_ids, closed)


def _ended(memory: Memory, book: CaseBook) -> frozenset[CaseKey]:
    """Cases that are over, or a person's, though their fault has not been seen gone."""
    return frozenset(
        row.key
        for row in book.rows.values()
        if row.state in (State.CLOSED, State.STUCK) and row.key not in memory.seen_clear
    )


def _standing(memory: Memory, book: CaseBook, row: CaseRow) -> Standing:
    """Whether what the case saw broken is whole in this look. Only the expectations that were broken are
    asked, so that an absent Prometheus does not hold up the proof of a mended image."""
    if row.key in memory.cases:
        return Standing.VIOLATED
    judgement, mine = memory.judgement, book.expectations(row)
    assert judgement is not None
    judged = all((row.intent, index) in judgement.judged for index in mine)
    target = row.key[1:]
    settling = any(
        s.intent == row.intent and s.target.key == target and s.expectation in mine
        for s in judgement.settling
    )
    return Standing.CLEAR if judged and not settling else Standing.UNSETTLED


def _clear_since(world: World, memory: Memory, book: CaseBook) -> dict[CaseKey, float]:
    """Since when each case's key has been seen whole; a look that could not tell starts it again."""
    now = world.clock.monotonic()
    over = memory.seen_clear
    rows = (row for row in book.rows.values() if row.state is not State.CLOSED or row.key not in over)
    clear = (row.key for row in rows if _standing(memory, book, row) is Standing.CLEAR)
    return {key: memory.clear_since.get(key, now) for key in clear}


def _gone(world: World, memory: Memory, book: CaseBook, row: CaseRow) -> bool:
    """Whether the fault of an ended case is over, so that the next one is another. One that a person was called for
    must stay away for the whole window, and for twice as long as it takes to come again: flapping is one case."""
    since = memory.clear_since.get(row.key)
    if row.state is not State.CLOSED or since is None:
        return False
    if row.outcome not in CALLED:
        return True
    intent = memory.catalog.intents.get(row.intent)
    wished = parse_duration(intent.spec.verification.window) if intent else DEFAULT_WINDOW
    interval = max(book.fault_interval(row), book.recurs_after(row))
    return world.clock.monotonic() - since >= stabilisation(wished, interval)


def _recurs_after(world: World, book: CaseBook, case: Case) -> float:
    """Seconds from the earlier case of this key to now; 0 where there was none, it ended with a proven fix, or it is
    so long ago that no quiet of twice the time would be waited for."""
    earlier = book.rows.get(case.key)
    if earlier is None or earlier.outcome == Outcome.FIXED:
        return 0.0
    since = max(0.0, world.clock.now() - earlier.opened_at)
    return since if 2 * since <= LONGEST else 0.0


def _due(world: World, memory: Memory, book: CaseBook, case: Case) -> bool:
    """Whether a broken key deserves a case now. One that a person was called for is not opened again until
    its key was seen whole, another fault came, or `reopen_after` has passed: nobody is called twice a
    minute for one fault. One that ended well was whole at its end, which the ledger knows after a restart too."""
    if case.reason in NOT_NOW:
        return False
    earlier = book.rows.get(case.key)
    if earlier is None or earlier.outcome not in CALLED or case.key in memory.seen_clear:
        return True
    return case.fault_class.value not in book.fault_classes(
        earlier
    ) or world.clock.now() - earlier.updated_at >= seconds(world.settings.reopen_after)


def _advanced(world: World, memory: Memory, book: CaseBook, row: CaseRow) -> bool:
    """`_advance`, of a case that another loop may move in this very moment: then the ledger takes no row of ours,
    and the next look sees where the case stands."""
    try:
        return _advance(world, memory, book, row)
    except IllegalMove:
        now = get_case(world.store, row.case_id)
        if now is not None and now.state is row.state:
            raise  # nobody moved it: a mistake of ours
        return False


def _advance(world: World, memory: Memory, book: CaseBook, row: CaseRow) -> bool:
    """Move one open case as far as looking alone can; true where it closed."""
    now, intent = world.clock.now(), memory.catalog.intents.get(row.intent)
    verification = intent.spec.verification if intent else None
    wished = parse_duration(verification.window) if verification else DEFAULT_WINDOW
    window = stabilisation(wished, book.fault_interval(row))
    patient = stabilisation(window, book.recurs_after(row))
    timeout = parse_duration(verification.timeout) if verification else DEFAULT_TIMEOUT
    since = memory.clear_since.get(row.key)
    quiet = None if since is None else world.clock.monotonic() - since
    if row.state in WAITING_FOR_PEOPLE:
        if intent is None:
            gone = {"outcome": Outcome.ABANDONED.value, "reason": "the intent is gone"}
            world.store.record([Entry(Event.CLOSED, gone, row.case_id)], at=now)
            return True
        if quiet is not None and quiet >= patient:
            world.store.record([resolved(row, quiet)], at=now)
            return True
        return False
    if row.state is not State.VERIFYING or wanted_back(world.store, row.case_id) is not None:
        return False
    found = memory.cases.get(row.key)
    waited = now - (row.applied_at or now)
    progress = check_progress(row, found, quiet=quiet, waited=waited, window=window, timeout=timeout)
    progress = attributed(world, memory, row, progress, waited=waited, timeout=timeout)
    if progress.state is Progress.WAITING:
        return False
    world.store.record(with_promotion(world, row, verified(row, progress)), at=now)
    return progress.state in PROVEN
