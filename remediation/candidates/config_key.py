"""A reference to a ConfigMap key, or to a ConfigMap, that is not there: name one that is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator

from remediation.candidates.base import Context, Proposal, change_to, sentence
from remediation.candidates.refute import all_pods, waiting_states
from remediation.evidence.draft import pod_template
from remediation.evidence.references import ConfigReference, config_references
from remediation.evidence.related import config_keys, is_name_only

ORIGIN = "config-key"
NEAR = 0.6
"""Least likeness of two names (difflib's ratio, also Python's own for "did you mean"). Separators and case
do not count: `database.url` is `DATABASE_URL`."""
_MOST = 3


def config_key(context: Context) -> Iterator[Proposal]:
    """Near keys of the ConfigMap that is there; near names where the ConfigMap itself is not."""
    maps = {ref.name: obj for ref, obj in context.related("ConfigMap")}
    absent = _said_absent(context)
    for reference in config_references(pod_template(context.live)):
        found = maps.get(reference.config_map)
        if found is not None and is_name_only(found):
            continue
        if found is not None and reference.key and reference.key not in config_keys(found):
            yield from _keys(context, reference, reference.key, config_keys(found))
        elif found is None and reference.config_map in absent:
            yield from _names(context, reference, sorted(maps))


def _keys(
    context: Context, reference: ConfigReference, missing: str, there: Collection[str]
) -> Iterator[Proposal]:
    for likeness, key in near(missing, there):
        change = change_to(context.live, (*reference.path, "key"), key)
        why = f"ConfigMap {reference.config_map} has this key, and has no key {missing}"
        yield Proposal(ORIGIN, 0.9 * likeness, (change,), sentence((change,), why), None, (missing, key))


def _names(context: Context, reference: ConfigReference, names: Collection[str]) -> Iterator[Proposal]:
    for likeness, name in near(reference.config_map, names):
        found = next(obj for ref, obj in context.related("ConfigMap") if ref.name == name)
        unknown = is_name_only(found)
        if reference.key and not unknown and reference.key not in config_keys(found):
            continue
        change = change_to(context.live, (*reference.path, "name"), name)
        why = f"this ConfigMap exists, {reference.config_map} does not"
        needles = (reference.config_map, name)
        yield Proposal(
            ORIGIN, (0.8 if unknown else 0.85) * likeness, (change,), sentence((change,), why), None, needles
        )


def near(missing: str, there: Collection[str]) -> list[tuple[float, str]]:
    """The most alike names, best first, with their likeness."""
    scored = [(_likeness(missing, name), name) for name in there if name != missing]
    return sorted((entry for entry in scored if entry[0] >= NEAR), key=lambda e: (-e[0], e[1]))[:_MOST]


def _likeness(one: str, other: str) -> float:
    a, b = (re.sub(r"[-_.]", "", name).casefold() for name in (one, other))
    ratio = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
    inside = min(len(a), len(b)) >= 3 and (a in b or b in a)
    return max(ratio, 0.75 if inside else 0.0)


_NOT_FOUND = re.compile(r"configmaps? \"([a-z0-9.-]{1,253})\" not found")


def _said_absent(context: Context) -> frozenset[str]:
    """ConfigMaps that the kubelet says are not there. One that merely was not gathered is not absent."""
    texts = [violation.message for violation in context.case.violations]
    texts += [str(event.get("message", "")) for event in context.raw.events]
    texts += [str(waiting.get("message", "")) for waiting in waiting_states(all_pods(context.raw))]
    return frozenset(name for text in texts for name in _NOT_FOUND.findall(text))
