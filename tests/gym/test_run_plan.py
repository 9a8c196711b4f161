"""What a run does with a folder of cases: what is run, what is skipped and why, and what the daemon may see."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from pathlib import Path
from typing import cast

import pytest
from kubernetes.client import CoreV1Api

from gym.cases.load import load_case
from gym.cases.model import Case, Scenario, Scoring, Tier
from gym.providers.base import Capabilities
from gym.run.default_intent import as_text, default_intents
from gym.run.lanes import Lanes
from gym.run.nodes import USUAL
from gym.run.plan import Job, by_nodes, plan, why_skipped
from gym.run.rest import Rest
from gym.run.stage import Stage, in_order
from intents.load import load

KWOK = Capabilities(audit_log=True, own_cluster=True)
ALL = Capabilities(real_containers=True, metrics=True, own_cluster=True)

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "shop/web:v9"}]}
"""


def scenario(folder: Path, **fields: object) -> Scenario:
    told = {
        "id": "web",
        "fault_type": "ImagePullBackOff: no such tag",
        "environment_tier": "kwok_status_injection",
        "fix_determinable": "yes",
        "assertions": [
            {
                "op": "eq",
                "target": {"kind": "Deployment", "name": "web"},
                "path": "spec.template.spec.containers[0].image",
                "value": "shop/web:secret-answer",
            }
        ],
        "allowed_changes": ["Deployment/web:spec.template.spec.containers[0].image"],
        **fields,
    }
    place = folder / str(told["id"])
    place.mkdir()
    (place / "case.json").write_text(json.dumps(told))
    (place / "broken.yaml").write_text(DEPLOYMENT)
    return load_case(place)


# ---------------------------------------------------------------- what is run


def test_one_sample_of_every_case_comes_before_the_second_of_any(tmp_path: Path) -> None:
    cases = [scenario(tmp_path, id="a"), scenario(tmp_path, id="b")]
    found = plan(cases, samples=2, tier=None, capabilities=KWOK)
    assert [job.id for job in found.jobs] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert found.skipped == ()


def test_what_has_a_result_is_not_run_again(tmp_path: Path) -> None:
    found = plan([scenario(tmp_path)], samples=2, tier=None, capabilities=KWOK, done={("web", 0)})
    assert [job.id for job in found.jobs] == [("web", 1)]


@pytest.mark.parametrize(
    ("fields", "tier", "capabilities", "reason"),
    [
        ({}, Tier.CONTROL_PLANE, KWOK, "only control_plane was asked for"),
        ({"environment_tier": "prometheus_metrics"}, None, KWOK, "Prometheus and running containers"),
        ({}, None, Capabilities(), "a cluster of our own"),
        ({"simulated_symptom": {"smell": "burnt"}}, None, KWOK, "cannot show smell"),
        ({"fault_type": "A strange one"}, None, KWOK, "none follows from 'A strange one'"),
    ],
)
def test_what_cannot_be_shown_is_skipped_with_its_reason(
    tmp_path: Path, fields: dict[str, object], tier: Tier | None, capabilities: Capabilities, reason: str
) -> None:
    found = plan([scenario(tmp_path, **fields)], samples=1, tier=tier, capabilities=capabilities)
    assert found.jobs == ()
    assert reason in (found.skipped[0].skipped or "")
    assert not found.skipped[0].right


def test_a_fault_that_the_control_plane_shows_itself_needs_no_symptom(tmp_path: Path) -> None:
    strange = scenario(tmp_path, fault_type="A strange one", environment_tier="control_plane")
    assert why_skipped(strange, None, KWOK) is None
    assert why_skipped(strange, None, ALL) is None


# ---------------------------------------------------------------- lanes


def test_samples_that_need_the_same_nodes_run_together_and_the_usual_ones_come_first(tmp_path: Path) -> None:
    small = {"nodes": [{"name": "n", "allocatable": {"cpu": "1"}}]}
    cases = [
        scenario(tmp_path, id="a", cluster_context=small),
        scenario(tmp_path, id="b"),
        scenario(tmp_path, id="c", cluster_context=small),
    ]
    groups = by_nodes([Job(one, 0) for one in cases], USUAL)
    assert [[job.id[0] for job in jobs] for _, jobs in groups] == [["b"], ["a", "c"]]
    assert [[node.name for node in nodes] for nodes, _ in groups] == [["worker-1", "worker-2"], ["n"]]


def test_a_quota_that_stands_beside_a_case_is_there_before_the_pods_that_it_keeps_out(tmp_path: Path) -> None:
    def obj(version: str, kind: str, name: str) -> dict[str, object]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}}

    case = dataclasses.replace(
        scenario(tmp_path).case,
        inventory=(obj("v1", "ResourceQuota", "team"), obj("apps/v1", "Deployment", "neighbour")),
        broken=(obj("apps/v1", "Deployment", "web"), obj("v1", "ConfigMap", "web")),
    )
    named = [(one["kind"], one["metadata"]["name"]) for one in in_order(case)]
    stated = ["Deployment/neighbour", "ResourceQuota/team", "ConfigMap/web", "Deployment/web"]
    assert [f"{kind}/{name}" for kind, name in named if f"{kind}/{name}" in stated] == stated


def test_a_case_that_changes_what_the_server_admits_runs_alone(tmp_path: Path) -> None:
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "gate"},
    }
    gated, other = scenario(tmp_path, id="a"), scenario(tmp_path, id="b")
    gated = dataclasses.replace(gated, case=dataclasses.replace(gated.case, inventory=(hook,)))
    groups = by_nodes([Job(gated, 0), Job(other, 0)], USUAL)
    assert [[job.id[0] for job in jobs] for _, jobs in groups] == [["a"], ["b"]]


def test_a_case_claims_the_classes_that_it_looks_up_as_well_as_those_that_it_brings(tmp_path: Path) -> None:
    plain = scenario(tmp_path).case
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
    }
    brought = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}

    def claims(*more: dict[str, object]) -> frozenset[str]:
        case = dataclasses.replace(plain, inventory=more)
        return Stage(cast("Rest", None), cast("CoreV1Api", None), case).claims

    assert claims() == {"Namespace/shop"}
    assert "StorageClass" in claims(claim)
    assert "StorageClass" in claims(brought)


def test_lanes_never_run_two_samples_with_one_claim_at_once_and_run_all(tmp_path: Path) -> None:
    one = scenario(tmp_path)
    claims = [{"a"}, {"a"}, {"b"}, {"b"}, {"c"}, {"a", "c"}, set(), {"a"}]
    jobs = [Job(one, number, frozenset(each)) for number, each in enumerate(claims)]
    lock, running, done, wrong = threading.Lock(), dict[int, frozenset[str]](), list[int](), list[str]()

    def work(job: Job) -> None:
        with lock:
            wrong.extend(f"{job.sample} beside {n}" for n, c in running.items() if job.claims & c)
            running[job.sample] = job.claims
        time.sleep(0.002)
        with lock:
            del running[job.sample]
            done.append(job.sample)

    Lanes(4, work, threading.Event()).run(jobs)
    assert wrong == []
    assert sorted(done) == list(range(len(claims)))


def test_an_error_in_a_lane_ends_the_others_and_is_raised(tmp_path: Path) -> None:
    one, stop = scenario(tmp_path), threading.Event()

    def work(job: Job) -> None:
        if job.sample == 0:
            raise ValueError("no")
        assert stop.wait(10)

    with pytest.raises(ValueError, match="no"):
        Lanes(2, work, stop).run([Job(one, number) for number in range(20)])
    assert stop.is_set()


# ---------------------------------------------------------------- what the daemon gets


def test_the_type_that_is_staged_has_no_field_of_an_answer() -> None:
    answers = {field.name for field in dataclasses.fields(Scoring)}
    assert not answers & {field.name for field in dataclasses.fields(Case)}


def test_the_default_intent_says_nothing_of_the_answer_and_is_the_same_for_every_case(tmp_path: Path) -> None:
    first = scenario(tmp_path, id="a")
    other = scenario(tmp_path, id="b", fault_type="none", assertions=[], allowed_changes=[])
    [intent] = default_intents(first.case)
    assert [intent] == list(default_intents(other.case))
    assert "secret-answer" not in as_text(intent)
    assert "web" not in as_text(intent)


def test_the_default_intent_is_one_that_the_daemon_takes_without_a_problem(tmp_path: Path) -> None:
    [intent] = default_intents(scenario(tmp_path).case)
    loaded = load("keep-shop.yaml", as_text(intent))
    assert loaded.problems == ()
    [read] = loaded.intents
    assert read.spec.mode == "auto"
    assert read.spec.scope.namespace == "shop"
    assert set(read.spec.recreate) == {"StatefulSet", "Job", "Pod", "PersistentVolumeClaim"}
