"""Rows in which sequences share their beginning must mean what the sequences mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.layout import Example, Row, rows

TOKENS = st.lists(st.integers(0, 2), min_size=2, max_size=9).map(tuple)
"""Three tokens only, so that beginnings are often shared."""


@st.composite
def examples(draw: st.DrawFn) -> list[Example]:
    drawn = draw(st.lists(TOKENS, min_size=1, max_size=7))
    return [
        Example(tokens, draw(st.integers(1, len(tokens) - 1)), index, weight=float(index + 1))
        for index, tokens in enumerate(drawn)
    ]


def read_along(row: Row, path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(row.tokens[place] for place in path)


@given(examples())
def test_each_path_reads_its_own_sequence_at_its_own_positions(given_examples: list[Example]) -> None:
    laid = rows(given_examples, limit=20)
    for row in laid:
        for path, example in zip(row.paths, row.sequences, strict=True):
            assert read_along(row, path) == example.tokens[:-1]
            assert [row.positions[place] for place in path] == list(range(len(path)))
            assert list(path) == sorted(path), "a token may only see what stands before it"
    assert sorted(e.index for row in laid for e in row.sequences) == list(range(len(given_examples)))


@given(examples())
def test_no_token_of_a_row_is_computed_twice_for_one_beginning(given_examples: list[Example]) -> None:
    for row in rows(given_examples, limit=10_000):
        beginnings = {
            example.tokens[:length]
            for example in row.sequences
            for length in range(1, len(example.tokens))
        }  # fmt: skip
        assert len(row.tokens) == len(beginnings)


@given(examples())
def test_every_completion_token_is_predicted_from_the_one_before_it_with_its_share(
    given_examples: list[Example],
) -> None:
    for row in rows(given_examples, limit=20):
        targets = list(row.targets())
        for path, example in zip(row.paths, row.sequences, strict=True):
            mine = targets[: len(example.tokens) - example.start]
            targets = targets[len(mine) :]
            for offset, (place, token, _) in enumerate(mine):
                assert path.index(place) == example.start - 1 + offset
                assert token == example.tokens[example.start + offset]
            assert sum(share for *_, share in mine) == pytest.approx(example.weight)
        assert targets == []


@given(examples(), st.integers(8, 12))
def test_no_row_is_longer_than_the_limit(given_examples: list[Example], limit: int) -> None:
    assert all(len(row.tokens) <= limit for row in rows(given_examples, limit))


def test_a_sequence_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        rows([Example((1, 2, 3, 4), 1)], limit=2)


def test_four_questions_on_one_incident_pay_for_its_evidence_once() -> None:
    incident = tuple(range(100, 200))
    questions = [Example((*incident, question, 7), 101, question) for question in range(4)]
    (row,) = rows(questions, limit=1000)
    assert len(row.tokens) == 104
