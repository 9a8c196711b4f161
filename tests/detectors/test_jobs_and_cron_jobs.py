"""Jobs that fail, hang or never begin, and CronJobs that are not kept, from what their controllers write."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.facts import Pod
from detectors.schedule import parse
from tests.fakes.objects import Item, cond, item, look, only, settling, told
from tests.fakes.world import NOW, decode, ending, metadata, owner, when


def job(name: str = "import", *, of: str | None = None, spec: Any = None, **status: Any) -> Item:
    meta = {"ownerReferences": owner("CronJob", of)} if of else {}
    age = status.pop("age", 3600)
    return item(
        "Job", name, {"spec": spec or {}, "status": {"startTime": when(age), **status}}, age=age, **meta
    )


def failed(reason: str = "BackoffLimitExceeded", **more: Any) -> dict[str, Any]:
    said = "Job has reached the specified backoff limit"
    return {"failed": 1, "conditions": [cond("Failed", "True", reason, said)], **more}


def pod_of(name: str, *statuses: dict[str, Any], phase: str = "Failed") -> Item:
    document = {
        "metadata": metadata("Pod", f"{name}-x", "shop", ownerReferences=owner("Job", name)),
        "spec": {"containers": [{"name": "app", "image": "shop/import:1"}]},
        "status": {"phase": phase, "containerStatuses": list(statuses)},
    }
    return "Pod", decode(Pod, document)


def ended(reason: str, code: int) -> dict[str, Any]:
    return {"name": "app", "image": "shop/import:1", "state": {"terminated": ending(reason, code)}}


def pulling() -> dict[str, Any]:
    said = 'Back-off pulling image "shop/import:1"'
    return {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff", "message": said}}}


# ---------------------------------------------------------------- Jobs


@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy"])
def test_a_job_that_gave_up_is_told_with_its_controllers_reason(reason):
    assert told(look(job(**failed(reason)))) == [("JobFailed", reason, "Job/import")]


def test_the_message_says_how_the_last_pod_ended():
    found = only(look(job(**failed()), pod_of("import", ended("Error", 3))))
    assert "backoff limit" in found.message
    assert "exit code 3" in found.message
    assert found.facts["exitCode"] == "3"


@pytest.mark.parametrize(
    ("status", "fault"),
    [(ended("OOMKilled", 137), "OOMKilled"), (ended("StartError", 128), "StartError")],
)
def test_the_cause_in_a_pod_comes_beside_the_failed_job(status, fault):
    judgement = look(job(**failed()), pod_of("import", status))
    assert {(kind, target) for kind, _, target in told(judgement)} == {
        ("JobFailed", "Job/import"),
        (fault, "Job/import"),
    }


def test_a_job_whose_pod_cannot_pull_its_image_is_told_before_it_fails():
    judgement = look(job(active=1, age=60), pod_of("import", pulling(), phase="Pending"))
    assert told(judgement) == [("ImagePull", "ImagePullBackOff", "Job/import")]


@pytest.mark.parametrize(
    "one",
    [
        job(succeeded=1, conditions=[cond("Complete", "True")]),
        job(active=1, ready=1),
        job(spec={"suspend": True}, conditions=[cond("Suspended", "True", "JobSuspended")]),
        job(active=1, ready=1, age=40_000, spec={"activeDeadlineSeconds": 86_400}),
        item("Job", "import", {"status": failed()}, deletionTimestamp=when(1)),
        item("Job", "import", age=5),
    ],
    ids=["complete", "running", "suspended", "long by its own word", "being deleted", "just created"],
)
def test_nothing_is_said_of_a_job_that_is_as_it_should_be(one):
    judgement = look(one)
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (item("Job", "import", age=120), "NotStarted"),
        (job(age=60), "NoPods"),
        (job(active=1, age=600), "NotRunning"),
        (job(active=1, ready=1, age=13 * 3600), "RunsLong"),
    ],
)
def test_a_job_that_gets_nowhere_is_told(one, reason):
    assert told(look(one)) == [("JobNotDone", reason, "Job/import")]


@pytest.mark.parametrize("one", [job(age=5), job(active=1, age=20), job(failed=2, age=400)])
def test_a_job_that_starts_or_tries_again_is_settling(one):
    judgement = look(one)
    assert (told(judgement), settling(judgement)) == ([], {"Job/import"})


def test_the_newest_run_speaks_for_its_cron_job():
    nightly = item("CronJob", "nightly", {"spec": {"schedule": "0 3 * * *"}}, age=60)
    old = job("nightly-1", of="nightly", age=7200, **failed())
    assert told(look(nightly, old)) == [("JobFailed", "BackoffLimitExceeded", "CronJob/nightly")]
    better = job("nightly-2", of="nightly", age=600, succeeded=1, conditions=[cond("Complete", "True")])
    assert told(look(nightly, old, better)) == []
    again = job("nightly-2", of="nightly", age=600, **failed())
    assert only(look(nightly, old, again)).facts["job"] == "nightly-2"


# ---------------------------------------------------------------- CronJobs


def cron_job(
    schedule: str = "30 * * * *", *, last: float | None = None, age: float = 864_000, **spec: Any
) -> Item:
    wrote = spec.pop("changed", age)
    active = [{"name": name} for name in spec.pop("active", [])]
    status: dict[str, Any] = {"active": active}
    if last is not None:
        status["lastScheduleTime"] = when(last)
    fields = [
        {"manager": "kubectl", "operation": "Apply", "time": when(wrote)},
        {"manager": "kube-controller-manager", "subresource": "status", "time": when(1)},
    ]
    return item(
        "CronJob",
        "nightly",
        {"spec": {"schedule": schedule, **spec}, "status": status},
        age=age,
        managedFields=fields,
    )


SINCE_THE_HALF = (NOW - 1800) % 3600
"""Seconds since the half hour before NOW, at which these CronJobs are due."""


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [("0 0 31 2 *", "NeverDue"), ("@reboot", "Unreadable"), ("0 0 * * 7", "Unreadable")],
)
def test_a_schedule_that_never_comes_is_invalid(schedule, reason):
    assert told(look(cron_job(schedule))) == [("CronJobInvalid", reason, "CronJob/nightly")]


def test_a_time_zone_that_nobody_knows_is_invalid():
    found = only(look(cron_job("0 0 * * *", timeZone="Mars/Olympus")))
    assert (found.fault_class.value, "Mars/Olympus" in found.message) == ("CronJobInvalid", True)


def test_a_cron_job_that_ran_at_the_half_hour_is_kept():
    judgement = look(cron_job(last=SINCE_THE_HALF))
    assert (told(judgement), judgement.judged) == ([], {("shop", 0)})


def test_a_run_that_was_due_and_did_not_begin_is_missed():
    found = only(look(cron_job(last=SINCE_THE_HALF + 7200)))
    assert (found.fault_class.value, found.reason) == ("CronJobMissed", "MissedSchedule")
    assert "30 * * * *" in found.facts["schedule"]


def test_a_run_may_begin_until_its_starting_deadline():
    late = {"last": SINCE_THE_HALF + 3600}
    assert told(look(cron_job(**late, startingDeadlineSeconds=3600))) == []
    assert told(look(cron_job(**late, startingDeadlineSeconds=10)))[0][0] == "CronJobMissed"


def test_runs_before_the_last_change_of_the_spec_were_nobodys_promise():
    assert told(look(cron_job(last=SINCE_THE_HALF + 7200, changed=SINCE_THE_HALF - 1))) == []
    assert told(look(cron_job(changed=10))) == []


def test_where_the_controllers_zone_is_another_one_nothing_is_claimed():
    assert told(look(cron_job("0 3 * * *", last=90_000))) == []
    assert parse("0 3 * * *").includes(NOW - 90_000) is False


def test_a_suspended_cron_job_is_told_once_its_schedule_came():
    waiting = cron_job(suspend=True, changed=SINCE_THE_HALF - 1)
    assert told(look(waiting)) == []
    found = only(look(cron_job(suspend=True, changed=SINCE_THE_HALF + 7300)))
    assert (found.fault_class.value, found.severity.value) == ("CronJobSuspended", "info")
    assert "3 times" in found.message


def test_a_run_that_never_ends_keeps_the_next_ones_back():
    def held(runs: int) -> Item:
        last = SINCE_THE_HALF + runs * 3600
        return cron_job(last=last, concurrencyPolicy="Forbid", active=["nightly-1"])

    assert told(look(held(1))) == []
    found = only(look(held(4)))
    assert (found.reason, "Job/nightly-1" in found.message) == ("JobAlreadyActive", True)


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_what_cannot_be_read_is_unknown(kind):
    judgement = look(job(**failed()), cron_job("0 0 31 2 *"), gaps=[kind])
    assert judgement.judged == frozenset()
    assert kind in {unknown.gap.what for unknown in judgement.unknowns}
    assert all(target.partition("/")[0] != kind for _, _, target in told(judgement))
