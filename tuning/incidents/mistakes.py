"""How a person gets a word wrong."""

from __future__ import annotations

from tuning.incidents.world import World


def typo(w: World, text: str) -> str:
    """The text with one slip in it: a letter more, less, twice or swapped."""
    i = w.pool.rng.randrange(max(1, len(text) - 1))
    kind = w.pool.any(("x", "drop", "double", "swap"))
    if kind == "x" or len(text) < 3:
        return text + w.pool.any(("x", "0", "-rc", "-broken", ".1", "9"))
    if kind == "drop":
        return text[:i] + text[i + 1 :] if text[i] != text[i + 1] else text + "z"
    if kind == "double":
        return text[: i + 1] + text[i:]
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :] if text[i] != text[i + 1] else text + "q"
