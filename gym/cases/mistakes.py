"""What is wrong in a case file: the place, the message, what to do. pydantic's errors as such."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from intents.explain import did_you_mean, show
from intents.problems import Problem, format_location, one_line


class Mistake(NamedTuple):
    """One thing that is wrong, by its place in the file."""

    place: tuple[str | int, ...]
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = format_location(self.place)
        return f"{place}: {self.message}" if place else self.message

    def problem(self, file: str) -> Problem:
        """The mistake as every other problem of a file is shown."""
        return Problem(file, 0, format_location(self.place), one_line(self.message), one_line(self.remedy))


def mistakes(
    error: ValidationError, place: tuple[str | int, ...] = (), kind: type[BaseModel] | None = None
) -> list[Mistake]:
    """Each error with its place. `kind` knows the field names of the outermost level."""
    names = _names(kind) if kind is not None else ()
    return [
        _mistake(detail["type"], detail["loc"], detail["msg"], place, names)
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _mistake(
    kind: str, loc: tuple[str | int, ...], message: str, place: tuple[str | int, ...], names: Iterable[str]
) -> Mistake:
    where = (*place, *loc)
    match kind:
        case "extra_forbidden":
            return Mistake(
                where,
                f"unknown field {show(loc[-1])}",
                did_you_mean(str(loc[-1]), names) if len(loc) == 1 else "Remove it",
            )
        case "missing":
            return Mistake(where, f"{loc[-1]} is missing", f"Add {loc[-1]}")
        case _:
            text = message.removeprefix("Value error, ")
            return Mistake(where, text[:1].lower() + text[1:])


def _names(kind: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]
