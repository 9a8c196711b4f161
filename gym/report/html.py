"""HTML in which nothing that came from a cluster or a model can become markup: text is escaped unless `el` made it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape


class Html(str):
    """Finished markup. Only `el` and `join` make it."""

    __slots__ = ()


VOID = frozenset({"meta", "line", "rect", "circle"})
KEPT = frozenset("\n\t")


def text(value: object) -> Html:
    """Escaped, quotes too. Control characters, and those that turn the direction of what is read, are shown as code
    points: a reader sees what is there."""
    shown = "".join(_visible(character) for character in str(value))
    return Html(escape(shown, quote=True))


def el(tag: str, *children: object, **attributes: object) -> Html:
    """An element. Children that are no Html are escaped, lists are flattened, None is nothing. `class_` is written
    `class`, `text_anchor` `text-anchor`; an attribute that is True has no value, one that is None or False is left out."""
    told = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{told}/>" if tag != "meta" else f"<{tag}{told}>")
    return Html(f"<{tag}{told}>{join(children)}</{tag}>")


def join(children: Iterable[object]) -> Html:
    """One after the other."""
    return Html("".join(_child(child) for child in children))


def _child(child: object) -> str:
    match child:
        case None:
            return ""
        case Html():
            return child
        case list() | tuple():
            return join(child)
        case _:
            return text(child)


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'


def _visible(character: str) -> str:
    if character in KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}:
        return character
    return f"\\u{ord(character):04x}"
