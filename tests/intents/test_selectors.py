"""Series selectors: what is read is what was meant, and nothing but a selector is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.query_text import misfit
from intents.selectors import Matcher, Selector, literal, parse_selector

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABELS = st.one_of(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,5}", fullmatch=True), TEXT.filter(bool)).filter(
    lambda name: name != "__name__"
)
SELECTORS = st.builds(
    Selector,
    st.one_of(
        st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,5}", fullmatch=True), TEXT.filter(bool), st.just("sum")
    ),
    st.lists(st.builds(Matcher, LABELS, st.sampled_from(["=", "!=", "=~", "!~"]), TEXT), max_size=3).map(
        tuple
    ),
)


@given(SELECTORS)
def test_what_is_written_is_read_back_and_its_brackets_and_strings_fit(selector: Selector) -> None:
    text = str(selector)
    assert parse_selector(text) == selector
    assert misfit(text) is None


@given(st.text(alphabet="ab_{}[]()\"'`\\=!~,# \n0x", max_size=30))
def test_any_text_is_a_selector_or_refused_and_never_something_between(text: str) -> None:
    try:
        selector = parse_selector(text)
    except ValueError:
        return
    assert parse_selector(str(selector)) == selector
    assert misfit(str(selector)) is None
    assert "\n" not in str(selector)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("up", "up"),
        ("up{}", "up"),
        (' up { job = "a" , } ', 'up{job="a"}'),
        ("x{a='it\\'s',b=`c\\d`}", 'x{a="it\'s",b="c\\\\d"}'),
        ('x{a="\\x41\\101\\u00e9"}', 'x{a="AAé"}'),
        ('{"http.requests","le.vel"="x"}', '{__name__="http.requests","le.vel"="x"}'),
        ('{__name__="up"}', "up"),
        ('sum{a="b"}', '{__name__="sum",a="b"}'),
    ],
)
def test_every_way_to_write_a_selector_is_read(text: str, canonical: str) -> None:
    assert str(parse_selector(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{job="a"}',
        "x[5m]",
        "rate(x[5m])",
        "x offset 5m",
        "x or y",
        'x{a="b"} or vector(1)',
        'x{a="b"}) or (y',
        "x # comment",
        "x{a=b}",
        'x{a="b}',
        'x{a="b\n"}',
        'x{a=="b"}',
        'x{"y"}',
        'x{a="\\xff"}',
        'x{a="\\ud800"}',
        'x{a="\\q"}',
        'x{a="b"',
        "x{,}",
        "1",
        "x" * 3000,
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"selector|metric"):
        parse_selector(text)


def test_a_literal_matches_itself_alone() -> None:
    assert literal("web-1.shop+x") == r"web-1\.shop\+x"
