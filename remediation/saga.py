"""The life of one case as a total state machine: every (state, event) pair is either a move or illegal.

Each move is written to the ledger before the effect that it announces, so a process killed anywhere finds
in the last row what may have happened and asks the cluster whether it did. `APPLYING` and `ROLLING_BACK`
are the two states in which a write may or may not have reached the API server; recovery answers by reading
(operation id annotation), never by repeating blindly. `REHEARSING` is the third: a canary of ours may stand, and
no case leaves it before that canary is gone. What comes then is decided in `PROPOSED`.

                          REHEARSING
                             ^  | canary gone
                             |  v
    OPEN -> DIAGNOSING -> PROPOSED -> APPLYING -> VERIFYING -> CLOSED(fixed)
              |              |            |            |
              |              |            |            +-> ROLLING_BACK -> CLOSED(rolled back) or STUCK
              +--------------+------------+--------------> CLOSED(escalated | refused | ...)
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a case stands."""

    OPEN = "Open"
    DIAGNOSING = "Diagnosing"
    PROPOSED = "Proposed"  # a plan exists; waits for guards, a budget, or a person's approval
    REHEARSING = "Rehearsing"  # a canary may stand; closed only when it is gone
    APPLYING = "Applying"  # the write may have happened
    VERIFYING = "Verifying"
    ROLLING_BACK = "RollingBack"  # the undo may have happened
    STUCK = "Stuck"  # neither forward nor back by ourselves; a person was called
    CLOSED = "Closed"


class Event(StrEnum):
    """What moves a case. The ledger row of the same name carries the details."""

    OPENED = "opened"
    DIAGNOSIS_STARTED = "diagnosis-started"
    DIAGNOSED = "diagnosed"  # evidence, questions, answers, candidates
    PLANNED = "planned"  # the plan with its digest
    UNUSABLE = "unusable"  # no diagnosis or no plan: escalate
    GUARDED = "guarded"  # every guard's verdict on this plan
    APPROVED = "approved"
    REJECTED = "rejected"
    REHEARSAL_STARTED = "rehearsal-started"  # durable before the canary is created; its name and operation id
    CANARY_CREATED = "canary-created"  # the API server said so, or it was found; its uid
    REHEARSED = "rehearsed"  # the verdict; durable before the canary is deleted
    REHEARSAL_ENDED = "rehearsal-ended"  # the canary is gone, with the verdict that counts from now on
    REHEARSAL_IMPOSSIBLE = "rehearsal-impossible"  # the API server takes no such canary: a person decides
    STALE = "stale"  # the touched fields changed since: diagnose again
    APPLY_STARTED = "apply-started"  # durable before the write; carries the operation id and the charge
    APPLIED = "applied"
    APPLY_FAILED = "apply-failed"  # the server refused: nothing was written
    HELD = "held"  # verified for the whole window
    NOT_HELD = "not-held"
    ROLLBACK_STARTED = "rollback-started"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_IMPOSSIBLE = "rollback-impossible"  # somebody changed our fields since
    RESOLVED = "resolved"  # the violation went away without us
    TARGET_GONE = "target-gone"
    ESCALATED = "escalated"
    UNDO_ASKED = "undo-asked"  # a person wants our fields back, also after a success
    REMINDED = "reminded"  # the state did not change; a person was told again
    CLOSED = "closed"


S, E = State, Event

_MOVES: dict[tuple[State, Event], State] = {
    (S.OPEN, E.DIAGNOSIS_STARTED): S.DIAGNOSING,
    (S.OPEN, E.RESOLVED): S.CLOSED,
    (S.OPEN, E.TARGET_GONE): S.CLOSED,
    (S.OPEN, E.ESCALATED): S.CLOSED,
    (S.DIAGNOSING, E.DIAGNOSIS_STARTED): S.DIAGNOSING,  # started again after a restart
    (S.DIAGNOSING, E.DIAGNOSED): S.DIAGNOSING,
    (S.DIAGNOSING, E.PLANNED): S.PROPOSED,
    (S.DIAGNOSING, E.UNUSABLE): S.DIAGNOSING,
    (S.DIAGNOSING, E.ESCALATED): S.CLOSED,
    (S.DIAGNOSING, E.RESOLVED): S.CLOSED,
    (S.DIAGNOSING, E.TARGET_GONE): S.CLOSED,
    (S.PROPOSED, E.GUARDED): S.PROPOSED,
    (S.PROPOSED, E.APPROVED): S.PROPOSED,
    (S.PROPOSED, E.REMINDED): S.PROPOSED,
    (S.PROPOSED, E.REJECTED): S.CLOSED,
    (S.PROPOSED, E.STALE): S.OPEN,
    (S.PROPOSED, E.REHEARSAL_STARTED): S.REHEARSING,
    (S.PROPOSED, E.REHEARSAL_IMPOSSIBLE): S.PROPOSED,
    (S.REHEARSING, E.CANARY_CREATED): S.REHEARSING,
    (S.REHEARSING, E.REHEARSED): S.REHEARSING,
    (S.REHEARSING, E.REJECTED): S.REHEARSING,  # closed once the canary is gone; trust ends at once
    (S.REHEARSING, E.REMINDED): S.REHEARSING,
    (S.REHEARSING, E.REHEARSAL_ENDED): S.PROPOSED,
    (S.PROPOSED, E.APPLY_STARTED): S.APPLYING,
    (S.PROPOSED, E.RESOLVED): S.CLOSED,
    (S.PROPOSED, E.TARGET_GONE): S.CLOSED,
    (S.PROPOSED, E.ESCALATED): S.CLOSED,
    (S.APPLYING, E.APPLIED): S.VERIFYING,
    (S.APPLYING, E.APPLY_FAILED): S.PROPOSED,
    (S.APPLYING, E.STALE): S.OPEN,
    (S.APPLYING, E.TARGET_GONE): S.CLOSED,
    (S.VERIFYING, E.HELD): S.CLOSED,
    (S.VERIFYING, E.NOT_HELD): S.VERIFYING,
    (S.VERIFYING, E.UNDO_ASKED): S.VERIFYING,
    (S.CLOSED, E.UNDO_ASKED): S.VERIFYING,  # only of an applied change; the caller checks the outcome
    (S.VERIFYING, E.ROLLBACK_STARTED): S.ROLLING_BACK,
    (S.VERIFYING, E.ROLLBACK_IMPOSSIBLE): S.STUCK,
    (S.VERIFYING, E.TARGET_GONE): S.CLOSED,
    (S.ROLLING_BACK, E.ROLLBACK_STARTED): S.ROLLING_BACK,
    (S.ROLLING_BACK, E.ROLLED_BACK): S.CLOSED,
    (S.ROLLING_BACK, E.ROLLBACK_IMPOSSIBLE): S.STUCK,
    (S.ROLLING_BACK, E.TARGET_GONE): S.CLOSED,
    # An object that we deleted is not there again yet, and a person is told.
    (S.APPLYING, E.REMINDED): S.APPLYING,
    (S.ROLLING_BACK, E.REMINDED): S.ROLLING_BACK,
    (S.STUCK, E.REMINDED): S.STUCK,
    (S.STUCK, E.CLOSED): S.CLOSED,
    (S.STUCK, E.RESOLVED): S.CLOSED,
    (S.STUCK, E.TARGET_GONE): S.CLOSED,
    # A person may close any case that has no write in flight.
    (S.OPEN, E.CLOSED): S.CLOSED,
    (S.DIAGNOSING, E.CLOSED): S.CLOSED,
    (S.PROPOSED, E.CLOSED): S.CLOSED,
}


class IllegalMove(ValueError):  # noqa: N818 - it names what happened
    """An event that this state does not admit: a bug of ours, never swallowed."""


def begin() -> State:
    """The state after OPENED, the first row of every case."""
    return State.OPEN


def advance(state: State, event: Event) -> State:
    """The state after `event`; raises IllegalMove where the table has no such move."""
    try:
        return _MOVES[state, event]
    except KeyError:
        raise IllegalMove(f"a case in state {state} cannot take {event}") from None


def legal(state: State) -> frozenset[Event]:
    """The events that this state admits."""
    return frozenset(event for at, event in _MOVES if at is state)


WRITE_MAY_BE_OUT = frozenset({State.REHEARSING, State.APPLYING, State.ROLLING_BACK})
"""States that recovery must settle by reading the cluster before anything else."""
