"""One real cluster for a whole test session, with Prometheus and Ollama started when a test first asks.

A test asks for a fixture and carries its mark: `practice` (mark `cluster`: any provider), `containers` (mark
`kubelet`: real containers), `prometheus_url` (mark `prometheus`), `ollama_url` (mark `model`), `namespace`
(one of its own, deleted afterwards). Where the machine lacks something the test is skipped with the reason.

Programs are built before the first test runs, because a first build takes longer than any test may.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from kubernetes import client

from gym import build as builder
from gym import cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.ollama import start_ollama
from gym.paths import GymError
from gym.prometheus import PARTS as PROMETHEUS_PARTS
from gym.prometheus import start_prometheus
from gym.ready import api_client

CONTROL_PLANE = ("kubernetes", "etcd")


def _state() -> Path:
    """Short (sockets live below it), and the same each time, so that a killed session's cluster is found."""
    return Path("/tmp") / f"intentd-tests-{os.getuid()}"


def _claim_name() -> tuple[str, IO[str]]:
    """The first instance name no other test session on this machine uses; the lock ends with the process."""
    _state().mkdir(mode=0o700, exist_ok=True)
    for name in ("test", "test2", "test3"):
        handle = (_state() / f".{name}.session").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            continue
        return name, handle
    pytest.fail("three test sessions already run a cluster on this machine")


def why_no_cluster() -> str | None:
    """Why no cluster can be started here, None where one can."""
    try:
        cluster.choose()
    except GymError as error:
        return str(error)
    return None


def why_no_containers() -> str | None:
    """Why no real containers can be had here, None where they can."""
    try:
        provider = cluster.choose()
    except GymError as error:
        return str(error)
    if provider.capabilities.real_containers:
        return None
    reasons = [
        f"{name}: {reason}" for name, make in cluster.PROVIDERS.items() if (reason := make().why_not())
    ]
    return (
        f"only the provider {provider.name} can be used here, without real containers ({'; '.join(reasons)})"
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need, outside their time limits. A failure is left to the fixtures to tell."""
    marks = {mark.name for item in session.items for mark in item.iter_markers()}
    parts: list[str] = []
    if marks & {"cluster", "kubelet", "prometheus"} and why_no_cluster() is None:
        parts += cluster.choose().needs
        parts += PROMETHEUS_PARTS if "prometheus" in marks else ()
    if "model" in marks and not os.environ.get("OLLAMA_HOST"):
        parts += ["ollama"]
    if parts and not session.config.option.collectonly:
        with suppress(GymError):
            builder.build(list(dict.fromkeys(parts)))


@pytest.fixture(scope="session")
def practice() -> Iterator[cluster.Cluster]:
    """The session's cluster, by the strongest provider that this machine allows."""
    if reason := why_no_cluster():
        pytest.skip(reason)
    name, lock = _claim_name()
    with lock:
        yield cluster.up(name, state=_state(), fresh=True)
        cluster.down(name, state=_state())


@pytest.fixture(scope="session")
def containers(request: pytest.FixtureRequest) -> cluster.Cluster:
    """The session's cluster, where it runs real containers."""
    if reason := why_no_containers():
        pytest.skip(reason)
    found: cluster.Cluster = request.getfixturevalue("practice")
    return found


@pytest.fixture(scope="session")
def prometheus_url(practice: cluster.Cluster) -> str:
    """A Prometheus that scrapes the session's cluster each second."""
    if not practice.capabilities.metrics:
        pytest.skip(f"the provider {practice.provider.name} has no Prometheus")
    return practice.prometheus_url or start_prometheus(practice.instance, lambda _: None)


@pytest.fixture(scope="session")
def ollama_url(practice: cluster.Cluster) -> str:
    """An Ollama server: the operator's, or one of the session's own. It needs no cluster, but ends with it."""
    return practice.ollama_url or start_ollama(practice.instance, lambda _: None)


@pytest.fixture(scope="session")
def api(practice: cluster.Cluster) -> Iterator[client.ApiClient]:
    """The official client as the cluster's administrator: for arranging and looking, never for the daemon."""
    with api_client(practice.kubeconfig) as made:
        yield made


@pytest.fixture
def namespace(practice: cluster.Cluster, api: client.ApiClient) -> Iterator[str]:
    """A namespace of the test's own in which pods can be created at once."""
    name = create_namespace(api, practice.instance)
    yield name
    delete_namespace(api, practice.instance, name)
