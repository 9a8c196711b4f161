"""The Model port's contract, over the fake and over a real Ollama alike."""

from __future__ import annotations

import pytest

from daemon.clock import SystemClock
from daemon.ollama_model import OllamaModel, OllamaSettings
from remediation.answers import parse_cause
from remediation.candidates import generate
from remediation.evidence import select
from remediation.model import Answer, Unusable, UnusableReason
from remediation.prompt import diagnose_question, judge_question, shown
from tests.fakes import incidents
from tests.fakes.manifests import intent
from tests.fakes.model import FakeModel


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.model)])
def model(request):
    if request.param == "fake":
        yield FakeModel()
        return
    url = request.getfixturevalue("served")
    real = OllamaModel(OllamaSettings("intentd-contract", host=url, seconds=120), SystemClock())
    yield real
    real.close()


def of_image():
    case, raw = incidents.image()
    evidence = select(case, raw)
    return case, evidence, generate(case, raw, evidence, intent())[0]


def test_a_judgement_has_a_probability_and_the_digest_of_who_gave_it(model):
    case, evidence, candidate = of_image()
    found = model.ask(judge_question(case, evidence, "the tag does not exist", candidate))
    assert isinstance(found, Answer)
    assert found.p_yes is not None
    assert 0.0 < found.p_yes < 1.0
    assert found.weights == model.weights()
    assert found.prompt_tokens > 50
    assert found.seconds >= 0


def test_the_same_question_gets_the_same_answer(model):
    case, evidence, candidate = of_image()
    question = judge_question(case, evidence, "the tag does not exist", candidate)
    one, other = model.ask(question), model.ask(question)
    assert one.p_yes == pytest.approx(other.p_yes, abs=1e-4)


def test_a_cause_under_its_grammar_can_be_read_or_is_unusable_with_a_reason(model):
    case, evidence, _ = of_image()
    found = model.ask(diagnose_question(case, evidence))
    if isinstance(found, Unusable):
        assert found.reason is UnusableReason.CUT_SHORT
        return
    read = parse_cause(found, [item.id for item in shown(evidence)], [case.fault_class])
    assert not isinstance(read, Unusable) or read.reason is UnusableReason.ABSTAINED


# ---------------------------------------------------------------- the real one only


@pytest.mark.model
def test_a_model_that_the_server_does_not_have_is_named(served):
    model = OllamaModel(OllamaSettings("intentd-not-there", host=served), SystemClock())
    found = model.weights()
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.NO_MODEL
    assert "intentd-not-there" in found.detail


@pytest.mark.model
def test_a_prompt_that_the_server_would_cut_in_silence_is_refused_by_the_servers_own_count(served):
    """Digits are one token each: our estimate before sending lets this one through on purpose."""
    case, evidence, candidate = of_image()
    question = judge_question(case, evidence, "the tag does not exist", candidate)
    long = type(question)(question.role, "", "7 " * 480, 1, None, yes_no=True)
    model = OllamaModel(
        OllamaSettings("intentd-contract", host=served, num_ctx=540, seconds=120), SystemClock()
    )
    found = model.ask(long)
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.PROMPT_TOO_LONG
    assert "tokens and 1 to answer" in found.detail
