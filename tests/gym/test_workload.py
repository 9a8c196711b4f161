"""The practice workload as a plain process: its log and its counters are evidence elsewhere, so they are exact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gym.gotool import find_go
from gym.image import workload_program
from gym.instance import free_ports
from gym.paths import GymError
from gym.processes import wait_until


def _no_go() -> str | None:
    try:
        find_go()
    except GymError as error:
        return str(error)
    return None


pytestmark = pytest.mark.skipif(_no_go() is not None, reason=str(_no_go()))


def ends(env: dict[str, str], seconds: float = 10) -> tuple[int, str]:
    done = subprocess.run(
        [workload_program()], env=env, capture_output=True, text=True, timeout=seconds, check=False
    )
    return done.returncode, done.stderr


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def serving(mode: str = "serve", **env: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    child = subprocess.Popen(
        [workload_program(), mode], env={"LISTEN": address, **env}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert wait_until(lambda: get(f"http://{address}/v2/")[0] != 0, 10)
        yield f"http://{address}", child
    finally:
        child.kill()
        child.communicate()


def counters(url: str) -> dict[str, float]:
    lines = [line for line in get(f"{url}/metrics")[1].splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_missing_variable_ends_it_and_is_named() -> None:
    code, log = ends({"REQUIRE_ENV": "PRESENT,DATABASE_URL", "PRESENT": "1"})
    assert code == 1
    assert "fatal: required environment variable DATABASE_URL is not set" in log


def test_a_missing_file_ends_it_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    code, log = ends({"REQUIRE_FILE": f"{tmp_path}/there,{tmp_path}/absent"})
    assert code == 1
    assert "there (1 bytes)" in log
    assert "absent: no such file or directory" in log


def test_a_knob_that_is_no_number_ends_it_and_is_named() -> None:
    code, log = ends({"LISTEN": "127.0.0.1:0", "FAIL_RATE": "often"})
    assert code == 1
    assert 'invalid value "often" for FAIL_RATE' in log


def test_it_ends_with_the_code_and_after_the_time_it_was_told() -> None:
    started = time.monotonic()
    code, log = ends({"LISTEN": "127.0.0.1:0", "EXIT_CODE": "42", "EXIT_AFTER": "300ms"})
    assert (code, time.monotonic() - started > 0.3) == (42, True)
    assert "exiting with status 42" in log


def test_counters_move_without_clients_and_both_codes_exist_from_the_start() -> None:
    with serving(REQUESTS_PER_S="0") as (url, _):
        assert counters(url)['requests_total{code="500"}'] == 0
    with serving(REQUESTS_PER_S="500", FAIL_RATE="0.5") as (url, _):
        assert wait_until(lambda: counters(url)['requests_total{code="200"}'] > 100, 10)
        now = counters(url)
    share = now['requests_total{code="500"}'] / sum(
        v for n, v in now.items() if n.startswith("requests_total")
    )
    assert 0.3 < share < 0.7


def test_memory_that_it_was_told_to_hold_is_resident() -> None:
    with serving(ALLOCATE_MIB="60") as (url, _):
        assert wait_until(lambda: counters(url)["process_resident_memory_bytes"] > 60 * 2**20, 10)


def test_a_leak_grows() -> None:
    with serving(LEAK_MIB_PER_S="100") as (url, _):
        first = counters(url)["process_resident_memory_bytes"]
        grown = first + 20 * 2**20
        assert wait_until(lambda: counters(url)["process_resident_memory_bytes"] > grown, 10)


def test_it_is_healthy_only_after_the_time_it_was_told() -> None:
    with serving(READY_AFTER="600ms") as (url, _):
        assert get(f"{url}/healthz")[0] == 503
        assert wait_until(lambda: get(f"{url}/healthz")[0] == 200, 5)


def test_it_ends_at_once_when_asked() -> None:
    with serving() as (_, child):
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(2) == 0


def test_the_empty_registry_says_not_found_as_a_registry_does() -> None:
    with serving("registry") as (url, _):
        assert get(f"{url}/v2/")[0] == 200
        code, body = get(f"{url}/v2/workload/manifests/v9")
    assert code == 404
    assert json.loads(body)["errors"][0]["code"] == "MANIFEST_UNKNOWN"


def post(url: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_running_one_can_be_made_to_fail_and_to_recover_from_outside() -> None:
    with serving(REQUESTS_PER_S="200") as (url, _):
        assert wait_until(lambda: counters(url)['requests_total{code="200"}'] > 20, 10)
        assert counters(url)['requests_total{code="500"}'] == 0
        assert post(f"{url}/practice/fail-rate/1") == 200
        assert wait_until(lambda: counters(url)['requests_total{code="500"}'] > 20, 10)
        assert post(f"{url}/practice/fail-rate/0") == 200
        assert post(f"{url}/practice/fail-rate/often") == 400
