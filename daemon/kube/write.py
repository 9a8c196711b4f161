"""The only place in the repository that writes to a cluster.

Each function sends one request once and says what became of it. Preconditions travel inside the request:
JSON Patch `test` operations or delete preconditions on uid and resourceVersion, so a write that was decided
on an older object cannot land. `fieldValidation=Strict` makes a misspelt field an error.

What an answer means: 409 and a failed `test` are CONFLICT (or GONE, where it was the uid), though the
server answers a failed `test` with the same bare 422 as a path that is not there, so the object is read again
to tell them apart; 404 is GONE; a busy server (429) or expired credentials (401) carried nothing out, so CONFLICT: read again, try again; 5xx
and no answer are UNKNOWN, because the write may have happened; the rest is REFUSED in the server's words.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from daemon.kube.errors import ClusterError
from daemon.kube.kinds import CREATABLE, RESOURCES, WRITABLE, path_of
from daemon.kube.transport import Params, Reply, Transport
from daemon.ports import WriteResult, WriteStatus
from detectors.model import ObjectRef, Turn
from remediation.model import OPERATION_ANNOTATION, Json, Operation
from remediation.redact import redact_text
from remediation.rehearsal import LABEL

MANAGER = "intentd"
_ANNOTATIONS = "/metadata/annotations"
_MARK = f"{_ANNOTATIONS}/{OPERATION_ANNOTATION.replace('~', '~0').replace('/', '~1')}"


def patch(
    transport: Transport,
    ref: ObjectRef,
    operations: Sequence[Operation],
    *,
    resource_version: str,
    operation_id: str,
    dry_run: bool,
    live: Json | None = None,
) -> WriteResult:
    """JSON Patch on one incarnation at one resource version. A JSON Patch cannot say "add the annotations if
    there are none", so the object at that version is needed: `live`, or read first where that is not it."""
    path = path_of(ref)
    refusal = _refuse_kind(ref.kind, path)
    if refusal is not None or path is None:
        return refusal or _refused(f"{ref} is not a name")
    if not ref.uid or not resource_version or not operation_id:
        return _refused("a patch needs the uid, the resource version and an operation id")
    meta = (live or {}).get("metadata", {})
    if (meta.get("uid"), meta.get("resourceVersion")) != (ref.uid, resource_version):
        try:
            reply = transport.get(path)
        except ClusterError as error:
            return WriteResult(
                WriteStatus.CONFLICT, f"not sent, the object cannot be read: {error}", turn=error.turn
            )
        if not reply.ok:
            return _judge(reply)
        meta = _object(reply.body).get("metadata", {})
    if meta.get("uid") != ref.uid:
        return WriteResult(WriteStatus.GONE, f"{ref} is another object now (uid {meta.get('uid')})")
    if meta.get("resourceVersion") != resource_version:
        return WriteResult(WriteStatus.CONFLICT, f"{ref} has changed since it was read", turn=Turn.OURS)
    body: list[Json] = [
        {"op": "test", "path": "/metadata/uid", "value": ref.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version},
        *(_wire(operation) for operation in operations),
    ]
    if not _has_annotations(meta, operations):
        body.append({"op": "add", "path": _ANNOTATIONS, "value": {}})
    body.append({"op": "add", "path": _MARK, "value": operation_id})
    result = _send(transport, "PATCH", path, _params(dry_run), body, "application/json-patch+json")
    if result.status is WriteStatus.REFUSED:
        return _moved(transport, path, body) or result
    return result


def create(
    transport: Transport, manifest: Json, *, operation_id: str, dry_run: bool, anew: bool = False
) -> WriteResult:
    """Create a namespaced object under its own name; of Pods only canaries, and, with `anew`, what was deleted
    for this."""
    kind = str(manifest.get("kind", ""))
    meta = manifest.get("metadata")
    name = str(meta.get("name", "")) if isinstance(meta, dict) else ""
    namespace = str(meta.get("namespace", "")) if isinstance(meta, dict) else ""
    refusal = _refuse_kind(kind, path_of(ObjectRef(kind, namespace, name)), CREATABLE)
    if refusal is not None:
        return refusal
    if kind == "Pod" and not anew and not (isinstance(meta, dict) and LABEL in (meta.get("labels") or {})):
        return _refused("intentd creates no Pod but the canary of a rehearsal")
    resource = RESOURCES[kind]
    if manifest.get("apiVersion") != resource.api_version or not operation_id:
        return _refused(f"a {kind} is created as {resource.api_version}, with an operation id")
    body = copy.deepcopy(manifest)
    body["metadata"].setdefault("annotations", {})[OPERATION_ANNOTATION] = operation_id
    return _send(
        transport, "POST", resource.collection(namespace), _params(dry_run), body, "application/json"
    )


def delete(
    transport: Transport, ref: ObjectRef, *, resource_version: str, dry_run: bool, orphan: bool = False
) -> WriteResult:
    """Delete one incarnation at one resource version; what it owns goes after it, or stays as an orphan."""
    path = path_of(ref)
    refusal = _refuse_kind(ref.kind, path, CREATABLE)
    if refusal is not None or path is None:
        return refusal or _refused(f"{ref} is not a name")
    if not ref.uid or not resource_version:
        return _refused("a delete needs the uid and the resource version")
    body: Json = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Orphan" if orphan else "Background",
        "preconditions": {"uid": ref.uid, "resourceVersion": resource_version},
    }
    if dry_run:
        body["dryRun"] = ["All"]
    shown: Params = (
        [("dryRun", "All")] if dry_run else ()
    )  # the body counts; an audit log shows the address alone
    result = _send(transport, "DELETE", path, shown, body, "application/json")
    return replace(result, live=None)  # a Status, or the object while finalizers run: neither is "after"


def _params(dry_run: bool) -> Params:
    params = [("fieldValidation", "Strict"), ("fieldManager", MANAGER)]
    return [*params, ("dryRun", "All")] if dry_run else params


def _send(
    transport: Transport, method: str, path: str, params: Params, body: Any, content_type: str
) -> WriteResult:
    try:
        reply = transport.send(method, path, params, body, content_type)
    except ClusterError as error:
        if not error.sent:
            return WriteResult(WriteStatus.CONFLICT, f"not sent: {error}", turn=error.turn)
        return WriteResult(WriteStatus.UNKNOWN, f"no answer: {error}", turn=Turn.OURS)
    return _judge(reply)


def _judge(reply: Reply) -> WriteResult:
    if reply.ok:
        return WriteResult(WriteStatus.DONE, live=_object(reply.body))
    error = reply.error()
    said, _ = redact_text(str(error))  # it may quote what the object holds, and goes on record
    if reply.status == 404:
        return WriteResult(WriteStatus.GONE, said)
    if reply.status == 409:
        if _reason(reply.body) == "AlreadyExists":
            return WriteResult(WriteStatus.EXISTS, said)
        gone = "the UID in the precondition" in said
        return WriteResult(
            WriteStatus.GONE if gone else WriteStatus.CONFLICT, said, turn=Turn.NOBODY if gone else Turn.OURS
        )
    if reply.status in {401, 429}:
        return WriteResult(WriteStatus.CONFLICT, f"not carried out: {said}", turn=error.turn)
    if reply.status >= 500:
        return WriteResult(WriteStatus.UNKNOWN, said, turn=Turn.OURS)
    return WriteResult(WriteStatus.REFUSED, said, turn=Turn.OPERATOR)


def _moved(transport: Transport, path: str, body: Sequence[Json]) -> WriteResult | None:
    """Why a refused patch failed, where the reason is that the object is not what the patch assumed."""
    try:
        reply = transport.get(path)
    except ClusterError:
        return None
    if reply.status == 404:
        return _judge(reply)
    if not reply.ok:
        return None
    live = _object(reply.body)
    for operation in body:
        if operation["op"] == "test" and _at(live, operation["path"]) != operation["value"]:
            gone = operation["path"] == "/metadata/uid"
            return WriteResult(
                WriteStatus.GONE if gone else WriteStatus.CONFLICT,
                f"{operation['path']} is no longer {operation['value']!r}",
                turn=Turn.NOBODY if gone else Turn.OURS,
            )
    return None


def _at(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), None where there is none."""
    for raw in pointer.split("/")[1:]:
        token = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(token)
        elif isinstance(document, list) and token.isdecimal() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def _refuse_kind(kind: str, path: str | None, kinds: frozenset[str] = WRITABLE) -> WriteResult | None:
    if kind not in kinds or path is None:
        return _refused(f"intentd does not write objects of kind {kind or 'unknown'} without a full name")
    return None


def _refused(why: str) -> WriteResult:
    return WriteResult(WriteStatus.REFUSED, why, turn=Turn.NOBODY)


def _wire(operation: Operation) -> Json:
    wire: Json = {"op": operation.op, "path": operation.path}
    if operation.op != "remove":
        wire["value"] = operation.value
    return wire


def _has_annotations(meta: Json, operations: Sequence[Operation]) -> bool:
    """Whether the object will have an annotations map once the operations have run."""
    has = bool(meta.get("annotations"))
    for operation in operations:
        if operation.path == _ANNOTATIONS and operation.op != "test":
            has = operation.op != "remove" and isinstance(operation.value, dict)
    return has


def _object(body: bytes) -> Json:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _reason(body: bytes) -> str:
    return str(_object(body).get("reason", ""))
