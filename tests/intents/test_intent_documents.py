"""YAML text to values that know their lines."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.documents import MAX_BYTES, MAX_NODES, decode, read_documents
from intents.problems import Problem


def problems_of(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in read_documents("f.yaml", text).problems]


def only_value(text: str) -> object:
    read = read_documents("f.yaml", text)
    assert not read.problems, [str(problem) for problem in read.problems]
    (document,) = read.documents
    return document.value


def test_every_key_and_item_knows_its_line() -> None:
    text = "# head\na:\n  b: 1\n  c:\n    - x\n    - d: 2\n---\ne: 3\n"
    first, second = read_documents("f.yaml", text).documents
    assert first.line_of(("a", "b")) == 3
    assert first.line_of(("a", "c", 1, "d")) == 6
    assert first.line_of(("a", "c", 0)) == 5
    assert first.line_of(("a", "missing")) == 2
    assert second.line_of(("e",)) == 8


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("22:00", "22:00"),
        ("2026-11-21", "2026-11-21"),
        ("0644", 420),
        ("0899", "0899"),
        ("1_000", "1_000"),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("-3", -3),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 5000, "9" * 5000),
        ("null", None),
        ("~", None),
        ("True", True),
        ("'1'", "1"),
        ("64Mi", "64Mi"),
    ],
)
def test_plain_scalars_mean_what_kubernetes_users_mean(written: str, meant: object) -> None:
    value = only_value(f"a: {written}\n")
    assert value == {"a": meant}
    assert isinstance(value, dict)
    assert type(value["a"]) is type(meant)


def test_keys_are_always_text() -> None:
    assert only_value("80: a\ntrue: b\n") == {"80": "a", "true": "b"}


def test_json_is_read_too() -> None:
    assert only_value('{"a": [1, true, null, "\\u00e9\\/"]}') == {"a": [1, True, None, "é/"]}


def test_every_duplicate_key_is_reported_with_its_path_and_the_first_line() -> None:
    text = "a:\n  - b: 1\n    c: 2\n    b: 3\nd: 1\nd: {x: 1}\n"
    found = read_documents("f.yaml", text).problems
    assert [(p.line, p.field) for p in found] == [(4, "a[0].b"), (6, "d")]
    assert "line 2" in found[0].message
    assert "line 5" in found[1].message


def test_aliases_are_read_within_bounds() -> None:
    assert only_value("a: &x {b: [1]}\nc: *x\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: &x [*x]\n", 1, "contains itself"),
        ("a: 1\nb: *nowhere\n", 2, "no anchor"),
        ("a: 1\nb:\n\t- c\n", 3, "tab"),
        ("a: 1\nb: [1,\n", 2, "ends too early"),
        ("a: 1\nb: 'half", 2, "ends too early"),
        ("a: b: c\n", 1, "mapping values"),
        ("a: 1\nb: x\0y\n", 2, "NUL"),
        ("a: 1\n\nb: \x1b[31m\n", 3, "U+001B"),
        ("a: \u2028\n", 1, "U+2028"),
        ("a: 1\rb: 2\n", 1, "U+000D"),
        ("a: \ud800\n", 1, "U+D800"),
        ('a: "\\ud83d\\ude00"\n', 1, "escape"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tag"),
        ("a: !local x\n", 1, "tag"),
        ("a: {<<: {b: 1}}\n", 1, "merge keys"),
        ("? [a]\n: b\n", 1, "plain word"),
        ("", 1, "holds no intent"),
        ("# only a comment\n---\n", 1, "holds no intent"),
        ("[" * 5000, 1, "deeper"),
        ("- " * 5000 + "a", 1, "deeper"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_with_its_line(text: str, line: int, says: str) -> None:
    found = read_documents("f.yaml", text)
    assert not found.documents
    (problem,) = found.problems
    assert problem.line == line
    assert says in problem.message
    assert problem.remedy


def laughs(levels: int, width: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['lol'] * width)}]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, levels)]
    return "\n".join(lines)


def deep_aliases(levels: int) -> str:
    nested = "[" * 30
    lines = [f"a0: &a0 {nested}1{']' * 30}"]
    lines += [f"a{level}: &a{level} {nested}*a{level - 1}{']' * 30}" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("bomb", "says"),
    [
        pytest.param(laughs(9, 9), "values in one document", id="billion-laughs"),
        pytest.param(laughs(400, 2), "values in one document", id="doubling"),
        pytest.param(laughs(400, 1), "deeper", id="chain-of-aliases"),
        pytest.param(deep_aliases(100), "deeper", id="depth-by-aliases"),
        pytest.param("a: [" + "1, " * (MAX_NODES + 5) + "1]", "values in one document", id="wide"),
        pytest.param("a: [" * 100_000, "deeper", id="mappings-in-lists"),
        pytest.param("a" * (MAX_BYTES + 1), "bytes long", id="large"),
        pytest.param("? " * 200_000, "plain word", id="complex-keys"),
    ],
)
def test_a_bomb_is_a_sentence_and_costs_little(bomb: str, says: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    found = read_documents("f.yaml", bomb)
    cost = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert any(says in problem.message for problem in found.problems), found.problems
    assert cost < 2  # seconds of this process; 0.2 s is usual
    assert grown < 100_000  # KiB


def test_bytes_that_are_not_utf8_name_their_line() -> None:
    assert decode("f", b"\xef\xbb\xbfa: 1") == "a: 1"
    wrong = decode("f", b"a: 1\nb: \xe9\n")
    assert isinstance(wrong, Problem)
    assert (wrong.line, "0xe9" in wrong.message) == (2, True)
    utf16 = decode("f", "a: 1\n".encode("utf-16"))
    assert isinstance(utf16, Problem)
    assert "UTF-16" in utf16.message
    large = decode("f", b"x" * (MAX_BYTES + 1))
    assert isinstance(large, Problem)


YAML_ALPHABET = st.sampled_from([*"ab1 \n\t:-[]{},&*!|>'\"#%?~<.\\\r", "---\n", "...\n", "\n  ", "a: "])


@given(st.lists(YAML_ALPHABET, max_size=60).map("".join))
def test_no_text_crashes_the_reader_and_lines_lie_within_the_file(text: str) -> None:
    found = read_documents("f.yaml", text)
    assert found.documents or found.problems
    lines = max(1, len(text.split("\n")) - text.endswith("\n"))
    assert all(1 <= problem.line <= lines for problem in found.problems)
    assert all(problem.message and problem.remedy for problem in found.problems)


WITHOUT_LIBYAML = """
import yaml
del yaml.CSafeLoader
from intents.documents import read_documents
from intents.load import load
for text in ('a: "\\ud83d\\ude00"', '"\\ud83d": 1', "a: [1,", "a:\\n\\t- b", "[" * 3000, "a: &x [*x]"):
    assert not read_documents("f", text).documents, text
    assert load("f", text).problems
assert read_documents("f", "a: 0644\\nb: [yes]").documents[0].value == {"a": 420, "b": ["yes"]}
print("fine")
"""


def test_pyyaml_without_libyaml_is_slower_but_as_careful() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBYAML], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
