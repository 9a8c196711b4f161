"""One fault on one cluster: set the healthy workload up, break it, and look how the world is afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from detectors.model import ObjectRef
from gym.faults.base import Breakage, Fault, Json, Outage
from gym.objects import Objects
from gym.ready import wait_for
from remediation.manifest import merge
from remediation.model import OPERATION_ANNOTATION, NoPlan
from store.ledger import Ledger
from store.queries import known_good_versions

HEALTHY_SECONDS = 60.0


@dataclass(slots=True)
class Trial:
    """A fault being tried. `injected_at` is Unix seconds just before the change that breaks it was sent."""

    fault: Fault
    objects: Objects
    injected_at: float = 0.0
    broken: Json = field(default_factory=dict)

    # ------------------------------------------------------------ before

    def set_up(self) -> None:
        """Create the workload where it begins healthy."""
        if self.fault.breakage is not None:
            self._create()

    def is_healthy(self) -> bool:
        """Whether every Deployment of the fault is fully rolled out, as its controller says."""
        return all(
            rolled_out(self._read("Deployment", manifest["metadata"]["name"]))
            for manifest in self.fault.objects
            if manifest["kind"] == "Deployment"
        )

    def wait_until_healthy(self) -> None:
        """GymError where it does not become so in time."""
        if self.fault.breakage is not None:
            wait_for(f"{self.fault.target[1]} becoming healthy", self.is_healthy, HEALTHY_SECONDS)

    def is_known_good(self, ledger: Ledger) -> bool:
        """Whether intentd has stored what it needs to remember before the fault comes."""
        stored = known_good_versions(ledger)
        return all((kind, self.fault.namespace, name) in stored for kind, name in self.fault.waits_for)

    # ------------------------------------------------------------ break

    def inject(self) -> None:
        """Break it: patch the running workload, or create the one that never was healthy."""
        self.injected_at = time.time()
        match self.fault.breakage:
            case None:
                self._create()
            case Breakage(kind=kind, name=name, patch=patch):
                self.objects.patch(kind, self.fault.namespace, name, patch)
            case Outage(app=app, fail_rate=rate):
                self.objects.tell_pods(self.fault.namespace, f"app={app}", f"practice/fail-rate/{rate}")
        self.broken = self._target() or {}

    # ------------------------------------------------------------ after

    def would_be_right(self, candidate: Json) -> bool:
        """Whether a recorded candidate, merged into the object as it was broken, is a right fix."""
        kind, namespace, name = candidate["target"]
        if (kind, name) != self.fault.target:
            return False
        merged = merge(self.broken, candidate["manifest"], ObjectRef(kind, namespace, name))
        return not isinstance(merged, NoPlan) and self.fault.is_right(merged)

    def what_is_wrong(self) -> str | None:
        """Why the cluster is not as it must be in the end, None where it is."""
        live = self._target()
        if live is None:
            return f"{self.fault.target[1]} is gone"
        if not self.fault.fixed:
            return "it was written to" if _written(live) or live["spec"] != self.broken["spec"] else None
        for each in self.fault.fixed:
            if not each.holds(live):
                return f"{each.path} is not right (right: {each.means})"
        if not _written(live):
            return "it is right, but not by our hand"
        return None if self.is_healthy() else "the workload is not healthy"

    def _create(self) -> None:
        for manifest in self.fault.objects:
            self.objects.create(manifest)

    def _target(self) -> Json | None:
        return self._read(*self.fault.target)

    def _read(self, kind: str, name: str) -> Json | None:
        return self.objects.read(kind, self.fault.namespace, name)


def rolled_out(deployment: Json | None) -> bool:
    """Whether all replicas are of the newest template and available, and no old one is left."""
    if deployment is None:
        return False
    wanted, status = deployment["spec"]["replicas"], deployment.get("status", {})
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(seen and counts == [wanted] * 3)


def _written(live: Json) -> bool:
    return OPERATION_ANNOTATION in (live["metadata"].get("annotations") or {})
