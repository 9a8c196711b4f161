"""Free text from the cluster made safe to quote: one line, bounded, without anything that could pass for
the prompt's own markers.

Logs, event messages, annotations and image names are written by whoever can run a pod. They are data: what
reads like an instruction stays in the one line of the item that quotes it. Every function here is idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?")
_CHAT = re.compile(r"<\|([^|<>\n]{0,40})\|>")
_TAG = re.compile(r"<(/?[A-Za-z_!|][^<>\n]{0,80})>")
_ROLE = re.compile(r"\[(/?(?:INST|SYS|SYSTEM|USER|ASSISTANT))\]", re.IGNORECASE)
_RUN = re.compile(r"([#=~`*_|<>-])\1{2,}")
_SPACE = re.compile(r"\s+")
_WIDEST = 100_000
"""Characters of one text that are looked at; the adapters bound what they read far below."""


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most `limit` characters, harmless to quote; a cut ends in `...`."""
    text = _ANSI.sub("", text[:_WIDEST])
    text = "".join(_plain(char) for char in unicodedata.normalize("NFC", text))
    for _ in range(3):  # taking a marker out can join the halves of another
        text = _TAG.sub(r"(\1)", _CHAT.sub(r"(\1)", text))
    text = text.replace("<|", "(").replace("|>", ")")
    text = _ROLE.sub(r"(\1)", text)
    text = _RUN.sub(r"\1", text)
    return cut(_SPACE.sub(" ", text).strip(), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; where something was cut off the end says so."""
    return text if len(text) <= limit else text[: max(limit - 3, 0)].rstrip() + "..."[: max(limit, 0)]


def _plain(char: str) -> str:
    """Line and other separators become spaces; control, format (zero width, text direction), surrogate and
    private characters go."""
    if char.isspace():
        return " "
    return "" if unicodedata.category(char)[0] == "C" else char


# ---------------------------------------------------------------- what changes from one day to the next

_STAMP = re.compile(
    r"^[\s\[(]*(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|"
    r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,9}\s+\d{1,9} [\w./-]{1,80}:\d{1,6}\]|"
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)[\])]?\s*"
)
_POD_UID = re.compile(
    r"(?:_[a-z0-9-]{1,63})?\([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\)"
)
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(:\d{1,5})->")
_RPC = re.compile(r"rpc error: code = \w{1,30} desc = ")
_AGE = re.compile(r"\b(?:\d{1,4}(?:ms|[smhd])){1,4} ago\b|\bback-off \d{1,3}m?\d{0,3}s\b")


def steady(text: str, names: Mapping[str, str]) -> str:
    """The text without what differs from pod to pod and from minute to minute: time stamps, pod uids,
    ages; pod names become their owner's (`names`: pod name to owner name)."""
    text = _STAMP.sub("", text)
    text = _POD_UID.sub("", text)
    text = _RPC.sub("", _ADDRESS.sub("", text))
    text = _AGE.sub(lambda match: "back-off" if match.group().startswith("back-off") else "earlier", text)
    for pod, owner in names.items():
        text = text.replace(pod, owner)
    return text


_DIGITS = re.compile(r"\d+")


def gist(text: str) -> str:
    """What two lines have in common that say the same: numbers out, case folded."""
    return _DIGITS.sub("0", text).casefold()


def listing(words: Collection[str], most: int) -> str:
    """`a, b, c and 4 more`, in the given order."""
    shown = list(words)[:most]
    rest = len(words) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
