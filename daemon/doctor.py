"""The checks of `intentd doctor`: each a function from settings to findings, none of which stops another, and
each with an end: a server that does not answer costs its time limit once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from daemon.clock import SystemClock
from daemon.doctor_model import check_model
from daemon.findings import Finding, State, whose
from daemon.kube.errors import ClusterError, from_exception, from_status
from daemon.kube.rights import MEND, READ, REHEARSE, Right, recreating
from daemon.ports import WorldError
from daemon.settings import Settings, seconds
from detectors.model import Gap, Turn
from store.errors import StoreError

RIGHTS_SECONDS = 20.0
"""For all questions about rights together: about 30, milliseconds each."""


def examine(
    settings: Settings,
    *,
    model_seconds: float,
    telling: Callable[[str], None] = lambda _: None,
) -> Iterator[Finding]:
    """Every check in turn. `model_seconds` is for all questions to the model together. `telling` hears what is looked at before each, for a person who waits."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("intent files", check_intents),
        ("every row of the ledger", _database),
        ("the cluster and our rights in it", _cluster),
        ("Prometheus", _prometheus),
        (
            f"the model, at most {model_seconds:g} s",
            lambda chosen: check_model(chosen.model, SystemClock(), model_seconds),
        ),
    )
    for number, (what, check) in enumerate(checks, start=1):
        telling(f"{number} of {len(checks)}: {what} ...")
        yield from check(settings)


def check_intents(settings: Settings) -> Iterator[Finding]:
    """What `intentd check` says of the folder, in one line."""
    from daemon.intent_check import check_path

    report = check_path(settings.intents)
    if report.empty:
        yield Finding(
            "intents",
            State.WARN,
            f"no intent files in {settings.intents}: nothing is watched",
            f"{whose(Turn.OPERATOR)}: put a file there; deploy/examples has some",
        )
    elif report.problems:
        yield Finding(
            "intents",
            State.FAIL,
            str(report.problems[0]),
            f"{whose(Turn.OPERATOR)}: `intentd check` lists all {len(report.problems)}"
            if len(report.problems) > 1
            else whose(Turn.OPERATOR),
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
            f"{whose(Turn.OPERATOR)}: keep the file as evidence; restore the last backup",
        )


def _cluster(settings: Settings) -> Iterator[Finding]:
    from daemon.intent_check import check_path
    from daemon.kube.connect import connect

    try:
        connection = connect(kubeconfig=settings.kubernetes.kubeconfig, context=settings.kubernetes.context)
    except WorldError as error:
        yield _failed("cluster", error)
        return
    client = connection.client
    try:
        version = _typed("VersionApi", client).get_code(_request_timeout=_limits(settings))
    except _client_errors() as error:
        yield _failed("cluster", _sentence(error, connection.host))
        return
    yield Finding("cluster", State.OK, f"{connection.host}, Kubernetes {version.git_version}")
    namespaces = settings.limits.namespaces or (None,)
    yield from _rights(client, settings, READ, namespaces, "read rights", State.FAIL)
    yield from _rights(client, settings, MEND, namespaces, "write rights", State.WARN)
    intents = check_path(settings.intents)
    if intents.rehearsed:
        where, file = intents.rehearsed, "rehearsal.yaml"
        yield from _rights(client, settings, REHEARSE, where, "rehearsal rights", State.WARN, file=file)
    for namespace, kinds in intents.recreated:
        needed, file = recreating(kinds), "recreate.yaml"
        yield from _rights(client, settings, needed, (namespace,), "recreate rights", State.WARN, file=file)
    yield from _rights(
        client,
        settings,
        [Right("get", "", "secrets")],
        namespaces,
        "no right to Secrets",
        State.WARN,
        wanted=False,
    )


def _failed(check: str, error: WorldError) -> Finding:
    remedy = "; ".join(filter(None, (whose(error.turn), error.remedy)))
    return Finding(check, State.FAIL, str(error.args[0]), remedy)


def _limits(settings: Settings) -> tuple[float, float]:
    """Seconds to connect and to wait for an answer."""
    return seconds(settings.kubernetes.connect_timeout), seconds(settings.kubernetes.read_timeout)


def _sentence(error: Exception, host: str) -> ClusterError:
    from kubernetes.client.exceptions import ApiException

    if isinstance(error, ApiException) and error.status:
        return from_status(error.status, str(error.body or "").encode(), host)
    return from_exception(error, host)


def _typed(api: str, client: object) -> Any:
    import kubernetes.client

    return getattr(kubernetes.client, api)(client)


def _client_errors() -> tuple[type[Exception], ...]:
    import urllib3.exceptions
    from kubernetes.client.exceptions import ApiException

    return (ApiException, urllib3.exceptions.HTTPError, OSError)


def _rights(
    client: Any,
    settings: Settings,
    asked: Collection[Right],
    namespaces: Sequence[str | None],
    check: str,
    otherwise: State,
    *,
    wanted: bool = True,
    file: str = "rights.yaml",
) -> Iterator[Finding]:
    """Ask the API server itself (SelfSubjectAccessReview) what we may do."""
    api, clock = _typed("AuthorizationV1Api", client), SystemClock()
    end = clock.monotonic() + RIGHTS_SECONDS
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
            if clock.monotonic() > end:
                said = f"not all could be asked within {RIGHTS_SECONDS:g} s"
                yield Finding(check, State.WARN, said, "nobody's turn yet: the API server is slow; ask again")
                return
            try:
                answer = api.create_self_subject_access_review(body, _request_timeout=_limits(settings))
            except _client_errors() as error:
                yield _failed(check, _sentence(error, client.configuration.host))
                return
            if bool(answer.status.allowed) is not wanted:
                odd.append(f"{verb} {resource}" + (f" in {namespace}" if namespace else ""))
    if odd:
        said = "missing: " if wanted else "present, and intentd never needs it: "
        yield Finding(
            check,
            otherwise,
            said + ", ".join(odd),
            f"{whose(Turn.OPERATOR)}: deploy/manifests/{file} holds the least ClusterRoles",
        )
    else:
        yield Finding(check, State.OK, f"{len(asked)} checked")


def _prometheus(settings: Settings) -> Iterator[Finding]:
    from daemon.wiring import metrics_of

    if settings.prometheus.url is None:
        yield Finding(
            "prometheus",
            State.WARN,
            "no address: metric expectations stay unknown",
            "your turn: set prometheus.url",
        )
        return
    value = metrics_of(settings).value("count(up)")
    if isinstance(value, Gap):
        yield Finding(
            "prometheus",
            State.FAIL,
            f"{settings.prometheus.url}: {value.reason}: {value.message}",
            whose(value.turn),
        )
    else:
        yield Finding("prometheus", State.OK, f"{settings.prometheus.url}: {value} targets")
