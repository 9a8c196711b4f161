"""Why a container ends again and again: each ending has one cause, and where the status tells none, none is claimed."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, Judgement, ObjectRef, Standing, Violation
from tests.fakes.world import (
    deployment,
    ending,
    intent,
    observation,
    pod,
    replica_set,
    running,
    uid_of,
    waiting,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))
LIVENESS = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3}
STARTUP = {"httpGet": {"path": "/up", "port": 8080}, "periodSeconds": 5, "failureThreshold": 12}
FORBIDDEN = (
    'pods is forbidden: User "system:serviceaccount:shop:web" cannot list resource "pods" in API group "" '
    'in the namespace "shop"'
)


def look(
    *statuses: Any, init: Any = (), template: Any = None, available: int = 0, age: float = 3600
) -> Judgement:
    facts = (
        deployment(available=available, template=template or {"containers": [{"name": "app"}]}),
        replica_set(),
        pod("web-1", *statuses, init=init, age=age),
    )
    return judge([intent()], observation(*facts))


def only(*statuses: Any, **how: Any) -> Violation:
    (violation,) = look(*statuses, **how).violations
    return violation


def back_off(code: int, *, ran: float | None = 3, message: str = "", reason: str = "Error") -> Any:
    return waiting(
        "CrashLoopBackOff", restarts=4, last=ending(reason, code, ago=20, ran=ran, message=message)
    )


def probed(**probes: Any) -> Any:
    return {"containers": [{"name": "app", **probes}], "terminationGracePeriodSeconds": 30}


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "without an error"),
        (1, ""),
        (2, ""),
        (126, "cannot be executed"),
        (127, "command not found"),
        (137, "SIGKILL"),
        (139, "segmentation fault"),
        (143, "SIGTERM"),
        (159, "signal 31"),
        (255, ""),
    ],
)
def test_an_exit_code_is_told_with_what_it_usually_means(code: int, words: str) -> None:
    found = only(back_off(code))
    assert (found.fault_class, found.target) == (FaultClass.CRASH_LOOP, WEB)
    assert (found.facts["exitCode"], words in found.facts.get("meaning", "")) == (str(code), True)
    assert f"exit code {code}" in found.message
    assert words in found.message


def test_the_programs_last_words_are_the_message() -> None:
    assert only(back_off(1, message="DATABASE_URL is not set")).message == "DATABASE_URL is not set"


# ---------------------------------------------------------------- probes


@pytest.mark.parametrize(
    ("code", "ran", "fault_class"),
    [
        (137, 31, FaultClass.LIVENESS_PROBE),
        (143, 400, FaultClass.LIVENESS_PROBE),  # a liveness probe may fail at any time
        (0, 35, FaultClass.LIVENESS_PROBE),  # a program that stops when told to
        (137, 5, FaultClass.CRASH_LOOP),  # too soon for three failures, one every ten seconds
        (0, 400, FaultClass.CRASH_LOOP),
        (1, 31, FaultClass.CRASH_LOOP),
        (137, None, FaultClass.CRASH_LOOP),
    ],
)
def test_an_ending_is_the_liveness_probes_only_where_it_can_be(
    code: int, ran: float | None, fault_class: FaultClass
) -> None:
    found = only(back_off(code, ran=ran), template=probed(livenessProbe=LIVENESS))
    assert found.fault_class is fault_class


def test_a_liveness_kill_tells_the_probes_patience_and_that_it_is_inferred() -> None:
    found = only(back_off(137, ran=32), template=probed(livenessProbe=LIVENESS))
    assert found.facts["allowedSeconds"] == "30"
    assert found.facts["ranSeconds"] == "32"
    assert "probably the probe" in found.message
    assert "periodSeconds 10, failureThreshold 3" in found.message


def test_a_kill_without_a_probe_is_no_probes() -> None:
    assert only(back_off(137, ran=60)).fault_class is FaultClass.CRASH_LOOP


@pytest.mark.parametrize(
    ("ran", "fault_class"),
    [
        (62, FaultClass.STARTUP_PROBE),
        (88, FaultClass.STARTUP_PROBE),  # it did not stop when told to
        (35, FaultClass.LIVENESS_PROBE),  # it was up by then: the startup probe needs a minute to give up
        (600, FaultClass.LIVENESS_PROBE),
        (10, FaultClass.CRASH_LOOP),
    ],
)
def test_a_startup_probe_gives_up_in_its_own_time_and_a_liveness_probe_after_it(
    ran: float, fault_class: FaultClass
) -> None:
    template = probed(startupProbe=STARTUP, livenessProbe=LIVENESS)
    assert only(back_off(137, ran=ran), template=template).fault_class is fault_class


def test_a_kill_for_memory_is_never_a_probes() -> None:
    found = only(back_off(137, ran=60, reason="OOMKilled"), template=probed(livenessProbe=LIVENESS))
    assert found.fault_class is FaultClass.OOM_KILLED


# ---------------------------------------------------------------- init containers


def test_an_init_container_that_fails_tells_how() -> None:
    failing = {**back_off(127), "name": "migrate"}
    found = only(waiting("PodInitializing"), init=[failing])
    assert (found.fault_class, found.container, found.facts["init"]) == (
        FaultClass.INIT_CONTAINER,
        "migrate",
        "true",
    )
    assert "command not found" in found.message


@pytest.mark.parametrize(("since", "found"), [(299, []), (301, [FaultClass.INIT_CONTAINER])])
def test_an_init_container_may_take_a_while_but_not_for_ever(since: float, found: list[FaultClass]) -> None:
    hanging = running(name="wait-for-db", ready=False, since=since)
    judgement = look(waiting("PodInitializing"), init=[hanging], age=since)
    assert [violation.fault_class for violation in judgement.violations] == found
    assert judgement.standing("shop", WEB) is (Standing.VIOLATED if found else Standing.UNSETTLED)


SIDECAR = {
    "containers": [{"name": "app"}],
    "initContainers": [{"name": "proxy", "restartPolicy": "Always"}],
}


def test_a_sidecar_runs_on_and_is_no_hanging_init_container() -> None:
    judgement = look(running(), init=[running(name="proxy", since=9000)], template=SIDECAR, available=1)
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_a_sidecar_that_crashes_is_a_crash_loop() -> None:
    failing = {**back_off(1), "name": "proxy"}
    found = only(waiting("PodInitializing"), init=[failing], template=SIDECAR)
    assert (found.fault_class, found.container) == (FaultClass.CRASH_LOOP, "proxy")


# ---------------------------------------------------------------- rights and architecture


def test_a_program_that_ends_at_a_refusal_names_account_verb_and_resource() -> None:
    found = only(back_off(1, message=f"cannot start: {FORBIDDEN}"))
    assert found.fault_class is FaultClass.RIGHTS_DENIED
    told = {name: found.facts[name] for name in ("account", "verb", "resource")}
    assert told == {"account": "system:serviceaccount:shop:web", "verb": "list", "resource": "pods"}


@pytest.mark.parametrize(
    "status",
    [
        back_off(255, message="exec /app/serve: exec format error"),
        waiting("RunContainerError", 'exec: "/app/serve": exec format error: unknown'),
        waiting(
            "ImagePullBackOff",
            'Back-off pulling image "shop/web:1.4": ErrImagePull: rpc error: code = NotFound desc = failed to pull '
            'and unpack image "docker.io/shop/web:1.4": no match for platform in manifest: not found',
        ),
    ],
)
def test_an_image_for_another_machine_is_no_crash_no_failed_start_and_no_failed_pull(status: Any) -> None:
    found = only(status)
    assert (found.fault_class, found.facts["node"]) == (FaultClass.ARCHITECTURE, "n1")


# ---------------------------------------------------------------- restart storms


def restarted(times: int, *, ago: float, code: int = 1) -> Any:
    return running(restarts=times, since=ago - 1, last=ending("Error", code, ago=ago, ran=1700))


def test_a_program_that_dies_every_half_hour_is_a_storm_though_it_is_ready() -> None:
    found = only(restarted(6, ago=1200), age=6 * 1800, available=1)
    assert (found.fault_class, found.facts["intervalSeconds"]) == (FaultClass.RESTART_STORM, "1800")


def test_a_server_that_ends_by_itself_every_half_hour_is_a_storm_too() -> None:
    found = only(restarted(6, ago=300, code=0), age=6 * 1800, available=1)
    assert (found.fault_class, found.facts["exitCode"]) == (FaultClass.RESTART_STORM, "0")


@pytest.mark.parametrize(
    ("times", "ago", "age"),
    [
        (4, 1200, 4 * 1800),  # not yet often
        (6, 1200, 6 * 86400),  # once a day
        (6, 40000, 6 * 1800 + 40000),  # over for long
    ],
)
def test_a_few_restarts_rare_ones_and_old_ones_are_no_storm(times: int, ago: float, age: float) -> None:
    assert look(restarted(times, ago=ago), age=age, available=1).violations == ()


def test_a_storm_that_the_kubelet_backs_off_from_is_a_crash_loop_alone() -> None:
    assert only(back_off(1), age=600).fault_class is FaultClass.CRASH_LOOP


# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("reason", "message", "pull"),
    [
        (
            "InvalidImageName",
            'Failed to apply default image tag "shop/Web:1": couldn\'t parse image',
            "InvalidName",
        ),
        ("ErrImageNeverPull", 'Container image "x" is not present with pull policy of Never', "NeverPulled"),
        ("ErrImagePull", "failed to resolve reference: docker.io/shop/web:9: not found", "NotFound"),
        ("ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized", "Denied"),
        ("ErrImagePull", "429 Too Many Requests - toomanyrequests", "RateLimited"),
        ("ErrImagePull", "dial tcp: lookup registry on 10.0.0.10:53: no such host", "Unreachable"),
        (
            "ErrImagePull",
            "tls: failed to verify certificate: x509: signed by unknown authority",
            "Certificate",
        ),
    ],
)
def test_an_image_that_cannot_be_pulled_tells_what_kept_it_away(reason: str, message: str, pull: str) -> None:
    found = only(waiting(reason, message))
    assert (found.fault_class, found.facts["pull"]) == (FaultClass.IMAGE_PULL, pull)
