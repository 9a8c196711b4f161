"""One daemon's life after life: a namespace, a ledger, a process that is started again as often as it dies, and a
person who gives it orders with the real command line.

What happens in a trial is `tests.saga.scenarios`; here is what every trial needs: arming deaths, waiting on what the
ledger says, and looking at the world afterwards (the object's generation, the API server's audit log, the ledger's
chain, every row that the process was told to be durable).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from daemon.ports import OPERATION_ANNOTATION
from gym.cluster import Cluster
from gym.faults.base import IMAGE, pod_change
from gym.instance import MARKER
from gym.rights import grant
from remediation.saga import Event
from store.engine import read_only_uri
from store.ledger import Ledger
from store.queries import steps
from tests.gym.workloads import deployment
from tests.saga.nursery import Nursery, Process
from tests.saga.wrong import Kind, Wrong, WrongError

BAD = "gym.intentd.io/workload:v4"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
SECONDS = 90.0
"""For one step of a trial, with all its deaths; what has not happened then is stuck."""
POLL = 0.03

OK, UNREACHABLE = 0, 3
"""Exit codes of the command line (docs/exit-codes.md)."""

INTENT = """
apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {{name: all-run}}
spec:
  mode: auto
  scope: {{namespace: {namespace}, kind: Deployment}}
  expectations: [{{type: workloadHealthy}}]
  editable:
    - path: spec.template.spec.containers[*].image
      pattern: gym\\.intentd\\.io/workload:v[0-9]+
  cooldown: 0s
  budget: {{changes: 100000, per: 1h}}
  verification: {{window: 500ms, timeout: 60s}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked of a case's row."""

    case_id: str
    state: str
    outcome: str | None
    digest: str | None
    reason: str


class Lane:
    """`open` begins, `close` ends the processes. Everything lies in `folder`; the namespace is the caller's.
    `names` healthy Deployments are there at a time."""

    def __init__(
        self, folder: Path, cluster: Cluster, api: client.ApiClient, namespace: str, model: str, names: int
    ) -> None:
        self.folder, self.namespace = folder, namespace
        self._cluster, self._apps, self._wanted = cluster, client.AppsV1Api(api), names
        self._made, self._trial, self._read_to = 0, 0, 0
        self._process: Process | None = None
        self._expected: Counter[str] = Counter()
        self._trusted: bool | None = None
        assert cluster.audit_log is not None
        self._audited = cluster.audit_log.stat().st_size
        self.names: list[str] = []
        self._arrange(model)

    def _arrange(self, model: str) -> None:
        (self.folder / "intents").mkdir(parents=True)
        (self.folder / "intents" / "all-run.yaml").write_text(INTENT.format(namespace=self.namespace))
        account = grant(self._cluster.kubeconfig, self.folder / "kubeconfig")
        self._user = f"system:serviceaccount:{account.replace('/', ':')}"
        many = 1_000_000
        limits = dict.fromkeys(
            (
                "cluster_changes", "namespace_changes", "fault_class_changes", "object_changes", "storm_targets",
                "ineffective_changes",
            ),
            many,
        )  # fmt: skip
        settings = {
            "intents": str(self.folder / "intents"),
            "database": str(self.database),
            "socket": str(self.folder / "c.sock"),
            "kill_switch": str(self.kill_switch),
            "look_interval": "200ms",
            "log_format": "json",
            "human_edit_grace": "0s",
            "kubernetes": {"kubeconfig": str(self.folder / "kubeconfig")},
            "model": {"url": model, "name": "scripted"},
            "http": {"enabled": False},
            "autonomy": {"promote_after": 0},
            "limits": {**limits, "namespaces": [self.namespace]},
        }
        self.settings.write_text(yaml.safe_dump(settings))

    @property
    def database(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.yaml"

    @property
    def kill_switch(self) -> Path:
        return self.folder / "kill-switch"

    # ------------------------------------------------------------ the process

    def open(self) -> None:
        """Healthy workloads, and a daemon that knows them as such."""
        env = {**os.environ, MARKER: str(self._cluster.instance.home)}
        self._nursery = Nursery("tests.saga.mortal", "daemon.cli", env=env)
        self.restart()
        self._restock()

    def restart(self) -> None:
        """A new process on the same disk and cluster; the old one, where there is one, is killed."""
        self.close_process()
        self._process = self._nursery.fork(
            "tests.saga.mortal", self.settings, self.folder, output=self.folder / "log"
        )

    def close_process(self) -> None:
        """End the daemon."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End everything."""
        self.close_process()
        self._nursery.close()

    def alive(self) -> None:
        """Start the daemon again where it has died. WrongError where it ended by itself."""
        assert self._process is not None
        code = self._process.code()
        if code is None:
            return
        if code != -signal.SIGKILL:
            raise WrongError(f"the daemon ended by itself with {code}: {self._log()}")
        self.restart()

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-2000:]

    # ------------------------------------------------------------ deaths

    def arm(self, deaths: Sequence[tuple[str, float | None]]) -> None:
        """The next trial, and where the daemon dies in it. `points` begins anew."""
        self._trial += 1
        part = self.folder / "orders.part"
        part.write_text(json.dumps({"trial": self._trial, "deaths": deaths}))
        self._points_from = self._size("points")
        part.replace(self.folder / "orders.json")

    def died(self) -> list[str]:
        """The points at which it has died in this trial."""
        found = self.folder / f"died.{self._trial}"
        return found.read_text().splitlines() if found.exists() else []

    def points(self) -> tuple[str, ...]:
        """What was passed in this trial, each point once."""
        passed = (self.folder / "points").read_bytes()[self._points_from :].decode().splitlines()
        return tuple(dict.fromkeys(passed))

    def _size(self, name: str) -> int:
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    # ------------------------------------------------------------ orders

    def order(self, *words: str, done: Callable[[], bool]) -> None:
        """Give an order with the command line, as a person would: again while the daemon cannot be reached, or says
        no because it took the order before it died and could not say so. What it said yes to must be `done`."""
        end = time.monotonic() + SECONDS
        while True:
            self.alive()
            said = self.folder / "said"
            said.write_bytes(b"")
            command = self._nursery.fork("daemon.cli", *words, "--settings", self.settings, output=said)
            code = command.wait()
            if code == OK:
                if not done():
                    raise WrongError(f"{words[0]} was acknowledged, and is lost", Kind.LOST)
                return
            if code != UNREACHABLE and done():
                return
            if time.monotonic() > end:
                raise WrongError(f"{words} could not be ordered: {said.read_text()}")
            time.sleep(POLL)

    def trust(self, *, wanted: bool) -> None:
        """Whether it may mend without asking."""
        if self._trusted is wanted:
            return
        if wanted:
            words = ("autonomy", "grant", "*", "--weights", "*", "--reason", "practice")
        else:
            words = ("autonomy", "revoke", "*", "--reason", "practice")
        self.order(*words, done=lambda: True)
        self._trusted = wanted

    def forget_trust(self) -> None:
        """What was granted may have ended: by an undo, a rejection, or orders of the trial."""
        self._trusted = None

    # ------------------------------------------------------------ the ledger

    def rows(self, query: str, *values: Any) -> list[Any]:
        """A question to the ledger, opened for this moment only: the next process must recover it by itself. Nothing
        while it cannot be read."""
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(read_only_uri(self.database), uri=True)) as connection,
        ):
            return connection.execute(query, values).fetchall()
        return []

    def mark(self) -> int:
        """The newest row's number."""
        found = self.rows("SELECT max(seq) FROM ledger")
        return int(found[0][0] or 0) if found else 0

    def recorded(self, event: str, since: int) -> int:
        """How many rows of this event came after that one."""
        found = self.rows("SELECT count(*) FROM ledger WHERE event = ? AND seq > ?", event, since)
        return int(found[0][0]) if found else 0

    def case(self, name: str) -> Case | None:
        """The newest case of one Deployment."""
        return self._case("name", name)

    def _case(self, column: str, value: str) -> Case | None:
        fields = "case_id, state, outcome, digest, outcome_reason"
        found = self.rows(
            f"SELECT {fields} FROM cases WHERE {column} = ? ORDER BY opening DESC LIMIT 1", value
        )
        return Case(*found[0]) if found else None

    def until(self, what: str, true: Callable[[], bool], seconds: float = SECONDS) -> None:
        """One process after another until it is so. WrongError where it never is."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise WrongError(f"{what} did not happen within {seconds:.0f} s")
            self.alive()
            time.sleep(POLL)

    def until_ended(
        self, name: str, outcome: str, *, after: str | None = None, case: str | None = None
    ) -> str:
        """Until a case of this name (`case`, or the one after the case `after`) is closed so; answers its id."""

        def found() -> Case | None:
            return self.case(name) if case is None else self._case("case_id", case)

        def ended() -> bool:
            row = found()
            if row is None or row.case_id == after or row.state != "Closed":
                return False
            if row.outcome != outcome and case is None:
                raise WrongError(f"{name} ended {row.outcome}: {row.reason}")
            return row.outcome == outcome

        try:
            self.until(f"{name}, {outcome}", ended)
        except WrongError as error:
            raise WrongError(f"{error}; its case is {found()}") from error
        row = found()
        assert row is not None
        return row.case_id

    # ------------------------------------------------------------ the cluster

    def next_name(self) -> str:
        """A healthy Deployment, the one that was left alone longest."""
        if not self.names:
            self._restock()
        name = self.names.pop(0)
        self.names.append(name)
        return name

    def _restock(self) -> None:
        """Deployments that the daemon has seen healthy for long enough to know them as good."""
        fresh = []
        while len(self.names) + len(fresh) < self._wanted:
            self._made += 1
            fresh.append(f"web-{self._made}")
            self._apps.create_namespaced_deployment(self.namespace, deployment(fresh[-1], image=IMAGE))

        def known() -> bool:
            good = {name for (name,) in self.rows("SELECT name FROM last_good WHERE kind = 'Deployment'")}
            return good >= {*fresh}

        self.until(f"{', '.join(fresh)} becoming known good", known)
        self.names = [*fresh, *self.names]

    def set_image(self, name: str, image: str) -> int:
        """A person's change; answers the generation that it makes."""
        body = pod_change({"image": image})
        return int(self._apps.patch_namespaced_deployment(name, self.namespace, body).metadata.generation)

    def image(self, name: str) -> str:
        """What the Deployment says now."""
        live = self._apps.read_namespaced_deployment(name, self.namespace)
        return str(live.spec.template.spec.containers[0].image)

    def drop(self, name: str) -> None:
        """Delete a Deployment that a trial left broken; no later trial uses it."""
        self.names.remove(name)
        self._apps.delete_namespaced_deployment(name, self.namespace)

    # ------------------------------------------------------------ looking at the world

    def look_at(self, name: str, case_id: str, broken: int, image: str, writes: int) -> list[Wrong]:
        """What is not as it must be, now that the trial has ended: the Deployment was broken in generation `broken`
        and has had so many effective writes of ours since."""
        self._expected[name] += writes
        wrong, live = [], self._apps.read_namespaced_deployment(name, self.namespace)
        found = live.spec.template.spec.containers[0].image
        if found != image:
            wrong.append(Wrong(Kind.STUCK, f"{name} runs {found}"))
        if live.metadata.generation != broken + writes:
            changed = live.metadata.generation - broken
            kind = Kind.DUPLICATE if changed > writes else Kind.LOST
            wrong.append(Wrong(kind, f"{name} was changed {changed} times, not {writes}"))
        wrong += self.look_at_ledger()
        with contextlib.closing(Ledger.open_read_only(self.database)) as store:
            begun = [
                step.payload["operation_id"]
                for step in steps(store, case_id)
                if step.event in (Event.APPLY_STARTED, Event.ROLLBACK_STARTED)
            ]
        if writes and (live.metadata.annotations or {}).get(OPERATION_ANNOTATION) not in begun[-1:]:
            wrong.append(Wrong(Kind.LOST, f"{name} carries an operation that is not the last on record"))
        return wrong

    def look_at_ledger(self) -> list[Wrong]:
        """Whether the chain is whole and every transaction that returned is in it."""
        with contextlib.closing(Ledger.open_read_only(self.database)) as store:
            report = store.verify()
            told = (self.folder / "acknowledged").read_text().splitlines()
            lost = [digest for digest in told[self._read_to :] if not store.has_hash(digest)]
        self._read_to = len(told)
        broken = [] if report.intact else [Wrong(Kind.LOST, f"the chain is broken: {report.reason}")]
        return broken + ([Wrong(Kind.LOST, f"{len(lost)} acknowledged rows are lost")] if lost else [])

    def audit(self) -> list[Wrong]:
        """Whether the API server's own log holds exactly one effective write for each fix and each undo."""
        time.sleep(1.0)  # the log is written in batches
        done: Counter[str] = Counter()
        assert self._cluster.audit_log is not None
        with self._cluster.audit_log.open("rb") as log:
            log.seek(self._audited)
            for line in log:
                entry = json.loads(line)
                about = entry.get("objectRef") or {}
                if (
                    entry["user"]["username"] == self._user
                    and about.get("namespace") == self.namespace
                    and entry["verb"] in WRITES
                    and "dryRun" not in entry["requestURI"]
                    and entry["responseStatus"]["code"] < 300
                ):
                    done[about["name"]] += 1
        return [
            Wrong(
                Kind.DUPLICATE if done[name] > self._expected[name] else Kind.LOST,
                f"{name}: {done[name]} writes in the audit log, not {self._expected[name]}",
            )
            for name in sorted(done.keys() | self._expected.keys())
            if done[name] != self._expected[name]
        ]
