"""What the control socket can ask of the daemon: each verb a function that records a ledger row.

Nothing here writes to the cluster; the act loop does, with the guards, after these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from daemon.control import CommandError
from daemon.guarding import kill_switch
from daemon.settings import seconds
from daemon.state import Memory, World
from detectors.model import FaultClass
from intents.model import Mode
from intents.units import parse_duration
from remediation.model import Outcome, Unusable
from remediation.saga import Event, IllegalMove, State
from store.errors import StoreError
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import CaseRow, active_grants, active_pauses, get_case, open_cases
from store.retention import backup

Json = dict[str, Any]

DIGEST_CHARS = 12
"""Least of a digest that an approval names: what notices show. Fewer could fit the plan that comes next."""


def _one_of(what: str, said: str, known: Sequence[str]) -> str:
    """A mistyped name would be recorded, and then mean nothing."""
    if said not in known:
        raise CommandError(f"there is no {what} {said!r}: {', '.join(known)}")
    return said


class Commands:
    """The verbs of the control socket."""

    def __init__(self, world: World, memory: Memory) -> None:
        self._world, self._memory = world, memory
        self._verbs: dict[str, Callable[[Json, str], Json]] = {
            "status": self._status,
            "approve": self._approve,
            "reject": self._reject,
            "undo": self._undo,
            "close": self._close,
            "pause": self._pause,
            "resume": self._resume,
            "grant": self._grant,
            "revoke": self._revoke,
            "backup": self._backup,
        }

    def __call__(self, verb: str, arguments: Json, who: str) -> Json:
        """Carry out one verb for one person."""
        if verb not in self._verbs:
            raise CommandError(f"there is no {verb!r}: {', '.join(self._verbs)}")
        try:
            return self._verbs[verb](arguments, who)
        except IllegalMove as error:
            raise CommandError(f"not now: {error}") from error
        except (StoreError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _record(self, *entries: Entry) -> None:
        self._world.store.record(entries, at=self._world.clock.now())
        self._memory.retry_at = {}
        self._memory.thought.set()
        self._memory.looked.set()

    def _case(self, arguments: Json) -> CaseRow:
        row = get_case(self._world.store, str(arguments.get("case", "")))
        if row is None:
            raise CommandError(f"there is no case {arguments.get('case')!r}; `intentd cases` lists them")
        return row

    def _status(self, _arguments: Json, _who: str) -> Json:
        now, judgement = self._world.clock.now(), self._memory.judgement
        weights, trouble = self._memory.weights, self._memory.model_trouble
        return {
            "mode_ceiling": self._world.settings.limits.mode.value,
            "intents": len(self._memory.catalog.intents),
            "problems": [str(problem) for problem in self._memory.catalog.problems],
            "last_look_seconds_ago": None if judgement is None else round(now - judgement.at, 1),
            "violations": 0 if judgement is None else len(judgement.violations),
            "unknown": []
            if judgement is None
            else [f"{item.intent}: {item.gap.message}" for item in judgement.unknowns],
            "open_cases": len(open_cases(self._world.store)),
            "storm": self._memory.storm,
            "pauses": [asdict(pause) for pause in active_pauses(self._world.store, now)],
            "kill_switch": kill_switch(self._world),
            "grants": [asdict(grant) for grant in active_grants(self._world.store, now)],
            "weights": None if isinstance(weights, Unusable) else weights,
            "model": weights.detail if isinstance(weights, Unusable) else self._world.settings.model.name,
            "model_trouble": None if trouble is None else f"{trouble.reason}: {trouble.detail}",
        }

    def _approve(self, arguments: Json, who: str) -> Json:
        row = self._case(arguments)
        digest = str(arguments.get("digest") or "")
        if row.state is not State.PROPOSED or row.digest is None:
            raise CommandError(f"case {row.case_id} is {row.state}: there is nothing to approve")
        if len(digest) < DIGEST_CHARS:
            raise CommandError(f"name at least {DIGEST_CHARS} characters of the digest that you read")
        if not row.digest.startswith(digest):
            raise CommandError(
                f"that is not the digest of the plan that stands now; read it again with `intentd show {row.case_id}`"
            )
        until = self._world.clock.now() + seconds(self._world.settings.approval_expires)
        self._record(Entry(Event.APPROVED, {"digest": row.digest, "by": who, "until": until}, row.case_id))
        return {"case": row.case_id, "approved_until": until}

    def _reject(self, arguments: Json, who: str) -> Json:
        row, reason = self._case(arguments), str(arguments.get("reason") or "no reason given")
        self._record(
            Entry(
                Event.REJECTED,
                {"outcome": Outcome.REFUSED.value, "reason": f"rejected by {who}: {reason}", "by": who},
                row.case_id,
            )
        )
        return {"case": row.case_id}

    def _undo(self, arguments: Json, who: str) -> Json:
        row = self._case(arguments)
        undoable = row.state is State.VERIFYING or (
            row.state is State.CLOSED and row.outcome == Outcome.FIXED
        )
        if not undoable or row.operation_id is None:
            raise CommandError(
                f"case {row.case_id} has no change of ours that stands ({row.outcome or row.state})"
            )
        self._record(Entry(Event.UNDO_ASKED, {"reason": f"undo asked by {who}", "by": who}, row.case_id))
        return {"case": row.case_id}

    def _close(self, arguments: Json, who: str) -> Json:
        row = self._case(arguments)
        self._record(
            Entry(
                Event.CLOSED,
                {
                    "outcome": Outcome.ESCALATED.value,
                    "reason": f"closed by {who}: {arguments.get('reason') or ''}",
                },
                row.case_id,
            )
        )
        return {"case": row.case_id}

    def _pause(self, arguments: Json, who: str) -> Json:
        scope, reason = str(arguments.get("scope") or "all"), str(arguments.get("reason") or "")
        if not reason:
            raise CommandError("a pause needs a reason (--reason)")
        if scope != "all" and scope not in self._memory.catalog.intents:
            raise CommandError(f"there is no intent {scope!r} to pause; `intentd intents` lists them")
        until = self._world.clock.now() + parse_duration(str(arguments.get("for") or "1h"))
        self._record(Entry(SystemEvent.PAUSED, {"scope": scope, "reason": reason, "by": who, "until": until}))
        return {"scope": scope, "until": until}

    def _resume(self, arguments: Json, who: str) -> Json:
        """Nothing to end is no error: what was asked for is so. Says what is still held."""
        scope = str(arguments.get("scope") or "all")
        paused = {pause.scope for pause in active_pauses(self._world.store, self._world.clock.now())}
        if scope in paused:
            self._record(Entry(SystemEvent.RESUMED, {"scope": scope, "by": who}))
        elif scope != "all" and scope not in self._memory.catalog.intents:
            raise CommandError(f"there is no intent {scope!r} to resume; `intentd intents` lists them")
        return {
            "scope": scope,
            "resumed": scope in paused,
            "paused": sorted(paused - {scope}),
            "kill_switch": kill_switch(self._world),
        }

    def _grant(self, arguments: Json, who: str) -> Json:
        reason = str(arguments.get("reason") or "")
        if not reason:
            raise CommandError("a grant needs a reason (--reason)")
        length = arguments.get("for")
        until = self._world.clock.now() + parse_duration(str(length)) if length else None
        mode = Mode(_one_of("mode", str(arguments.get("mode") or Mode.AUTO.value), [*Mode]))
        payload = {
            "fault_class": _one_of(
                "fault class", str(arguments.get("fault_class") or "*"), ["*", *FaultClass]
            ),
            "weights": str(arguments.get("weights") or "*"),
            "mode": mode.value,
            "until": until,
            "reason": reason,
            "by": who,
        }
        self._record(Entry(SystemEvent.GRANTED, payload))
        return payload

    def _revoke(self, arguments: Json, who: str) -> Json:
        """A grant that has ended is none; the row says who ended it."""
        reason = str(arguments.get("reason") or "")
        if not reason:
            raise CommandError("a revocation needs a reason (--reason)")
        fault_class = _one_of("fault class", str(arguments.get("fault_class") or ""), ["*", *FaultClass])
        now = self._world.clock.now()
        grants = active_grants(self._world.store, now)
        entries = [
            Entry(
                SystemEvent.GRANTED,
                {
                    "fault_class": grant.fault_class,
                    "weights": grant.weights,
                    "mode": Mode.PROPOSE.value,
                    "until": now,
                    "reason": reason,
                    "by": who,
                },
            )
            for grant in grants
            if grant.fault_class == fault_class
        ]
        if entries:
            self._record(*entries)
        still = [
            f"{grant.fault_class} ({grant.mode})" for grant in grants if grant.fault_class != fault_class
        ]
        return {"revoked": len(entries), "still": still}

    def _backup(self, arguments: Json, _who: str) -> Json:
        from pathlib import Path

        target = Path(str(arguments.get("to") or ""))
        if not target.is_absolute():
            raise CommandError("name an absolute path: the daemon's folder is not yours")
        backup(self._world.store, target)
        return {"to": str(target)}
