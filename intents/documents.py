"""YAML text to plain JSON values that know their lines. A pure function of the text.

The text may come from anywhere, so it is bounded before it is understood: size, depth and number of nodes,
aliases counted as if written out (a "billion laughs" file is a sentence, not a full memory). What JSON does
not have is refused: tags, merge keys, keys that are not scalars, numbers that are not finite.

Plain scalars are read as scalars.py says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from intents.problems import Problem, format_location, one_line
from intents.scalars import resolve

MAX_BYTES = 1024 * 1024
"""Of one file. etcd's limit for one object is 1.5 MiB; no intent comes near."""
MAX_DEPTH = 64
MAX_NODES = 20_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is built in, about 8x faster
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)")  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")

Key = str | int
Lines = Mapping[int, Mapping[Key, int]]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: `value` is made of dict, list, str, int, float, bool and None only.

    Aliases share containers, so the value must not be changed. `line` is where the document starts.
    """

    value: Any
    line: int
    lines: Lines = field(repr=False)  # by id of the container, then key or index

    def line_of(self, location: Sequence[Key]) -> int:
        """The line of the deepest place on this path that exists; steps that do not exist are skipped."""
        here, line = self.value, self.line
        for step in location:
            known = self.lines.get(id(here))
            if known is None or step not in known:
                continue
            line = known[step]
            here = here[step]
        return line


@dataclass(frozen=True, slots=True)
class Documents:
    """What a file holds. Documents with duplicate keys are listed too: the first value stays."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


class _Refused(Exception):  # noqa: N818 - not an error of ours: it carries a Problem to `read_documents`
    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line, self.message, self.remedy = line, message, remedy


def decode(file: str, data: bytes) -> str | Problem:
    """The text of a file, which is UTF-8 with or without a byte order mark."""
    if len(data) > MAX_BYTES:
        return Problem(file, 0, "", _too_large(len(data)), "Split it into several files")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(file, 1, "", "the file is UTF-16", "Save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return Problem(file, line, "", message, "Save the file as UTF-8")


def read_documents(file: str, text: str) -> Documents:
    """Every document of a file, or why not; never raises.

    Duplicate keys are all reported; the first thing that makes the text unreadable ends the reading.
    """
    found: list[Document] = []
    problems: list[Problem] = []
    lines = max(1, len(text.splitlines()) if "\n" not in text else text.count("\n") + (text[-1] != "\n"))

    def refuse(line: int, message: str, remedy: str, place: str = "") -> None:
        problems.append(Problem(file, min(max(line, 1), lines), place, message, remedy))

    try:
        _check_text(text)
        for document, duplicates in _documents(text):
            if document.value is not None:
                found.append(document)
            for line, first, place in duplicates:
                refuse(line, f"this key is already set at line {first}", "Keep one of them", place)
    except _Refused as error:
        refuse(error.line, error.message, error.remedy)
    except yaml.YAMLError as error:
        refuse(*_explain(error, text))
    if not found and not problems:
        refuse(1, "the file holds no intent", "Write one, or delete the file so that nothing waits for it")
    return Documents(tuple(found), tuple(problems))


def _too_large(size: int) -> str:
    return f"the file is {size:,} bytes long; at most {MAX_BYTES:,} are read"


def _check_text(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise _Refused(1, _too_large(len(text)), "Split it into several files")
    bad = _FORBIDDEN.search(text)
    if bad is None:
        return
    line = text.count("\n", 0, bad.start()) + 1
    if bad.group() == "\0":
        raise _Refused(line, "a NUL byte", "The file may be half-written or binary; write it again as text")
    code = f"U+{ord(bad.group()[0]):04X}"
    raise _Refused(line, f"an invisible character ({code})", "Delete it, or write it as an escape in quotes")


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is being read."""

    value: Any
    lines: dict[Key, int]
    line: int
    anchor: str | None
    size: int = 1  # nodes, aliases counted as if written out
    height: int = 1
    key: str | None = None
    key_line: int = 0


@dataclass(slots=True)
class _Anchored:
    value: Any
    size: int
    height: int


class _Composer:
    """Builds one document from parser events, without recursion."""

    def __init__(self) -> None:
        self.lines: dict[int, dict[Key, int]] = {}
        self.duplicates: list[tuple[int, int, str]] = []  # line, first line, place
        self.dropped: list[Any] = []  # keeps values alive whose id `lines` knows
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored | None] = {}  # None while the anchored container is open
        self.nodes = 0
        self.root: Any = None
        self.root_line = 1

    def scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if event.tag is not None:
            raise _tag(line, event.tag)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is None and type(frame.value) is dict:
            if event.value == "<<" and not event.style:
                raise _Refused(line, "merge keys (<<) are not read", "Write the fields out")
            if not event.value.isascii() and _SURROGATE.search(event.value):
                raise _surrogate(line)
            frame.key, frame.key_line = event.value, line
            return
        text: str = event.value
        if not text.isascii() and _SURROGATE.search(text):  # only PyYAML without libyaml lets them in
            raise _surrogate(line)
        value = text if event.style else resolve(text)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self.add(value, line, 1, 0)

    def open(self, event: Any, value: Any) -> None:
        line = event.start_mark.line + 1
        if event.tag is not None:
            raise _tag(line, event.tag)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is None and type(frame.value) is dict:
            raise _Refused(line, "a key must be a plain word", "Write `key: value`")
        if len(self.stack) >= MAX_DEPTH:
            raise _too_deep(line)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(value, {}, line, event.anchor))

    def close(self) -> None:
        frame = self.stack.pop()
        self.lines[id(frame.value)] = frame.lines
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.value, frame.size, frame.height)
        self.add(frame.value, frame.line, frame.size, frame.height)

    def alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        known = self.anchors.get(event.anchor)
        if known is None:
            why = "contains itself" if event.anchor in self.anchors else "has no anchor before it"
            raise _Refused(line, f"alias *{event.anchor[:40]} {why}", "Write the value out")
        if self.stack and self.stack[-1].key is None and type(self.stack[-1].value) is dict:
            raise _Refused(line, "a key must be a plain word", "Write `key: value`")
        if len(self.stack) + known.height > MAX_DEPTH:
            raise _too_deep(line)
        self.add(known.value, line, known.size, known.height)

    def add(self, value: Any, line: int, size: int, height: int) -> None:
        if not self.stack:
            self.root, self.root_line = value, line
            return
        frame = self.stack[-1]
        frame.size += size
        if frame.size > MAX_NODES:
            remedy = "Split it, or write less through aliases"
            raise _Refused(line, f"more than {MAX_NODES:,} values in one document", remedy)
        frame.height = max(frame.height, height + 1)
        if type(frame.value) is list:
            frame.lines[len(frame.value)] = line
            frame.value.append(value)
            return
        key = frame.key
        frame.key = None
        assert key is not None
        if key in frame.value:
            place = [len(f.value) if f.key is None else f.key for f in self.stack[:-1]]
            self.duplicates.append((frame.key_line, frame.lines[key], format_location([*place, key])))
            self.dropped.append(value)
            return
        frame.value[key] = value
        frame.lines[key] = frame.key_line


def _documents(text: str) -> Iterator[tuple[Document, list[tuple[int, int, str]]]]:
    composer = _Composer()
    loader = _LOADER(text)  # `yaml.parse` without its two extra calls an event
    while (event := loader.get_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            composer.scalar(event)
        elif kind is yaml.MappingStartEvent:
            composer.open(event, {})
        elif kind is yaml.SequenceStartEvent:
            composer.open(event, [])
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            composer.close()
        elif kind is yaml.AliasEvent:
            composer.alias(event)
        elif kind is yaml.DocumentStartEvent:
            composer = _Composer()
        elif kind is yaml.DocumentEndEvent:
            yield Document(composer.root, composer.root_line, composer.lines), composer.duplicates


def _tag(line: int, tag: str) -> _Refused:
    return _Refused(line, f"YAML tag {one_line(tag[:80])} is not read", "Remove it; put text in quotes")


def _surrogate(line: int) -> _Refused:
    return _Refused(line, "an escape for half of a surrogate pair", "Write the character itself")


def _too_deep(line: int) -> _Refused:
    return _Refused(line, f"nested deeper than {MAX_DEPTH} levels", "Flatten it")


def _explain(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """The parser's complaint as line, sentence and remedy."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else 1
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = getattr(error, "context", None)
    message = f"not valid YAML: {problem}" + (f" ({context})" if context else "")
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return line, "not valid YAML: a tab in the indentation", "Indent with spaces"
    if "end of stream" in problem or not "".join(lines[line - 1 :]).strip():
        return line, f"{message}: the file ends too early", "It may be half-written; finish what is open"
    if "escape" in f"{problem}{context}":
        return line, message, "Write the character itself, or use single quotes"
    return line, message, "Check indentation, quotes and colons here"
