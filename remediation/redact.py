"""Redaction: what must never be stored, logged or shown to a model is replaced by `[redacted:kind]`.

Two rules. *Shapes* (a GitHub token, a PEM block, a URL with a password) are found in any text; *names*
(`DB_PASSWORD=`, an env entry called API_TOKEN) condemn their value whatever it looks like. A last net takes
strings that are too random to be words. Invariants, each tested: redacting twice changes nothing more; what
identifies things in a cluster (images, digests, uids, pod names, limits) is left alone; every pattern has
bounded repetition, so a hostile log costs time linear in its length.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

MARK = "[redacted:"

_SECRET_WORD = re.compile(
    r"passw(?:or)?d|(?:^|[^a-z])(?:pwd|pass|auth|pat|dsn|salt)(?:$|[^a-z])|secret|passphrase|token|credential"
    r"|api[-_.]?key|access[-_.]?key|private[-_.]?key|encryption[-_.]?key|signing[-_.]?key|master[-_.]?key"
    r"|account[-_.]?key|shared[-_.]?key|authorization|cookie|bearer",
    re.IGNORECASE,
)
_ABOUT_A_SECRET = re.compile(
    r"(?:file|path|dir|name|ref|ttl|seconds?|minutes?|hours|expir\w{0,10}|lifetime|length|size|limit|count|enabled"
    r"|disabled|required|header|host|port|issuer|audience|type|version|algorithm|mount\w{0,6})$",
    re.IGNORECASE,
)
_HARMLESS_VALUES = frozenset(
    re.findall(
        r"\w+",
        "true false yes no on off none null nil empty unset missing required optional invalid expired not is was"
        " must cannot could unable failed denied unknown unexpected the a an for of from in and or malformed"
        " rejected revoked refused bearer basic digest negotiate",
    )
)
"""Words that follow `token: ` in error messages. Anything else after a secret's name is taken for one."""

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("aws-key", re.compile(r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b")),
    ("github-token", re.compile(r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})")),
    ("gitlab-token", re.compile(r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|oas|imt)-[A-Za-z0-9_.-]{16,300}")),
    ("slack-token", re.compile(r"xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}")),
    ("slack-webhook", re.compile(r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{8,255}")),
    ("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}(?:\.[A-Za-z0-9_-]{0,2000})?")),
    ("google-key", re.compile(r"AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,500}")),
    ("npm-token", re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("pypi-token", re.compile(r"\bpypi-[A-Za-z0-9_-]{32,500}")),
    ("payment-key", re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}")),
    (
        "api-key",
        re.compile(r"\bsk-[A-Za-z0-9_-]{20,255}|\bhf_[A-Za-z0-9]{30,60}|\bSG\.[A-Za-z0-9_.-]{40,100}"),
    ),
    ("api-key", re.compile(r"\bdo[opr]_v1_[a-f0-9]{64}|\bhv[sbr]\.[A-Za-z0-9_-]{20,300}")),
)

_PEM_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PEM_REST = re.compile(r"(?:[A-Za-z0-9+/=\s:,-]|\\n){0,20000}")
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization\b[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?:(bearer|basic|digest|token|apikey|negotiate)\s{1,3})?"
    r"([^\s\"',;\[]{1,8000})",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(bearer|basic)(\s{1,3})([A-Za-z0-9+/._~=-]{12,8000})", re.IGNORECASE)
_URL = re.compile(
    r"\b([A-Za-z][A-Za-z0-9+.-]{1,20}://)([^\s/:@\"'<>\[]{0,200})(?::([^\s/@\"'<>\[]{1,400}))?@"
)
_PAIR = re.compile(
    r"(?<![\w.-])(-{0,2}[A-Za-z_][\w.-]{0,80})([\"']?\s{0,3}[:=]\s{0,3})"
    r"(\"[^\"\n]{0,4000}\"|'[^'\n]{0,4000}'|[^\s\"',;&<>)}\]]{1,4000})"
)
_ENTRY = re.compile(
    r"(\\?\"name\\?\"\s{0,3}:\s{0,3}\\?\"([\w.-]{1,80})\\?\"\s{0,3},\s{0,3}\\?\"value\\?\"\s{0,3}:\s{0,3}\\?\")"
    r"([^\"\\\n]{1,4000})"
)
_FLAG = re.compile(r"(?<![\w.-])(--?[A-Za-z][\w-]{0,80})(\s{1,3})([^\s\"',;\-\[][^\s\"',;]{0,4000})")
_RANDOM = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{24,4000}(?![A-Za-z0-9+/=_-])")

_MIN_BITS = 3.8
_MIN_TURNS = 0.4
"""When a string of 24 or more characters counts as random: at least 3.8 bits a character, and upper case,
lower case and digits that change from one character to the next in at least 40 % of the places. Random base64
changes in 62 % (1 - (2*(26/62)^2 + (10/62)^2)), so at 24 characters 98 of 100 are found; CamelCase words and paths
change in about 25 %. Kubernetes names, uids, digests and pod hashes have no upper case and never qualify;
neither does hexadecimal, whose secrets only a name gives away."""


_PASSES = 6
"""Taking one secret out can show the start of the next (two tokens glued together); more than this many
glued secrets of different kinds are nobody's log line."""


def redact_text(text: str) -> tuple[str, int]:
    """The text without secrets, and how many were taken out."""
    count = 0
    for _ in range(_PASSES):
        text, found = _once(text)
        count += found
        if not found:
            break
    return text, count


def _once(text: str) -> tuple[str, int]:
    text, count = _pem(text)
    for kind, pattern in _SHAPES:
        text, found = pattern.subn(f"{MARK}{kind}]", text)
        count += found
    replacements: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = (
        (_URL, _url),
        (_HEADER, _header),
        (_SCHEME, _scheme),
        (_ENTRY, _entry),
        (_PAIR, _pair),
        (_FLAG, _flag),
        (_RANDOM, _random),
    )
    for pattern, judge in replacements:
        text, found = _substitute(pattern, judge, text)
        count += found
    return text, count


def redact_manifest(obj: Any) -> tuple[Any, int]:
    """A copy of a Kubernetes object (or part of one) without secrets, and how many were taken out.

    Values under a telling name go whole: env values, annotations, ConfigMap data. What identifies an
    object or an image is never touched, whatever it looks like. A Secret's data goes in any case.
    """
    counter = [0]
    everything = isinstance(obj, dict) and obj.get("kind") == "Secret"
    return _walk(obj, counter, "", secret=False, whole=everything), counter[0]


def sensitive_name(name: str) -> bool:
    """Whether a variable, key or header of this name holds a secret itself (not a path, name or lifetime
    of one: PASSWORD_FILE is not secret)."""
    return bool(_SECRET_WORD.search(name)) and not _ABOUT_A_SECRET.search(name)


def is_redacted(value: object) -> bool:
    """Whether something was taken out of this value, at any depth. Such a value must never be written."""
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, dict):
        return any(is_redacted(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(is_redacted(item) for item in value)
    return False


# ---------------------------------------------------------------- text


def _substitute(
    pattern: re.Pattern[str], judge: Callable[[re.Match[str]], str | None], text: str
) -> tuple[str, int]:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        new = judge(match)
        if new is None or new == match.group():
            return match.group()
        count += 1
        return new

    return pattern.sub(replace, text), count


def _pem(text: str) -> tuple[str, int]:
    """PEM blocks, also cut off ones and those with escaped line breaks."""
    count = 0
    done: list[str] = []
    at = 0
    for begin in _PEM_BEGIN.finditer(text):
        if begin.start() < at:
            continue
        end_mark = f"-----END {begin.group(1)}-----"
        rest = _PEM_REST.match(text, begin.end())
        stop = rest.end() if rest else begin.end()
        end = text.find(end_mark, begin.end(), stop + len(end_mark))
        done += [text[at : begin.start()], f"{MARK}pem]"]
        at = end + len(end_mark) if end >= 0 else stop
        count += 1
    return "".join([*done, text[at:]]), count


def _url(match: re.Match[str]) -> str | None:
    scheme, user, password = match.groups()
    if password is not None:
        return f"{scheme}{user}:{MARK}password]@"
    return f"{scheme}{MARK}token]@" if len(user) >= 16 else None


def _header(match: re.Match[str]) -> str | None:
    before, scheme, value = match.groups()
    if value.lower() in _HARMLESS_VALUES:
        return None
    return f"{before}{scheme + ' ' if scheme else ''}{MARK}authorization]"


def _scheme(match: re.Match[str]) -> str | None:
    scheme, space, value = match.groups()
    plain = value.isalpha() and (value.islower() or value.istitle())
    return None if plain else f"{scheme}{space}{MARK}authorization]"


def _pair(match: re.Match[str]) -> str | None:
    name, sign, value = match.groups()
    if not sensitive_name(name.lstrip("-")):
        return None
    bare = value.strip("\"'")
    if not bare or MARK in value or bare.lower() in _HARMLESS_VALUES:
        return None
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{sign}{quote}{MARK}value]{quote}"


def _entry(match: re.Match[str]) -> str | None:
    """An env entry inside JSON text: `"name":"DB_PASSWORD","value":"..."`."""
    before, name, value = match.groups()
    return f"{before}{MARK}value]" if sensitive_name(name) and MARK not in value else None


def _flag(match: re.Match[str]) -> str | None:
    name, space, value = match.groups()
    if not sensitive_name(name.lstrip("-")) or value.lower() in _HARMLESS_VALUES:
        return None
    return f"{name}{space}{MARK}value]"


def _random(match: re.Match[str]) -> str | None:
    return f"{MARK}random]" if looks_random(match.group()) else None


def looks_random(token: str) -> bool:
    """Whether a run of 24 or more base64 characters is too random to be words (see _MIN_BITS)."""
    kinds = [1 if c.islower() else 2 if c.isupper() else 3 if c.isdigit() else 0 for c in token]
    if not {1, 2, 3} <= set(kinds):
        return False
    turns = sum(a != b for a, b in pairwise(kinds)) / (len(kinds) - 1)
    if turns < _MIN_TURNS:
        return False
    total = len(token)
    bits = -sum(n / total * math.log2(n / total) for n in Counter(token).values())
    return bits >= _MIN_BITS


# ---------------------------------------------------------------- manifests

_IDENTITY = frozenset(
    {"apiVersion", "kind", "name", "generateName", "namespace", "uid", "resourceVersion"}
    | {"image", "imageID", "containerID", "nodeName", "creationTimestamp", "selfLink"}
)
"""Fields that say which object, image or node: redacting one would destroy what evidence is about."""

_NAMED = frozenset({"annotations", "data", "stringData", "binaryData"})
"""Maps whose keys are chosen by people, so that a key's name tells of its value."""


def _walk(node: Any, counter: list[int], field: str, *, secret: bool, whole: bool) -> Any:
    if isinstance(node, dict):
        return {key: _member(node, key, counter, field, secret=secret, whole=whole) for key in node}
    if isinstance(node, list):
        return list(_elements(node, counter, field, secret=secret, whole=whole))
    if not isinstance(node, str):
        return node
    if secret and node and MARK not in node and node.lower() not in _HARMLESS_VALUES:
        counter[0] += 1
        return f"{MARK}value]"
    clean, found = redact_text(node)
    counter[0] += found
    return clean


def _member(
    node: dict[str, Any], key: str, counter: list[int], field: str, *, secret: bool, whole: bool
) -> Any:
    value = node[key]
    if field in _NAMED:
        return _walk(value, counter, key, secret=whole or sensitive_name(key), whole=False)
    if key in _IDENTITY and isinstance(value, str):
        return value
    if key == "value" and isinstance(node.get("name"), str):
        return _walk(value, counter, key, secret=secret or sensitive_name(node["name"]), whole=False)
    return _walk(value, counter, key, secret=secret, whole=whole)


def _elements(node: list[Any], counter: list[int], field: str, *, secret: bool, whole: bool) -> Iterator[Any]:
    """List members; in `["--password", "x"]` the flag condemns the member after it."""
    after_flag = False
    for item in node:
        yield _walk(item, counter, field, secret=secret or after_flag, whole=whole)
        after_flag = (
            isinstance(item, str)
            and item.startswith("-")
            and "=" not in item
            and sensitive_name(item.lstrip("-"))
        )
