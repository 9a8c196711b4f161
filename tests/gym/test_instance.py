"""Names, records and ports of an instance."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gym.instance import LONGEST_HOME, Instance, all_instances, free_ports
from gym.network import Network
from gym.paths import GymError, cache_dir, state_dir
from gym.processes import kill_all, marked, recorded, start, stop, wait_ready
from gym.providers.hosted import down_hosted


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("a", tmp_path / "a")


@pytest.mark.parametrize("name", ["", "A", "1a", "a/b", "..", "a-", "x" * 21, "a b"])
def test_a_name_that_could_not_be_a_folder_a_node_and_a_cluster_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(GymError, match="is no name for an instance"):
        Instance.named(name, tmp_path)


def test_a_folder_too_long_for_sockets_is_refused_before_anything_is_made() -> None:
    long = Path("/tmp") / ("x" * LONGEST_HOME)
    with pytest.raises(GymError, match="is too long"):
        Instance.named("a", long)
    assert not long.exists()


def test_names_on_the_host_depend_on_the_folder_and_fit_the_kernel() -> None:
    one, two = Instance.named("a", Path("/tmp/x")), Instance.named("a", Path("/tmp/y"))
    assert one.bridge != two.bridge
    assert one.cgroup != two.cgroup
    assert len(one.bridge) <= 15
    assert Instance.named("a", Path("/tmp/x")).tag == one.tag


def test_the_record_survives_writers_in_two_threads(instance: Instance) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            instance.update_in("processes", f"{thread}-{number}", [number, 0])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(instance.read()["processes"]) == 100


def test_a_torn_record_reads_as_empty(instance: Instance) -> None:
    instance.update(server="x")
    instance.path("instance.json").write_text('{"server": ')
    assert instance.read() == {}


def test_none_removes_a_key_from_the_record(instance: Instance) -> None:
    instance.update(server="x", ready=True)
    instance.update(server=None)
    assert instance.read() == {"ready": True}


def test_a_lock_ends_with_the_process_that_held_it(instance: Instance) -> None:
    code = f"""
import sys, time
from pathlib import Path
from gym.instance import Instance
with Instance("a", Path({str(instance.home)!r})).lock():
    print("held", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(GymError, match=f"process {holder.pid} is starting or stopping"), instance.lock():
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with instance.lock(remove=True):
        pass
    assert not instance.home.with_name(".a.lock").exists()


def test_chosen_ports_differ_and_are_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as each:
            each.bind(("127.0.0.1", port))


def test_a_process_and_the_children_it_orphaned_are_found_and_ended(instance: Instance) -> None:
    script = "sleep 300 & disown; exec sleep 301"
    process = start(instance, "parent", ["bash", "-c", script])
    wait_ready(instance, process, lambda: len(marked(instance)) == 2, 10)
    os.kill(process.pid, signal.SIGKILL)
    kill_all(instance)
    assert marked(instance) == []
    assert not process.alive


def test_a_pid_that_was_reused_is_not_taken_for_ours_nor_killed(instance: Instance) -> None:
    stranger = subprocess.Popen(["sleep", "300"])
    try:
        instance.update_in("processes", "etcd", [stranger.pid, 1])
        assert not recorded(instance)[0].alive
        stop(instance, "etcd")
        down_hosted(instance, lambda _: None)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_dies_while_starting_is_reported_with_the_end_of_its_log(instance: Instance) -> None:
    process = start(instance, "etcd", ["bash", "-c", "echo no space left on device; exit 1"])
    with pytest.raises(GymError, match=r"etcd ended while starting(.|\n)*no space left on device"):
        wait_ready(instance, process, lambda: False, 10)


def test_a_name_that_runs_already_is_not_started_twice(instance: Instance) -> None:
    start(instance, "ollama", ["sleep", "300"])
    with pytest.raises(GymError, match="ollama of a is running already"):
        start(instance, "ollama", ["sleep", "300"])
    down_hosted(instance, lambda _: None)


def test_instances_are_listed_by_their_folders(tmp_path: Path) -> None:
    assert all_instances(tmp_path / "none") == []
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    assert [each.name for each in all_instances(tmp_path)] == ["a", "b"]


def test_folders_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTENTD_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("INTENTD_GYM_STATE", str(tmp_path / "s"))
    assert cache_dir() == tmp_path / "c"
    assert state_dir() == tmp_path / "s"
    monkeypatch.delenv("INTENTD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "intentd"


def test_addresses_stay_inside_the_benchmark_range() -> None:
    assert (Network(7).gateway, Network(7).pods, Network(7).services) == (
        "198.18.7.1",
        "198.18.7.0/24",
        "198.19.7.0/24",
    )


def test_the_record_is_plain_json_for_other_tools(instance: Instance) -> None:
    instance.update(server="https://127.0.0.1:1")
    assert json.loads(instance.path("instance.json").read_text()) == {"server": "https://127.0.0.1:1"}
