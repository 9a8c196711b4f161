r"""Field paths: the one way in which intents, guards and patches name a place in an object.

A concrete path names list elements by their merge key, never by position, because a position says
nothing once somebody inserts a sidecar: `spec.template.spec.containers[name=app].image`. A pattern may
also say `[*]` (any element) and `*` (any map key). Keys that contain dots or brackets are written
`metadata.annotations.intentd\.io/operation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

ANY = "*"


@dataclass(frozen=True, slots=True)
class Element:
    """One list element, by merge key (`name=app`, possibly two: `containerPort=80,protocol=TCP`), by
    position (lists without a merge key) or any (`[*]`)."""

    key: tuple[tuple[str, str], ...] = ()
    index: int | None = None

    def __str__(self) -> str:
        if self.index is not None:
            return f"[{self.index}]"
        if not self.key:
            return "[*]"
        return "[" + ",".join(f"{name}={value}" for name, value in self.key) + "]"


Segment = str | Element
FieldPath = tuple[Segment, ...]


def format_path(path: Sequence[Segment]) -> str:
    """The path as people and intent files write it."""
    return _formatted(tuple(path))


@lru_cache(maxsize=8192)
def _formatted(path: FieldPath) -> str:
    text = ""
    for segment in path:
        if isinstance(segment, Element):
            text += str(segment)
        elif segment.isidentifier():  # most are, and need no escape
            text += f".{segment}" if text else segment
        else:
            escaped = segment.replace("\\", "\\\\").replace(".", "\\.").replace("[", "\\[")
            text += ("." if text else "") + escaped
    return text


@lru_cache(maxsize=8192)
def parse_path(text: str) -> FieldPath:
    """Read a path or pattern; raises ValueError with the place that is wrong."""
    segments: list[Segment] = []
    word = ""
    position = 0
    pending = False  # a dot was read, so a name must follow
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            word += text[position + 1]
            position += 2
            pending = False
            continue
        if char == ".":
            if word:
                segments.append(word)
                word = ""
            elif not segments or pending:
                raise ValueError(f"{text!r}: empty name at character {position + 1}")
            pending = True
        elif char == "[":
            if word:
                segments.append(word)
                word = ""
            end = text.find("]", position)
            if end < 0 or not segments or pending:
                raise ValueError(f"{text!r}: '[' at character {position + 1} has no list before it or no ']'")
            segments.append(_element(text, text[position + 1 : end]))
            position = end
            pending = False
        else:
            if not word and not pending and segments:
                raise ValueError(f"{text!r}: a dot is missing at character {position + 1}")
            word += char
            pending = False
        position += 1
    if word:
        segments.append(word)
    elif pending or not segments:
        raise ValueError(f"{text!r} ends where a name should follow" if text else "a field path is empty")
    return tuple(segments)


def _element(whole: str, inside: str) -> Element:
    if inside == ANY:
        return Element()
    if inside.isascii() and inside.isdigit():
        return Element(index=int(inside))
    pairs = [part.partition("=") for part in inside.split(",")]
    if not all(name and sign and value for name, sign, value in pairs):
        raise ValueError(f"{whole!r}: write [*], [name=app] or [0], not [{inside}]")
    return Element(key=tuple((name, value) for name, _, value in pairs))


def covers(pattern: FieldPath, path: FieldPath) -> bool:
    """Whether the pattern names this very place.

    Never a place below it: an intent that opens `resources` opens no field under it by accident; the
    planner splits a change into leaves first.
    """
    if len(pattern) != len(path):
        return False
    at = len(path)
    while at:  # from the end: paths into a pod template begin alike
        at -= 1
        if pattern[at] != path[at] and not _segment_covers(pattern[at], path[at]):
            return False
    return True


def covers_prefix(pattern: FieldPath, path: FieldPath) -> bool:
    """Whether the pattern names this place or one above it (for deny lists)."""
    return len(pattern) <= len(path) and all(map(_segment_covers, pattern, path))


def _segment_covers(pattern: Segment, segment: Segment) -> bool:
    if isinstance(pattern, Element):
        if not isinstance(segment, Element):
            return False
        if pattern.index is None and not pattern.key:
            return True
        if pattern.index is not None:
            return pattern.index == segment.index
        return set(pattern.key) <= set(segment.key)
    return pattern == segment or (pattern == ANY and isinstance(segment, str))


_MAPS = (dict, Mapping)
"""`dict` first: asking for a Mapping takes ten times as long, and guards ask thousands of times."""

MISSING = object()
"""What `get` answers where the object has no such field; `None` is a value in JSON."""


def get(document: object, path: FieldPath) -> object:
    """The value at a concrete path, or MISSING. An element that two entries match is MISSING too: what
    is ambiguous names nothing."""
    here: object = document
    for segment in path:
        if isinstance(segment, str):
            if not isinstance(here, _MAPS):
                return MISSING
            here = here.get(segment, MISSING)
        elif not isinstance(here, list):
            return MISSING
        elif segment.index is not None:
            if segment.index >= len(here):
                return MISSING
            here = here[segment.index]
        else:
            here = _only(here, segment.key)
    return here


def _only(items: Sequence[object], key: tuple[tuple[str, str], ...]) -> object:
    """The one element with this key, MISSING where there is none or another one too."""
    if len(key) == 1:  # most merge keys are one name, and long lists are asked often
        ((name, wanted),) = key
        found = MISSING
        for item in items:
            if isinstance(item, _MAPS):
                value = item.get(name)
                if value == wanted or (type(value) is not str and str(value) == wanted):
                    if found is not MISSING:
                        return MISSING
                    found = item
        return found
    fits = [item for item in items if isinstance(item, _MAPS) and _is(item, key)]
    return fits[0] if len(fits) == 1 else MISSING


def _is(item: Mapping[str, object], key: tuple[tuple[str, str], ...]) -> bool:
    for name, wanted in key:
        value = item.get(name)
        if (value if isinstance(value, str) else str(value)) != wanted:
            return False
    return True
