"""One daemon's life after life: a namespace, a ledger, and faults that are mended while the process is killed.

A trial breaks one Deployment, lets the daemon die where the trial says, starts it again as often as it ends, and
then looks at the world: the case's end, the object's generation, the API server's audit log, the ledger's chain
and every row that the process was told to be durable.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from daemon.control import CommandError, NotRunning, call
from daemon.ports import OPERATION_ANNOTATION
from gym.cluster import Cluster
from gym.faults.base import IMAGE, pod_change
from gym.instance import MARKER
from gym.rights import grant
from remediation.saga import Event, State
from store.errors import StoreError
from store.ledger import Ledger
from store.queries import CaseRow, find_cases, known_good_versions, steps
from tests.gym.workloads import deployment

BAD = "gym.intentd.io/workload:v4"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
SECONDS = 120.0
"""For one case, with all its deaths; a case that is open then is stuck."""

LATER = 25.0
"""For a point that is passed in the background: what was healthy for 10 s is noted within 5."""

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
  cooldown: 1s
  budget: {{changes: 1000, per: 1h}}
  verification: {{window: 1s, timeout: 60s}}
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """Where to die: at `point` (None: nowhere), or `delay` seconds after it. With `undo` a person takes the fix
    back, so that the way back is walked as well."""

    point: str | None = None
    delay: float | None = None
    undo: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial; `wrong` is empty where all is as it must be."""

    trial: Trial
    died: bool
    wrong: tuple[str, ...]
    seconds: float


class Lane:
    """`open` begins, `close` ends the process. Everything lies in `folder`; the namespace is the caller's."""

    def __init__(
        self, folder: Path, cluster: Cluster, api: client.ApiClient, namespace: str, model: str, names: int
    ) -> None:
        self.folder, self._cluster, self._namespace = folder, cluster, namespace
        self._apps = client.AppsV1Api(api)
        self._number, self._acknowledged = 0, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._expected: Counter[str] = Counter()
        assert cluster.audit_log is not None
        self._audited = cluster.audit_log.stat().st_size
        self._arrange(model)
        self.names = [f"web-{number}" for number in range(names)]

    def open(self) -> None:
        """Healthy workloads, and a daemon that knows them as such."""
        for name in self.names:
            self._apps.create_namespaced_deployment(self._namespace, deployment(name, image=IMAGE))
        self.start()
        self._wait_until_known_good()

    def _arrange(self, model: str) -> None:
        (self.folder / "intents").mkdir(parents=True)
        (self.folder / "intents" / "all-run.yaml").write_text(INTENT.format(namespace=self._namespace))
        account = grant(self._cluster.kubeconfig, self.folder / "kubeconfig")
        self._user = f"system:serviceaccount:{account.replace('/', ':')}"
        many = 1_000_000
        settings = {
            "intents": str(self.folder / "intents"),
            "database": str(self.database),
            "socket": str(self.folder / "c.sock"),
            "kill_switch": str(self.folder / "kill-switch"),
            "look_interval": "1s",
            "log_format": "json",
            "human_edit_grace": "0s",
            "kubernetes": {"kubeconfig": str(self.folder / "kubeconfig")},
            "model": {"url": model, "name": "scripted"},
            "http": {"enabled": False},
            "limits": {
                "namespaces": [self._namespace],
                "cluster_changes": many,
                "namespace_changes": many,
                "fault_class_changes": many,
            },
        }
        (self.folder / "settings.yaml").write_text(yaml.safe_dump(settings))

    @property
    def database(self) -> Path:
        return self.folder / "ledger.db"

    # ------------------------------------------------------------ the process

    def start(self) -> None:
        """A new process on the same disk and cluster."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.saga.mortal", self.folder / "settings.yaml", self.folder],
                cwd=Path(__file__).parents[2],
                env={**os.environ, MARKER: str(self._cluster.instance.home)},
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _again(self) -> bool:
        """Start it where it has ended; whether it had."""
        assert self._process is not None
        if self._process.poll() is None:
            return False
        if self._process.returncode != -signal.SIGKILL:
            said = (self.folder / "log").read_text()[-2000:]
            raise AssertionError(f"the daemon ended by itself with {self._process.returncode}: {said}")
        self.start()
        return True

    def _order(self, verb: str, **arguments: Any) -> None:
        """Give an order as a person would, again until there is a daemon that takes it. A grant speaks of the weights
        that are served, which a fresh process has yet to ask for."""
        deadline = time.monotonic() + SECONDS
        while True:
            self._again()
            try:
                call(self.folder / "c.sock", verb, **arguments)
            except (NotRunning, TimeoutError, ConnectionError, CommandError) as error:
                if time.monotonic() > deadline or (isinstance(error, CommandError) and verb != "grant"):
                    raise
                time.sleep(0.1)
            else:
                return

    # ------------------------------------------------------------ what the ledger says

    @contextlib.contextmanager
    def _reading(self):
        """The ledger, opened for this moment only: the next process must recover it by itself."""
        store = Ledger.open_read_only(self.database)
        try:
            yield store
        finally:
            store.close()

    def _cases(self, name: str) -> list[CaseRow]:
        """Of one Deployment, the newest first; none while the ledger cannot be read."""
        with contextlib.suppress(StoreError), self._reading() as store:
            return [row for row in find_cases(store, limit=10) if row.name == name]
        return []

    def _wait_until_known_good(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(StoreError), self._reading() as store:
                if {name for kind, _, name in known_good_versions(store) if kind == "Deployment"} >= {
                    *self.names
                }:
                    return
            assert not self._again(), (self.folder / "log").read_text()[-2000:]
            time.sleep(0.5)
        raise AssertionError(
            "the Deployments never became known good: " + (self.folder / "log").read_text()[-2000:]
        )

    # ------------------------------------------------------------ a trial

    def run(self, trial: Trial) -> Outcome:
        """Break the next Deployment, and look at everything when its case has ended."""
        began, name = time.monotonic(), self.names[self._number]
        self._number += 1
        self._order("grant", fault_class="*", reason="practice", mode="auto")
        died = self.folder / f"died.{self._number}"
        if trial.point is not None:
            order = {"trial": self._number, "point": trial.point, "delay": trial.delay}
            part = self.folder / "orders.part"
            part.write_text(json.dumps(order))
            part.replace(self.folder / "orders.json")
            if trial.point.startswith(("daemon-started", "catalog-changed")):
                self.close()
                self.start()
        self._apps.patch_namespaced_deployment(name, self._namespace, pod_change({"image": BAD}))
        broken = self._apps.read_namespaced_deployment(name, self._namespace).metadata.generation
        wrong = self._live_through(name, "fixed")
        if not wrong and trial.undo:
            row = next(row for row in self._cases(name) if row.outcome == "fixed")
            with contextlib.suppress(CommandError):  # taken, and then killed before it could say so
                self._order("undo", case=row.case_id)
            wrong = self._live_through(name, "rolled-back")
        self._expected[name] += 2 if trial.undo else 1
        deadline = time.monotonic() + LATER
        while (
            trial.point is not None
            and not died.exists()
            and trial.delay is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        if not wrong:
            wrong = self._look_at(name, broken, undone=trial.undo)
        if trial.undo:
            self._apps.delete_namespaced_deployment(name, self._namespace)
        return Outcome(trial, died.exists(), tuple(wrong), time.monotonic() - began)

    def _live_through(self, name: str, end: str) -> list[str]:
        """One process after another until a case has ended so. What was undone is broken again: its next case
        begins at once, and is not this one."""
        deadline, rows = time.monotonic() + SECONDS, ()
        while time.monotonic() < deadline:
            self._again()
            rows = self._cases(name)
            if any(row.outcome == end for row in rows):
                return []
            if end == "fixed" and any(row.state is State.CLOSED for row in rows):
                return [f"{name} ended {rows[0].outcome}: {rows[0].outcome_reason}"]
            time.sleep(0.1)
        return [f"{name} is stuck: {[(row.state.value, row.outcome) for row in rows]}"]

    def _look_at(self, name: str, broken: int, *, undone: bool) -> list[str]:
        """What is not as it must be, now that the case has ended."""
        wrong = []
        live = self._apps.read_namespaced_deployment(name, self._namespace)
        image = live.spec.template.spec.containers[0].image
        if image != (BAD if undone else IMAGE):
            wrong.append(f"{name} runs {image}")
        if live.metadata.generation != broken + 1 + undone:
            wrong.append(f"{name} was changed {live.metadata.generation - broken} times")
        with self._reading() as store:
            report = store.verify()
            if not report.intact:
                wrong.append(f"the chain is broken: {report.reason}")
            told = (self.folder / "acknowledged").read_text().splitlines()
            lost = [digest for digest in told[self._acknowledged :] if not store.has_hash(digest)]
            self._acknowledged = len(told)
            wrong += [f"{len(lost)} acknowledged rows are lost"] if lost else []
            end = "rolled-back" if undone else "fixed"
            row = next(row for row in find_cases(store, limit=20) if (row.name, row.outcome) == (name, end))
            begun = [
                step.payload["operation_id"]
                for step in steps(store, row.case_id)
                if step.event in (Event.APPLY_STARTED, Event.ROLLBACK_STARTED)
            ]
        if live.metadata.annotations.get(OPERATION_ANNOTATION) not in begun[-1:]:
            wrong.append(f"{name} carries an operation that is not the last on record")
        return wrong

    def audit(self) -> list[str]:
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
                    and about.get("namespace") == self._namespace
                    and entry["verb"] in WRITES
                    and "dryRun" not in entry["requestURI"]
                    and entry["responseStatus"]["code"] < 300
                ):
                    done[about["name"]] += 1
        names = done.keys() | self._expected.keys()
        return [
            f"{name}: {done[name]} writes in the audit log, not {self._expected[name]}"
            for name in sorted(names)
            if done[name] != self._expected[name]
        ]
