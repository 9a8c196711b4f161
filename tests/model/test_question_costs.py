"""What a question costs, as the server tells it: tokens and seconds on the answer, in the ledger, in `explain`;
and against a real Ollama that a second question on one case reads its prefix from cache."""

from __future__ import annotations

import dataclasses

import pytest

from daemon.cli.cases import explanation
from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from remediation.candidates import generate
from remediation.evidence import select
from remediation.model import Answer
from remediation.prompt import diagnose_question, judge_question
from remediation.saga import State
from store.queries import steps
from tests.fakes import incidents
from tests.fakes.manifests import intent
from tests.fakes.rig import BAD, Rig
from tests.model.test_ollama_trouble import ask, chunk, logprobs, says

CASES = 2


def test_the_servers_own_times_are_on_the_answer_in_seconds():
    told = {"prompt_eval_duration": 1_900_000_000, "eval_duration": 26_000_000, "load_duration": 41_000_000}
    found, _ = ask(says(chunk("Yes", logprobs=logprobs(Yes=0.6, No=0.2), **told)))
    assert (found.prompt_tokens, found.answer_tokens) == (40, 1)
    assert (found.prompt_seconds, found.answer_seconds, found.load_seconds) == (1.9, 0.026, 0.041)


def test_times_that_the_server_does_not_tell_are_unknown_and_not_zero():
    found, _ = ask(says(chunk("Yes", logprobs=logprobs(Yes=0.6, No=0.2))))
    assert (found.prompt_seconds, found.answer_seconds, found.load_seconds) == (None, None, None)


def test_a_finished_case_tells_what_each_of_its_questions_cost(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    rig.set_image(BAD)
    row = rig.until(State.CLOSED)
    questions = explanation(row, steps(rig.store, row.case_id))["questions"]
    rig.store.close()
    assert [question["role"] for question in questions][:2] == ["diagnose", "judge"]
    for question in questions:
        assert question["prompt_tokens"] == 300
        assert question["prompt_seconds"] == 0.06
        assert question["answer_seconds"] == 0.03
        assert question["load_seconds"] is None


# ---------------------------------------------------------------- the real server


@pytest.fixture
def model(served):
    real = OllamaModel(OllamaSettings("intentd-contract", host=served, seconds=120), SystemClock())
    yield real
    real.close()


def asked_of(model, name):
    """The questions of one case, in the daemon's order: the cause, then each candidate. `name` makes the
    incident's first line differ, so that nothing but the system text is in the cache before."""
    case, raw = incidents.image()
    case = dataclasses.replace(case, target=case.target._replace(name=name))
    evidence = select(case, raw)
    cause = "the image tag does not exist in the registry"
    right = generate(case, raw, evidence, intent())[0]
    other = dataclasses.replace(right, summary=right.summary.replace("1.4", "1.3"))
    judged = [judge_question(case, evidence, cause, each) for each in (right, other)]
    assert judged[0].prompt != judged[1].prompt
    return judged, diagnose_question(case, evidence)


def answer(model, question):
    found = model.ask(question)
    assert isinstance(found, Answer), found
    return found


@pytest.mark.model
def test_a_second_question_on_the_same_case_reads_its_prefix_from_cache(model):
    """The cold one is the same kind of question, on another case, and as long. The server counts cached tokens
    too, so only the time tells."""
    cold, second = [], []
    model.ask(asked_of(model, "warm-up")[0][0])  # loads the weights
    for number in range(CASES):
        (first_judged, second_judged), _ = asked_of(model, f"{number}-deployment")
        cold.append(answer(model, first_judged))
        second.append(answer(model, second_judged))
    for one, other in zip(cold, second, strict=True):
        assert other.prompt_tokens == pytest.approx(one.prompt_tokens, rel=0.1)
    assert quickest(second) < 0.5 * quickest(cold)


@pytest.mark.model
def test_the_first_judgement_reads_the_incident_from_the_cache_that_the_cause_left(model):
    cold, after_cause = [], []
    model.ask(asked_of(model, "warm-up")[0][0])
    for number in range(CASES):
        (judged, _), _ = asked_of(model, f"cold-{number}")
        cold.append(answer(model, judged))
        (judged, _), cause = asked_of(model, f"cause-{number}")
        model.ask(cause)
        after_cause.append(answer(model, judged))
    assert quickest(after_cause) < 0.5 * quickest(cold)


def quickest(answers):
    """Other work on the machine only adds to a time."""
    return min(each.prompt_seconds for each in answers)
