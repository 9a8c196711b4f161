"""What secrets look like: their shapes, the names that they stand under, and strings too random to be words.

The patterns of remediation/redact.py, apart from it because they change for another reason: new kinds of token
appear. Every repetition is bounded, so that a hostile log costs time linear in its length.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

MARK = "[redacted:"

_SECRET_WORD = re.compile(
    r"passw(?:or)?d|(?:^|[^a-z])(?:pwd|pass|auth|pat|dsn|salt)(?:$|[^a-z])|secret|passphrase|token|credential"
    r"|api[-_.]?key|access[-_.]?key|private[-_.]?key|encryption[-_.]?key|signing[-_.]?key|master[-_.]?key"
    r"|account[-_.]?key|shared[-_.]?key|authorization|cookie|bearer|amz-signature",
    re.IGNORECASE,
)
_ABOUT_A_SECRET = re.compile(
    r"(?:file|path|dir|name|ref|ttl|seconds?|minutes?|hours|expir\w{0,10}|lifetime|length|size|limit|count|enabled"
    r"|disabled|required|header|host|port|issuer|audience|type|version|algorithm|mount\w{0,6}|mode|method|scheme|url|uri"
    r"|endpoint)$",
    re.IGNORECASE,
)
HARMLESS_VALUES = frozenset(
    re.findall(
        r"\w+",
        "true false yes no on off none null nil empty unset missing required optional invalid expired not is was"
        " must cannot could unable failed denied unknown unexpected the a an for of from in and or malformed"
        " rejected revoked refused bearer basic digest negotiate enabled disabled",
    )
)
"""Words that follow `token: ` in error messages. Anything else after a secret's name is taken for one."""

SHORTEST = 20
"""Characters of the shortest shape."""

SHORTEST_PAIR = 5
"""Characters of the shortest name with a value: `pat=x`."""

SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("aws-key", re.compile(r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}")),
    ("github-token", re.compile(r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})")),
    ("gitlab-token", re.compile(r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|oas|imt)-[A-Za-z0-9_.-]{16,300}")),
    ("slack-token", re.compile(r"xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}")),
    ("slack-webhook", re.compile(r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{8,255}")),
    ("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}(?:\.[A-Za-z0-9_-]{0,2000})?")),
    ("google-key", re.compile(r"AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,500}")),
    ("npm-token", re.compile(r"npm_[A-Za-z0-9]{36}")),
    ("pypi-token", re.compile(r"pypi-[A-Za-z0-9_-]{32,500}")),
    ("payment-key", re.compile(r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}")),
    (
        "api-key",
        re.compile(r"\bsk-[A-Za-z0-9_-]{20,255}|\bhf_[A-Za-z0-9]{30,60}|\bSG\.[A-Za-z0-9_.-]{40,100}"),
    ),
    ("api-key", re.compile(r"do[opr]_v1_[a-f0-9]{64}|\bhv[sbr]\.[A-Za-z0-9_-]{20,300}")),
    ("api-key", re.compile(r"\bdapi[0-9a-f]{32}|\bSK[0-9a-f]{32}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}")),
    ("registry-token", re.compile(r"dckr_pat_[A-Za-z0-9_-]{20,60}")),
    ("bot-token", re.compile(r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,40}")),
    ("age-key", re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{20,80}")),
)

PEM = "-----BEGIN "
_PEM_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PEM_REST = re.compile(r"(?:[A-Za-z0-9+/=\s:,-]|\\{1,8}n){0,20000}")
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization\b[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:\[(?!redacted:))?)(?:(bearer|basic|digest|token|apikey|negotiate)\s{1,3})?"
    r"([^\s\"',;\[\]]{1,8000})",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(bearer|basic)(\s{1,3})([A-Za-z0-9+/._~=-]{12,8000})", re.IGNORECASE)
_URL = re.compile(
    r"\b([A-Za-z][A-Za-z0-9+.-]{1,20}://)([^\s/:@\"'<>\[]{0,200})(?::([^\s/@\"'<>\[]{1,400}))?@"
)
_NAMED = re.compile(
    r"(?<![\w.-])(-{0,2}[A-Za-z_][\w.-]{0,80})"
    r"(\\{0,8}[\"']?\s{0,3}[:=]>?(?:[ \t]{0,3}(?:[|>][-+0-9]{0,2})?[ \t]{0,3}"
    r"(?:\r?\n|(?:\\{1,8}r)?\\{1,8}n)[ \t]{1,40}|\s{0,3}))"
)
_VALUE = re.compile(
    r"\\{1,8}\"[^\"\\\n]{0,4000}\\{1,8}\"|\"(?:[^\"\\\n]|\\.){0,4000}\"|'[^'\n]{0,4000}'"
    r"|[^\s\"',;&<>)}\]]{1,4000}"
)
_QUOTE = re.compile(r"\\{1,8}\"|[\"']")
_ENTRY = re.compile(
    r"(\\?\"name\\?\"\s{0,3}:\s{0,3}\\?\"([\w.-]{1,80})\\?\"\s{0,3},\s{0,3}\\?\"value\\?\"\s{0,3}:\s{0,3}\\?\")"
    r"([^\"\\\n]{1,4000})"
)
_FLAG = re.compile(r"(?<![\w.-])(--?[A-Za-z][\w.-]{0,80})(\s{1,3})([^\s\"',;\-\[][^\s\"',;]{0,4000})")
_XML = re.compile(
    r"(<([A-Za-z_][\w.:-]{0,80})(?:\s[^<>]{0,200})?>\s{0,40})([^<>\s\[](?:[^<>]{0,3998}[^<>\s])?)(?=\s{0,40}</)"
)
_DIRECTIVE = re.compile(
    r"\b((?:requirepass|masterauth|login\s{1,8}[^\s]{1,200}\s{1,8}password)\s{1,8}[\"']?)([^\s\"'\[]{1,4000})"
)
_SQL = re.compile(
    r"\b((?:identified\s{1,3}(?:with\s{1,3}\w{1,40}\s{1,3})?(?:by|as)|password)\s{1,3}')([^'\n\[]{1,400})",
    re.IGNORECASE,
)
_AUTH = re.compile(r"\b(AUTH\s{1,3})([^\s\"'\[]{6,200})")
_LOGIN = re.compile(
    r"\b((?:mysql\w{0,10}|sshpass|login)\b[^\n|;]{0,200}?\s-p\s{0,3}[\"']?)([^\s\"'\[-][^\s\"']{0,400})"
)
_USER = re.compile(r"(?<!\S)((?:-u|--user)(?:\s{1,3}|=)[\"']?[^\s:\"'\[]{1,100}:)([^\s\"'\[][^\s\"']{0,400})")
_PGPASS = re.compile(
    r"(?<![\w.*:-])([\w.*-]{1,200}:(?:5432|5433|6432|\*):[A-Za-z*][\w.-]{0,100}:[A-Za-z*][\w.-]{0,100}:)([^\s\[]{1,400})"
)
_COOKIE = re.compile(r"\b((?:set-)?cookie\s{0,3}:\s{0,3})([^\s\"'][^\n\r\"']{0,4000})", re.IGNORECASE)
_RANDOM = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,4000}={0,2}(?![A-Za-z0-9+/_-])")

_IMAGE_BEFORE = re.compile(r"image[\"':= ]{1,4}[a-z0-9._:/-]{0,200}$", re.IGNORECASE)
_TAG = re.compile(
    r"(?:v[0-9]{1,6}|v?[0-9]{1,6}(?:\.[0-9]{1,6}){1,3})[a-z]?"
    r"(?:-(?:rc|alpha|beta|dev|alpine|slim|debian|bookworm|build)[.0-9]{0,12}){0,2}|latest|stable|edge|main"
)
_PORT = re.compile(r"[0-9]{1,5}")
_A_PASSWORD = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)

_MIN_BITS = 3.8
_MIN_TURNS = 0.4
"""When a string of 24 or more characters counts as random: at least 3.8 bits a character, and upper case,
lower case and digits that change from one character to the next in at least 40 % of the places. Random base64
changes in 62 % (1 - (2*(26/62)^2 + (10/62)^2)), so at 24 characters 98 of 100 are found; CamelCase words and paths
change in about 25 %. Kubernetes names, uids, digests and pod hashes have no upper case and never qualify;
neither does hexadecimal, whose secrets only a name gives away."""


def sensitive_name(name: str) -> bool:
    """Whether a variable, key or header of this name holds a secret itself (not a path, name or lifetime
    of one: PASSWORD_FILE is not secret)."""
    return bool(_SECRET_WORD.search(name)) and not _ABOUT_A_SECRET.search(name)


def pem_blocks(text: str) -> tuple[str, int]:
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
    if value.lower() in HARMLESS_VALUES:
        return None
    return f"{before}{scheme + ' ' if scheme else ''}{MARK}authorization]"


def _scheme(match: re.Match[str]) -> str | None:
    scheme, space, value = match.groups()
    plain = value.isalpha() and (value.islower() or value.istitle())
    return None if plain else f"{scheme}{space}{MARK}authorization]"


def named_values(text: str) -> tuple[str, int]:
    """Values after a telling name and `=`, `:` or `=>`, quoted, escaped or on the next line. The value of any
    other name is searched in its turn: `"msg": "password=x"` names the password inside."""
    count = at = done = 0
    parts: list[str] = []
    while (named := _NAMED.search(text, at)) is not None:
        at = named.end()
        if not sensitive_name(named[1].lstrip("-")) or (value := _VALUE.match(text, at)) is None:
            continue
        bare = value[0].strip("\\\"'[")
        nested = ("\n" in named[2] or "\\n" in named[2]) and value[0].endswith(
            ":"
        )  # the key of a map, not a value
        if not bare or nested or MARK in value[0] or bare.lower() in HARMLESS_VALUES:
            continue
        if named[2] == ":" and _refers(text, named, bare):
            continue
        quote = _QUOTE.match(value[0])
        around = quote[0] if quote else ""
        parts += [text[done:at], f"{around}{MARK}value]{around}"]
        at = done = value.end()
        count += 1
    return "".join([*parts, text[done:]]), count


def _refers(text: str, named: re.Match[str], value: str) -> bool:
    """Whether `auth:v1` is an image with its tag, `auth:8080` a server with its port, `token.go:42` a line."""
    value = value.rstrip(":.])")
    if _TAG.fullmatch(value) or (_PORT.fullmatch(value) and not _A_PASSWORD.search(named[1])):
        return True
    return _IMAGE_BEFORE.search(text, max(0, named.start() - 260), named.start()) is not None


def _entry(match: re.Match[str]) -> str | None:
    """An env entry inside JSON text: `"name":"DB_PASSWORD","value":"..."`."""
    before, name, value = match.groups()
    return f"{before}{MARK}value]" if sensitive_name(name) and MARK not in value else None


def _tag(match: re.Match[str]) -> str | None:
    before, name, value = match.groups()
    plain = not sensitive_name(name) or value.lower() in HARMLESS_VALUES
    return None if plain else f"{before}{MARK}value]"


def _directive(match: re.Match[str]) -> str | None:
    return f"{match.group(1)}{MARK}value]"


def _auth(match: re.Match[str]) -> str | None:
    """Redis' command; `AUTH PLAIN` and `AUTH failed` hold no digit."""
    return _directive(match) if any(char.isdigit() for char in match.group(2)) else None


def _user(match: re.Match[str]) -> str | None:
    """`curl -u app:secret`; `docker run -u 1000:1000` holds numbers."""
    return None if match.group(2).isdigit() else _directive(match)


def _cookie(match: re.Match[str]) -> str | None:
    """A whole header of cookies; one that was taken out already has no `name=` left."""
    return _directive(match) if "=" in match.group(2) else None


def _flag(match: re.Match[str]) -> str | None:
    name, space, value = match.groups()
    if not sensitive_name(name.lstrip("-")) or value.lower() in HARMLESS_VALUES:
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


Judge = Callable[[re.Match[str]], str | None]
"""The text to put in place of a match; None where it is no secret after all."""

JUDGED: tuple[tuple[str, int, re.Pattern[str], Judge], ...] = (
    ("@", 8, _URL, _url),
    ("uthorization", 14, _HEADER, _header),
    (" ", 18, _SCHEME, _scheme),
    ('"', 20, _ENTRY, _entry),
    ("-", 6, _FLAG, _flag),
    ("</", 12, _XML, _tag),
    ("pass", 12, _DIRECTIVE, _directive),
    ("masterauth", 12, _DIRECTIVE, _directive),
    ("'", 12, _SQL, _directive),
    ("AUTH", 11, _AUTH, _auth),
    (" -p", 9, _LOGIN, _directive),
    ("-u", 6, _USER, _user),
    (":", 12, _PGPASS, _directive),
    ("ookie", 9, _COOKIE, _cookie),
    ("", 24, _RANDOM, _random),
)
"""What must stand in a text, and how long it must be, for a pattern to find anything in it: most strings of a
manifest are short words, and this costs them nothing."""
