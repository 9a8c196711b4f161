"""The patterns of intent files: matched whole, in linear time, by one engine for checks and guards alike.

A guard applies a pattern to a value that a model wrote, so a pattern must not be able to hang it. Rejecting
"nested quantifiers" in Python's backtracking `re` would not do (`(a|a)*` and `a*a*a*b` pass such a check).
pydantic already carries Rust's `regex`, an RE2-like automaton: linear in the value by construction, without
back-references and look-around, with a bound on the size of the compiled pattern (10 MiB).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


@lru_cache(maxsize=4096)
def full_match(pattern: str) -> Callable[[str], bool]:
    """A test of whether the pattern matches a whole value; raises ValueError with the reason where the
    pattern cannot be used.

    `.` does not match a line break and `$` only the very end, so `web:.*` admits no second line.
    """
    try:
        pattern.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the pattern is not Unicode text") from error
    _compile(pattern)  # alone first: `a)|(?:b` is only a pattern once our group stands around it
    adapter = _compile(rf"\A(?:{pattern})\z")

    def matches(value: str) -> bool:
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError:
            return False
        return True

    return matches


def _compile(pattern: str) -> TypeAdapter[str]:
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except SchemaError as error:
        raise ValueError(_reason(str(error))) from error


def _reason(text: str) -> str:
    """The engine's own sentence: the last line of a parse error, after `error:`."""
    last = text.strip().splitlines()[-1]
    return last.removeprefix("error:").removeprefix("  SchemaError:").strip().rstrip(".")
