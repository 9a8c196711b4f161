"""Many queries in one: each gets its own series back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.batches import MOST, batches, joined, parted
from intents.query_text import misfit

QUERIES = st.dictionaries(st.text(max_size=5), st.text(alphabet="ab(){} \n", max_size=50), max_size=20)


@given(QUERIES, st.integers(1, 300), st.integers(1, 7))
def test_every_query_is_in_one_batch_in_order_and_no_batch_is_too_large(queries, text, most):
    groups = list(batches(queries, text=text, most=most))
    assert [key for group in groups for key in group] == list(queries)
    for group in groups:
        assert 0 < len(group) <= most
        assert len(group) == 1 or sum(len(queries[key]) for key in group) <= text


def test_a_thousand_short_queries_are_ten_requests():
    queries = {str(n): f'up{{job="{n}"}} == 1' for n in range(1000)}
    assert len(list(batches(queries, text=24 * 1024))) == 1000 / MOST


@given(st.lists(st.sampled_from(["up", "sum(a) # why", 'x{a="("}', "a or b"]), min_size=1, max_size=9))
def test_a_joined_query_fits_together_and_no_comment_swallows_the_next(queries):
    text = joined(queries)
    assert misfit(text) is None
    assert text.count("label_replace") == len(queries)
    assert all(f"(\n{query}\n)" in text for query in queries)


def test_series_go_back_to_their_queries_without_our_label():
    one = {"metric": {"intentd": "held", "intentd_question": "1", "pod": "a"}, "value": [1.0, "2"]}
    assert parted([one], 3) == [[], [{"metric": {"intentd": "held", "pod": "a"}, "value": [1.0, "2"]}], []]


def test_an_answer_that_cannot_be_taken_apart_is_none():
    for place in ("3", "-1", "", "x", "¹", None, 1):
        assert parted([{"metric": {"intentd_question": place}, "value": [1.0, "2"]}], 3) is None
    for result in (None, {}, [None], [{"metric": None}], [{}]):
        assert parted(result, 3) is None
