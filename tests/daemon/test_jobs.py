"""The slower jobs: a turn that falls into a running one is no news, one that does not end is."""

import logging
import threading
import time

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.jobs import HANGS_AFTER, Jobs
from store.errors import StoreError
from tests.fakes.clock import FakeClock

EVERY = 0.03


class Blocking:
    """A job that runs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.go.wait(10)
        self.ended.set()


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def jobs(clock, registry):
    made = Jobs(clock, registry)
    yield made
    made.stop()


@pytest.fixture
def slow(jobs):
    job = Blocking()
    jobs.every(EVERY, "model", job)
    jobs.start()
    assert job.begun.wait(5)
    yield job
    job.go.set()


def eventually(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


def skipped(registry):
    return registry.get_sample_value("intentd_job_turns_skipped_total", {"job": "model"})


def test_turns_that_fall_into_a_running_one_are_counted_and_not_logged(slow, registry, caplog):
    with caplog.at_level(logging.INFO), capture_logs() as said:
        eventually(lambda: skipped(registry) >= 3)
    assert [record.getMessage() for record in caplog.records] == []
    assert said == []


def test_a_job_that_does_not_end_is_logged_once_and_shows_in_a_gauge(slow, registry, clock):
    with capture_logs() as said:
        clock.advance(HANGS_AFTER + 1)
        eventually(lambda: said)
        before = skipped(registry)
        eventually(lambda: skipped(registry) >= before + 2)
    assert [(line["event"], line["job"], line["log_level"]) for line in said] == [
        ("a job does not end", "model", "warning")
    ]
    assert registry.get_sample_value("intentd_job_running_seconds", {"job": "model"}) == HANGS_AFTER + 1


def test_a_job_that_hung_and_ends_says_so_and_runs_again(slow, registry, clock):
    with capture_logs() as said:
        clock.advance(HANGS_AFTER + 1)
        eventually(lambda: said)
        slow.begun.clear()
        slow.go.set()
        assert slow.begun.wait(5)
    assert said[-1]["event"] == "a job that was called hanging has ended"
    eventually(lambda: registry.get_sample_value("intentd_job_running_seconds", {"job": "model"}) == 0)


def test_database_trouble_is_one_sentence_and_the_job_runs_again(jobs):
    ran = threading.Semaphore(0)

    def job():
        ran.release()
        raise StoreError("the disk is full", remedy="free some")

    with capture_logs() as said:
        jobs.every(EVERY, "notices", job)
        jobs.start()
        assert ran.acquire(timeout=5)
        assert ran.acquire(timeout=5)
    assert said[0]["event"] == "a job waits for the database"


def test_a_job_that_fails_keeps_its_trace(jobs, caplog):
    def job():
        raise ZeroDivisionError

    with caplog.at_level(logging.WARNING):
        jobs.every(EVERY, "notices", job)
        jobs.start()
        eventually(lambda: any(record.exc_info for record in caplog.records))
