"""The instruments of the benchmarks: a figure is worth what measures it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import yaml

from benchmarks.figures import Figure, percentile
from benchmarks.incident import FAULTS
from benchmarks.process import Program
from benchmarks.rows import Rows
from benchmarks.scripted_model import NAME, scripted_model
from benchmarks.violation_to_fix import asked_seconds
from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from intents.model import Intent
from remediation.answers import parse_cause
from remediation.candidates import generate
from remediation.evidence import select
from remediation.model import Answer
from remediation.prompt import diagnose_question, judge_question, shown
from remediation.saga import Event
from store.ledger import Entry, Ledger
from tests.fakes import incidents
from tests.fakes.manifests import intent
from tests.store.lives import KEY, NOW, OPENED, move


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([float(n) for n in range(1, 201)], 0.99) == 198.0
    assert percentile([7.0], 0.99) == 7.0


def test_a_promise_of_time_and_of_a_ratio_must_both_hold():
    assert Figure("x", "s", 0.9, 20.0, 1.0, 20.0).kept is True
    assert Figure("x", "s", 0.9, 10.0, 1.0, 20.0).kept is False
    assert Figure("x", "s", 1.1, 40.0, 1.0, 20.0).kept is False
    assert Figure("x", "s", 1.1).kept is None


@pytest.fixture
def scripted():
    with scripted_model(
        lambda prompt: 0.95 if "shop/web:1.4" in prompt.partition("Change:")[2] else 0.05
    ) as url:
        model = OllamaModel(OllamaSettings(NAME, host=url), SystemClock())
        yield model
        model.close()


def test_the_scripted_server_answers_the_daemons_own_adapter_as_ollama_would(scripted):
    case, raw = incidents.image()
    evidence = select(case, raw)
    answer = scripted.ask(diagnose_question(case, evidence))
    assert isinstance(answer, Answer)
    cause = parse_cause(answer, [item.id for item in shown(evidence)], [case.fault_class])
    judged = {
        each.summary: scripted.ask(judge_question(case, evidence, cause.cause, each)).p_yes
        for each in generate(case, raw, evidence, intent())
    }
    assert max(judged.values()) == pytest.approx(0.95)
    assert all((p > 0.5) == ("shop/web:1.4" in summary) for summary, p in judged.items())


def test_the_scripted_server_costs_milliseconds(scripted):
    """Not a promise: a server that held an answer back for tens of milliseconds would spoil every figure."""
    case, raw = incidents.image()
    question = diagnose_question(case, select(case, raw))
    scripted.ask(question)
    assert min(scripted.ask(question).seconds for _ in range(10)) < 0.03


def test_rows_are_followed_while_somebody_else_writes_them(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    rows = Rows(path)
    case = ledger.open_case(KEY, OPENED, at=NOW)

    def later():
        time.sleep(0.2)
        ledger.record([Entry(Event.DIAGNOSIS_STARTED, {}, str(case))], at=time.time())

    writer = threading.Thread(target=later)
    writer.start()
    first = rows.wait_for_case(5, "shop", "web")
    second = rows.wait_for(5, Event.DIAGNOSIS_STARTED, Event.CLOSED, case=first.case)
    writer.join()
    assert first.payload["fault_class"] == "ImagePull"
    assert second.seen >= second.at
    assert second.seen - second.at < 1
    assert [row.event for row in rows.of(first.case)] == ["opened", "diagnosis-started"]
    rows.close()
    ledger.close()


def test_a_row_that_never_comes_ends_the_run_with_the_newest_rows(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    ledger.open_case(KEY, OPENED, at=NOW)
    rows = Rows(path)
    with pytest.raises(SystemExit, match=r"no row applied within 0 s(?s:.*)opened"):
        rows.wait_for(0.05, Event.APPLIED)
    rows.close()
    ledger.close()


def test_the_models_seconds_are_those_of_the_questions_in_the_ledger(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path)
    rows = Rows(path)
    case = str(ledger.open_case(KEY, OPENED, at=NOW))
    asked = {
        "questions": [{"seconds": 1.5}, {"seconds": 0.25}, {"unusable": "TimedOut"}],
        "reason": "TimedOut",
    }
    ledger.record([Entry(Event.DIAGNOSIS_STARTED, {}, case)], at=2.0)
    ledger.record([move(Event.UNUSABLE, case, **asked)], at=3.0)
    rows.wait_for(5, Event.UNUSABLE)
    assert asked_seconds(rows.of(case)) == 1.75
    rows.close()
    ledger.close()


def test_a_stopped_program_says_nothing_until_it_goes_on():
    chatter = 'import sys, time\nwhile True:\n print(\'{"event": "x"}\', file=sys.stderr, flush=True)\n time.sleep(0.05)'
    running = Program([sys.executable, "-c", chatter])
    running.wait_for(10, event="x")
    with running.stopped():
        time.sleep(0.3)
        running.drain()
        time.sleep(0.3)
        with pytest.raises(SystemExit):
            running.wait_for(0.1, event="x")
    running.wait_for(10, event="x")
    running.end()


@pytest.mark.parametrize("kind", FAULTS)
def test_each_incident_has_a_workload_an_intent_and_a_right_end_of_its_own(kind):
    faults = [FAULTS[kind](number) for number in range(8)]
    assert len({fault.target for fault in faults}) == len({fault.intent_name for fault in faults}) == 8
    for fault in faults:
        document = Intent.model_validate(yaml.safe_load(fault.intent))
        assert document.metadata.name == fault.intent_name
        assert (document.spec.scope.kind, document.spec.scope.name) == fault.target
        assert fault.objects[-1]["metadata"]["name"] == fault.target[1]
        assert not fault.is_right(fault.objects[-1]) or fault.breakage is not None


def test_a_written_limit_is_right_where_it_holds_what_the_program_loads():
    fault = FAULTS["written"](2)  # 128 MiB
    (field,) = fault.fixed
    assert [field.right(value) for value in ("64Mi", "128Mi", "192Mi", "512Mi", "1Gi")] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert fault.objects[0]["spec"]["replicas"] == 1


def test_the_benchmarks_say_what_there_is_without_a_cluster():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("list", "watch", "fix", "memory", "incident"):
        assert name in done.stdout
