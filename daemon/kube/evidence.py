"""What one case needs to know, read on demand: everything bounded in number, bytes and time.

Nothing here decides what is telling; that is `remediation.evidence`. A part that could not be read becomes a
gap, and the rest goes on. Absence is told apart from a gap: a ConfigMap that the pod template names and that
is neither in `related` nor in `gaps` does not exist. Secrets are never asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from daemon.kube.errors import ClusterError
from daemon.kube.kinds import RESOURCES, path_of
from daemon.kube.references import (
    config_maps_named,
    is_troubled,
    label_selector,
    owned_by,
    revision,
    selects,
    troubled_containers,
)
from daemon.kube.transport import Transport
from daemon.ports import Clock
from detectors.model import Case, FaultClass, Gap, ObjectRef, Turn
from remediation.model import Json, RawEvidence

SECONDS = 10.0
"""For one gathering. A whole incident has 15 s before its window (issue 1); reading usually takes 0.1."""
PODS = 20
"""Pods of the target that are kept, troubled ones first: the rest says nothing new."""
POD_LOGS = 3
"""Pods whose logs and events are read."""
REVISIONS = 5
"""ReplicaSets of earlier revisions."""
CONFIG_MAPS = 10
NEIGHBOURS = 100
"""Other objects of the namespace, one page."""
EVENTS = 50
"""Events of one object. The server keeps them for an hour by default."""
LOG_LINES = 60
LOG_BYTES = 16 * 1024
"""Of one container's log, from its end: ten times what the prompt's budget takes."""
NO_LOG = (b"unable to retrieve container logs for", b"failed to try resolving symlinks in path")
"""The kubelet says so with status 200 where the container, or its file, has been removed meanwhile."""
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
CLASSES_WITH_NEIGHBOURS = frozenset({FaultClass.NO_ENDPOINTS, FaultClass.IMAGE_PULL})
"""Faults whose candidates come from the namespace's other workloads: their labels, their images."""


def gather(transport: Transport, clock: Clock, case: Case) -> RawEvidence:
    """Read it all; never raises."""
    return _Gathering(transport, clock, case).run()


class _Gathering:
    """One gathering: what was found so far and what is left of its time."""

    def __init__(self, transport: Transport, clock: Clock, case: Case) -> None:
        self._transport = transport
        self._clock = clock
        self._case = case
        self._deadline = clock.monotonic() + SECONDS
        self.live: Json | None = None
        self.related: dict[ObjectRef, Json] = {}
        self.pods: list[Json] = []
        self.events: dict[str, Json] = {}
        self.logs: dict[tuple[str, str, bool], str] = {}
        self.gaps: list[Gap] = []

    def run(self) -> RawEvidence:
        target = self._case.target
        self.live = self._object(target, managed_fields=True)
        if target.kind == "Service":
            self._service(self.live)
        elif target.kind == "Pod":
            self.pods = [self.live] if self.live else []
        elif self.live is not None:
            self._workload(self.live)
        self._events([target, *self._event_subjects()])
        for pod in self.pods[:POD_LOGS]:
            self._logs(pod)
        if self._case.fault_class in CLASSES_WITH_NEIGHBOURS:
            self._neighbours()
        return RawEvidence(
            live=self.live,
            related=self.related,
            pods=tuple(self.pods),
            events=tuple(self.events.values()),
            logs=self.logs,
            gaps=tuple(self.gaps),
        )

    # ------------------------------------------------------------ parts

    def _workload(self, live: Json) -> None:
        namespace = self._case.target.namespace
        spec = live.get("spec") or {}
        template = spec.get("template") or {}
        selector = label_selector(spec.get("selector") or {})
        owners = {str(live["metadata"].get("uid"))}
        if live.get("kind") == "Deployment" and selector:
            sets = [item for item in self._list("ReplicaSet", labels=selector) if owned_by(item, owners)]
            sets.sort(key=revision, reverse=True)
            for item in sets[: REVISIONS + 1]:
                self._relate(item, "ReplicaSet")
            owners = {str(item["metadata"].get("uid")) for item in sets}
        if selector:
            pods = [item for item in self._list("Pod", labels=selector) if owned_by(item, owners)]
            self._keep_pods(pods)
        self._config_maps(template.get("spec") or {})
        labels = (template.get("metadata") or {}).get("labels") or {}
        for item in self._list("Service"):
            if selects((item.get("spec") or {}).get("selector") or {}, labels):
                self._relate(item, "Service")
        for item in self._list("HorizontalPodAutoscaler"):
            scaled = (item.get("spec") or {}).get("scaleTargetRef") or {}
            if scaled.get("kind") == live.get("kind") and scaled.get("name") == live["metadata"]["name"]:
                self._relate(item, "HorizontalPodAutoscaler")
        # What the kubelet's message named, should the template have changed since.
        named = self._case.primary.facts.get("configMap")
        if named:
            self._config_map(ObjectRef("ConfigMap", namespace, named))

    def _service(self, live: Json | None) -> None:
        selector = ((live or {}).get("spec") or {}).get("selector") or {}
        text = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        chosen = self._list("Pod", labels=text) if text else []
        self._keep_pods(chosen or self._list("Pod"))
        slices = f"kubernetes.io/service-name={self._case.target.name}"
        for item in self._list("EndpointSlice", labels=slices):
            self._relate(item, "EndpointSlice")

    def _neighbours(self) -> None:
        for kind in WORKLOADS:
            for item in self._list(kind):
                if item["metadata"].get("name") != self._case.target.name or kind != self._case.target.kind:
                    self._relate(item, kind)

    def _config_maps(self, pod_spec: Json) -> None:
        namespace = self._case.target.namespace
        for name in config_maps_named(pod_spec)[:CONFIG_MAPS]:
            self._config_map(ObjectRef("ConfigMap", namespace, name))

    def _config_map(self, ref: ObjectRef) -> None:
        if any(known.key == ref.key for known in self.related):
            return
        before = len(self.gaps)
        found = self._object(ref)
        if found is not None:
            self._relate(found, "ConfigMap")
        elif len(self.gaps) == before:
            self._config_map_names()

    def _config_map_names(self) -> None:
        """Metadata only (kind PartialObjectMetadata): the names that a wrong reference may have meant."""
        for item in self._list("ConfigMap", accept=NAMES_ONLY):
            ref = self._ref(item, "ConfigMap")
            if not any(known.key == ref.key for known in self.related):
                self.related[ref] = {**item, "kind": "PartialObjectMetadata"}

    def _event_subjects(self) -> list[ObjectRef]:
        sets = [ref for ref in self.related if ref.kind == "ReplicaSet"][:1]
        return [*sets, *(self._ref(pod, "Pod") for pod in self.pods[:POD_LOGS])]

    def _events(self, subjects: Iterable[ObjectRef]) -> None:
        for ref in subjects:
            fields = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
            if ref.uid and ref.kind == "Pod":
                fields += f",involvedObject.uid={ref.uid}"
            for item in self._list("Event", fields=fields, limit=EVENTS):
                self.events[str(item["metadata"].get("uid"))] = item

    def _logs(self, pod: Json) -> None:
        for name, previous in troubled_containers(pod):
            meta = pod["metadata"]
            params = [
                ("container", name),
                ("tailLines", str(LOG_LINES)),
                ("limitBytes", str(4 * LOG_BYTES)),  # cuts at the far end, so ask for more than is kept
            ]
            if previous:
                params.append(("previous", "true"))
            path = RESOURCES["Pod"].item(meta["namespace"], meta["name"]) + "/log"
            try:
                body = self._ask(path, params, what=f"log of {meta['name']}/{name}", accept="*/*")
            except ClusterError as error:
                # 400 means that there is no such log (the container never started, or not before): a fact.
                if error.status not in {400, 404}:
                    self.gaps.append(error.gap(f"log of {meta['name']}/{name}"))
                continue
            if body.startswith(NO_LOG):
                said = body[:200].decode("utf-8", "replace").strip()
                self.gaps.append(Gap(f"log of {meta['name']}/{name}", "NotFound", said, Turn.NOBODY))
            elif body:
                self.logs[meta["name"], name, previous] = tail(body)

    # ------------------------------------------------------------ reading

    def _keep_pods(self, pods: list[Json]) -> None:
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
        pods.sort(key=lambda pod: not is_troubled(pod))
        kept = (_without_managed_fields(pod) for pod in pods[:PODS])
        self.pods = [{**pod, "kind": "Pod", "apiVersion": "v1"} for pod in kept]

    def _relate(self, item: Json, kind: str) -> None:
        found = {**_without_managed_fields(item), "kind": kind, "apiVersion": RESOURCES[kind].api_version}
        self.related[self._ref(item, kind)] = found

    def _ref(self, item: Json, kind: str) -> ObjectRef:
        meta = item["metadata"]
        return ObjectRef(kind, str(meta.get("namespace", "")), str(meta["name"]), str(meta.get("uid", "")))

    def _object(self, ref: ObjectRef, *, managed_fields: bool = False) -> Json | None:
        path = path_of(ref)
        if path is None:
            self.gaps.append(Gap(str(ref), "Forbidden", f"intentd does not read {ref.kind}", Turn.NOBODY))
            return None
        try:
            found: Json = msgspec.json.decode(self._ask(path, (), what=str(ref)), type=dict)
        except ClusterError as error:
            if error.status != 404:
                self.gaps.append(error.gap(str(ref)))
            return None
        except msgspec.MsgspecError as error:
            self.gaps.append(Gap(str(ref), "Invalid", f"the API server's answer cannot be read: {error}"))
            return None
        return found if managed_fields else _without_managed_fields(found)

    def _list(
        self,
        kind: str,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = NEIGHBOURS,
        accept: str = "application/json",
    ) -> list[Json]:
        params = [("limit", str(limit))]
        params += [("labelSelector", labels)] if labels else []
        params += [("fieldSelector", fields)] if fields else []
        path = RESOURCES[kind].collection(self._case.target.namespace)
        try:
            page = msgspec.json.decode(self._ask(path, params, what=kind, accept=accept), type=dict[str, Any])
        except ClusterError as error:
            self.gaps.append(error.gap(f"{kind} list"))
            return []
        except msgspec.MsgspecError as error:
            self.gaps.append(
                Gap(f"{kind} list", "Invalid", f"the API server's answer cannot be read: {error}")
            )
            return []
        more = (page.get("metadata") or {}).get("remainingItemCount")
        if (page.get("metadata") or {}).get("continue"):
            self.gaps.append(
                Gap(f"{kind} list", "Partial", f"only {limit} read, {more or 'some'} more exist", Turn.NOBODY)
            )
        return [item for item in page.get("items") or [] if isinstance(item, dict)]

    def _ask(self, path: str, params: Iterable[tuple[str, str]], *, what: str, accept: str = "") -> bytes:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise ClusterError(f"no time left to read {what}", turn=Turn.OURS, reason="TimedOut")
        reply = self._transport.get(
            path, tuple(params), accept=accept or "application/json", timeout=min(left, 5.0)
        )
        if not reply.ok:
            raise reply.error()
        return reply.body


def tail(log: bytes) -> str:
    """The log's end in whole lines: half a line could be a secret whose name was cut away."""
    kept = log[-LOG_BYTES:]
    if len(log) > LOG_BYTES:
        kept = kept.partition(b"\n")[2]
    return kept.decode("utf-8", "replace")


def _without_managed_fields(item: Mapping[str, Any]) -> Json:
    """The object without its longest and least telling part; only the target keeps it, for hands-off."""
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": meta}
