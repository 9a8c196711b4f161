"""The shape of a PromQL expression, without a Prometheus: brackets that pair, strings that end.

Only what is wrong in every version of the language is called wrong; the rest is for a parser to say
(`intentd check --prometheus`). Lexical rules: prometheus.io/docs/prometheus/latest/querying/basics.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CLOSES = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"
_TELLING = re.compile(r"""["'`#()\[\]{}]""")
"""What the shape depends on; the rest is stepped over at once."""


class Misfit(NamedTuple):
    """What does not fit, with its line and column in the expression, both from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column} of the expression: {self.message}"


def misfit(query: str) -> Misfit | None:
    """The first bracket without its partner or string without its end; None where all fit."""
    open_: list[tuple[str, int]] = []
    at = 0
    while (telling := _TELLING.search(query, at)) is not None:
        at = telling.start()
        char = query[at]
        if char == "#":
            comment = query.find("\n", at)
            at = len(query) if comment < 0 else comment
        elif char in _QUOTES:
            end = _end_of_string(query, at)
            if end is None:
                return _at(query, at, f"the string that begins with {char} does not end")
            at = end
        elif char in _CLOSES.values():
            open_.append((char, at))
        elif char in _CLOSES:
            if not open_:
                return _at(query, at, f"{char} closes nothing")
            bracket, begun = open_.pop()
            if bracket != _CLOSES[char]:
                began = _at(query, begun, "")
                return _at(
                    query, at, f"{char} closes the {bracket} of line {began.line}, column {began.column}"
                )
        at += 1
    return _at(query, open_[-1][1], f"{open_[-1][0]} is not closed") if open_ else None


def _end_of_string(query: str, start: int) -> int | None:
    """Where the closing quote stands. Backquoted strings know no escapes and may span lines."""
    quote, at = query[start], start + 1
    while at < len(query) and (quote == "`" or query[at] != "\n"):
        if query[at] == quote:
            return at
        at += 2 if query[at] == "\\" and quote != "`" else 1
    return None


def _at(query: str, offset: int, message: str) -> Misfit:
    before = query[:offset]
    return Misfit(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, message)
