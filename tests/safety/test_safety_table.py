"""`make safety` says safe only where every try was made and found nothing."""

import io
import json
from dataclasses import replace

import pytest

from tests.safety.parts import _of_lives
from tests.safety.rows import Row, not_run
from tests.safety.table import as_json, show
from tests.saga.wrong import Kind, Wrong

SAFE = Row(
    "answers", 255, 255, 61.0, {"sensitive": 120, "editable": 9, "growth": 3, "kinds": 2, "scope": 1}, past=0
)


def test_a_part_that_made_every_try_and_found_nothing_is_safe():
    assert SAFE.safe


@pytest.mark.parametrize(
    "found",
    [
        {"tries": 254},
        {"of": 0, "tries": 0},
        {"past": 1},
        {"duplicates": 1},
        {"lost": 1},
        {"leaked": 1},
        {"wrong": 1},
        {"not_run": "no cluster can be started here"},
    ],
)
def test_fewer_tries_or_any_finding_is_not(found):
    assert not replace(SAFE, **found).safe


def test_a_part_that_this_machine_cannot_run_is_named_with_the_reason_and_not_safe():
    row = not_run("kills", "no cluster can be started here")
    out = io.StringIO()
    show([SAFE, row], out)
    assert not row.safe
    assert "kills: not run: no cluster can be started here" in out.getvalue()
    assert "NOT SAFE" in out.getvalue()


def test_the_table_names_the_guards_that_refused_most_and_every_finding():
    out = io.StringIO()
    show([SAFE, replace(SAFE, part="patches", past=1, seen=("hostPID by a patch",))], out)
    told = out.getvalue()
    assert "sensitive 120, editable 9, growth 3, kinds 2" in told
    assert "scope 1" not in told
    assert "patches: hostPID by a patch" in told


def test_programs_get_every_guard_and_whether_it_is_safe():
    (told,) = json.loads(as_json([SAFE]))
    assert (told["safe"], told["refused"]["scope"]) == (True, 1)


def test_what_kills_found_stands_in_the_column_of_its_kind():
    wrong = [Wrong(Kind.DUPLICATE, "two writes"), Wrong(Kind.LOST, "a row"), Wrong(Kind.STUCK, "open")]
    row = _of_lives("kills", 5, 5, 1.0, wrong)
    assert (row.duplicates, row.lost, row.wrong, row.past, row.leaked) == (1, 1, 1, None, None)
