"""Reading examples, and the order in which they are learnt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tuning.examples import digest, grouped, pieces, read, steps, tokenize
from tuning.layout import Example, Row, rows

END = 999


def letters(text: str) -> list[int]:
    """One token a word, by length and first letter: enough to tell texts apart."""
    return [ord(word[0]) * 100 + len(word) for word in text.split()]


def file_of(folder: Path, *lines: Any) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


JUDGE = {"role": "judge", "prompt": "is it so", "completion": "Yes", "group": "a"}


def test_messages_become_chatml_that_ends_where_the_answer_begins(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    (line,) = read(file_of(tmp_path, {**JUDGE, "prompt": messages}))
    assert line.prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({**JUDGE, "completion": "Maybe"}, "Yes or No"),
        ({**JUDGE, "role": "poet"}, "poet"),
        ({"role": "repair", "prompt": "x", "completion": ""}, "empty"),
        ({"role": "judge", "completion": "Yes"}, "prompt"),
        ("{not json", "JSONDecodeError"),
        ("[1]", "TypeError"),
    ],
)
def test_a_bad_line_is_named_by_file_line_and_reason(tmp_path: Path, bad: Any, says: str) -> None:
    path = file_of(tmp_path, JUDGE, bad)
    with pytest.raises(ValueError, match=r"data\.jsonl:2: ") as caught:
        read(path)
    assert says in str(caught.value)


def test_a_judgement_is_one_token_and_a_written_answer_ends(tmp_path: Path) -> None:
    written = {"role": "repair", "prompt": "mend it", "completion": "like this"}
    judged, repaired = tokenize(read(file_of(tmp_path, JUDGE, written)), letters, END)
    assert judged.tokens[judged.start :] == tuple(letters("Yes"))
    assert repaired.tokens[repaired.start :] == (*letters("like this"), END)


def test_examples_without_a_group_are_not_laid_together(tmp_path: Path) -> None:
    alone = {key: value for key, value in JUDGE.items() if key != "group"}
    lines = read(file_of(tmp_path, alone, alone, JUDGE, JUDGE))
    laid, left_out = grouped(lines, tokenize(lines, letters, END), limit=100)
    assert sorted(len(row.sequences) for row in laid) == [1, 1, 2]
    assert left_out == 0


def test_what_is_too_long_is_left_out_and_counted(tmp_path: Path) -> None:
    lines = read(file_of(tmp_path, JUDGE, {**JUDGE, "prompt": "word " * 50}))
    laid, left_out = grouped(lines, tokenize(lines, letters, END), limit=10)
    assert left_out == 1
    assert [example.index for row in laid for example in row.sequences] == [0]


def many(count: int) -> list[Row]:
    return [rows([Example((1, number, 5), 1, number)], 10)[0] for number in range(count)]


def indexes(epoch: list[list[Row]]) -> list[int]:
    return [example.index for step in epoch for row in step for example in row.sequences]


def test_an_epoch_has_each_example_once_in_an_order_fixed_by_the_seed() -> None:
    once, again = (list(steps(many(24), batch=4, seed=3, epoch=1)) for _ in range(2))
    assert sorted(indexes(once)) == list(range(24))
    assert indexes(once) == indexes(again)
    assert indexes(once) != indexes(list(steps(many(24), batch=4, seed=3, epoch=2)))
    assert indexes(once) != indexes(list(steps(many(24), batch=4, seed=4, epoch=1)))


def test_fewer_examples_than_a_batch_are_still_one_step() -> None:
    assert len(list(steps(many(2), batch=12, seed=0, epoch=0))) == 1


def test_pieces_stay_within_the_budget_with_their_padding() -> None:
    uneven = [rows([Example(tuple(range(length)), 1, length)], 100)[0] for length in (3, 40, 5, 38, 90, 4)]
    cut = list(pieces(uneven, budget=80))
    assert sorted(indexes(cut)) == [3, 4, 5, 38, 40, 90]
    for piece in cut:
        longest = max(len(row.tokens) for row in piece)
        assert len(piece) == 1 or longest * len(piece) <= 80


def test_the_digest_changes_with_any_content(tmp_path: Path) -> None:
    first = digest(read(file_of(tmp_path, JUDGE)))
    assert first == digest(read(file_of(tmp_path, JUDGE)))
    for change in ({"completion": "No"}, {"group": "b"}, {"weight": 2.0}, {"prompt": "is it not so"}):
        assert digest(read(file_of(tmp_path, {**JUDGE, **change}))) != first
