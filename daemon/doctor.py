"""The checks of `intentd doctor`: each a function from settings to findings, none of which stops another."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daemon.clock import SystemClock
from daemon.kube.rights import MEND, READ, Right
from daemon.ports import WorldError
from daemon.settings import Settings, seconds
from detectors.model import Gap
from remediation.model import Question, Role, Unusable
from store.errors import StoreError

QUESTIONS_A_DIAGNOSIS = 4
"""One for the cause and a judgement for each of three candidates, the usual number."""


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    state: State
    message: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check in turn."""
    for check in (_intents, _database, _cluster, _prometheus, _model):
        yield from check(settings)


def _intents(settings: Settings) -> Iterator[Finding]:
    from daemon.intent_check import check_path

    report = check_path(settings.intents)
    if report.problems:
        yield Finding(
            "intents",
            State.FAIL,
            f"{len(report.problems)} problems in {settings.intents}",
            "see `intentd check`",
        )
    elif not report.intents:
        yield Finding(
            "intents",
            State.WARN,
            f"no intents in {settings.intents}",
            "drop a file there; deploy/examples has some",
        )
    else:
        yield Finding("intents", State.OK, f"{len(report.intents)} intents in {report.files} files")


def _database(settings: Settings) -> Iterator[Finding]:
    from store.ledger import Ledger

    if not settings.database.exists():
        yield Finding("database", State.OK, f"{settings.database} will be created")
        return
    try:
        store = Ledger.open_read_only(settings.database)
        report = store.verify()
        store.close()
    except StoreError as error:
        yield Finding("database", State.FAIL, str(error))
        return
    if report.intact:
        yield Finding("database", State.OK, f"{report.rows} rows, chain intact")
    else:
        yield Finding(
            "database",
            State.FAIL,
            f"the chain is broken: {report.reason}",
            "keep the file as evidence; restore the last backup",
        )


def _cluster(settings: Settings) -> Iterator[Finding]:
    from daemon.kube.connect import connect

    try:
        connection = connect(kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context)
        client = connection.client
        version = _typed("VersionApi", client).get_code(
            _request_timeout=seconds(settings.kubernetes.read_timeout)
        )
    except WorldError as error:
        yield Finding("cluster", State.FAIL, str(error))
        return
    except _client_errors() as error:
        yield Finding(
            "cluster",
            State.FAIL,
            f"no answer: {type(error).__name__}: {str(error)[:200]}",
            "check the address, the network and the credentials",
        )
        return
    yield Finding("cluster", State.OK, f"{connection.host}, Kubernetes {version.git_version}")
    namespaces = settings.limits.namespaces or (None,)
    yield from _rights(client, settings, READ, namespaces, "read rights", State.FAIL)
    yield from _rights(client, settings, MEND, namespaces, "write rights", State.WARN)
    yield from _rights(
        client,
        settings,
        [Right("get", "", "secrets")],
        namespaces,
        "no right to Secrets",
        State.WARN,
        wanted=False,
    )


def _typed(api: str, client: object) -> Any:
    import kubernetes.client

    return getattr(kubernetes.client, api)(client)


def _client_errors() -> tuple[type[Exception], ...]:
    import urllib3.exceptions
    from kubernetes.client.exceptions import ApiException

    return (ApiException, urllib3.exceptions.HTTPError, OSError)


def _rights(
    client: object,
    settings: Settings,
    asked: Collection[Right],
    namespaces: tuple[str | None, ...],
    check: str,
    otherwise: State,
    *,
    wanted: bool = True,
) -> Iterator[Finding]:
    """Ask the API server itself (SelfSubjectAccessReview) what we may do."""
    api = _typed("AuthorizationV1Api", client)
    odd = []
    for namespace in namespaces:
        for verb, group, resource in sorted(asked):
            name, _, sub = resource.partition("/")
            attributes = {
                "verb": verb,
                "group": group,
                "resource": name,
                "subresource": sub,
                "namespace": namespace,
            }
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            try:
                answer = api.create_self_subject_access_review(
                    body, _request_timeout=seconds(settings.kubernetes.read_timeout)
                )
            except _client_errors() as error:
                yield Finding(check, State.FAIL, f"could not be asked: {type(error).__name__}")
                return
            if bool(answer.status.allowed) is not wanted:
                odd.append(f"{verb} {resource}" + (f" in {namespace}" if namespace else ""))
    if odd:
        said = "missing: " if wanted else "present, and intentd never needs it: "
        yield Finding(
            check, otherwise, said + ", ".join(odd), "see deploy/manifests for the least ClusterRole"
        )
    else:
        yield Finding(check, State.OK, f"{len(asked)} checked")


def _prometheus(settings: Settings) -> Iterator[Finding]:
    from daemon.wiring import metrics_of

    if settings.prometheus.url is None:
        yield Finding(
            "prometheus", State.WARN, "no address: metric expectations stay unknown", "set prometheus.url"
        )
        return
    value = metrics_of(settings).value("count(up)")
    if isinstance(value, Gap):
        yield Finding(
            "prometheus",
            State.FAIL,
            f"{settings.prometheus.url}: {value.reason}: {value.message}",
            f"{value.turn}'s turn",
        )
    else:
        yield Finding("prometheus", State.OK, f"{settings.prometheus.url}: {value} targets")


def _model(settings: Settings) -> Iterator[Finding]:
    from daemon.models import models

    model, judge = models(settings.model, SystemClock())
    weights = model.weights()
    if isinstance(weights, Unusable):
        yield Finding(
            "model",
            State.FAIL,
            f"{weights.reason}: {weights.detail}",
            "see docs/model-first.md for how the models are made",
        )
        return
    yield Finding("model", State.OK, f"{settings.model.name}, digest {weights[:12]}")
    question = Question(Role.JUDGE, "Answer Yes or No.", "Is a pod a Kubernetes object?", 1, yes_no=True)
    judge.ask(question)  # loads the weights; not timed
    answer = judge.ask(question)
    if isinstance(answer, Unusable):
        yield Finding("model answers", State.FAIL, f"{answer.reason}: {answer.detail}")
        return
    probe = Question(
        Role.DIAGNOSE, "You find root causes.", "pod web: " + "waiting ImagePullBackOff " * 60, 24
    )
    told = model.ask(probe)
    if isinstance(told, Unusable):
        yield Finding("model answers", State.FAIL, f"{told.reason}: {told.detail}")
        return
    expected = told.seconds + QUESTIONS_A_DIAGNOSIS * answer.seconds
    yield Finding(
        "model answers",
        State.OK,
        f"about {expected:.1f} s a diagnosis where a candidate passes (measured now)",
    )
    yield from _gpu(settings)


def _gpu(settings: Settings) -> Iterator[Finding]:
    from daemon.ollama_model import gpu_share

    share = gpu_share(settings.model)
    if share is None:
        yield Finding("model on GPU", State.WARN, "the server does not say")
    elif share >= 1:
        yield Finding("model on GPU", State.OK, "wholly")
    else:
        how = "not at all" if share == 0 else f"{share:.0%}"
        yield Finding(
            "model on GPU",
            State.WARN,
            f"{how}: answers take longer",
            "a GPU that holds the whole model; CPU works too",
        )
