"""The demo's faults on real containers, seen by a real intentd under its own account; and its interruption.

Without a model intentd must see each fault as what it is, find the right change among its candidates where
code can, and write nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from gym import cluster, weights
from gym.daemon import Daemon, start_daemon
from gym.faults import FAULTS
from gym.instance import Instance
from gym.objects import Objects
from gym.providers.local import leftovers
from gym.ready import wait_for
from gym.story import CaseStory, Story
from gym.trial import Trial
from remediation.model import Outcome
from store.queries import newest_steps

NO_WEIGHTS = [name for name in weights.DEFAULT if weights.path_of(name) is None]


@pytest.fixture(scope="module")
def daemon(containers: cluster.Cluster, prometheus_url: str) -> Iterator[Daemon]:
    """intentd without a model; the demo's limits."""
    assert prometheus_url
    started = start_daemon(containers, {"model": {"name": None}, "limits": {"storm_targets": len(FAULTS)}})
    yield started
    started.stop()
    shutil.rmtree(started.folder)


@pytest.fixture(scope="module")
def told(daemon: Daemon, api: client.ApiClient) -> Iterator[dict[str, tuple[Trial, CaseStory]]]:
    """All faults tried at once, each with the case that intentd made of it, ended."""
    daemon.order("grant", fault_class="*", weights="*", mode="auto", reason="a test")
    objects = Objects(api)
    objects.namespace("shop")
    trials = [Trial(fault, objects) for fault in FAULTS]
    for trial in trials:
        trial.set_up()
    for trial in trials:
        trial.wait_until_healthy()
        if trial.fault.breakage is not None:
            daemon.drop_intent(trial.fault.intent_name, trial.fault.intent)
    ledger, story = daemon.ledger(), Story()

    def newest(trial: Trial) -> CaseStory | None:
        for step in newest_steps(ledger, limit=1000, after=story.seen):
            story.take(step)
        cases = story.of(trial.fault.intent_name, trial.injected_at - 1.0)
        return cases[-1] if cases else None

    def all_ended() -> bool:
        return all((case := newest(trial)) is not None and case.ended for trial in trials)

    wait_for("knowing the good states", lambda: all(t.is_known_good(ledger) for t in trials), 90)
    for trial in trials:
        trial.inject()
        if trial.fault.breakage is None:
            daemon.drop_intent(trial.fault.intent_name, trial.fault.intent)
    wait_for("every case ending", all_ended, 120)
    yield {t.fault.name: (t, case) for t in trials if (case := newest(t)) is not None}
    ledger.close()
    client.CoreV1Api(api).delete_namespace("shop", grace_period_seconds=0)


ALL = [pytest.param(fault.name, id=fault.name) for fault in FAULTS]


@pytest.mark.cluster
@pytest.mark.kubelet
@pytest.mark.prometheus
@pytest.mark.parametrize("name", ALL)
def test_each_fault_is_seen_as_what_it_is_and_without_a_model_nothing_is_written(
    told: dict[str, tuple[Trial, CaseStory]], name: str
) -> None:
    trial, case = told[name]
    assert case.fault_class == trial.fault.fault_class
    assert case.outcome is Outcome.ESCALATED
    assert "NoModel" in case.reason
    assert case.writes == 0
    target = trial.objects.read(trial.fault.target[0], trial.fault.namespace, trial.fault.target[1])
    assert target is not None
    assert target["spec"] == trial.broken["spec"]


@pytest.mark.cluster
@pytest.mark.kubelet
@pytest.mark.prometheus
@pytest.mark.parametrize("name", ALL)
def test_the_right_change_is_among_the_candidates_where_code_can_know_it(
    told: dict[str, tuple[Trial, CaseStory]], name: str
) -> None:
    trial, case = told[name]
    right = [candidate for candidate in case.candidates if trial.would_be_right(candidate)]
    knowable = trial.fault.outcome is Outcome.FIXED and trial.fault.breakage is not None
    assert len(right) == (1 if knowable else 0)


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="itd", dir="/tmp"))
    yield folder
    cluster.down("demo", state=folder)
    shutil.rmtree(folder)


@pytest.mark.cluster
@pytest.mark.kubelet
@pytest.mark.prometheus
@pytest.mark.model
@pytest.mark.skipif(
    bool(NO_WEIGHTS),
    reason=f"the base weights {NO_WEIGHTS} are not in the cache: python -m gym weights --accept-weights",
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_demo_leaves_nothing_behind(
    containers: cluster.Cluster, state: Path, number: signal.Signals
) -> None:
    assert containers.capabilities.real_containers
    command = [sys.executable, "-u", "-m", "gym", "demo", "--keep", str(state / "keep")]
    environment = {**os.environ, "INTENTD_GYM_STATE": str(state)}
    with (state / "log").open("w+") as log:
        demo = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            marker = "injected" if number is signal.SIGINT else "workloads"
            wait_for(f"{marker} being said", lambda: marker in (state / "log").read_text(), 120)
            time.sleep(0.5)
            demo.send_signal(number)
            assert demo.wait(30) == 130
        finally:
            demo.kill()
            demo.wait()
    assert "nothing was left behind" in (state / "log").read_text()
    assert leftovers(Instance.named("demo", state)) == ()
    assert not (state / "keep").exists()
