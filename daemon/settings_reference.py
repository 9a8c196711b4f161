"""Every setting with its variable, type, default and meaning, read from the models themselves: the text of
docs/settings.md (a test holds the two together) and of `intentd settings`.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.environment import variable
from daemon.settings import Settings
from intents.base import Duration
from intents.model import Freeze, Gate

_IS_DURATION = get_args(Duration)[1]
"""What tells a duration from any other text: its validator."""

COMMAND = "intentd settings --reference"


@dataclass(frozen=True, slots=True)
class Described:
    """One setting for people. `default` is Markdown: code, or words where it depends on the machine."""

    path: tuple[str, ...]
    type: str
    default: str
    meaning: str

    @property
    def name(self) -> str:
        """As in the file, with dots: `model.name`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The variable that wins over the file."""
        return variable(*self.path)


def described(model: type[BaseModel] = Settings, above: tuple[str, ...] = ()) -> Iterator[Described]:
    """Every setting, groups after the settings beside them."""
    groups: list[tuple[type[BaseModel], str]] = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            groups.append((field.annotation, name))
            continue
        yield Described((*above, name), _type(field), _default(field), field.description or "")
    for group, name in groups:
        yield from described(group, (*above, name))


def _type(field: FieldInfo) -> str:
    kind = _word(field.annotation)
    if _IS_DURATION in field.metadata:
        kind = "duration"
    bounds = [
        f"{sign} {value}"
        for sign, attribute in ((">", "gt"), ("≥", "ge"), ("≤", "le"))
        for constraint in field.metadata
        if (value := getattr(constraint, attribute, None)) is not None
    ]
    return ", ".join([kind, *bounds])


def _word(annotation: Any) -> str:
    """The type as people say it."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside)
    if origin is Annotated:
        return _word(inside[0])
    if origin is tuple:
        return f"list of {_word(inside[0])}s"
    if origin in (Union, types.UnionType):
        return _word(next(one for one in inside if one is not type(None)))
    if hasattr(annotation, "__members__"):
        return " or ".join(f"`{member.value}`" for member in annotation)
    return _WORDS[annotation]


_WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Path: "path",
    SecretStr: "secret text",
    Freeze: "freeze",
    Gate: "gate",
}


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        return str(extra["default_in_words"])
    value = field.default
    if value is None or value == ():
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def markdown() -> str:
    """The whole of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        f"<!-- Written by `{COMMAND} > docs/settings.md`; a test compares. -->",
        "",
        "One YAML file: `--settings FILE`, else `intentd.yaml` in the configuration folder. Each setting can also be",
        "given as an environment variable, which wins over the file; lists are JSON there",
        '(`INTENTD_LIMITS__NAMESPACES=["shop"]`). What is not listed here is refused, in the file and in the',
        "environment. `intentd settings` shows what is in force and where it comes from.",
        "",
        "Durations are `250ms`, `30s`, `5m`, `1h30m` or `7d`. The configuration folder is `$CONFIGURATION_DIRECTORY`",
        "(systemd sets it), else `$XDG_CONFIG_HOME/intentd`, else `~/.config/intentd`; the state folder",
        "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/intentd`, else `~/.local/state/intentd`; the runtime folder",
        "`$RUNTIME_DIRECTORY`, else `$XDG_RUNTIME_DIR/intentd`.",
    ]
    group: tuple[str, ...] | None = None
    for one in described():
        if one.path[:-1] != group:
            group = one.path[:-1]
            lines += ["", *_heading(group), ""]
            lines += ["| setting | variable | type | default | meaning |", "|---|---|---|---|---|"]
        cells = (f"`{one.name}`", f"`{one.variable}`", one.type, one.default, one.meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _heading(group: tuple[str, ...]) -> list[str]:
    if not group:
        return ["## intentd itself"]
    model = Settings.model_fields[group[0]].annotation
    return [f"## {group[0]}", "", " ".join((model.__doc__ or "").split())]


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as it is. `source` is the variable's name, `file` or `default`."""

    name: str
    value: Any
    source: str


def in_force(settings: Settings, given: Mapping[str, Any]) -> Iterator[InForce]:
    """Every setting with its value (secrets hidden) and where it comes from; `given` is what the file holds."""
    values = settings.model_dump(mode="json")
    variables = {name.upper(): name for name in os.environ}
    for one in described():
        value: Any = values
        for step in one.path:
            value = value[step]
        said = [variables[name] for name in (one.variable, variable(one.path[0])) if name in variables]
        source = said[0] if said else "file" if _holds(given, one.path) else "default"
        yield InForce(one.name, value, source)


def _holds(given: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(given, Mapping) or step not in given:
            return False
        given = given[step]
    return True
