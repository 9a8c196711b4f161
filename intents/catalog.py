"""All intents in force, compiled from the files of a directory. Pure: files in, a frozen catalog out.

What operators can rely on:

- A file takes effect as a whole. A file with any problem changes nothing, and never hides another file.
- When a file turns bad, its last good intents stay in force, marked stale and held to mode `propose` at
  most. Looking and alerting must not stop over a typo, but nobody knows whether the unreadable version was
  meant to revoke something, so intentd no longer writes by itself on its word. The same holds while the
  directory cannot be read: unreadable is not deleted.
- A deleted file's intents are gone at once; so is an intent that a new good version of its file no longer has.
- Two files that define one name are both reported. The intent that was in force stays, held to mode `propose` at
  most; where neither was (after a restart, say), neither is until one is gone: which of them a person meant is not for
  the order of names to say. The rest of either file is not affected.
- A restart forgets last good versions: a file that is bad at start enforces nothing (and is reported).

Unchanged files are not parsed again; compiling unchanged files returns the previous catalog itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from intents.documents import decode
from intents.load import Loaded, LoadedIntent, load
from intents.model import Intent, Mode
from intents.problems import DIRECTORY, FileError, Problem

STALE_MODE = Mode.PROPOSE
"""The most that an intent may do whose file can no longer be read, or whose name another file takes as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One intent in force.

    `intent` is what to enforce; where `stale`, it is the last good version, or one of two, with its mode lowered.
    `digest` is the sha256 of the content as written, so it stays the same when the file turns bad.
    """

    intent: Intent
    file: str
    line: int
    digest: str
    stale: bool = False


@dataclass(frozen=True, slots=True)
class FileState:
    """What a catalog remembers of a file: the digest of its bytes (or its error), what they said, and the
    documents of its last good version."""

    digest: str
    problems: tuple[Problem, ...]
    good: tuple[LoadedIntent, ...]

    @property
    def stale(self) -> bool:
        """Whether `good` is of an earlier version than the file's present bytes."""
        return bool(self.problems)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The intents in force, by name, and everything that is wrong with the files.

    `intents` and `entries` have the same keys, in order of name. `files` is the compiler's memory.
    """

    intents: Mapping[str, Intent] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    files: Mapping[str, FileState] = field(default_factory=dict, repr=False)

    @property
    def stale(self) -> tuple[str, ...]:
        """Names of intents that are in force although their file is bad now, or another file has the name too."""
        return tuple(name for name, entry in self.entries.items() if entry.stale)


def compile_catalog(
    files: Mapping[str, str | bytes | FileError],
    previous: Catalog | None = None,
    *,
    zones: frozenset[str] | None = None,
) -> Catalog:
    """The catalog of these files; never raises. The result depends on the arguments only.

    `zones` are the known IANA time zones, as for `load`.
    """
    known = previous.files if previous is not None else {}
    states: dict[str, FileState] = {}
    changed = previous is None or len(files) != len(known)
    for name in sorted(files):
        digest = _digest(files[name])
        before = known.get(name)
        if before is not None and before.digest == digest:
            states[name] = before
            continue
        changed = True
        states[name] = _state(name, files[name], digest, before, zones)
    if DIRECTORY in states:
        for name, before in known.items():
            if name not in states and before.good:
                states[name] = _unreadable(before, states[DIRECTORY].problems)
                changed = changed or states[name] != before
        changed = changed or set(states) != set(known)
    if not changed and previous is not None:
        return previous
    return _assemble(states, previous)


def _digest(content: str | bytes | FileError) -> str:
    match content:
        case bytes():
            return sha256(content).hexdigest()
        case str():
            return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        case FileError(reason, remedy):
            return f"error: {reason}\n{remedy}"


def _state(
    name: str,
    content: str | bytes | FileError,
    digest: str,
    before: FileState | None,
    zones: frozenset[str] | None,
) -> FileState:
    loaded = _load(name, content, zones)
    if loaded.problems:
        return FileState(digest, loaded.problems, before.good if before is not None else ())
    return FileState(digest, (), loaded.documents)


def _load(name: str, content: str | bytes | FileError, zones: frozenset[str] | None) -> Loaded:
    if isinstance(content, FileError):
        return Loaded((), (Problem(name, 0, "", content.reason, content.remedy),))
    text = decode(name, content) if isinstance(content, bytes) else content
    return Loaded((), (text,)) if isinstance(text, Problem) else load(name, text, zones=zones)


def _unreadable(before: FileState, problems: tuple[Problem, ...]) -> FileState:
    """A file behind a directory that cannot be read; the empty digest has it parsed when it is back."""
    return FileState("", problems, before.good)


def _assemble(states: Mapping[str, FileState], previous: Catalog | None) -> Catalog:
    claims: dict[str, list[tuple[str, LoadedIntent]]] = {}
    for file in sorted(states):
        for document in states[file].good:
            claims.setdefault(document.intent.name, []).append((file, document))
    problems = {problem for state in states.values() for problem in state.problems}
    entries: dict[str, Entry] = {}
    for name in sorted(claims):
        holders = claims[name]
        incumbent = previous.entries.get(name) if previous is not None else None
        in_force = incumbent.file if incumbent is not None else ""
        alone = len(holders) == 1
        if not alone:
            problems.update(_duplicates(name, holders, in_force))
        chosen = holders[0] if alone else next((one for one in holders if one[0] == in_force), None)
        if chosen is not None:
            file, document = chosen
            entries[name] = _entry(file, document, incumbent, stale=states[file].stale or not alone)
    return Catalog(
        intents={name: entry.intent for name, entry in entries.items()},
        entries=entries,
        problems=tuple(sorted(problems, key=lambda problem: problem.order)),
        files=states,
    )


def _entry(file: str, document: LoadedIntent, incumbent: Entry | None, *, stale: bool) -> Entry:
    same = incumbent is not None and (incumbent.file, incumbent.line) == (file, document.line)
    if incumbent is not None and same and incumbent.digest == document.digest and incumbent.stale == stale:
        return incumbent
    intent = document.intent
    if stale and intent.spec.mode.rank > STALE_MODE.rank:
        intent = intent.model_copy(update={"spec": intent.spec.model_copy(update={"mode": STALE_MODE})})
    return Entry(intent, file, document.line, document.digest, stale)


def _duplicates(name: str, holders: list[tuple[str, LoadedIntent]], in_force: str) -> list[Problem]:
    problems, winner = [], in_force if in_force in dict(holders) else ""
    for file, document in holders:
        others = ", ".join(f"{other}:{at.line}" for other, at in holders if other != file)
        state = "none of them is in force"
        if winner:
            whose = "this one" if file == winner else f"the one in {winner}"
            state = f"{whose} is in force, in mode {STALE_MODE} at most"
        message = f"intent {name!r} is also defined in {others}; {state}"
        problems.append(
            Problem(file, document.line, "metadata.name", message, "Rename or delete one of them")
        )
    return problems
