"""The page of a run: what it says is what was recorded, and nothing recorded becomes markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gym.cases.results import Result
from gym.catalogue.write import chosen, write
from gym.cli import app
from gym.paths import GymError
from gym.replay.baselines import Baseline
from gym.report.html import el, text
from gym.report.numbers import gained, lines, sample_of
from gym.report.page import page
from gym.report.write import cases_of, note_cases, scenarios_of, write_report
from gym.run.record import Folder, Settings
from remediation.model import Outcome
from tests.gym.recordings import (
    MESSAGE,
    REF,
    SCENARIO,
    candidate,
    deployment,
    exchange,
    plan_for,
    recorded,
    thought,
    with_image,
)

SETTINGS = Settings(model="usual", made_of="a model", provider="kwok", seed=1)
GOOD, WRONG = with_image("shop/web:v3"), with_image("shop/web:v2")
HOSTILE = "</pre></style><script>alert(1)</script><img src=x onerror='alert(2)'>\u202e\x00"


class Read(HTMLParser):
    """Tags in use, and whether each is closed where it was opened."""

    def __init__(self, document):
        super().__init__()
        self.open, self.tags, self.attributes, self.crossed, self.words = [], set(), set(), [], []
        self.feed(document)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def mended():
    told = thought(
        candidates=(candidate(1, WRONG, p_yes=0.2), candidate(2, GOOD, "previous-revision", 0.9)),
        plan=plan_for(GOOD),
        chosen="c2",
        manifest=GOOD,
        cause="no such tag",
    )
    after = [deployment("shop/web:v3")]
    return recorded(told, applied=after, after=after, outcome=Outcome.FIXED, clear=True)


def test_a_family_stands_beside_its_baselines():
    line, recording = mended()
    family, everything = lines([sample_of(SCENARIO, line, recording)], seed=1)
    assert family.family == "ImagePullBackOff"
    assert everything.family == "all"
    assert family.outcomes == (("fixed", 1),)
    shares = {name: one.right.share for name, one in family.baselines.items() if one.right is not None}
    assert shares == {
        Baseline.NOTHING: 0,
        Baseline.RESTART: 0,
        Baseline.ROLL_BACK: 1,
        Baseline.FIRST: 0,
    }
    assert family.live.right is not None
    assert family.live.right.share == 1
    assert family.class_right is not None
    assert family.class_right.share == 1


def test_what_is_added_is_paired_by_sample_and_only_where_both_were_scored():
    samples = [sample_of(SCENARIO, *mended()), sample_of(SCENARIO, *recorded(thought(), named=(REF,)))]
    over = {name: gained(samples, name, seed=1) for name in Baseline}
    assert {name: one.share for name, one in over.items() if one is not None} == {
        Baseline.NOTHING: 0.5,
        Baseline.RESTART: 0.5,
        Baseline.ROLL_BACK: 0.0,
        Baseline.FIRST: 0.5,
    }
    assert "over first candidate: +50" in page(samples, SETTINGS)


def test_each_judged_change_stands_with_its_probability_and_whether_it_is_right():
    line, recording = mended()
    found = sample_of(SCENARIO, line, recording)
    assert [(one.p_yes, one.right) for one in found.judged] == [(0.2, False), (0.9, True)]
    assert found.again is True


def test_what_a_cluster_or_a_model_said_never_becomes_markup():
    told = thought(
        violations=({"message": HOSTILE},),
        evidence=({"id": HOSTILE, "text": HOSTILE},),
        candidates=({**candidate(1, GOOD), "summary": HOSTILE, "p_yes": 0.5},),
        gaps=({"why": HOSTILE},),
        cause=HOSTILE,
        unusable=HOSTILE,
        chosen=HOSTILE,
        manifest={HOSTILE: HOSTILE},
        name=HOSTILE,
    )
    line, recording = recorded(told, root_cause=HOSTILE)
    recording = replace(recording, exchanges=(exchange(HOSTILE, HOSTILE),), why=(HOSTILE,))
    line = replace(line, changed=(HOSTILE,), over_edits=(HOSTILE,), fault_class=HOSTILE)
    scenario = replace(SCENARIO, scoring=replace(SCENARIO.scoring, fault_type=HOSTILE))
    document = page([sample_of(scenario, line, recording)], SETTINGS)
    read = Read(document)
    assert not read.tags & {"script", "img", "a", "link", "iframe"}
    assert not {name for name in read.attributes if name.startswith("on") or name in {"src", "href", "style"}}
    assert (read.open, read.crossed) == ([], [])
    assert "\u202e" not in document
    assert "\x00" not in document
    assert any("<script>alert(1)</script>" in words for words in read.words)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_any_text_reads_back_as_text_inside_and_as_an_attribute(words):
    read = Read(str(el("p", words, title=words)))
    assert read.tags == {"p"}
    assert (read.open, read.crossed) == ([], [])
    assert "<" not in text(words)


def test_the_page_asks_nothing_of_a_network():
    line, recording = mended()
    document = page([sample_of(SCENARIO, line, recording)], SETTINGS)
    assert "default-src &#x27;none&#x27;" in document
    assert "http://" not in document
    assert "https://" not in document
    assert "url(" not in document


def test_the_report_is_written_from_the_folder_and_says_what_it_leaves_out(tmp_path):
    folder = Folder(tmp_path / "out")
    folder.begin(SETTINGS)
    line, recording = mended()
    folder.add(line, recording)
    folder.add(replace(line, case="ours/gone"))
    folder.add(replace(line, sample=1, skipped="no such kind"))
    written = write_report(folder.root, [SCENARIO])
    document = written.read_text()
    assert MESSAGE.replace('"', "&quot;") in document
    assert "1 results are left out" in document
    assert "no such kind" in document


def test_the_command_finds_the_cases_that_the_run_noted(tmp_path):
    cases, folder = tmp_path / "cases", Folder(tmp_path / "out")
    write(chosen(["image"]), cases, seed=1, variants=1)
    scenarios = scenarios_of(cases)
    folder.begin(SETTINGS)
    for one in scenarios:
        folder.add(Result(one.case.id, 0, one.case.tier.value, skipped="not today"))
    note_cases(folder.root, cases)
    done = CliRunner().invoke(app, ["report", "--out", str(folder.root)])
    assert done.exit_code == 0
    assert "not today" in (folder.root / "report.html").read_text()


def test_a_folder_without_a_run_says_whose_turn_it_is(tmp_path):
    with pytest.raises(GymError, match="holds no run"):
        write_report(tmp_path, [])
    with pytest.raises(GymError, match="--cases DIR"):
        cases_of(tmp_path, None)
