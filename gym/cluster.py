"""Bring a practice cluster up, find it again, take it down: what the CLI, the demo and the tests call."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from gym import build as builder
from gym.instance import Instance, all_instances
from gym.ollama import is_there as ollama_is_there
from gym.ollama import start_ollama
from gym.paths import GymError
from gym.prometheus import PARTS as PROMETHEUS_PARTS
from gym.prometheus import start_prometheus
from gym.providers.base import Capabilities, Provider, Report, Status
from gym.providers.existing import ExistingProvider
from gym.providers.kind import KindProvider
from gym.providers.kwok import KwokProvider
from gym.providers.local import LocalProvider

PROVIDERS: dict[str, Callable[[], Provider]] = {
    "local": LocalProvider,
    "kind": KindProvider,
    "kwok": KwokProvider,
    "existing": ExistingProvider,
}
"""From the strongest to the weakest; the first that can be used here is chosen when none is named."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running practice cluster."""

    instance: Instance
    provider: Provider

    @property
    def kubeconfig(self) -> Path:
        """The administrator's. Give the daemon a service account's instead (gym.access)."""
        return self.instance.path("kubeconfig")

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    @property
    def audit_log(self) -> Path | None:
        """The API server's audit log (JSON lines), where the provider has one."""
        return self.instance.path("logs", "audit.log") if self.capabilities.audit_log else None

    @property
    def prometheus_url(self) -> str | None:
        found: str | None = self.instance.read().get("prometheus")
        return found

    @property
    def ollama_url(self) -> str | None:
        found: str | None = self.instance.read().get("ollama")
        return found

    def load_image(self, archive: Path) -> None:
        self.provider.load_image(self.instance, archive)

    def status(self) -> Status:
        return self.provider.status(self.instance)


def _silent(_: str) -> None:
    return


def choose(name: str | None = None) -> Provider:
    """The provider of that name, or the strongest usable here. GymError says why each one is not."""
    if name is not None and name not in PROVIDERS:
        raise GymError(f"There is no provider {name}", f"choose from {', '.join(PROVIDERS)}")
    reasons = []
    for each in [name] if name else PROVIDERS:
        provider = PROVIDERS[each]()
        reason = provider.why_not()
        if reason is None:
            return provider
        reasons.append(f"{each}: {reason}")
    raise GymError(f"No cluster can be started here: {'; '.join(reasons)}")


def prepare(
    provider: str | None = None,
    *,
    with_prometheus: bool = False,
    with_ollama: bool = False,
    console: Console | None = None,
) -> Provider:
    """Choose the provider and build what it needs, with progress on the console; quick when all is cached.

    `up` does the same, but whoever shows a display of their own calls this first: two would fight.
    """
    chosen = choose(provider)
    parts = [*chosen.needs, *(PROMETHEUS_PARTS if with_prometheus else ())]
    if with_ollama and not ollama_is_there():
        parts.append("ollama")
    if parts:
        builder.build(parts, console=console)
    return chosen


def up(
    name: str = "gym",
    *,
    provider: str | None = None,
    state: Path | None = None,
    fresh: bool = False,
    with_prometheus: bool = False,
    with_ollama: bool = False,
    report: Report = _silent,
) -> Cluster:
    """Start an instance and return when it takes work.

    Refuses where the instance runs already or a start left something behind, unless `fresh`, which takes
    that down first. Interrupted or failed, it removes what it had made before it lets the error through.
    """
    instance = Instance.named(name, state)
    chosen = prepare(provider, with_prometheus=with_prometheus, with_ollama=with_ollama)
    with instance.lock():
        _refuse_or_clear(instance, fresh, report)
        shutil.rmtree(instance.home.with_name(f".{name}.failed-logs"), ignore_errors=True)
        began = time.monotonic()
        instance.update(provider=chosen.name)
        try:
            chosen.up(instance, report)
            if with_prometheus:
                start_prometheus(instance, report)
            if with_ollama:
                start_ollama(instance, report)
        except BaseException as error:
            with _uninterrupted():
                if isinstance(error, Exception):
                    _keep_logs(instance)
                chosen.down(instance, _silent)
            raise
        instance.update(ready=True, seconds=round(time.monotonic() - began, 2))
    return Cluster(instance, chosen)


def find(name: str = "gym", *, state: Path | None = None) -> Cluster:
    """The running instance of that name. GymError where it is not up."""
    instance = Instance.named(name, state)
    cluster = Cluster(instance, provider_of(instance))
    if not cluster.status().up:
        raise GymError(f"{name} is not up", f"start it with `python -m gym up --instance {name}`")
    return cluster


def down(name: str = "gym", *, state: Path | None = None, report: Report = _silent) -> None:
    """Remove an instance, whatever state it is in; nothing happens where there is none."""
    instance = Instance.named(name, state)
    with instance.lock(remove=True), _uninterrupted():
        provider_of(instance).down(instance, report)


def status(name: str = "gym", *, state: Path | None = None) -> Status:
    instance = Instance.named(name, state)
    return provider_of(instance).status(instance)


def statuses(state: Path | None = None) -> list[Status]:
    return [provider_of(instance).status(instance) for instance in all_instances(state)]


def provider_of(instance: Instance) -> Provider:
    """The provider that made it. Without a record the strongest one looks: it knows the most traces."""
    record: dict[str, Any] = instance.read()
    return PROVIDERS[record.get("provider", next(iter(PROVIDERS)))]()


def _refuse_or_clear(instance: Instance, fresh: bool, report: Report) -> None:
    before = provider_of(instance)
    now = before.status(instance)
    if not now.up and not now.leftovers:
        return
    if fresh:
        before.down(instance, report)
        return
    remedy = f"run `python -m gym down --instance {instance.name}` first"
    if now.up:
        raise GymError(f"{instance.name} is already up at {now.server}", remedy)
    raise GymError(f"{instance.name} was left half made: {', '.join(now.leftovers[:3])}", remedy)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An impatient second Ctrl-C must not stop the cleaning up; it takes a second or two."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep_logs(instance: Instance) -> None:
    """The logs of a start that failed tell why; they stay beside the instance until the next start."""
    logs = instance.path("logs")
    if logs.is_dir():
        kept = instance.home.with_name(f".{instance.name}.failed-logs")
        shutil.copytree(logs, kept, ignore=shutil.ignore_patterns("audit.log"))
