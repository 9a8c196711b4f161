"""Sensitive: what could give a container more power, other code or somebody's secrets changes only to a value
byte-equal to the last known good's at the same path (ARCHITECTURE invariant 1), whatever an intent opens.

An undo passes: the editable guard proves that it only puts back what its fix changed. A creation follows the
intent's own manifest, which a person wrote; it may say what it likes but for what hands over the node.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any

from detectors.model import Gap
from intents.fields import MISSING, Element, FieldPath, covers, format_path, get, parse_path
from intents.patterns import full_match
from remediation.guards.base import GuardContext, Ruling
from remediation.guards.expansion import PROBES, expanded, from_sources, keys_that_matter
from remediation.guards.known import as_known_good
from remediation.guards.programs import files_run, keys_run
from remediation.guards.sensitive_fields import (
    DIVERTING,
    ESCALATING,
    loads_code,
    named_reason,
    ordinary,
    owns_something,
)
from remediation.guards.surroundings import unread
from remediation.image_ref import parse_image
from remediation.merge_keys import names
from remediation.model import ABSENT, Create, Json, Patch, Recreate, Touched, Verdict
from remediation.users import containers_of, pod_of
from remediation.values import canonical

POD_LABELS: FieldPath = ("spec", "template", "metadata", "labels")


class Sensitive:
    """Refuses sensitive values that code did not take from the last known good."""

    name = "sensitive"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan = Ruling(self.name), context.plan
        if context.is_rollback:
            return ruling.allow("Undo")
        if isinstance(plan, Create):
            worst = next((leaf for leaf in plan.touched if _escalates(leaf)), None)
            if worst is not None:
                return ruling.refuse("HandsOverTheNode", str(worst))
            diverts = next((leaf for leaf in plan.touched if DIVERTING & set(names(leaf.path))), None)
            return ruling.allow("Desired") if diverts is None else ruling.refuse("Traffic", str(diverts))
        restored, expansions = list[str](), _Expansions(context)
        users = context.surroundings.users
        if plan.target.kind == "ConfigMap" and (users is None or isinstance(users, Gap)):
            return ruling.refuse(*unread(users))
        for leaf in plan.touched:
            reason = _sensitive(leaf, context, expansions)
            if reason is None:
                continue
            if not as_known_good(leaf, context.last_known_good):
                return ruling.refuse(reason, f"{leaf}: not the last known good value", restored=restored)
            restored.append(format_path(leaf.path))
        return ruling.allow(restored=restored)


def _escalates(leaf: Touched) -> bool:
    found = names(leaf.path)
    return bool(ESCALATING & set(found)) and leaf.after is not False and "drop" not in found


def _sensitive(leaf: Touched, context: GuardContext, expansions: _Expansions) -> str | None:
    """Why this change is sensitive, or None where the field is ordinary."""
    kind = context.plan.target.kind
    if kind != "ConfigMap" and (reason := named_reason(leaf.path)) is not None:
        return reason
    if not ordinary(kind, leaf.path):
        return "Unlisted"
    if _loads_code(kind, leaf.path):
        return "LoadsCode"
    if expansions.make(leaf.path):
        return "Expansion"
    if expansions.run(leaf):
        return "Program"
    match leaf.path:
        case (*_, "image"):
            return _image(leaf, context)
        case (*_, "envFrom"):
            if _secret_sources(leaf.before) != _secret_sources(leaf.after):
                return "Secret"
            if expansions.come_from_sources(leaf.path):
                return "Expansion"
            return "Sources" if _sources(leaf.before) != _sources(leaf.after) else None
        case ("spec", "ports", Element() as port, *_) if kind == "Service":
            return "Traffic" if get(context.live, ("spec", "ports", port)) is MISSING else None
        case (*_, "env", Element(), "value"):
            return "Expansion" if "$(" in str(leaf.after) else None  # $(DB_PASSWORD) would copy a secret
        case (*_, "env", Element()) if leaf.after != ABSENT:
            return "Unlisted" if leaf.before == ABSENT and not isinstance(leaf.after, dict) else None
        case (*_, "labels", str(label)):
            return "Ownership" if owns_something(label) else None
        case _ if leaf.after == ABSENT and set(PROBES) & set(names(leaf.path)):
            return "ProbeRemoved"
        case _:
            return None


def _image(leaf: Touched, context: GuardContext) -> str | None:
    before, after = parse_image(leaf.before), parse_image(leaf.after)
    if before is None or after is None:
        return "ImageUnreadable"
    if before.registry != after.registry:
        return "Registry"
    if before.digest and not after.digest:
        return "DigestDropped"
    if before.repository != after.repository and not _repository_opened(leaf, context):
        return "Repository"
    return None


def _repository_opened(leaf: Touched, context: GuardContext) -> bool:
    """Whether the intent says by name or pattern which images it admits: then a person chose this one."""
    for entry in context.intent.spec.editable if context.intent else ():
        if entry.kind != context.plan.target.kind or not covers(parse_path(entry.path), leaf.path):
            continue
        named = entry.values is not None and leaf.after in entry.values
        if named or (entry.pattern is not None and full_match(entry.pattern)(str(leaf.after))):
            return True
    return False


def _loads_code(kind: str, path: FieldPath) -> bool:
    """Whether the place belongs to such an environment variable, wherever its value comes from. A ConfigMap's
    keys may be read as environment (`envFrom`) by whoever likes."""
    if kind == "ConfigMap":
        return path[:1] == ("data",) and loads_code(str(path[-1]))
    return "env" in path and any(
        above == "env" and isinstance(variable, Element) and any(loads_code(name) for _, name in variable.key)
        for above, variable in pairwise(path)
    )


class _Expansions:
    """Which variables sensitive fields are made of, as each container is and as the plan leaves it; worked out once a
    container, however many of its variables the plan touches."""

    def __init__(self, context: GuardContext) -> None:
        self._context = context
        users = context.surroundings.users
        self._read_by = () if users is None or isinstance(users, Gap) else tuple(users)
        self._names: dict[FieldPath, frozenset[str]] = {}

    @property
    def _states(self) -> tuple[Json | None, ...]:
        plan = self._context.plan
        return self._context.live, plan.manifest if isinstance(plan, Recreate) else self._context.after

    def make(self, path: FieldPath) -> bool:
        """Whether the place belongs to a variable that a command, a mount or a variable that loads code is made
        of: in the target itself, or, of a ConfigMap, in one of the workloads that read it."""
        plan = self._context.plan
        if plan.target.kind == "ConfigMap":
            return path[0] in ("data", "binaryData") and self._of_users(path)
        if path[:-1] == (POD_LABELS[2:] if plan.target.kind == "Pod" else POD_LABELS):
            return self._of_label(str(path[-1]))
        if "env" not in path[:-1] or not isinstance(plan, Patch | Recreate):
            return False
        at = path.index("env")
        variable = path[at + 1]
        if not isinstance(variable, Element):
            return False
        return not self._of(path[:at]).isdisjoint(name for _, name in variable.key)

    def run(self, leaf: Touched) -> bool:
        """Whether the place is, or decides, what lies in a file that containers run."""
        path = leaf.path
        if self._context.plan.target.kind == "ConfigMap":
            return path[0] in ("data", "binaryData") and (
                any(str(value).startswith("#!") for value in (leaf.before, leaf.after))
                or self._key_runs(path)
            )
        if "volumes" not in path[:-2] or path[path.index("volumes") + 2] != "configMap":
            return False
        volume = path[path.index("volumes") + 1]
        names = [name for _, name in volume.key] if isinstance(volume, Element) else []
        return any(files_run(pod.get("spec") or {}, name) for pod in self._pods for name in names)

    def _key_runs(self, path: FieldPath) -> bool:
        return any(
            any_key or (keys if len(path) == 1 else str(path[1]) in keys) for keys, any_key in self._run_by
        )

    @cached_property
    def _run_by(self) -> tuple[tuple[frozenset[str], bool], ...]:
        name = self._context.plan.target.name
        return tuple(keys_run(pod_of(user).get("spec") or {}, name) for user in self._read_by)

    def _of_label(self, label: str) -> bool:
        """Whether such a variable has the value of this label of the pods (downward API)."""
        field = f"metadata.labels['{label}']"
        for container in (one for pod in self._pods for one in containers_of(pod)):
            made_of = expanded(container, loads_code)
            for variable in container.get("env") or ():
                name = str(variable.get("name"))
                asked = ((variable.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
                if asked == field and (name in made_of or loads_code(name)):
                    return True
        return False

    @property
    def _pods(self) -> list[Json]:
        """What the target's pods are, as it is and as the plan leaves it."""
        kind = self._context.plan.target.kind
        return [{**pod_of({**state, "kind": kind}), "kind": "Pod"} for state in self._states if state]

    def come_from_sources(self, path: FieldPath) -> bool:
        """Whether such a field of this container waits for a variable that only its `envFrom` can give."""
        held = (get(state, path[:-1]) for state in self._states)
        return any(from_sources(one, loads_code) for one in held if isinstance(one, dict))

    def _of_users(self, path: FieldPath) -> bool:
        """Whether one of them makes a sensitive field of this key; of `data` as a whole, of any key there is."""
        keys = [str(path[1])] if len(path) > 1 else self._all_keys(str(path[0]))
        return any(variable_of(key) is not None for variable_of in self._users for key in keys)

    def _all_keys(self, field: str) -> list[str]:
        held = (get(state, (field,)) for state in self._states)
        return [str(key) for one in held if isinstance(one, dict) for key in one]

    @cached_property
    def _users(self) -> tuple[Callable[[str], str | None], ...]:
        name = self._context.plan.target.name
        return tuple(keys_that_matter(containers_of(user), name, loads_code) for user in self._read_by)

    def _of(self, container: FieldPath) -> frozenset[str]:
        found = self._names.get(container)
        if found is None:
            held = (get(state, container) for state in self._states)
            names = (expanded(one, loads_code) for one in held if isinstance(one, dict))
            found = self._names[container] = frozenset().union(*names)
        return found


def _sources(sources: Any) -> list[str]:
    """What an `envFrom` is but for the names of its ConfigMaps: the order says which source wins, a prefix what
    the variables are called."""
    items = sources if isinstance(sources, list) else []
    return [canonical(_nameless(item)) for item in items]


def _nameless(source: Any) -> Any:
    if isinstance(source, dict) and isinstance(source.get("configMapRef"), dict):
        return {**source, "configMapRef": None}
    return source


def _secret_sources(sources: Any) -> list[str]:
    items = sources if isinstance(sources, list) else []
    return sorted(canonical(item) for item in items if not isinstance(item, dict) or "secretRef" in item)
