"""Bounded reads for one gathering: everything within one deadline, what failed kept as gaps.

Answers that are needed anyway are asked for side by side (`ahead`), and taken in the caller's own order
(`item`, `items`, `text`), so that what is gathered, and the order of its gaps, does not depend on which answer
came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from daemon.kube.errors import ClusterError
from daemon.kube.kinds import RESOURCES, path_of
from daemon.kube.transport import Transport
from daemon.ports import Clock
from detectors.model import Gap, ObjectRef, Turn
from detectors.watched import ALWAYS, FACT_TYPES
from remediation.model import Json

ONE_READ = 5.0
"""Seconds for one of the reads, so that one slow answer does not use up the time of all."""
AT_ONCE = 4
"""Reads of one gathering under way at the same time: below client-go's default burst of 10."""
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""Metadata only: a ConfigMap's name without its data."""


class Request(NamedTuple):
    """One GET. `what` names it in a gap."""

    what: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    accept: str = "application/json"


BY_LIST = frozenset(FACT_TYPES) - ALWAYS
"""Kinds that are watched on demand: the rights to watch them (list, watch) suffice, so a single one is a list of one."""


def item_of(ref: ObjectRef) -> Request | None:
    """The object; None where intentd does not read its kind."""
    path = path_of(ref)
    if path is None:
        return None
    if ref.kind in BY_LIST:
        listed = items_of(ref.kind, ref.namespace, limit=1, fields=f"metadata.name={ref.name}")
        return listed._replace(what=str(ref))
    return Request(str(ref), path)


def items_of(
    kind: str, namespace: str, *, limit: int, labels: str = "", fields: str = "", names_only: bool = False
) -> Request:
    """One page of a kind in a namespace."""
    params = [("limit", str(limit))]
    params += [("labelSelector", labels)] if labels else []
    params += [("fieldSelector", fields)] if fields else []
    accept = NAMES_ONLY if names_only else "application/json"
    return Request(f"{kind} list", RESOURCES[kind].collection(namespace), tuple(params), accept)


class Reader:
    """Reads until its deadline. A context: leaving it waits for what is still under way (each read has its own
    time limit)."""

    def __init__(self, transport: Transport, clock: Clock, seconds: float) -> None:
        self._transport, self._clock = transport, clock
        self._deadline = clock.monotonic() + seconds
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gather")
        self._ahead: dict[Request, Future[bytes]] = {}
        self.gaps: list[Gap] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ahead(self, *requests: Request | None) -> None:
        """Ask for these now; a later `item`, `items` or `text` of the same request takes the answer."""
        for request in requests:
            if request is not None and request not in self._ahead:
                self._ahead[request] = self._pool.submit(self._ask, request)

    def item(self, ref: ObjectRef) -> Json | None:
        """The object, None where it is absent or, then with a gap, could not be read."""
        request = item_of(ref)
        if request is None:
            self.gaps.append(Gap(str(ref), "Forbidden", f"intentd does not read {ref.kind}", Turn.NOBODY))
            return None
        try:
            found = self._decoded(request)
        except ClusterError as error:
            if error.status != 404:
                self.gaps.append(error.gap(request.what))
            return None
        if ref.kind not in BY_LIST:
            return found
        said = {"apiVersion": RESOURCES[ref.kind].api_version, "kind": ref.kind}
        return next(({**item, **said} for item in found.get("items") or ()), None)

    def items(self, request: Request) -> list[Json]:
        """One page; a gap where it could not be read or where there is more."""
        found, more = self._page(request)
        if more:
            said = f"only {len(found)} read, {more} more exist"
            self.gaps.append(Gap(request.what, "Partial", said, Turn.NOBODY))
        return found

    def whole(self, request: Request) -> list[Json] | None:
        """One page that is all there is, empty with a gap where it could not be read; None where there is more."""
        found, more = self._page(request)
        return None if more else found

    def _page(self, request: Request) -> tuple[list[Json], str]:
        """The items, and how many more there are (empty for none)."""
        try:
            page = self._decoded(request)
        except ClusterError as error:
            self.gaps.append(error.gap(request.what))
            return [], ""
        meta: Mapping[str, Any] = page.get("metadata") or {}
        found = [item for item in page.get("items") or [] if isinstance(item, dict)]
        return found, str(meta.get("remainingItemCount") or "some") if meta.get("continue") else ""

    def text(self, request: Request, *, absent: Iterable[int]) -> bytes | None:
        """A body that is not JSON; None where the status says that there is none, or, with a gap, it could not
        be read."""
        try:
            return self._body(request)
        except ClusterError as error:
            if error.status not in absent:
                self.gaps.append(error.gap(request.what))
            return None

    def _decoded(self, request: Request) -> Json:
        try:
            found: Json = msgspec.json.decode(self._body(request), type=dict)
        except msgspec.MsgspecError as error:
            raise ClusterError(
                f"the API server's answer cannot be read: {error}", turn=Turn.OURS, reason="Invalid"
            ) from error
        return found

    def _body(self, request: Request) -> bytes:
        waiting = self._ahead.get(request)
        return self._ask(request) if waiting is None else waiting.result()

    def _ask(self, request: Request) -> bytes:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise ClusterError(f"no time left to read {request.what}", turn=Turn.OURS, reason="TimedOut")
        reply = self._transport.get(
            request.path, request.params, accept=request.accept, timeout=min(left, ONE_READ)
        )
        if not reply.ok:
            raise reply.error()
        return reply.body
