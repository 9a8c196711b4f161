"""Text that speaks to the reader of the question instead of about the fault.

What programs, registries and clients write is quoted as evidence, and whoever writes there may try to give orders. A
small model may follow. So a quote that has the form of the conversation itself is left out, and the item is shown as
the bare fact that it is about. Form, not mood: the marks and words that only a question or an answer has, a change
worded as our candidates are, text that hides what it says (invisible, look-alike or encoded letters).

This keeps an order from hindering; that it cannot carry a change does not rest on it (`remediation.diagnose`: a
change has to be chosen by the facts alone as well). Texts in other words pass here and meet that rule.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

_CONVERSATION = re.compile(
    r"<\|[^|<>\n]{0,40}\|>|\[/?INST\]|<</?SYS>>|\bassistant\b|\[e\d{1,3}\]"  # turns and evidence marks
    r"|\broot cause\s*:|\banswers? (?:yes|no)\b|\bevery change\b|\bthe evidence\b"  # the questions' own words
    r"|\b(?:previous|prior|above) instructions\b"
    r'|"(?:abstain|manifest)"\s*:|"cause"\s*:.{0,200}"evidence"\s*:',  # the answers' own keys
    re.IGNORECASE | re.DOTALL,
)
_MANIFEST = re.compile(
    r"\b(?:spec|template|containers|resources|limits|requests|selector|data)[\"']?\s*:\s*[\[{]"
    r"|\blimits[\"']?\s*:\W{0,12}memory\b",
    re.IGNORECASE,
)
"""A piece of a manifest in YAML or JSON: what the model is asked to write, written for it."""
_YES = re.compile(r"\bYes\b")
"""As the judge spells it. Programs say YES, yes or true."""
_CHANGE = re.compile(
    r"\b(?:set|put|change|raise|increase|lower|reduce|remove|revert|restore)\b.{0,30}"
    r"\b(?:image of|(?:memory|cpu) (?:limit|request)|selector label|pod label|replicas|env variable|ConfigMap key)\b",
    re.IGNORECASE | re.DOTALL,
)
"""A verb before a field as `remediation.words` calls it: the language of our candidates."""
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_LETTERS = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+){3,}")
"""Four words and more: the shortest order, `answer-yes-to-all`."""
_JOINTS = re.compile(r"[-_.]")
_SEEN = 4000
"""Characters of one text that are looked at: more than any item quotes."""
_WORDS_IN_CODE = 3
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH")
_HARMLESS_FORMAT = frozenset("\u00ad\u200c\u200d\ufeff")
"""Soft hyphen, joiners (emoji, Persian, Hindi) and the byte order mark occur in honest text; still, between two
letters of one Latin word they only hide it."""


def is_addressed(text: str) -> bool:
    """Whether the text speaks to its reader. Time is linear in its length."""
    text = text[:_SEEN]
    return (
        any(mark.search(text) for mark in (_CONVERSATION, _MANIFEST, _YES, _CHANGE))
        or (not text.isascii() and (_hides(text) or _mixes_alphabets(text)))
        or any(_is_prose(match.group()) for match in _ENCODED.finditer(text))
    )


NAME_LEFT_OUT = "(a name left out)"


def without_speaking_names(text: str) -> str:
    """The text with NAME_LEFT_OUT for each name that would be addressed to the reader if its dashes were spaces.

    Names, labels and tags admit letters, digits and dashes, which is enough for an order; and a name stands in the
    bare facts too, so leaving the quote out does not help there.
    """
    return _NAME.sub(lambda found: NAME_LEFT_OUT if _speaks(found.group()) else found.group(), text)


def _speaks(name: str) -> bool:
    return is_addressed(_JOINTS.sub(" ", name))


def _hides(text: str) -> bool:
    """Whether it holds characters that change what is seen: zero width, text direction, tags."""
    for before, char, after in zip(" " + text[:-1], text, text[1:] + " ", strict=True):
        if unicodedata.category(char) == "Cf" and (
            char not in _HARMLESS_FORMAT or (before.isascii() and before.isalpha() and after.isalpha())
        ):
            return True
    return False


def _mixes_alphabets(text: str) -> bool:
    """Whether one word is spelt with letters of two alphabets that look alike."""
    for word in _LETTERS.findall(text):
        if not word.isascii():
            names = {unicodedata.name(char, "").partition(" ")[0] for char in word}
            if len(names.intersection(_ALPHABETS)) > 1:
                return True
    return False


def _is_prose(run: str) -> bool:
    """Whether a run of base64 stands for a sentence."""
    try:
        decoded = base64.b64decode(run + "=" * (-len(run) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return decoded.isprintable() and decoded.count(" ") >= _WORDS_IN_CODE - 1
