"""Patterns: whole values, linear time, one engine."""

from __future__ import annotations

import time

import pytest

from intents.patterns import full_match


def test_a_pattern_matches_the_whole_value_only() -> None:
    web = full_match(r"registry\.local/web:[0-9.]+")
    assert web("registry.local/web:1.2")
    assert not web("registry.local/web:1.2 ")
    assert not web("registry.local/web:1.2\n")
    assert not web("evil/registry.local/web:1.2")
    assert not web("registryxlocal/web:1.2")


@pytest.mark.parametrize("pattern", ["web|db", "^web$|db", "(?i)WEB|db", "web|"])
def test_an_alternative_does_not_escape_the_anchors(pattern: str) -> None:
    assert full_match(pattern)("web")
    assert not full_match(pattern)("xweb")
    assert not full_match(pattern)("dbx")


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(a+)+b", "a*a*a*a*a*a*b", "(.*)*x", "(a?){40}a{40}"])
def test_patterns_that_hang_backtracking_engines_take_no_time(pattern: str) -> None:
    matches = full_match(pattern)
    start = time.process_time()
    matches("a" * 100_000 + "!")
    assert time.process_time() - start < 1


@pytest.mark.parametrize("pattern", ["(", "[", "*", r"(a)\1", "(?=a)b", "a)|(b", "(?x)a # c", "\ud800"])
def test_what_cannot_be_decided_in_linear_time_or_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        full_match(pattern)


def test_a_value_that_is_not_text_does_not_match() -> None:
    assert not full_match(".*")("\ud800")
