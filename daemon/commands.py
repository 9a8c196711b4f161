"""What the control socket can ask of the daemon: each verb a function that records a ledger row.

Nothing here writes to the cluster; the act loop does, with the guards, after these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from daemon.approvals import approval
from daemon.autonomy import grants, levels, revocation, taken_back
from daemon.control import CommandError
from daemon.kill_switch import kill_switch, lift, throw
from daemon.pauses import standing_pauses
from daemon.rehearsals import canaries
from daemon.silence import checked_scope
from daemon.state import Memory, World
from daemon.unfinished import unfinished
from intents.units import parse_duration
from remediation.model import Outcome, Unusable
from remediation.saga import Event, IllegalMove, State
from store.decisions import active_grants, grants_to_confirm
from store.errors import StoreError
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import CaseRow, get_case, open_cases
from store.retention import backup

Json = dict[str, Any]


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
            "autonomy": self._autonomy,
            "grant": self._grant,
            "revoke": self._revoke,
            "kill": self._kill,
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
        self._wake()

    def _wake(self) -> None:
        """What waits is looked at again at once."""
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
            "pauses": [asdict(pause) for pause in standing_pauses(self._world, self._memory)],
            "kill_switch": kill_switch(self._world),
            "missing": unfinished(
                self._world.store, lambda plan: self._world.cluster.read(plan.target) is None
            ),
            "canaries": canaries(self._world.store),
            "grants": [asdict(grant) for grant in active_grants(self._world.store, now)],
            "weights": None if isinstance(weights, Unusable) else weights,
            "model": weights.detail if isinstance(weights, Unusable) else self._world.settings.model.name,
            "model_trouble": None if trouble is None else f"{trouble.reason}: {trouble.detail}",
        }

    def _approve(self, arguments: Json, who: str) -> Json:
        row, digest = self._case(arguments), str(arguments.get("digest") or "")
        intent = self._memory.catalog.intents.get(row.intent)
        entry, agreed = approval(self._world, row, intent, digest, who)
        self._record(entry)
        return {
            "case": row.case_id,
            "approved_until": agreed.until,
            "approved_by": list(agreed.by),
            "missing": agreed.missing,
        }

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
            row.state is State.CLOSED and row.outcome in (Outcome.FIXED, Outcome.SELF_RESOLVED)
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
        checked_scope(scope, self._memory.catalog.intents, "pause")
        until = self._world.clock.now() + parse_duration(str(arguments.get("for") or "1h"))
        self._record(Entry(SystemEvent.PAUSED, {"scope": scope, "reason": reason, "by": who, "until": until}))
        standing = standing_pauses(self._world, self._memory)
        stands = next(
            (pause.until for pause in standing if pause.scope == scope), until
        )  # a longer one goes on
        return {"scope": scope, "until": stands}

    def _resume(self, arguments: Json, who: str) -> Json:
        """Nothing to end is no error: what was asked for is so. Says what is still held."""
        scope = str(arguments.get("scope") or "all")
        paused = {pause.scope for pause in standing_pauses(self._world, self._memory)}
        if scope in paused:
            self._record(Entry(SystemEvent.RESUMED, {"scope": scope, "by": who}))
        else:
            checked_scope(scope, self._memory.catalog.intents, "resume")
        return {
            "scope": scope,
            "resumed": scope in paused,
            "paused": sorted(paused - {scope}),
            "kill_switch": kill_switch(self._world),
        }

    def _autonomy(self, _arguments: Json, _who: str) -> Json:
        found = levels(self._world.store, self._world.settings, self._world.clock.now())
        return {"levels": [asdict(level) for level in found]}

    def _kill(self, arguments: Json, who: str) -> Json:
        """The file first when it stops writes, the row first when it allows them: a full disk fails safely."""
        path, lifts = self._world.settings.kill_switch, bool(arguments.get("lift"))
        reason = str(arguments.get("reason") or "")
        if not reason:
            raise CommandError("the kill switch needs a reason (--reason)")
        row = Entry(SystemEvent.KILL_SWITCH, {"set": not lifts, "reason": reason, "by": who})
        try:
            if not lifts:
                throw(path, f"{who}: {reason}")
            self._record(row)
            changed = lift(path) if lifts else True
            self._wake()  # a turn between the row and the file has found the switch still set
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        return {"changed": changed, "file": str(path), "still": kill_switch(self._world) if lifts else None}

    def _grant(self, arguments: Json, who: str) -> Json:
        entries = grants(self._world, self._memory, arguments, who)
        self._record(*entries)
        said = {entry.payload["weights"] for entry in entries}
        waiting = [
            one
            for one in grants_to_confirm(self._world.store, self._world.clock.now())
            if one.fault_class == entries[0].payload["fault_class"] and one.weights in said
        ]
        return {
            **entries[0].payload,
            "weights": " and ".join(sorted(said)),
            "missing": max((one.missing for one in waiting), default=0),
        }

    def _revoke(self, arguments: Json, who: str) -> Json:
        """Nothing to take back is no error, and no row."""
        entry, now = revocation(self._world, self._memory, arguments, who), self._world.clock.now()
        found = taken_back(self._world.store, entry, now)
        if found.changes:
            self._record(entry)
        return {
            "changed": found.changes,
            "revoked": found.own,
            "still": [f"{one.fault_class} ({one.mode})" for one in found.wider],
        }

    def _backup(self, arguments: Json, _who: str) -> Json:
        from pathlib import Path

        target = Path(str(arguments.get("to") or ""))
        if not target.is_absolute():
            raise CommandError("name an absolute path: the daemon's folder is not yours")
        backup(self._world.store, target)
        return {"to": str(target)}
