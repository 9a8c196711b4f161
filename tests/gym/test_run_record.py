"""What a run leaves in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gym.cases.results import Result
from gym.paths import GymError
from gym.run.record import Consultation, Exchange, Folder, Recording, Settings, read_recording, read_results

SETTINGS = Settings(model="none", made_of="no model", provider="kwok", seed=1)
RESULT = Result("a/b", 0, "control_plane", seen=True, changed=("Pod/x: spec",), seconds=1.5)
KEYS = (
    "case sample tier skipped seen fault_class root_cause outcome right changed assertions_hold over_edits harm "
    "seconds tokens weights"
)


def _recording() -> Recording:
    asked = Exchange("m", "s", "p", {"type": "object"}, False, 10, "{}", 5, 2, 0.5)
    thought = Consultation(
        "c-1", "i", "Pod", "ns", "x", "CrashLoop", ({"message": "ü"},), plan={"digest": "d"}
    )
    return Recording(
        case="a/b",
        sample=0,
        provider="kwok",
        intents=(),
        before=({"kind": "Pod"},),
        after=(),
        applied=None,
        consultations=(thought,),
        exchanges=(asked,),
        outcome="fixed",
        clear=True,
        fault_class="CrashLoop",
        root_cause="why",
        named=(("Pod", "ns", "x"),),
    )


def test_a_line_has_exactly_the_published_keys_in_their_order(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.begin(SETTINGS) == ()
    folder.add(RESULT)
    [line] = (tmp_path / "results.jsonl").read_text().splitlines()
    assert list(json.loads(line)) == KEYS.split()


def test_what_was_written_reads_back_the_same(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.begin(SETTINGS)
    folder.add(RESULT, _recording())
    assert read_results(tmp_path) == (RESULT,)
    assert read_recording(folder.evidence("a/b", 0)) == _recording()


def test_a_run_goes_on_where_it_was_cut_even_in_the_middle_of_a_line(tmp_path: Path) -> None:
    Folder(tmp_path).begin(SETTINGS)
    Folder(tmp_path).add(RESULT)
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"case": "a/c", "sam')
    again = Folder(tmp_path)
    assert again.begin(SETTINGS) == (RESULT,)
    again.add(RESULT)
    assert read_results(tmp_path) == (RESULT, RESULT)


def test_a_folder_with_another_runs_settings_is_refused_by_what_differs(tmp_path: Path) -> None:
    Folder(tmp_path).begin(SETTINGS)
    other = Settings(model="x", made_of="no model", provider="kwok", seed=1)
    with pytest.raises(GymError, match="model 'none' there, 'x' here"):
        Folder(tmp_path).begin(other)


def test_a_line_that_is_no_result_is_named_by_its_number(tmp_path: Path) -> None:
    Folder(tmp_path).begin(SETTINGS)
    (tmp_path / "results.jsonl").write_text(RESULT.line() + "\n" + '{"case": "x"}\n')
    with pytest.raises(GymError, match=r"results\.jsonl:2: no result"):
        read_results(tmp_path)
