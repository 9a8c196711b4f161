"""Manifest files of a case as plain objects, read as intents are (intents/documents.py: bounded, lines known,
nothing but JSON), so that a problem names its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gym.cases.state import Json, key_of, maps
from intents.documents import Document, decode, read_documents
from intents.problems import Problem


def read_objects(path: Path, problems: list[Problem], *, optional: bool = False) -> tuple[Json, ...]:
    """The objects of a file, a `kind: List` taken apart. What is wrong is added to `problems`."""
    if optional and not path.exists():
        return ()
    found: list[Json] = []
    seen: set[tuple[str, str, str]] = set()
    for document, obj in _objects(_documents(path, problems)):
        if (wrong := _no_object(obj)) is not None:
            problems.append(Problem(str(path), document.line, "", wrong, "Write whole Kubernetes objects"))
            continue
        if key_of(obj) in seen:
            message = f"{obj['kind']}/{key_of(obj)[2]} is there twice"
            problems.append(Problem(str(path), document.line, "", message, "Keep one of them"))
        seen.add(key_of(obj))
        found.append(obj)
    return tuple(found)


def read_one(path: Path, problems: list[Problem]) -> Any | None:
    """The one document of a file, None (and a problem) where it is not one."""
    documents = _documents(path, problems)
    if len(documents) == 1:
        return documents[0].value
    if documents:
        problems.append(Problem(str(path), 0, "", "several documents in one file", "Keep one of them"))
    return None


def _documents(path: Path, problems: list[Problem]) -> tuple[Document, ...]:
    try:
        text = decode(str(path), path.read_bytes())
    except OSError as error:
        problems.append(Problem(str(path), 0, "", error.strerror or "cannot be read", "Write it"))
        return ()
    if isinstance(text, Problem):
        problems.append(text)
        return ()
    read = read_documents(str(path), text)
    if not read.documents and not any(line.split("#")[0].strip("- \t") for line in text.splitlines()):
        problems.append(Problem(str(path), 0, "", "the file is empty", "Write the objects"))
        return ()
    problems += read.problems
    return read.documents


def _objects(documents: tuple[Document, ...]) -> Iterator[tuple[Document, Any]]:
    for document in documents:
        value = document.value
        if isinstance(value, dict) and value.get("kind") == "List":
            for item in maps(value.get("items")):
                yield document, item
        else:
            yield document, value


def _no_object(value: Any) -> str | None:
    """Why this is no Kubernetes object; None where it is one."""
    if not isinstance(value, dict):
        return "this is no Kubernetes object"
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str) or not value[name]:
            return f"{name} is missing"
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return "metadata.name is missing"
    return None
