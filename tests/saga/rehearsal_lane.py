"""A lane whose intent asks for rehearsals: however often the process is killed, no canary is left and none is doubled."""

from __future__ import annotations

import json
import time

from kubernetes import client

from remediation.rehearsal import LABEL
from tests.saga.lane import INTENT, WRITES, Lane, Outcome, Trial

POINTS = (
    "rehearsal-started/commit",
    "create of rehearsal-started after",
    "canary-created/after",
    "rehearsed/commit",
    "rehearsed/after",
    "delete of rehearsal-started before",
    "delete of rehearsal-started after",
    "rehearsal-ended/after",
)
"""Deaths of a rehearsal. Before the creation's request is a point too: then it is waited for (LANDS_WITHIN)."""


class RehearsalLane(Lane):
    """Opened after the account was given the right to create pods in the namespace."""

    intent = INTENT + "  rehearsal: {{window: 1s, timeout: 30s}}\n"

    def open(self) -> None:
        where, name = self._user.split(":")[2:]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "intentd-rehearse"}
        body = {
            "metadata": {"name": "intentd-rehearse"},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": where}],
        }
        rbac = client.RbacAuthorizationV1Api(self._apps.api_client)
        rbac.create_namespaced_role_binding(self._namespace, body)
        super().open()

    def run(self, trial: Trial) -> Outcome:
        """The trial, and that no canary stands after it."""
        done = super().run(trial)
        core = client.CoreV1Api(self._apps.api_client)
        left = core.list_namespaced_pod(self._namespace, label_selector=LABEL).items
        wrong = (*done.wrong, *(f"the canary {pod.metadata.name} is left" for pod in left))
        return Outcome(done.trial, done.died, wrong, done.seconds)

    def audit(self) -> list[str]:
        """One write for each fix, and each canary created once and deleted once."""
        time.sleep(1.0)  # the log is written in batches
        self._expected.update(dict.fromkeys(self._canaries(), 2))
        return super().audit()

    def _canaries(self) -> set[str]:
        """The names of all canaries that were ever created, by the API server's own log."""
        found = set()
        assert self._cluster.audit_log is not None
        with self._cluster.audit_log.open("rb") as log:
            log.seek(self._audited)
            for line in log:
                entry = json.loads(line)
                about = entry.get("objectRef") or {}
                if (
                    entry["verb"] in WRITES
                    and (about.get("resource"), about.get("namespace")) == ("pods", self._namespace)
                    and "-canary-" in (about.get("name") or "")
                    and "dryRun" not in entry["requestURI"]
                ):
                    found.add(about["name"])
        return found
