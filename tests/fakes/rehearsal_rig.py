"""A rig whose intent asks for a rehearsal, with a kubelet for canaries."""

from __future__ import annotations

from pathlib import Path

from remediation.model import Json
from remediation.rehearsal import LABEL
from tests.fakes.cluster import Written
from tests.fakes.manifests import running, waiting
from tests.fakes.rig import INTENT, Rig

REHEARSED = INTENT + "  rehearsal: {window: 5s, timeout: 20s}\n"


class RehearsalRig(Rig):
    """`comes_up` says whether a canary becomes healthy."""

    def __init__(
        self, folder: Path, intent: str = REHEARSED, *, grant: bool = True, **settings: object
    ) -> None:
        self.comes_up = True
        super().__init__(folder, intent, grant=grant, **settings)

    def canaries(self) -> list[Json]:
        """Every canary that stands in the cluster."""
        pods = self.cluster.list_now("Pod", "shop")
        assert not isinstance(pods, tuple)
        return [pod for pod in pods if LABEL in (pod["metadata"].get("labels") or {})]

    def writes(self) -> list[str]:
        """What took effect in the cluster, in order: `create Pod`, `delete Pod`, `patch Deployment`."""
        return [f"{written.verb} {written.ref.kind}" for written in self.cluster.written]

    def _controller(self, written: Written) -> None:
        super()._controller(written)
        if written.live is not None and written.ref.kind == "Pod":
            status = running() if self.comes_up else waiting("ImagePullBackOff", "Back-off pulling image")
            ready = {"type": "Ready", "status": "True" if self.comes_up else "False"}
            self.cluster.put({**written.live, "status": {**status, "conditions": [ready]}})
