"""All files together: what is in force, what is stale, what is reported."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intent_texts import intent, text

from intents.catalog import Catalog, compile_catalog
from intents.model import Mode
from intents.problems import DIRECTORY, FileError

BAD = "spec: [\n"
MISSING = FileError("the directory does not exist", "Create it")


def names(catalog: Catalog) -> list[str]:
    assert list(catalog.intents) == list(catalog.entries)
    return list(catalog.intents)


def test_a_bad_file_never_hides_a_good_one() -> None:
    catalog = compile_catalog({"a.yaml": BAD, "b.yaml": text(intent("b")), "c.yaml": b"\xff\xfe"})
    assert names(catalog) == ["b"]
    assert [problem.file for problem in catalog.problems] == ["a.yaml", "c.yaml"]


def test_a_file_takes_effect_as_a_whole() -> None:
    half_good = text(intent("a"), intent("b", mode="automatic"))
    assert names(compile_catalog({"f.yaml": half_good})) == []


def test_an_entry_knows_file_line_and_digest() -> None:
    entry = compile_catalog({"f.yaml": "# comment\n" + text(intent("a"))}).entries["a"]
    assert (entry.file, entry.line, entry.stale) == ("f.yaml", 2, False)
    assert len(entry.digest) == 64


def test_a_file_that_turns_bad_keeps_its_last_good_intents_without_autonomy() -> None:
    good = compile_catalog({"f.yaml": text(intent("a"), intent("b", mode="observe"))})
    bad = compile_catalog({"f.yaml": BAD}, good)
    assert names(bad) == ["a", "b"]
    assert bad.stale == ("a", "b")
    assert (bad.intents["a"].spec.mode, bad.intents["b"].spec.mode) == (Mode.PROPOSE, Mode.OBSERVE)
    assert bad.entries["a"].digest == good.entries["a"].digest
    assert bad.problems

    still_bad = compile_catalog({"f.yaml": BAD + BAD}, bad)
    assert names(still_bad) == ["a", "b"]
    assert still_bad.stale == ("a", "b")

    mended = compile_catalog({"f.yaml": text(intent("a"))}, still_bad)
    assert names(mended) == ["a"]
    assert (mended.stale, mended.problems) == ((), ())
    assert mended.intents["a"].spec.mode is Mode.AUTO


def test_a_file_that_goes_back_to_the_very_bytes_it_had_is_in_force_again() -> None:
    files = {"f.yaml": text(intent("a"))}
    good = compile_catalog(files)
    assert compile_catalog(files, compile_catalog({"f.yaml": BAD}, good)).entries == good.entries


def test_an_unreadable_file_is_like_a_bad_one() -> None:
    good = compile_catalog({"f.yaml": text(intent("a"))})
    bad = compile_catalog({"f.yaml": FileError("may not be read", "Give permission")}, good)
    assert bad.stale == ("a",)
    assert str(bad.problems[0]) == "f.yaml: may not be read. Give permission"


def test_a_deleted_file_stops_being_enforced_even_a_bad_one() -> None:
    good = compile_catalog({"a.yaml": text(intent("a")), "b.yaml": text(intent("b"))})
    bad = compile_catalog({"a.yaml": BAD, "b.yaml": text(intent("b"))}, good)
    gone = compile_catalog({"b.yaml": text(intent("b"))}, bad)
    assert names(gone) == ["b"]
    assert gone.problems == ()


def test_an_intent_removed_from_a_good_file_is_gone() -> None:
    good = compile_catalog({"f.yaml": text(intent("a"), intent("b"))})
    assert names(compile_catalog({"f.yaml": text(intent("b"))}, good)) == ["b"]


def test_a_directory_that_cannot_be_read_deletes_nothing() -> None:
    files = {"a.yaml": text(intent("a")), "b.yaml": text(intent("b"))}
    good = compile_catalog(files)
    lost = compile_catalog({DIRECTORY: MISSING}, good)
    assert lost.stale == ("a", "b")
    assert [problem.file for problem in lost.problems] == [DIRECTORY]
    assert compile_catalog({DIRECTORY: MISSING}, lost).entries == lost.entries

    back = compile_catalog({"a.yaml": files["a.yaml"]}, lost)
    assert names(back) == ["a"]
    assert (back.stale, back.problems) == ((), ())


def test_a_name_in_two_files_is_reported_in_both_and_the_one_in_force_stays_and_only_proposes() -> None:
    both = {"a.yaml": text(intent("x", mode="observe"), intent("y")), "b.yaml": text(intent("x"))}
    in_force = compile_catalog({"b.yaml": both["b.yaml"]})
    assert in_force.intents["x"].spec.mode is Mode.AUTO
    catalog = compile_catalog(both, in_force)
    assert (catalog.entries["x"].file, catalog.intents["x"].spec.mode) == ("b.yaml", Mode.PROPOSE)
    assert compile_catalog({"b.yaml": both["b.yaml"]}, catalog).intents["x"].spec.mode is Mode.AUTO
    assert names(catalog) == ["x", "y"]
    assert [(p.file, p.line) for p in catalog.problems] == [("a.yaml", 1), ("b.yaml", 1)]
    assert "the one in b.yaml is in force" in catalog.problems[0].message
    assert "this one is in force" in catalog.problems[1].message

    assert compile_catalog({"a.yaml": both["a.yaml"]}, catalog).entries["x"].file == "a.yaml"


@pytest.mark.parametrize("gone", ["a.yaml", "b.yaml"])
def test_after_a_restart_a_name_in_two_files_is_in_force_in_neither_until_one_is_gone(gone: str) -> None:
    both = {"a.yaml": text(intent("x", mode="observe"), intent("y")), "b.yaml": text(intent("x"))}
    started = compile_catalog(both)
    assert names(started) == ["y"]
    assert [(p.file, p.field) for p in started.problems] == [
        ("a.yaml", "metadata.name"),
        ("b.yaml", "metadata.name"),
    ]
    assert "also defined in b.yaml:1; none of them is in force" in started.problems[0].message
    assert compile_catalog(both, started) is started
    del both[gone]
    left = compile_catalog(both, started)
    (file,) = both
    assert (left.entries["x"].file, left.problems, left.stale) == (file, (), ())


def test_a_renamed_file_is_no_duplicate() -> None:
    first = compile_catalog({"a.yaml": text(intent("x"))})
    second = compile_catalog({"b.yaml": text(intent("x"))}, first)
    assert second.problems == ()
    assert second.entries["x"].file == "b.yaml"


def test_unchanged_files_give_the_very_same_catalog_and_one_change_keeps_the_other_entries() -> None:
    files = {f"{n}.yaml": text(intent(f"i{n}")).encode() for n in range(20)}
    first = compile_catalog(files)
    assert compile_catalog(dict(files), first) is first
    files["3.yaml"] = text(intent("i3", mode="observe")).encode()
    second = compile_catalog(files, first)
    assert second.intents["i3"].spec.mode is Mode.OBSERVE
    assert all(second.intents[f"i{n}"] is first.intents[f"i{n}"] for n in range(20) if n != 3)


CONTENT = st.sampled_from(
    [BAD, text(intent("a")), text(intent("b")), text(intent("a"), intent("b")), MISSING, b"\xff"]
)
TURN = st.dictionaries(st.sampled_from(["1.yaml", "2.yaml", DIRECTORY]), CONTENT, max_size=3)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(TURN, max_size=5))
def test_whatever_happens_to_files_good_ones_are_in_force_and_stale_ones_never_act_alone(
    turns: list[dict],
) -> None:
    catalog = Catalog()
    for turn in turns:
        files = {
            name: content if name != DIRECTORY or isinstance(content, FileError) else MISSING
            for name, content in turn.items()
        }
        before, catalog = catalog, compile_catalog(files, catalog)
        for name, content in files.items():
            alone = compile_catalog({name: content})
            hidden = set(alone.intents) - set(catalog.intents)  # only by another file with the same name
            assert all(
                any(p.field == "metadata.name" and p.file == name for p in catalog.problems) for _ in hidden
            )
            assert bool(alone.problems) <= any(p.file == name for p in catalog.problems)
        for name, entry in catalog.entries.items():
            assert entry.intent.spec.mode is not Mode.AUTO or not entry.stale
            assert entry.file in files or DIRECTORY in files
            assert entry.stale <= (name in before.entries or DIRECTORY in files or entry.file in before.files)
        assert compile_catalog(files, catalog) == catalog
