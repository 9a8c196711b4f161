"""`down` leaves nothing on the host, whatever happened to the start, the servers or the containers."""

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

from gym import cluster
from gym.instance import Instance
from gym.paths import GymError
from gym.processes import marked
from gym.providers.local import leftovers
from gym.ready import api_client, wait_for
from tests.cluster_fixtures import why_no_containers
from tests.gym import workloads as w

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.kubelet,
    pytest.mark.skipif(why_no_containers() is not None, reason=str(why_no_containers())),
]


@pytest.fixture
def state() -> Iterator[Path]:
    """A short folder of its own; whatever a failed test leaves is taken down."""
    folder = Path(tempfile.mkdtemp(prefix="itd", dir="/tmp"))
    yield folder
    for name in ("a", "b"):
        cluster.down(name, state=folder)
    shutil.rmtree(folder)


def own_names(instance: Instance) -> set[str]:
    """Every name under which this instance's pods may stand at a fixed place on the host."""
    tasks = list(instance.path("containerd", "state", "io.containerd.runtime.v2.task", "k8s.io").iterdir())
    sockets = {Path((task / "address").read_text().strip()).name for task in tasks}
    return {instance.tag, *(task.name for task in tasks), *sockets}


def host_traces(names: set[str]) -> list[Path]:
    """What container tools keep at fixed places and that bears one of these names."""
    folders = ("/run/containerd/s", "/run/containerd/runc/k8s.io", "/var/lib/cni/results", "/run/netns")
    found = [path for folder in folders if Path(folder).is_dir() for path in Path(folder).iterdir()]
    links = [x for x in Path("/var/log/containers").glob("*") if any(n in str(x.readlink()) for n in names)]
    return links + [path for path in found if any(name in path.name for name in names)]


def start_up(state: Path, name: str = "a") -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "gym",
        "up",
        "--provider",
        "local",
        "--instance",
        name,
        "--state",
        str(state),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_a_pod(c: cluster.Cluster) -> None:
    with api_client(c.kubeconfig) as api:
        w.create(api, "default", w.deployment("web"))
        wait_for(
            "a running pod", lambda: bool((s := w.container_status(api, "default", "web")) and s.ready), 20
        )


def test_up_then_down_leaves_no_trace_on_the_host(state: Path) -> None:
    c = cluster.up("a", state=state, provider="local")
    run_a_pod(c)
    assert c.status().up
    assert all(alive for _, _, alive in c.status().processes)
    names = own_names(c.instance)
    assert len(host_traces(names)) >= 3  # so that the last line can fail
    cluster.down("a", state=state)
    assert leftovers(c.instance) == ()
    assert not c.instance.home.exists()
    assert host_traces(names) == []


@pytest.mark.parametrize("seconds", [0.8, 1.6, 2.6, 3.6, 5.0])
def test_up_killed_at_any_moment_is_cleaned_by_down(state: Path, seconds: float) -> None:
    instance = Instance.named("a", state)
    starting = start_up(state)
    time.sleep(seconds)
    starting.send_signal(signal.SIGKILL)
    starting.wait()
    cluster.down("a", state=state)
    assert leftovers(instance) == ()


def test_an_interrupted_up_cleans_up_after_itself(state: Path) -> None:
    instance = Instance.named("a", state)
    starting = start_up(state)
    wait_for("first processes", lambda: len(marked(instance)) >= 2, 30)
    starting.send_signal(signal.SIGTERM)
    assert starting.wait(30) == 130
    assert leftovers(instance) == ()


def test_down_after_everything_that_managed_the_containers_was_killed(state: Path) -> None:
    c = cluster.up("a", state=state, provider="local")
    run_a_pod(c)
    for pid in marked(c.instance):
        os.kill(pid, signal.SIGKILL)
    assert not c.status().up
    assert any(x.startswith("mount") for x in c.status().leftovers)
    cluster.down("a", state=state)
    assert leftovers(c.instance) == ()


def test_down_without_the_record_still_finds_everything(state: Path) -> None:
    c = cluster.up("a", state=state, provider="local")
    c.instance.path("instance.json").unlink()
    cluster.down("a", state=state)
    assert leftovers(c.instance) == ()


def test_down_twice_and_down_of_nothing_are_fine(state: Path) -> None:
    cluster.down("a", state=state)
    cluster.down("a", state=state)
    assert leftovers(Instance.named("a", state)) == ()


def test_a_second_up_refuses_and_leaves_the_first_alone(state: Path) -> None:
    first = cluster.up("a", state=state, provider="local")
    with pytest.raises(GymError, match="a is already up at https://"):
        cluster.up("a", state=state, provider="local")
    assert first.status().up


def test_a_half_made_instance_is_refused_by_name_and_fresh_replaces_it(state: Path) -> None:
    instance = Instance.named("a", state)
    starting = start_up(state)
    wait_for("first processes", lambda: len(marked(instance)) >= 2, 30)
    starting.kill()
    starting.wait()
    with pytest.raises(GymError, match="a was left half made"):
        cluster.up("a", state=state, provider="local")
    assert cluster.up("a", state=state, provider="local", fresh=True).status().up


def test_two_instances_have_networks_of_their_own_and_end_alone(state: Path) -> None:
    a = cluster.up("a", state=state, provider="local")
    b = cluster.up("b", state=state, provider="local")
    with api_client(a.kubeconfig) as api_a, api_client(b.kubeconfig) as api_b:
        w.create(api_a, "default", w.deployment("web"))
        w.create(api_b, "default", w.deployment("web"))
        ips = []
        for api in (api_a, api_b):
            wait_for(
                "ready",
                lambda api=api: bool((s := w.container_status(api, "default", "web")) and s.ready),
                20,
            )
            ips.append(w.pods(api, "default", "web")[0].status.pod_ip)
    assert ips[0].rpartition(".")[0] != ips[1].rpartition(".")[0]
    cluster.down("a", state=state)
    assert leftovers(a.instance) == ()
    assert b.status().up


def test_only_one_up_or_down_at_a_time(state: Path) -> None:
    instance = Instance.named("a", state)
    with instance.lock(), pytest.raises(GymError, match="is starting or stopping a right now"):
        cluster.down("a", state=state)
