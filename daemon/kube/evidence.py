"""What one case needs to know, read on demand: everything bounded in number, bytes and time.

Nothing here decides what is telling; that is `remediation.evidence`. A part that could not be read becomes a
gap, and the rest goes on. Absence is told apart from a gap: a ConfigMap that the pod template names and that
is neither in `related` nor in `gaps` does not exist. Secrets are never asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.kube.kinds import RESOURCES
from daemon.kube.reading import Reader, Request, item_of, items_of
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
"""Events of one object, the newest. The server keeps them for an hour by default."""
EVENTS_PAGE = 500
"""Events of a namespace in one answer (about 500 KB). The server has no index of them: a question about one object
reads them all too, so one page is cheaper than a question for each object. Where there are more, each is asked for."""
LOG_LINES = 60
LOG_BYTES = 16 * 1024
"""Of one container's log, from its end: ten times what the prompt's budget takes."""
NO_LOG = (b"unable to retrieve container logs for", b"failed to try resolving symlinks in path")
"""The kubelet says so with status 200 where the container, or its file, has been removed meanwhile."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
MAKES_PODS = frozenset({*WORKLOADS, "ReplicaSet", "Job"})
"""Kinds whose selector and template are about pods of their own."""
CLASSES_WITH_NEIGHBOURS = frozenset({FaultClass.NO_ENDPOINTS, FaultClass.IMAGE_PULL})
"""Faults whose candidates come from the namespace's other workloads: their labels, their images."""


def gather(
    transport: Transport, clock: Clock, case: Case, *, absent: frozenset[str] = frozenset()
) -> RawEvidence:
    """Read it all; never raises. `absent` are kinds of which the watches know no object in the case's namespace:
    they are not asked for."""
    with Reader(transport, clock, SECONDS) as reader:
        return _Gathering(reader, case, absent).run()


class _Gathering:
    """One gathering: what was found so far. Each step first says which answers it will need, so that they are
    asked for side by side, what other questions depend on first."""

    def __init__(self, reader: Reader, case: Case, absent: frozenset[str]) -> None:
        self._reader = reader
        self._case = case
        self._absent = absent
        self.live: Json | None = None
        self.related: dict[ObjectRef, Json] = {}
        self.pods: list[Json] = []
        self.events: dict[str, Json] = {}
        self.logs: dict[tuple[str, str, bool], str] = {}

    def run(self) -> RawEvidence:
        target, ahead = self._case.target, self._reader.ahead
        ahead(item_of(target), self._all_events(), *self._around())
        self.live = self._reader.item(target)
        if target.kind == "Service":
            self._service(self.live)
        elif target.kind == "Pod":
            self.pods = [self.live] if self.live else []
        elif self.live is not None and target.kind in MAKES_PODS:
            self._workload(self.live)
        ahead(*self._neighbour_pages())
        self._events((target, *self._event_subjects()))
        self._logs()
        self._neighbours()
        return RawEvidence(
            live=self.live,
            related=self.related,
            pods=tuple(self.pods),
            events=tuple(self.events.values()),
            logs=self.logs,
            gaps=tuple(self._reader.gaps),
        )

    # ------------------------------------------------------------ parts

    def _around(self) -> Iterator[Request]:
        """Lists that do not depend on what the target says."""
        if self._case.target.kind in WORKLOADS:
            yield self._page("HorizontalPodAutoscaler")
            if "Service" not in self._absent:
                yield self._page("Service")

    def _workload(self, live: Json) -> None:
        namespace = self._case.target.namespace
        spec = live.get("spec") or {}
        template = spec.get("template") or {}
        selector = label_selector(spec.get("selector") or {})
        owners = {str(live["metadata"].get("uid"))}
        sets, pods = self._page("ReplicaSet", labels=selector), self._page("Pod", labels=selector)
        deployment = live.get("kind") == "Deployment"
        maps = [
            ObjectRef("ConfigMap", namespace, name)
            for name in config_maps_named(template.get("spec") or {})[:CONFIG_MAPS]
        ]
        if selector:
            self._reader.ahead(*([sets] if deployment else []), pods)
        self._reader.ahead(*(item_of(ref) for ref in maps), *self._neighbour_pages())
        if deployment and selector:
            found = [item for item in self._reader.items(sets) if owned_by(item, owners)]
            found.sort(key=revision, reverse=True)
            for item in found[: REVISIONS + 1]:
                self._relate(item, "ReplicaSet")
            owners = {str(item["metadata"].get("uid")) for item in found}
        if selector:
            self._keep_pods([item for item in self._reader.items(pods) if owned_by(item, owners)])
        for ref in maps:
            self._config_map(ref)
        labels = (template.get("metadata") or {}).get("labels") or {}
        for item in [] if "Service" in self._absent else self._reader.items(self._page("Service")):
            if selects((item.get("spec") or {}).get("selector") or {}, labels):
                self._relate(item, "Service")
        for item in self._reader.items(self._page("HorizontalPodAutoscaler")):
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
        name = self._case.target.name
        slices = self._page("EndpointSlice", labels=f"kubernetes.io/service-name={name}")
        self._reader.ahead(slices)
        chosen = self._reader.items(self._page("Pod", labels=text)) if text else []
        self._keep_pods(chosen or self._reader.items(self._page("Pod")))
        for item in self._reader.items(slices):
            self._relate(item, "EndpointSlice")

    def _neighbour_kinds(self) -> list[str]:
        if self._case.fault_class not in CLASSES_WITH_NEIGHBOURS:
            return []
        return [kind for kind in WORKLOADS if kind not in self._absent]

    def _neighbour_pages(self) -> list[Request]:
        return [self._page(kind) for kind in self._neighbour_kinds()]

    def _neighbours(self) -> None:
        for kind in self._neighbour_kinds():
            for item in self._reader.items(self._page(kind)):
                if item["metadata"].get("name") != self._case.target.name or kind != self._case.target.kind:
                    self._relate(item, kind)

    def _config_map(self, ref: ObjectRef) -> None:
        if any(known.key == ref.key for known in self.related):
            return
        before = len(self._reader.gaps)
        found = self._reader.item(ref)
        if found is not None:
            self._relate(found, "ConfigMap")
        elif len(self._reader.gaps) == before:
            self._config_map_names()

    def _config_map_names(self) -> None:
        """Metadata only (kind PartialObjectMetadata): the names that a wrong reference may have meant."""
        for item in self._reader.items(self._page("ConfigMap", names_only=True)):
            ref = self._ref(item, "ConfigMap")
            if not any(known.key == ref.key for known in self.related):
                bare = _without_managed_fields(item)
                self.related[ref] = {**bare, "kind": "PartialObjectMetadata"}

    def _event_subjects(self) -> list[ObjectRef]:
        sets = [ref for ref in self.related if ref.kind == "ReplicaSet"][:1]
        return [*sets, *(self._ref(pod, "Pod") for pod in self.pods[:POD_LOGS])]

    def _events_of(self, ref: ObjectRef) -> Request:
        fields = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
        if ref.uid and ref.kind == "Pod":
            fields += f",involvedObject.uid={ref.uid}"
        return self._page("Event", fields=fields, limit=EVENTS)

    def _all_events(self) -> Request:
        return self._page("Event", limit=EVENTS_PAGE)

    def _events(self, subjects: Sequence[ObjectRef]) -> None:
        page = self._reader.whole(self._all_events())
        if page is None:
            asked = [self._events_of(ref) for ref in subjects]
            self._reader.ahead(*asked)
            found = [item for request in asked for item in self._reader.items(request)]
        else:
            found = [item for ref in subjects for item in _newest(page, ref)]
        self.events = {str(item["metadata"].get("uid")): item for item in found}

    def _log_requests(self) -> list[tuple[tuple[str, str, bool], Request]]:
        return [log for pod in self.pods[:POD_LOGS] for log in _logs_of(pod)]

    def _logs(self) -> None:
        for key, request in self._log_requests():
            # 400 and 404 mean that there is no such log (the container never started, or not before): a fact.
            body = self._reader.text(request, absent=(400, 404))
            if body and body.startswith(NO_LOG):
                said = body[:200].decode("utf-8", "replace").strip()
                self._reader.gaps.append(Gap(request.what, "NotFound", said, Turn.NOBODY))
            elif body:
                self.logs[key] = tail(body)

    # ------------------------------------------------------------ shapes

    def _page(
        self,
        kind: str,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = NEIGHBOURS,
        names_only: bool = False,
    ) -> Request:
        return items_of(
            kind,
            self._case.target.namespace,
            limit=limit,
            labels=labels,
            fields=fields,
            names_only=names_only,
        )

    def _keep_pods(self, pods: list[Json]) -> None:
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
        pods.sort(key=lambda pod: not is_troubled(pod))
        kept = (_without_managed_fields(pod) for pod in pods[:PODS])
        self.pods = [{**pod, "kind": "Pod", "apiVersion": "v1"} for pod in kept]
        self._reader.ahead(*(request for _, request in self._log_requests()))

    def _relate(self, item: Json, kind: str) -> None:
        found = {**_without_managed_fields(item), "kind": kind, "apiVersion": RESOURCES[kind].api_version}
        self.related[self._ref(item, kind)] = found

    def _ref(self, item: Json, kind: str) -> ObjectRef:
        meta = item["metadata"]
        return ObjectRef(kind, str(meta.get("namespace", "")), str(meta["name"]), str(meta.get("uid", "")))


def _newest(page: list[Json], ref: ObjectRef) -> list[Json]:
    """The last events about one object; about this incarnation only, where it is a pod."""
    about = [item for item in page if _is_about(item.get("involvedObject") or {}, ref)]
    return sorted(about, key=_time_of_event)[-EVENTS:]


def _is_about(involved: Mapping[str, Any], ref: ObjectRef) -> bool:
    incarnation = involved.get("uid") == ref.uid or not (ref.uid and ref.kind == "Pod")
    return involved.get("kind") == ref.kind and involved.get("name") == ref.name and incarnation


def _time_of_event(event: Json) -> str:
    """RFC 3339 in UTC, so that text sorts as time; the newer API leaves `lastTimestamp` out."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _logs_of(pod: Json) -> Iterator[tuple[tuple[str, str, bool], Request]]:
    meta = pod["metadata"]
    path = RESOURCES["Pod"].item(meta["namespace"], meta["name"]) + "/log"
    for name, previous in troubled_containers(pod):
        params = [
            ("container", name),
            ("tailLines", str(LOG_LINES)),
            ("limitBytes", str(4 * LOG_BYTES)),  # cuts at the far end, so ask for more than is kept
        ]
        params += [("previous", "true")] if previous else []
        request = Request(f"log of {meta['name']}/{name}", path, tuple(params), "*/*")
        yield (meta["name"], name, previous), request


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
