"""PromQL's series selectors, such as `http_requests_total{job="shop"}`: read strictly, written canonically.

Our queries put ranges and further matchers onto what an operator wrote. Text that is pasted into a query could
close a bracket and mean something else, so a selector is read into its parts first and nothing else is accepted;
what is written back is escaped anew. Grammar: prometheus.io/docs/prometheus/latest/querying/basics, and
UTF-8 names in quotes (Prometheus 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

MAX_LENGTH = 2000
EXAMPLE = 'http_requests_total{job="shop"}'
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_OPERATOR = re.compile(r"=~|!~|!=|=")
_SPACE = re.compile(r"[ \t\r\n]*")
_WORDS = frozenset(
    {
        *("and", "or", "unless", "atan2", "bool", "offset", "smoothed", "anchored", "by", "without", "on"),
        *("ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right", "start", "end", "step"),
        *("range", "inf", "nan", "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk"),
        *("bottomk", "count_values", "quantile", "limitk", "limit_ratio"),
    }
)
"""Words that mean something else than a metric where one could stand."""
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


class Matcher(NamedTuple):
    """One condition on a label; the value is plain text, or a regular expression after `=~` and `!~`."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        name = self.label if _LABEL.fullmatch(self.label) else quoted(self.label)
        return f"{name}{self.operator}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """The series of one metric that satisfy all matchers."""

    metric: str
    matchers: tuple[Matcher, ...] = ()

    def where(self, *more: Matcher) -> Selector:
        """These series, as far as they satisfy more matchers too."""
        return Selector(self.metric, (*self.matchers, *more))

    def __str__(self) -> str:
        plain = _METRIC.fullmatch(self.metric) and self.metric.lower() not in _WORDS
        named = () if plain else (Matcher("__name__", "=", self.metric),)
        inside = ",".join(map(str, (*named, *self.matchers)))
        return f"{self.metric if plain else ''}{{{inside}}}" if inside else self.metric


def quoted(text: str) -> str:
    """A PromQL string that means exactly this text."""
    escaped = "".join(_escaped(char) for char in text)
    return f'"{escaped}"'


def literal(text: str) -> str:
    """A regular expression (RE2) that matches exactly this text."""
    return re.sub(r"([^\w\s-])", r"\\\1", text, flags=re.ASCII)


def parse_selector(text: str) -> Selector:
    """The selector that the text is; raises ValueError for anything else, expressions included."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the selector is longer than {MAX_LENGTH} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the selector is not Unicode text") from error
    return _Reader(text).selector()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def selector(self) -> Selector:
        self._match(_SPACE)
        metric = self._match(_METRIC)
        self._match(_SPACE)
        matchers: list[Matcher] = []
        if self._taken("{"):
            metric = self._inside(metric, matchers)
            self._match(_SPACE)
        if self._at < len(self._text):
            raise self._no("an end")
        if not metric:
            raise ValueError(f"{_short(self._text)} names no metric, such as {EXAMPLE}")
        return Selector(metric, tuple(matchers))

    def _inside(self, metric: str, matchers: list[Matcher]) -> str:
        """What stands between the braces; the metric, which may be named there in quotes."""
        while True:
            self._match(_SPACE)
            if self._taken("}"):
                return metric
            was_quoted = self._text[self._at : self._at + 1] in ('"', "'", "`")
            name = self._string() if was_quoted else self._match(_LABEL)
            if not name:
                raise self._no("a label")
            self._match(_SPACE)
            operator = self._match(_OPERATOR)
            if operator:
                self._match(_SPACE)
                value = self._string()
                if (name, operator, metric) == ("__name__", "=", ""):
                    metric = value
                else:
                    matchers.append(Matcher(name, operator, value))
            elif was_quoted and not metric:
                metric = name
            else:
                raise self._no("=, !=, =~ or !~")
            self._match(_SPACE)
            if not self._taken(","):
                if self._taken("}"):
                    return metric
                raise self._no(", or }")

    def _string(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote not in ('"', "'", "`") or not quote:
            raise self._no("a string in quotes")
        self._at += 1
        found: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == quote:
                return "".join(found)
            if char == "\n" and quote != "`":
                break
            found.append(self._escape(quote) if char == "\\" and quote != "`" else char)
        raise self._no("the end of a string")

    def _escape(self, quote: str) -> str:
        """As in Go; an escape for a byte that is no ASCII would be half a character."""
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char in ("\\", quote) and char:
            return char
        if char in _HEX_DIGITS:
            return self._code(self._text[self._at : self._at + _HEX_DIGITS[char]], 16, _HEX_DIGITS[char])
        if char in tuple("01234567"):
            self._at -= 1
            return self._code(self._text[self._at : self._at + 3], 8, 3)
        raise self._no("an escape that PromQL knows")

    def _code(self, digits: str, base: int, length: int) -> str:
        wanted = r"[0-7]+" if base == 8 else r"[0-9a-fA-F]+"
        if len(digits) != length or re.fullmatch(wanted, digits, re.ASCII) is None:
            raise self._no("the digits of an escape")
        code = int(digits, base)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (length < 4 and code > 0x7F):
            raise self._no("an escape for a whole character")
        self._at += length
        return chr(code)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found.group()

    def _taken(self, char: str) -> bool:
        if not self._text.startswith(char, self._at):
            return False
        self._at += 1
        return True

    def _no(self, wanted: str) -> ValueError:
        return ValueError(
            f"{_short(self._text)} is no series selector: {wanted} is expected at column {self._at + 1}, "
            f"such as {EXAMPLE}"
        )


def _escaped(char: str) -> str:
    if char in ('"', "\\"):
        return f"\\{char}"
    if char == "\n":
        return "\\n"
    return f"\\u{ord(char):04x}" if ord(char) < 0x20 or char == "\x7f" else char


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
