"""The Cluster port in memory: objects as JSON, with the API server's own rules where intentd relies on them.

Resource versions rise with every change, uids tell incarnations apart, JSON Patch applies as a whole or not
at all, an unknown field is refused, and preconditions are compared against the object of this moment. What
controllers would do is not imitated: a test says it with `put`, or in `react`, which runs after each write.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from daemon.kube.kinds import CREATABLE, RESOURCES, WRITABLE
from daemon.kube.references import config_maps_named, owned_by, selects
from daemon.ports import WriteResult, WriteStatus
from detectors.facts import Fact
from detectors.model import Case, Gap, Name, ObjectRef, Turn
from detectors.watched import ALWAYS, FACT_TYPES
from remediation.diff import PreconditionFailed, apply
from remediation.model import OPERATION_ANNOTATION, Json, Operation, RawEvidence
from remediation.rehearsal import LABEL

KNOWN_SPEC = {
    "Deployment": {
        "replicas", "selector", "template", "strategy", "minReadySeconds", "revisionHistoryLimit", "paused",
        "progressDeadlineSeconds",
    },
    "StatefulSet": {
        "replicas", "selector", "template", "serviceName", "podManagementPolicy", "updateStrategy",
        "revisionHistoryLimit", "minReadySeconds", "volumeClaimTemplates", "ordinals",
        "persistentVolumeClaimRetentionPolicy",
    },
    "DaemonSet": {"selector", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"},
    "Service": {
        "type", "ports", "selector", "clusterIP", "clusterIPs", "externalName", "sessionAffinity",
        "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy",
    },
}  # fmt: skip
"""What fieldValidation=Strict lets through, as far as tests need it."""


class Crash(BaseException):
    """kill -9 at this point."""


class Mishap(Enum):
    """What happens to the next write."""

    LOST_BEFORE = auto()  # the request never arrived, the caller cannot know
    LOST_AFTER = auto()  # it was carried out, the answer is lost
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    CONFLICT = auto()  # somebody else was quicker
    REFUSED = auto()  # an admission webhook says no


@dataclass(frozen=True, slots=True)
class Written:
    """One write that took effect."""

    verb: str
    ref: ObjectRef
    operation_id: str
    live: Json | None


class FakeCluster:
    """A cluster that can be arranged, broken and asked afterwards what was done to it."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str, str], Json] = {}
        self._facts: dict[tuple[str, str, str], tuple[str, Fact]] = {}
        self._version = 1000
        self._uids = 0
        self._changed = threading.Event()
        self._watched: AbstractSet[str] = ALWAYS
        self.gaps: dict[str, Gap] = {}  # by kind: neither watched nor read while it stands
        self.mishaps: deque[Mishap] = deque()
        self.react: Callable[[Written], None] | None = None
        self.events: list[Json] = []
        self.logs: dict[tuple[str, str, bool], str] = {}
        self.written: list[Written] = []
        self.dry_runs: list[Written] = []

    # ------------------------------------------------------------ the world's own changes

    def put(self, item: Json) -> Json:
        """Create or replace, as a person or a controller would; status may come along."""
        item = deepcopy(item)
        meta = item["metadata"]
        key = (item["kind"], meta.get("namespace", ""), meta["name"])
        before = self._objects.get(key)
        if before is None:
            self._uids += 1
            meta.setdefault("uid", f"uid-{self._uids}")
            meta.setdefault("creationTimestamp", "2026-01-05T09:00:00Z")
            meta["generation"] = meta.get("generation", 1)
        else:
            meta["uid"] = before["metadata"]["uid"]
            changed = before.get("spec") != item.get("spec")
            meta["generation"] = before["metadata"].get("generation", 1) + changed
        self._version += 1
        meta["resourceVersion"] = str(self._version)
        self._objects[key] = item
        self._changed.set()
        return deepcopy(item)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        del self._objects[kind, namespace, name]
        self._version += 1
        self._changed.set()

    def object(self, kind: str, namespace: str, name: str) -> Json:
        """What is there, for a test's assertions."""
        return deepcopy(self._objects[kind, namespace, name])

    def forbid(self, kind: str) -> None:
        """Take the right to read a kind away."""
        self.gaps[kind] = Gap(kind, "Forbidden", f"{kind} is forbidden", Turn.OPERATOR)

    # ------------------------------------------------------------ Cluster: reading

    def watch(self, kinds: AbstractSet[str]) -> None:
        self._watched |= kinds

    def snapshot(self) -> Mapping[str, Mapping[Name, Fact] | Gap]:
        views: dict[str, Mapping[Name, Fact] | Gap] = {}
        for kind in self._watched:
            views[kind] = self.gaps.get(kind) or {
                (namespace, name): self._fact((of, namespace, name), item)
                for (of, namespace, name), item in self._objects.items()
                if of == kind
            }
        return views

    def changed(self) -> threading.Event:
        return self._changed

    def read(self, ref: ObjectRef) -> Json | Gap | None:
        if ref.kind not in RESOURCES or not ref.name:
            return Gap(str(ref), "Forbidden", f"intentd does not read {ref.kind} objects", Turn.NOBODY)
        if ref.kind in self.gaps:
            return self.gaps[ref.kind]._replace(what=str(ref))
        return deepcopy(self._objects.get(ref.key))

    def list_now(self, kind: str, namespace: str) -> Sequence[Json] | Gap:
        if kind not in RESOURCES or not namespace:
            return Gap(kind, "Forbidden", f"intentd does not list {kind} objects", Turn.NOBODY)
        if kind in self.gaps:
            return self.gaps[kind]
        return [deepcopy(item) for key, item in self._objects.items() if key[:2] == (kind, namespace)]

    def gather(self, case: Case) -> RawEvidence:
        target = case.target
        found = self.read(target)
        gaps = [found] if isinstance(found, Gap) else []
        live = None if isinstance(found, Gap) else found
        inside = [deepcopy(item) for key, item in self._objects.items() if key[1] == target.namespace]
        spec = (live or {}).get("spec") or {}
        pods: list[Json] = []
        related: list[Json] = []
        if live is not None and target.kind == "Service":
            everybody = [item for item in inside if item["kind"] == "Pod"]
            pods = [
                pod
                for pod in everybody
                if selects(spec.get("selector") or {}, pod["metadata"].get("labels") or {})
            ] or everybody
            related = [item for item in inside if item["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}]
        elif live is not None:
            sets = [
                item
                for item in inside
                if item["kind"] == "ReplicaSet" and owned_by(item, {live["metadata"]["uid"]})
            ]
            owners = {live["metadata"]["uid"], *(item["metadata"]["uid"] for item in sets)}
            pods = [item for item in inside if item["kind"] == "Pod" and owned_by(item, owners)]
            template = spec.get("template") or {}
            labels = (template.get("metadata") or {}).get("labels") or {}
            named = config_maps_named(template.get("spec") or {})
            related = [
                *sets,
                *(i for i in inside if i["kind"] == "ConfigMap" and i["metadata"]["name"] in named),
                *(
                    i
                    for i in inside
                    if i["kind"] == "Service" and selects((i.get("spec") or {}).get("selector") or {}, labels)
                ),
            ]
        subjects = {target.name, *(pod["metadata"]["name"] for pod in pods)}
        return RawEvidence(
            live=live,
            related={_ref(item): item for item in related},
            pods=tuple(pods),
            events=tuple(
                event for event in self.events if event.get("involvedObject", {}).get("name") in subjects
            ),
            logs={key: text for key, text in self.logs.items() if key[0] in subjects},
            gaps=tuple(gaps),
        )

    # ------------------------------------------------------------ Cluster: writing

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
        if ref.kind not in WRITABLE or not (ref.uid and resource_version and operation_id):
            return WriteResult(WriteStatus.REFUSED, "kind, uid, resource version or operation id is missing")
        live = self._objects.get(ref.key)  # what the caller read saves the real one a request, no more
        if live is None or live["metadata"]["uid"] != ref.uid:
            return WriteResult(WriteStatus.GONE, f"{ref} is not there")
        if live["metadata"]["resourceVersion"] != resource_version:
            return WriteResult(WriteStatus.CONFLICT, f"{ref} has changed since it was read", turn=Turn.OURS)
        try:
            after = apply(live, operations)
        except PreconditionFailed as error:
            return self._unfit(live, operations, str(error))
        after["metadata"].setdefault("annotations", {})[OPERATION_ANNOTATION] = operation_id
        return self._carry_out("patch", ref, operation_id, after, dry_run)

    def create(self, manifest: Json, *, operation_id: str, dry_run: bool, anew: bool = False) -> WriteResult:
        ref = _ref(manifest)
        if ref.kind not in CREATABLE or not (ref.namespace and ref.name and operation_id):
            return WriteResult(WriteStatus.REFUSED, "kind, name or operation id is missing")
        if ref.kind == "Pod" and not anew and LABEL not in (manifest["metadata"].get("labels") or {}):
            return WriteResult(WriteStatus.REFUSED, "intentd creates no Pod but the canary of a rehearsal")
        if ref.key in self._objects:
            return WriteResult(WriteStatus.EXISTS, f"{ref} already exists")
        item = deepcopy(manifest)
        item["metadata"].setdefault("annotations", {})[OPERATION_ANNOTATION] = operation_id
        return self._carry_out("create", ref, operation_id, item, dry_run)

    def delete(
        self, ref: ObjectRef, *, resource_version: str, dry_run: bool, orphan: bool = False
    ) -> WriteResult:
        """`orphan` changes nothing here: what an object owns is never imitated."""
        if ref.kind not in CREATABLE or not (ref.uid and resource_version):
            return WriteResult(WriteStatus.REFUSED, "kind, uid or resource version is missing")
        live = self._objects.get(ref.key)
        if live is None or live["metadata"]["uid"] != ref.uid:
            return WriteResult(WriteStatus.GONE, f"{ref} is not there")
        if live["metadata"]["resourceVersion"] != resource_version:
            return WriteResult(WriteStatus.CONFLICT, f"{ref} has changed since it was read", turn=Turn.OURS)
        return self._carry_out("delete", ref, "", None, dry_run)

    def _carry_out(
        self, verb: str, ref: ObjectRef, operation_id: str, after: Json | None, dry_run: bool
    ) -> WriteResult:
        mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap is Mishap.CRASH_BEFORE:
            raise Crash
        if mishap is Mishap.LOST_BEFORE:
            return WriteResult(WriteStatus.UNKNOWN, "no answer: the connection broke", turn=Turn.OURS)
        if mishap is Mishap.CONFLICT:
            return WriteResult(WriteStatus.CONFLICT, f"{ref} has changed since it was read", turn=Turn.OURS)
        if mishap is Mishap.REFUSED:
            return WriteResult(
                WriteStatus.REFUSED, "admission webhook denied the request", turn=Turn.OPERATOR
            )
        unknown = set((after or {}).get("spec") or {}) - KNOWN_SPEC.get(ref.kind, set())
        if unknown and ref.kind in KNOWN_SPEC:
            said = f'strict decoding error: unknown field "spec.{min(unknown)}"'
            return WriteResult(WriteStatus.REFUSED, said, turn=Turn.OPERATOR)
        if dry_run:
            self.dry_runs.append(Written(verb, ref, operation_id, after))
            return WriteResult(WriteStatus.DONE, live=deepcopy(after))
        live = self._take_effect(ref, after)
        done = Written(verb, ref, operation_id, live)
        self.written.append(done)
        if self.react is not None:
            self.react(done)
        if mishap is Mishap.CRASH_AFTER:
            raise Crash
        if mishap is Mishap.LOST_AFTER:
            return WriteResult(WriteStatus.UNKNOWN, "no answer: the connection broke", turn=Turn.OURS)
        return WriteResult(WriteStatus.DONE, live=live)

    def _take_effect(self, ref: ObjectRef, after: Json | None) -> Json | None:
        if after is None:
            live = self._objects[ref.key]
            if live["metadata"].get("finalizers"):  # it stays until their controllers are done
                meta = {**live["metadata"], "deletionTimestamp": "2026-01-05T10:00:00Z"}
                self.put({**live, "metadata": meta})
            else:
                self.remove(*ref.key)
            return None
        before = self._objects.get(ref.key)
        if before is not None and _without_version(before) == _without_version(after):
            return deepcopy(before)  # a write that changes nothing makes no new version
        return self.put(after)

    def _unfit(self, live: Json, operations: Sequence[Operation], said: str) -> WriteResult:
        """A failed `test` is a conflict; a path that leads nowhere is a patch that no retry mends."""
        for operation in operations:
            if operation.op == "test":
                try:
                    apply(live, [operation])
                except PreconditionFailed:
                    return WriteResult(WriteStatus.CONFLICT, said, turn=Turn.OURS)
        return WriteResult(WriteStatus.REFUSED, said, turn=Turn.OPERATOR)

    def _fact(self, key: tuple[str, str, str], item: Json) -> Fact:
        version = item["metadata"]["resourceVersion"]
        known = self._facts.get(key)
        if known is None or known[0] != version:
            fact: Fact = msgspec.json.decode(msgspec.json.encode(item), type=FACT_TYPES[key[0]])
            known = self._facts[key] = (version, fact)
        return known[1]


def _ref(item: Json) -> ObjectRef:
    meta = item.get("metadata") or {}
    return ObjectRef(
        str(item.get("kind", "")),
        str(meta.get("namespace", "")),
        str(meta.get("name", "")),
        meta.get("uid", ""),
    )


def _without_version(item: Json) -> Json:
    meta = {
        key: value for key, value in item["metadata"].items() if key not in {"resourceVersion", "generation"}
    }
    return {**item, "metadata": meta}
