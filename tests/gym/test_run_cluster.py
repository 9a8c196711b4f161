"""Three cases from their folders to their lines: a real API server, a real intentd, a model that answers by a script."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gym import cluster
from gym.cases.results import Result
from gym.instance import Instance
from gym.processes import marked
from gym.ready import wait_for
from gym.run.record import Recording, read_recording, read_results
from gym.run.runner import DAEMONS, Options, run
from gym.run.watch import Patience
from tests.cluster_fixtures import why_no_cluster
from tests.saga.scripted_model import NAME, scripted_model

pytestmark = pytest.mark.cluster

SECRET = "zebra-7391"
"""Stands in every field of an answer, and nowhere in what is broken."""


def deployment(container: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": "orders"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "orders", "namespace": "placeholder"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "registry.test/orders:v1", **container}]},
            },
        },
    }


REFERENCE = {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "orders", "key": "database-uri"}}}
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "orders"},
    "data": {"database-url": "db:5432"},
}
KEY = "spec.template.spec.containers[0].env[name=URL].valueFrom.configMapKeyRef.key"
TARGET = {"kind": "Deployment", "name": "orders"}

CASES: dict[str, dict[str, Any]] = {
    "mended": {
        "fault_type": "CreateContainerConfigError: key missing",
        "fix_determinable": "yes",
        "assertions": [{"op": "eq", "target": TARGET, "path": KEY, "value": "database-url"}],
        "allowed_changes": [f"Deployment/orders:{KEY}"],
        "expected_fix_source": SECRET,
    },
    "told": {
        "fault_type": "ImagePullBackOff: no such image",
        "fix_determinable": "no",
        "diagnosis_only": True,
        "assertions": [],
        "allowed_changes": [],
        "expected_finding_source": [{"contains": "image tag"}],
    },
    "fine": {"fault_type": "none", "fix_determinable": "yes", "assertions": [], "allowed_changes": []},
}
OBJECTS: dict[str, list[dict[str, Any]]] = {
    "mended": [CONFIG, deployment({"env": [REFERENCE]})],
    "told": [deployment({})],
    "fine": [deployment({})],
}


def write(root: Path, name: str) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    told = {"id": f"tiny/{name}", "environment_tier": "kwok_status_injection", "notes": SECRET, **CASES[name]}
    (folder / "case.json").write_text(json.dumps(told))
    objects = [{**one, "metadata": {**one["metadata"], "namespace": f"tiny-{name}"}} for one in OBJECTS[name]]
    (folder / "broken.yaml").write_text("\n---\n".join(json.dumps(one) for one in objects))


@dataclass(frozen=True)
class Ran:
    out: Path
    said: str
    whole: bool
    results: dict[str, Result]
    state: Path

    def recording(self, name: str) -> Recording:
        return read_recording(self.out / "evidence" / f"tiny__{name}-0.json")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    if reason := why_no_cluster():
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("cases")
    for name in CASES:
        write(root, name)
    out, state, said = (
        tmp_path_factory.mktemp("out"),
        Path(tempfile.mkdtemp(prefix="itd", dir="/tmp")),
        io.StringIO(),
    )
    with pytest.MonkeyPatch.context() as patch, scripted_model() as url:
        patch.setenv("INTENTD_GYM_STATE", str(state))
        patch.setenv("OLLAMA_HOST", url)
        options = Options(root, out, model=NAME, keep=True, patience=Patience(unseen=8, settled=2))
        try:
            whole = run(options, Console(file=said, width=200))
        finally:
            cluster.down(options.instance)
    results = {one.case.removeprefix("tiny/"): one for one in read_results(out)}
    yield Ran(out, said.getvalue(), whole, results, state)
    shutil.rmtree(state)


def test_a_case_that_candidates_mend_is_fixed_verified_and_right(ran: Ran) -> None:
    mended = ran.results["mended"]
    assert (mended.fault_class, mended.outcome) == ("ConfigReference", "fixed"), ran.said
    assert mended.right
    assert mended.assertions_hold
    assert mended.changed == (f"Deployment/orders:{KEY.replace('[0]', '[name=app]')}",)
    assert not mended.harm
    assert mended.tokens
    assert mended.weights


def test_a_case_without_a_fix_is_right_by_calling_a_person_with_object_and_cause(ran: Ran) -> None:
    told = ran.results["told"]
    assert (told.fault_class, told.outcome) == ("ImagePull", "escalated"), ran.said
    assert told.right
    assert told.changed == ()


def test_a_control_is_not_seen_and_not_touched(ran: Ran) -> None:
    fine = ran.results["fine"]
    assert (fine.seen, fine.outcome, fine.right) == (False, None, True), ran.said


def test_the_recording_holds_what_another_model_would_need(ran: Ran) -> None:
    found = ran.recording("mended")
    [thought] = found.consultations
    assert thought.candidates
    assert thought.evidence
    assert thought.facts
    assert len(found.exchanges) == len(thought.questions)
    assert all(exchange.prompt for exchange in found.exchanges)
    assert {one["kind"] for one in found.before} >= {"ConfigMap", "Deployment"}
    assert found.applied is not None
    assert found.clear


def test_nothing_of_an_answer_is_among_the_daemons_files_or_in_what_it_asked(ran: Ran) -> None:
    files = [path for path in (ran.out / DAEMONS).rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"ledger.db", "settings.yaml", "intentd.log"}
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
    for name in CASES:
        asked = [text for one in ran.recording(name).exchanges for text in (one.system, one.prompt)]
        assert not any(SECRET in text or "assertions" in text for text in asked)


def test_the_report_replays_what_was_done_to_the_live_verdict(ran: Ran) -> None:
    document = (ran.out / "report.html").read_text()
    assert "gives the live verdict in 1 of 1 samples" in document
    assert "left out" not in document


def test_the_run_ends_with_a_table_and_leaves_nothing_behind(ran: Ran) -> None:
    assert ran.whole
    assert "ImagePullBackOff" in ran.said
    assert "control" in ran.said
    instance = Instance.named("run", ran.state)
    assert not instance.exists
    assert marked(instance) == []


def test_an_interrupted_run_leaves_its_results_and_nothing_else(tmp_path: Path) -> None:
    if reason := why_no_cluster():
        pytest.skip(reason)
    write(tmp_path / "cases", "fine")
    state, out, log = Path(tempfile.mkdtemp(prefix="itd", dir="/tmp")), tmp_path / "out", tmp_path / "log"
    command = [
        sys.executable,
        "-u",
        "-m",
        "gym",
        "run",
        "--cases",
        tmp_path / "cases",
        "--out",
        out,
        "--model",
        "none",
    ]
    environment = {**os.environ, "INTENTD_GYM_STATE": str(state)}
    instance = Instance.named("run", state)
    try:
        with log.open("w") as said:
            running = subprocess.Popen(
                command, env=environment, stdout=said, stderr=said, start_new_session=True
            )
            wait_for("a daemon being let loose", lambda: instance.path("intentd0", "ledger.db").exists(), 90)
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 130, log.read_text()
        assert not instance.exists
        assert marked(instance) == []
        assert (out / "run.json").exists()
        assert "Traceback" not in log.read_text()
    finally:
        cluster.down("run", state=state)
        shutil.rmtree(state)
