"""One daemon's life after life: a namespace, a ledger, a process that is started again as often as it dies, and a
person who gives it orders with the real command line.

What happens in a trial is `tests.saga.scenarios`; here is what every trial needs: arming deaths, giving orders and
waiting on what the ledger says. `tests.saga.eye` looks at the world afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from gym.cluster import Cluster
from gym.faults.base import IMAGE, pod_change
from gym.instance import MARKER
from gym.rights import grant
from store.engine import read_only_uri
from tests.gym.workloads import deployment
from tests.saga.eye import Eye
from tests.saga.nursery import Nursery, Process
from tests.saga.wrong import Kind, WrongError

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
  budget: {{changes: 1000, per: 1m}}
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
        self._cluster, self.apps, self._wanted = cluster, client.AppsV1Api(api), names
        self._made, self._trial = 0, 0
        self._process: Process | None = None
        self._nursery: Nursery | None = None
        self._trusted: bool | None = None
        self.names: list[str] = []
        self.account = self._arrange(model)
        self.eye = Eye(folder, cluster, self.apps, namespace, self.account)

    def _arrange(self, model: str) -> str:
        """Settings, an intent and the daemon's account; answers the account's name."""
        (self.folder / "intents").mkdir(parents=True)
        (self.folder / "intents" / "all-run.yaml").write_text(INTENT.format(namespace=self.namespace))
        account = grant(self._cluster.kubeconfig, self.folder / "kubeconfig")
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
            "prometheus": {"interval": "500ms"},  # also how often desired objects are read
            "autonomy": {"promote_after": 0},
            "limits": {**limits, "namespaces": [self.namespace]},
        }
        self.settings.write_text(yaml.safe_dump(settings))
        return account

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
        assert self._nursery is not None
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
        if self._nursery is not None:
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
        assert self._nursery is not None
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
            self.apps.create_namespaced_deployment(self.namespace, deployment(fresh[-1], image=IMAGE))

        def known() -> bool:
            good = {name for (name,) in self.rows("SELECT name FROM last_good WHERE kind = 'Deployment'")}
            return good >= {*fresh}

        self.until(f"{', '.join(fresh)} becoming known good", known)
        self.names = [*fresh, *self.names]

    def set_image(self, name: str, image: str) -> int:
        """A person's change; answers the generation that it makes."""
        body = pod_change({"image": image})
        return int(self.apps.patch_namespaced_deployment(name, self.namespace, body).metadata.generation)

    def image(self, name: str) -> str:
        """What the Deployment says now."""
        live = self.apps.read_namespaced_deployment(name, self.namespace)
        return str(live.spec.template.spec.containers[0].image)

    def drop(self, name: str) -> None:
        """Delete a Deployment that a trial left broken; no later trial uses it."""
        self.names.remove(name)
        self.apps.delete_namespaced_deployment(name, self.namespace)
