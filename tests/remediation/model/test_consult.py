"""The decision, from every answer that a model can give. Evidence and candidates are the real ones."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from detectors.model import FaultClass
from remediation.candidates import generate
from remediation.choice import Thresholds, choose
from remediation.diagnose import consult, pump
from remediation.evidence import select
from remediation.model import (
    Answer,
    Candidate,
    Diagnosis,
    Evidence,
    Judged,
    Question,
    Role,
    Unusable,
    UnusableReason,
)
from tests.fakes import incidents
from tests.fakes.manifests import intent

MEMORY = "spec.template.spec.containers[*].resources.limits.memory"
CAUSE = '{"cause": "the image tag does not exist", "evidence": ["e1"]}'


def answer(text: str = "", p: float | None = None, weights: str = "sha256:a") -> Answer:
    return Answer(text, p, prompt_tokens=300, answer_tokens=9, seconds=0.1, weights=weights)


class Script:
    """A model that answers as told and remembers what it was asked."""

    def __init__(self, *, cause: str | Unusable = CAUSE, repair: str = "", yes=lambda _: 0.9) -> None:
        self.cause, self.repair, self.yes = cause, repair, yes
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> Answer | Unusable:
        self.asked.append(question)
        if question.role is Role.JUDGE:
            found = self.yes(question.prompt)
            return found if isinstance(found, Unusable | Answer) else answer("Yes", found)
        if question.role is Role.REPAIR:
            return answer(self.repair)
        return self.cause if isinstance(self.cause, Unusable) else answer(self.cause)

    @property
    def roles(self) -> list[Role]:
        return [question.role for question in self.asked]


def run(fault, script, *, roles=frozenset(Role), more=()):
    case, raw = incidents.ALL[fault]()
    theirs = intent()
    evidence = select(case, raw)
    candidates = (*generate(case, raw, evidence, theirs), *more)
    return pump(consult(case, evidence, candidates, theirs, raw.live, roles=roles), script)


ANOTHER = Candidate(
    "c9",
    "test",
    incidents.image()[0].target,
    "Set the image of container app from shop/web:1.5x to shop/web:1.3 (the value in revision 2, an earlier one).",
    {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop/web:1.3"}]}}}},
)


def bounded_memory():
    theirs = intent((("Deployment", MEMORY),))
    entry = theirs.spec.editable[0].model_copy(update={"min": "16Mi", "max": "512Mi"})
    return theirs.model_copy(update={"spec": theirs.spec.model_copy(update={"editable": (entry,)})})


def written(value: str) -> str:
    pod = {"containers": [{"name": "app", "resources": {"limits": {"memory": value}}}]}
    return json.dumps({"why": "it allocates 96 MiB", "manifest": {"spec": {"template": {"spec": pod}}}})


def run_oom(script, roles=frozenset(Role)):
    case, raw = incidents.oom()
    evidence = select(case, raw)
    theirs = bounded_memory()
    candidates = generate(case, raw, evidence, theirs)
    return pump(consult(case, evidence, candidates, theirs, raw.live, roles=roles), script)


def test_the_candidate_that_the_judge_believes_is_chosen_with_its_probability():
    script = Script(yes=lambda text: 0.93 if "back to shop/web:1.4 " in text else 0.02)
    found = run("image", script, more=(ANOTHER,))
    assert isinstance(found, Diagnosis)
    assert "back to shop/web:1.4" in found.chosen.summary
    assert found.confidence == 0.93
    assert found.fault_class is FaultClass.IMAGE_PULL
    assert found.evidence_ids == ("e1",)
    assert not found.wrote_manifest
    assert script.roles[0] is Role.DIAGNOSE
    assert set(script.roles[1:]) == {Role.JUDGE}


class Patient(Script):
    """Writes the smallest limit that is still open to it, as a small model does that copies what it read."""

    def __call__(self, question: Question) -> Answer | Unusable:
        if question.role is Role.REPAIR:
            open_now = re.findall(
                r'"enum": \["([^"]+)"', json.dumps(question.schema["properties"]["manifest"])
            )
            self.repair = written(open_now[0])
        return super().__call__(question)


def test_what_the_model_judges_too_small_it_may_write_anew_but_never_the_same():
    script = Patient(yes=lambda text: 0.9 if "to 96Mi" in text else 0.2)
    found = run_oom(script)
    assert isinstance(found, Diagnosis)
    assert found.wrote_manifest
    assert "to 96Mi" in found.chosen.summary
    told = [judged.candidate.summary for judged in found.judged]
    assert len(told) == len(set(told)) == script.roles.count(Role.REPAIR)


def test_after_three_manifests_that_it_does_not_believe_itself_a_person_is_called():
    script = Patient(yes=lambda _: 0.2)
    found = run_oom(script)
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.LOW_CONFIDENCE
    assert script.roles.count(Role.REPAIR) == 3
    assert len({judged.candidate.summary for judged in found.judged}) == 3


def test_every_candidate_is_judged_alone_and_with_the_stated_cause():
    script = Script(yes=lambda text: 0.93 if "back to shop/web:1.4 " in text else 0.02)
    found = run("image", script, more=(ANOTHER,))
    judged = [question.prompt for question in script.asked if question.role is Role.JUDGE]
    assert len(judged) == 2 * len(found.judged) == 4
    assert all(text.count("Change: ") == 1 for text in judged)
    assert all("Root cause: the image tag does not exist" in text for text in judged[:2])
    assert all("Root cause: container app of web: ImagePullBackOff\n" in text for text in judged[2:])


def test_without_a_telling_item_nothing_is_asked():
    case, _ = incidents.image()
    script = Script()
    found = pump(consult(case, Evidence(()), (), intent(), None), script)
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.NO_TELLING_EVIDENCE
    assert script.asked == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"abstain": "the evidence does not tell"}', UnusableReason.ABSTAINED),
        ('{"cause": "the image tag does not exist", "evidence": ["e99"]}', UnusableReason.UNKNOWN_EVIDENCE),
        ('{"cause": "the image tag does not exist", "evidence": []}', UnusableReason.UNKNOWN_EVIDENCE),
        ('{"cause": "the image tag does not ex', UnusableReason.INVALID),
        ("Yes", UnusableReason.INVALID),
        ("", UnusableReason.INVALID),
    ],
)
def test_a_cause_that_is_no_cause_ends_in_its_reason_and_nothing_is_judged(said, reason):
    script = Script(cause=said)
    found = run("image", script)
    assert isinstance(found, Unusable)
    assert found.reason is reason
    assert found.fault_class is FaultClass.IMAGE_PULL
    assert script.roles == [Role.DIAGNOSE]


def test_an_absent_model_ends_with_the_adapters_own_reason():
    found = run("image", Script(cause=Unusable(UnusableReason.UNREACHABLE, "refused")))
    assert isinstance(found, Unusable)
    assert (found.reason, found.detail) == (UnusableReason.UNREACHABLE, "refused")


def test_a_model_that_goes_away_between_two_judgements_leaves_the_cause_behind():
    calls = iter([0.1])

    def yes(_):
        return next(calls, Unusable(UnusableReason.TIMED_OUT, "no answer within 60 s"))

    found = run("image", Script(yes=yes), more=(ANOTHER,))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.TIMED_OUT
    assert found.cause == "the image tag does not exist"
    assert len(found.judged) == 1


def test_a_model_replaced_under_its_name_between_two_questions_is_not_trusted():
    calls = iter([answer("Yes", 0.1, "sha256:j"), answer("Yes", 0.99, "sha256:other")])
    found = run("image", Script(yes=lambda _: next(calls)), more=(ANOTHER,))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.INVALID
    assert "changed" in found.detail


def test_a_judge_of_its_own_has_its_digest_on_the_diagnosis_too():
    found = run("image", Script(yes=lambda text: answer("Yes", 0.9 if "1.4 " in text else 0.1, "sha256:j")))
    assert isinstance(found, Diagnosis)
    assert found.weights == "sha256:a+sha256:j"


@pytest.mark.parametrize("p", [None, float("nan"), float("inf"), -0.1, 1.5])
def test_a_judgement_without_a_probability_is_no_judgement(p):
    found = run("image", Script(yes=lambda _: answer("Yes", p)))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.INVALID


def test_where_no_candidate_passes_and_nothing_is_open_the_case_ends_with_its_cause():
    found = run("image", Script(yes=lambda _: 0.2))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.LOW_CONFIDENCE
    assert found.cause == "the image tag does not exist"
    assert len(found.judged) >= 1


def test_a_metric_whose_cause_no_change_can_mend_ends_without_a_written_manifest():
    script = Script(cause='{"cause": "the upstream fails", "evidence": ["e1"]}', yes=lambda _: 0.1)
    found = run("metric", script)
    assert isinstance(found, Unusable)
    assert found.reason in {UnusableReason.NOTHING_TO_CHANGE, UnusableReason.LOW_CONFIDENCE}
    assert found.cause == "the upstream fails"
    assert Role.REPAIR not in script.roles


def test_where_code_has_no_candidate_the_model_writes_and_its_own_change_is_judged():
    script = Script(repair=written("128Mi"), yes=lambda text: 0.97 if "to 128Mi" in text else 0.0)
    found = run_oom(script)
    assert isinstance(found, Diagnosis)
    assert found.wrote_manifest
    assert found.chosen.origin == "model"
    pod = found.chosen.manifest["spec"]["template"]["spec"]
    assert pod["containers"] == [{"name": "app", "resources": {"limits": {"memory": "128Mi"}}}]
    assert found.chosen.summary == "Set the memory limit of container app from 32Mi to 128Mi (a new value)."
    assert script.roles == [Role.DIAGNOSE, Role.REPAIR, Role.JUDGE]


def test_a_written_change_that_the_judge_does_not_believe_is_not_made():
    found = run_oom(Script(repair=written("48Mi"), yes=lambda _: 0.3))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.LOW_CONFIDENCE
    assert found.judged[-1].p_yes == 0.3


@pytest.mark.parametrize(
    "said",
    [
        written("1Ti"),
        written("32Mi"),
        written("16Mi"),
        '{"why": "x", "manifest": {"spec": {"replicas": 0}}}',
        '{"why": "x", "manifest": {"metadata": {"name": "other"}}}',
        '{"why": "x", "manifest": {"spec": {"template": {"spec": {"hostNetwork": true}}}}}',
        '{"why": "x", "manifest": {}}',
        '{"manifest": {"spec": {}}}',
        written("128Mi").replace('"app"', '"evil"'),
        written("128Mi").replace('"128Mi"', "128"),
    ],
)
def test_a_manifest_outside_what_was_offered_is_unusable_even_if_the_grammar_failed(said):
    script = Script(repair=said)
    found = run_oom(script)
    assert isinstance(found, Unusable)
    assert found.reason in {UnusableReason.INVALID, UnusableReason.NOTHING_TO_CHANGE}
    assert script.roles == [Role.DIAGNOSE, Role.REPAIR]


def test_an_abstention_from_writing_keeps_the_models_words():
    found = run_oom(Script(repair='{"abstain": "no value that is open removes it"}'))
    assert isinstance(found, Unusable)
    assert (found.reason, found.detail) == (UnusableReason.ABSTAINED, "no value that is open removes it")


def test_a_judge_only_model_states_no_cause_and_writes_nothing():
    script = Script(yes=lambda text: 0.9 if "back to shop/web:1.4 " in text else 0.1)
    found = run("image", script, roles=frozenset({Role.JUDGE}))
    assert isinstance(found, Diagnosis)
    assert set(script.roles) == {Role.JUDGE}
    assert "shop/web:1.5x" in found.cause
    none = run_oom(Script(), roles=frozenset({Role.JUDGE}))
    assert isinstance(none, Unusable)
    assert none.reason is UnusableReason.NOTHING_TO_CHANGE


# ---------------------------------------------------------------- choosing


def judged(p: float, manifest, name: str = "c") -> Judged:
    case, _ = incidents.image()
    return Judged(Candidate(name, "test", case.target, name, manifest), p)


A, B = {"spec": {"replicas": 2}}, {"spec": {"replicas": 3}}
BOTH = {"spec": {"replicas": 2, "paused": False}}


def test_two_that_contradict_each_other_and_are_close_are_both_refused():
    found = choose([judged(0.91, A), judged(0.93, B)], Thresholds())
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.TOO_CLOSE


def test_the_margin_is_in_log_odds_because_probabilities_saturate():
    found = choose([judged(0.97, A), judged(0.999, B)], Thresholds(margin=2.0))
    assert isinstance(found, Judged)
    assert found.candidate.manifest == B


@pytest.mark.parametrize(("small", "large"), [(0.8, 0.95), (0.95, 0.8), (0.9, 0.9)])
def test_of_two_that_agree_the_smaller_change_is_taken_whichever_scored_higher(small, large):
    found = choose([judged(large, BOTH, "all"), judged(small, A, "one")], Thresholds())
    assert isinstance(found, Judged)
    assert found.candidate.id == "one"


def test_one_below_the_threshold_is_refused_however_far_the_others_are():
    found = choose([judged(0.49, A), judged(0.0, B)], Thresholds(accept=0.5))
    assert isinstance(found, Unusable)
    assert found.reason is UnusableReason.LOW_CONFIDENCE


def test_certain_and_impossible_have_finite_log_odds():
    found = choose([judged(1.0, A), judged(0.0, B)], Thresholds())
    assert isinstance(found, Judged)
    assert choose([replace(judged(1.0, A)), judged(1.0, B)], Thresholds()).reason is UnusableReason.TOO_CLOSE
