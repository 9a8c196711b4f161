"""Looking at the world when a trial has ended: the object's generation, the API server's audit log, the ledger's chain
and every row that the process was told to be durable."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kubernetes import client

from gym.cluster import Cluster
from remediation.model import OPERATION_ANNOTATION
from remediation.saga import Event
from store.ledger import Ledger
from store.queries import steps
from tests.saga.wrong import Kind, Wrong

if TYPE_CHECKING:  # it needs the lane, which has an eye
    from tests.saga.database import Database

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Eye:
    """Of one lane: its folder, its namespace, the account of its daemon (`namespace/name`)."""

    def __init__(
        self, folder: Path, cluster: Cluster, apps: client.AppsV1Api, namespace: str, account: str
    ) -> None:
        assert cluster.audit_log is not None
        self._folder, self._apps, self._namespace = folder, apps, namespace
        self._user = f"system:serviceaccount:{account.replace('/', ':')}"
        self._log, self._begun = cluster.audit_log, cluster.audit_log.stat().st_size
        self._read_to = 0
        self._expected: Counter[str] = Counter()

    def look_at(self, name: str, case_id: str, broken: int, image: str, writes: int) -> list[Wrong]:
        """What is not as it must be, now that the trial has ended: the Deployment was broken in generation `broken`
        and has had so many effective writes of ours since."""
        self._expected[name] += writes
        wrong, live = [], self._apps.read_namespaced_deployment(name, self._namespace)
        found = live.spec.template.spec.containers[0].image
        if found != image:
            wrong.append(Wrong(Kind.STUCK, f"{name} runs {found}"))
        if live.metadata.generation != broken + writes:
            changed = live.metadata.generation - broken
            kind = Kind.DUPLICATE if changed > writes else Kind.LOST
            wrong.append(Wrong(kind, f"{name} was changed {changed} times, not {writes}"))
        wrong += self.look_at_ledger()
        begun = self._begun_in(case_id)
        if writes and (live.metadata.annotations or {}).get(OPERATION_ANNOTATION) not in begun[-1:]:
            wrong.append(Wrong(Kind.LOST, f"{name} carries an operation that is not the last on record"))
        return wrong

    def look_at_database(self, left: Database) -> list[Wrong]:
        """The same of a StatefulSet that was to be deleted and created anew: it is there, and it is another one."""
        self._expected[left.name] += left.writes
        wrong = self.look_at_ledger()
        live = self._apps.read_namespaced_stateful_set(left.name, self._namespace)
        if live.spec.service_name != left.service:
            wrong.append(Wrong(Kind.STUCK, f"{left.name} names the Service {live.spec.service_name}"))
        if live.metadata.uid == left.uid:
            wrong.append(Wrong(Kind.LOST, f"{left.name} was not created anew"))
        if (live.metadata.annotations or {}).get(OPERATION_ANNOTATION) not in self._begun_in(left.case_id)[
            -1:
        ]:
            wrong.append(Wrong(Kind.LOST, f"{left.name} carries an operation that is not the last on record"))
        return wrong

    def _begun_in(self, case_id: str) -> list[str]:
        """Operations that the case announced."""
        with contextlib.closing(Ledger.open_read_only(self._folder / "ledger.db")) as store:
            return [
                step.payload["operation_id"]
                for step in steps(store, case_id)
                if step.event in (Event.APPLY_STARTED, Event.ROLLBACK_STARTED)
            ]

    def look_at_ledger(self) -> list[Wrong]:
        """Whether the chain is whole and every transaction that returned is in it."""
        with contextlib.closing(Ledger.open_read_only(self._folder / "ledger.db")) as store:
            report = store.verify()
            told = (self._folder / "acknowledged").read_text().splitlines()
            lost = [digest for digest in told[self._read_to :] if not store.has_hash(digest)]
        self._read_to = len(told)
        broken = [] if report.intact else [Wrong(Kind.LOST, f"the chain is broken: {report.reason}")]
        return broken + ([Wrong(Kind.LOST, f"{len(lost)} acknowledged rows are lost")] if lost else [])

    def audit(self) -> list[Wrong]:
        """Whether the API server's own log holds exactly one effective write for each fix and each undo.

        A request that was killed with its process may end with a server error and be carried out all the same: the
        transaction was on its way. Such an entry may stand for a write, and what became of it the object's generation
        says (`look_at`); it cannot hide a second one.
        """
        time.sleep(1.0)  # the log is written in batches
        done: Counter[str] = Counter()
        perhaps: Counter[str] = Counter()
        with self._log.open("rb") as log:
            log.seek(self._begun)
            for line in log:
                entry = json.loads(line)
                about = entry.get("objectRef") or {}
                if (
                    entry["user"]["username"] == self._user
                    and about.get("namespace") == self._namespace
                    and entry["verb"] in WRITES
                    and "dryRun" not in entry["requestURI"]
                ):
                    code = entry["responseStatus"]["code"]
                    done[about["name"]] += code < 300
                    perhaps[about["name"]] += code >= 499
        return [
            Wrong(
                Kind.DUPLICATE if done[name] > self._expected[name] else Kind.LOST,
                f"{name}: {done[name]} writes in the audit log, {perhaps[name]} without an answer, "
                f"not {self._expected[name]}",
            )
            for name in sorted(done.keys() | self._expected.keys())
            if not done[name] <= self._expected[name] <= done[name] + perhaps[name]
        ]
