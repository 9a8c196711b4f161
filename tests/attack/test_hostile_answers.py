"""Whatever the model answers: nothing is written, the object stays as it was, and the refusal says which guard."""

import pytest

from detectors.model import FaultClass
from remediation.answers import parse_repair
from remediation.evidence import redacted, select
from remediation.model import Answer, Patch, RawEvidence, Unusable
from remediation.schema import open_fields
from tests.attack.hostile.corpus import ROWS
from tests.attack.hostile.ground import REGISTRY, objects
from tests.attack.hostile.row import Hostile, app
from tests.attack.hostile.walk import Walk
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.manifests import case, intent, ref


@pytest.fixture(scope="module")
def ground():
    cluster = FakeCluster()
    for item in objects("shop"):
        if item["kind"] == "Service":
            item["spec"]["clusterIP"] = "10.96.0.17"  # as the API server gives one
        cluster.put(item)
    return cluster, {item["kind"]: cluster.object(item["kind"], "shop", "web") for item in objects("shop")}


@pytest.fixture(scope="module")
def walk(ground, tmp_path_factory):
    cluster, live = ground
    walk = Walk(tmp_path_factory.mktemp("walk"), cluster, FakeClock(), live)
    yield walk
    walk.close()


def test_the_corpus_is_large_enough_and_names_each_row_once():
    assert len({row.name for row in ROWS}) == len(ROWS) >= 120


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_hostile_answer_writes_nothing_and_the_refusal_names_its_guard(row, walk, ground):
    cluster, live = ground
    attempt = walk.try_(row)
    assert row.stop in attempt.refused
    assert not attempt.written
    assert (cluster.written, cluster.dry_runs) == ([], [])
    assert cluster.object(row.kind, "shop", "web") == live[row.kind]


@pytest.fixture(scope="module")
def offered(ground):
    """What the repair question offers of this object: places, each with its few values."""
    deployment = ground[1]["Deployment"]
    message = "the process ended with code 1: 169.254.169.254 --admin evil.example slow debug 8081"
    broken = case(FaultClass.CRASH_LOOP, ref(deployment), message=message)
    evidence = select(broken, redacted(RawEvidence(live=deployment)))
    fields = open_fields(broken, evidence, intent().spec.editable, deployment)
    assert fields
    return fields


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_before_that_the_answer_itself_is_unusable_because_it_was_not_offered(row, offered):
    try:
        text = row.answer()
    except RecursionError:
        return  # no server sends what no encoder can write
    answer = Answer(text, None, prompt_tokens=1, answer_tokens=1, seconds=0.1, weights="w")
    assert isinstance(parse_repair(answer, offered), Unusable)


def test_the_way_is_open_for_a_harmless_answer(tmp_path):
    cluster = FakeCluster()
    live = {item["kind"]: cluster.put(item) for item in objects("shop")}
    walk = Walk(tmp_path, cluster, FakeClock(), live)
    attempt = walk.try_(Hostile("harmless", app(image=f"{REGISTRY}/web:1.4"), "", bounded=True))
    walk.close()
    assert isinstance(attempt.plan, Patch)
    assert (attempt.refused, attempt.written) == (frozenset(), True)
    written = cluster.object("Deployment", "shop", "web")["spec"]["template"]["spec"]["containers"][0]
    assert written["image"] == f"{REGISTRY}/web:1.4"
