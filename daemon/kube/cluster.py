"""KubeCluster: the Cluster port over one API server."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from daemon.kube import write
from daemon.kube.connect import Connection
from daemon.kube.errors import ClusterError
from daemon.kube.evidence import gather
from daemon.kube.kinds import RESOURCES, path_of
from daemon.kube.reading import items_of
from daemon.kube.reflector import Pace, Reflector
from daemon.kube.transport import Transport
from daemon.ports import Clock, WriteResult
from detectors.facts import Fact
from detectors.model import Case, Gap, Name, ObjectRef, Turn
from detectors.watched import ALWAYS
from remediation.model import Json, Operation, RawEvidence

LISTED = 500
"""Objects of one kind in one namespace that are read before a write; with more nobody knows which were left out."""

STOP_SECONDS = 2.0
"""How long `stop` waits for the watch threads: part of the ten seconds in which SIGTERM drains."""


class KubeCluster:
    """Watches from `start` to `stop`; reads and writes work without the watches too (`--once`, `doctor`)."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        *,
        namespaces: Sequence[str] = (),
        pace: Pace | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 15.0,
    ) -> None:
        """`namespaces` empty watches the whole cluster; otherwise only those, with rights in them alone."""
        self._clock = clock
        self._transport = Transport(
            connection, clock, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        self._changed = threading.Event()
        self._namespaces, self._pace = tuple(namespaces) or ("",), pace
        self._reflectors: dict[str, list[Reflector]] = {}
        self._life = threading.Lock()
        self._started = self._stopped = False
        self.watch(ALWAYS)

    @property
    def host(self) -> str:
        """The API server's address, for people."""
        return self._transport.host

    def start(self) -> None:
        """Begin to list and watch, one thread a kind; returns at once."""
        with self._life:
            self._started = True
            for reflector in self._all:
                reflector.start()

    @property
    def _all(self) -> list[Reflector]:
        return [reflector for of_kind in self._reflectors.values() for reflector in of_kind]

    def stop(self) -> bool:
        """End the watches within STOP_SECONDS. False where a thread is still inside a call to a server
        that does not answer; it is a daemon thread and dies with the process."""
        with self._life:
            self._stopped = True
        for reflector in self._all:
            reflector.stop()
        deadline = self._clock.monotonic() + STOP_SECONDS
        ended = [reflector.join(max(0.0, deadline - self._clock.monotonic())) for reflector in self._all]
        self._transport.close()
        return all(ended)

    def wait_until_listed(self, seconds: float) -> bool:
        """Wait until each kind was listed once or says why not; for `--once`, `doctor` and tests."""
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            views = self.snapshot().values()
            if not any(isinstance(view, Gap) and view.reason == "NoData" for view in views):
                return True
            self._clock.wait(threading.Event(), 0.01)
        return False

    # ------------------------------------------------------------ Cluster

    def watch(self, kinds: AbstractSet[str]) -> None:
        with self._life:
            for kind in sorted(kinds - self._reflectors.keys()):
                if self._stopped:
                    return
                resource = RESOURCES[kind]
                places = self._namespaces if resource.namespaced else ("",)
                fresh = [
                    Reflector(
                        resource,
                        self._transport,
                        self._clock,
                        self._changed,
                        namespace=place,
                        pace=self._pace,
                    )
                    for place in places
                ]
                self._reflectors = {**self._reflectors, kind: fresh}  # other threads read the whole map
                for reflector in fresh if self._started else ():
                    reflector.start()

    def snapshot(self) -> Mapping[str, Mapping[Name, Fact] | Gap]:
        merged: dict[str, Mapping[Name, Fact] | Gap] = {}
        for reflector in self._all:
            view = reflector.view()
            before = merged.get(reflector.kind)
            if before is None or isinstance(view, Gap):
                merged[reflector.kind] = view
            elif not isinstance(before, Gap):
                merged[reflector.kind] = {**before, **view}
        return merged

    def changed(self) -> threading.Event:
        return self._changed

    def read(self, ref: ObjectRef) -> Json | Gap | None:
        path = path_of(ref)
        if path is None:
            return Gap(str(ref), "Forbidden", f"intentd does not read {ref.kind} objects", Turn.NOBODY)
        try:
            reply = self._transport.get(path)
            if reply.status == 404:
                return None
            if not reply.ok:
                return reply.error().gap(str(ref))
            found: Json = msgspec.json.decode(reply.body, type=dict)
        except ClusterError as error:
            return error.gap(str(ref))
        except msgspec.MsgspecError as error:
            return Gap(str(ref), "Invalid", f"the API server sent an object that cannot be read: {error}")
        return found

    def list_now(self, kind: str, namespace: str) -> Sequence[Json] | Gap:
        if kind not in RESOURCES or not namespace:
            return Gap(kind, "Forbidden", f"intentd does not list {kind} objects", Turn.NOBODY)
        request = items_of(kind, namespace, limit=LISTED)
        try:
            reply = self._transport.get(request.path, request.params)
            if reply.status == 404 and RESOURCES[kind].optional:
                return []
            if not reply.ok:
                return reply.error().gap(request.what)
            page: Json = msgspec.json.decode(reply.body, type=dict)
        except ClusterError as error:
            return error.gap(request.what)
        except msgspec.MsgspecError as error:
            return Gap(request.what, "Invalid", f"the API server sent a list that cannot be read: {error}")
        if (page.get("metadata") or {}).get("continue"):
            return Gap(request.what, "Partial", f"more than {LISTED} in {namespace}", Turn.OPERATOR)
        return [item for item in page.get("items") or () if isinstance(item, dict)]

    def gather(self, case: Case) -> RawEvidence:
        return gather(self._transport, self._clock, case, absent=self._absent_in(case.target.namespace))

    def _absent_in(self, namespace: str) -> frozenset[str]:
        """Kinds of which the watches know no object there; a kind that could not be listed is not absent."""
        views = self.snapshot()
        return frozenset(
            kind
            for kind, view in views.items()
            if not isinstance(view, Gap) and not any(name[0] == namespace for name in view)
        )

    def patch(
        self,
        ref: ObjectRef,
        operations: Sequence[Operation],
        *,
        resource_version: str,
        operation_id: str,
        dry_run: bool,
        live: Json | None = None,
    ) -> WriteResult:
        return write.patch(
            self._transport,
            ref,
            operations,
            resource_version=resource_version,
            operation_id=operation_id,
            dry_run=dry_run,
            live=live,
        )

    def create(self, manifest: Json, *, operation_id: str, dry_run: bool, anew: bool = False) -> WriteResult:
        return write.create(self._transport, manifest, operation_id=operation_id, dry_run=dry_run, anew=anew)

    def delete(
        self, ref: ObjectRef, *, resource_version: str, dry_run: bool, orphan: bool = False
    ) -> WriteResult:
        return write.delete(
            self._transport, ref, resource_version=resource_version, dry_run=dry_run, orphan=orphan
        )
