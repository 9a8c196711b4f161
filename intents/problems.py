"""What is wrong with intent files, as values: where, what, and what to do about it.

A problem is written for the person who has the file open: it names the file, the line and the field, and
says the remedy. All problems are reported at once, never only the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DIRECTORY = "."
"""The name under which an intent source reports that the directory itself could not be read. A catalog
then knows that files are unreadable rather than deleted."""


@dataclass(frozen=True, slots=True)
class FileError:
    """An intent file that could not be read, why, and what a person can do. Stands in place of its bytes."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one file.

    `line` counts from 1 and always lies within the file; it is 0 where the file as a whole could not be
    read. `field` is a path as in the file (`spec.editable[0].path`), empty where the text is not YAML.
    `message` and `remedy` are without a final full stop.
    """

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        parts = [place, *([self.field] if self.field else []), self.message]
        return ": ".join(parts) + (f". {self.remedy}" if self.remedy else "")

    @property
    def order(self) -> tuple[str, int, str, str]:
        """Problems are listed by file, then line."""
        return self.file, self.line, self.field, self.message


def format_location(steps: Iterable[str | int]) -> str:
    """A place in a file as people write it: `spec.editable[0].path`. Long or unprintable names are cut."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        text += ("." if text else "") + one_line(step if len(step) <= 80 else f"{step[:77]}...")
    return text


def one_line(text: str) -> str:
    """The text with everything that is not printable escaped: a file's content must not forge log lines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
