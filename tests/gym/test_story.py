"""The demo's view: ledger rows in, what a person reads out. The rows are written by a real ledger."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from detectors.model import CaseKey
from gym.faults.image_tag import IMAGE_TAG
from gym.lines import lines_of
from gym.live import View
from gym.story import Story
from intents.load import load
from remediation.model import Outcome
from remediation.saga import Event
from store.ledger import Entry, Ledger
from store.queries import newest_steps

KEY = CaseKey("image-tag", "Deployment", "shop", "web")
IMAGE = "spec.template.spec.containers[name=app].image"
V1, V4 = "gym.intentd.io/workload:v1", "gym.intentd.io/workload:v4"


def opened() -> dict[str, Any]:
    violation = {"message": "ErrImagePull: not found", "expectation": 0, "fault_class": "ImagePull"}
    return {
        "fault_class": "ImagePull",
        "severity": "warning",
        "summary": "ImagePull: container app: ErrImagePull",
        "reason": "Mendable",
        "violations": [violation],
    }


def consulted(**more: Any) -> dict[str, Any]:
    candidate = {"id": "c1", "origin": "last-known-good", "summary": f"Set the image back to {V1}."}
    target = ["Deployment", "shop", "web"]
    manifest = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": V1}]}}}}
    return {
        "cause": "The tag v4 was never pushed.",
        "fault_class": None,
        "weights": "abc",
        "candidates": [{**candidate, "target": target, "manifest": manifest, "p_yes": 0.97}],
        "questions": [{"role": "diagnose", "seconds": 1.5}, {"role": "judge", "seconds": 0.5}],
        **more,
    }


DIAGNOSED = consulted(chosen="c1", confidence=0.97, wrote_manifest=False, manifest={})
PLANNED = {
    "plan": {},
    "digest": "d",
    "touched": [
        {"path": IMAGE, "before": V4, "after": V1, "was_absent": False, "becomes_absent": False},
    ],
}
VERDICTS = [{"guard": "scope", "allowed": True, "reason": "Named", "detail": ""}]
STARTED = {
    "operation_id": "op",
    "digest": "d",
    "resource_version": "7",
    "touched": [],
    "target": {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": "u"},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    store = Ledger.open(tmp_path / "ledger.db")
    yield store
    store.close()


Rows = tuple[tuple[float, Event, dict[str, Any]], ...]

ROWS: Rows = (
    (101.0, Event.DIAGNOSIS_STARTED, {}),
    (103.0, Event.DIAGNOSED, DIAGNOSED),
    (103.0, Event.PLANNED, PLANNED),
    (103.2, Event.GUARDED, {"verdicts": VERDICTS, "dry_run": "accepted"}),
    (103.2, Event.APPLY_STARTED, STARTED),
    (103.3, Event.APPLIED, {}),
    (114.0, Event.HELD, {"outcome": "fixed", "reason": "not seen for 10 s"}),
)
"""The life of a case that is fixed, with its times."""


def tell(ledger: Ledger, rows: Rows) -> Story:
    case = str(ledger.open_case(KEY, opened(), at=100.0))
    for at, event, payload in rows:
        ledger.record([Entry(event, payload, case)], at=at)
    story = Story()
    for step in newest_steps(ledger, limit=100):
        story.take(step)
    return story


def drawn(story: Story, width: int, height: int) -> str:
    spec = load("f", IMAGE_TAG.intent).intents[0].spec
    view = View([IMAGE_TAG], {"image-tag": spec}, story, "intentd on test", {"image-tag": 100.0})
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def test_a_fixed_case_is_told_from_its_rows_alone(ledger: Ledger) -> None:
    story = tell(ledger, ROWS)
    [case] = story.cases.values()
    assert case.outcome is Outcome.FIXED
    assert case.cause == "The tag v4 was never pushed."
    assert case.seconds(Event.OPENED, Event.DIAGNOSIS_STARTED) == pytest.approx(1.0)
    assert case.seconds(Event.APPLIED, Event.HELD) == pytest.approx(10.7)
    assert case.model_seconds == pytest.approx(2.0)
    assert (story.writes("image-tag"), case.confidence) == (1, 0.97)
    chosen = case.chosen_candidate()
    assert chosen is not None
    assert chosen["target"] == ["Deployment", "shop", "web"]


def test_a_manifest_that_the_model_wrote_is_its_choice(ledger: Ledger) -> None:
    wrote = consulted(chosen="model", confidence=0.8, wrote_manifest=True, manifest={"spec": {"replicas": 3}})
    story = tell(ledger, ((101.0, Event.DIAGNOSIS_STARTED, {}), (102.0, Event.DIAGNOSED, wrote)))
    [case] = story.cases.values()
    chosen = case.chosen_candidate()
    assert chosen is not None
    assert chosen["target"][2] == "web"
    assert chosen["manifest"] == {"spec": {"replicas": 3}}


def test_an_escalated_case_says_why(ledger: Ledger) -> None:
    unusable = consulted(reason="LowConfidence", detail="best 0.2, needs 0.5")
    ended = {"outcome": "escalated", "reason": "LowConfidence: best 0.2, needs 0.5"}
    rows: Rows = (
        (101.0, Event.DIAGNOSIS_STARTED, {}),
        (102.0, Event.UNUSABLE, unusable),
        (102.0, Event.ESCALATED, ended),
    )
    story = tell(ledger, rows)
    [case] = story.cases.values()
    assert case.ended
    assert case.chosen_candidate() is None
    assert "LowConfidence" in "\n".join(lines_of(Event.ESCALATED, case))


def test_the_view_shows_every_stage_of_a_change_under_verification(ledger: Ledger) -> None:
    shown = drawn(tell(ledger, ROWS[:-1]), width=120, height=60)
    for words in (
        "ErrImagePull",
        "never pushed",
        "* p(Yes) 0.97",
        f'- "{V4}"',
        f'+ "{V1}"',
        "1 of 1 allowed",
        "accepted",
        "must stay away for 10s",
        "2 of 3 per 1h left",
    ):
        assert words in shown


def test_an_ended_case_takes_one_line_of_the_view(ledger: Ledger) -> None:
    shown = drawn(tell(ledger, ROWS), width=120, height=60)
    assert f'fixed  image "{V4}" → "{V1}"' in shown
    assert "╭" not in shown


def test_plain_lines_name_each_stage(ledger: Ledger) -> None:
    story = tell(ledger, ROWS)
    [case] = story.cases.values()
    text = "\n".join(line for _, event, _ in ROWS for line in lines_of(event, case))
    for word in ("cause", "candidate", "patch", "guards", "dry run", "apply", "applied", "fixed"):
        assert word in text
