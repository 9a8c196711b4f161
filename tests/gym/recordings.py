"""Small recordings of the shop's broken Deployment, as a run leaves them: written by hand, no cluster."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from detectors.model import ObjectRef
from gym.cases.assertions.registry import read
from gym.cases.changes import Allowed
from gym.cases.model import CONTROL, Case, Determinable, Finding, Scenario, Scoring, Tier
from gym.cases.results import result
from gym.cases.score import Run, score
from gym.cases.state import State
from gym.run.record import Consultation, Exchange, Recording
from remediation.model import Candidate, Outcome
from remediation.plan import plan_change
from remediation.plan_json import plan_to_json

WEB = {"kind": "Deployment", "name": "web"}
REF = ObjectRef("Deployment", "shop", "web")
IMAGE = "spec.template.spec.containers[0].image"
MESSAGE = 'Back-off pulling image "shop/web:v4"'


def deployment(image="shop/web:v4", replicas=2):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "app", "image": image}]}},
        },
    }


CASE = Case("ours/image", Tier.KWOK, (deployment(),))
FIXABLE = Scoring(
    fault_type="ImagePullBackOff: tag",
    determinable=Determinable.YES,
    diagnosis_only=False,
    assertions=(
        read({"op": "eq", "target": WEB, "path": IMAGE, "value": "shop/web:v3"}),
        read({"op": "eq", "target": WEB, "path": "spec.replicas", "value": 2}),
    ),
    allowed=(Allowed.read(f"Deployment/web:{IMAGE}"),),
    findings=(Finding(sentence="The image `shop/web:v4` cannot be pulled"),),
)
SCENARIO = Scenario(CASE, FIXABLE)
HOPELESS = Scenario(
    CASE, replace(FIXABLE, determinable=Determinable.NO, diagnosis_only=True, assertions=(), allowed=())
)
CONTROLLED = Scenario(CASE, replace(FIXABLE, fault_type=CONTROL, assertions=(), allowed=(), findings=()))


def with_image(image):
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}


def candidate(number, manifest, origin="running-image", p_yes=None):
    return {
        "id": f"c{number}",
        "origin": origin,
        "summary": f"change {number}",
        "target": list(REF.key),
        "manifest": manifest,
        "p_yes": p_yes,
    }


def thought(**more):
    told = {
        "case_id": "c-1",
        "intent": "keep-shop",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "fault_class": "ImagePull",
        "violations": ({"message": MESSAGE},),
    }
    return Consultation(**{**told, **more})


def plan_for(manifest, live=None):
    plan = plan_change(Candidate("c1", "running-image", REF, "", manifest), live or deployment())
    return plan_to_json(plan)


def recorded(*thoughts, scenario=SCENARIO, before=None, after=None, applied=None, **more):
    """A recording and its line, scored as a live run is."""
    before = [deployment()] if before is None else before
    states = [State.of(one) for one in (before, before if after is None else after)]
    run = Run(
        *states,
        applied=State.of(applied) if applied is not None else None,
        **{"outcome": Outcome.ESCALATED, "fault_class": "ImagePull", "root_cause": MESSAGE, **more},
    )
    scored = score(scenario.case, scenario.scoring, run)
    line = result(
        scenario.case, run, scored, sample=0, seen=bool(thoughts), seconds=21.5, tokens=0, weights=None
    )
    told = Recording(
        case=scenario.case.id,
        sample=0,
        provider="kwok",
        intents=(),
        before=tuple(deepcopy(before)),
        after=tuple(deepcopy([*run.after.objects.values()])),
        applied=tuple(deepcopy(applied)) if applied is not None else None,
        consultations=thoughts,
        exchanges=(),
        outcome=run.outcome.value if run.outcome else None,
        clear=run.clear,
        fault_class=run.fault_class,
        root_cause=run.root_cause,
        named=tuple(ref.key for ref in run.named),
        why=scored.why,
    )
    return line, told


def exchange(prompt, answer):
    return Exchange("m", "you judge", prompt, None, False, 10, answer, 5, 2, 0.5)
