"""Golden evidence for each fault, and what selection promises whatever it is fed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.model import FaultClass, Gap
from remediation.evidence import render, select
from remediation.lastgood import known_good
from remediation.model import EvidenceKind, RawEvidence
from remediation.prompt import shown
from tests.fakes import incidents
from tests.fakes.manifests import case, container, deployment, event, pod, ref, running, waiting

GOLDEN = {
    "image": """\
[e1] container app of web: waiting ImagePullBackOff: Back-off pulling image "shop/web:1.5x": ErrImagePull: failed to pull and unpack image "docker.io/shop/web:1.5x": docker.io/shop/web:1.5x: not found
[e2] Deployment web: 0 of 1 pods ready
[e3] event Failed: Failed to pull image "shop/web:1.5x": not found
[e4] changed in Deployment web: image of container app was shop/web:1.4 when healthy, is shop/web:1.5x now
[e5] current revision 4 with image shop/web:1.5x: 0 of 1 pods ready
[e6] earlier revision 3 with image shop/web:1.4: 1 of 1 pods ready
[e7] earlier revision 2 with image shop/web:1.3: no pods now
[e8] container app has image shop/web:1.5x""",
    "oom": """\
[e1] container app of api: waiting CrashLoopBackOff, ended OOMKilled with exit code 137, restarted 3 times
[e2] Deployment api: 0 of 1 pods ready
[e3] event BackOff: Back-off restarting failed container app in pod api
[e4] container app of api logged before it ended 'starting' / 'allocating 96 MiB' / 'holding 24 MiB'
[e5] no healthy version of Deployment api was ever seen
[e6] metric container memory working set = 31.9Mi
[e7] container app has memory limit 32Mi
[e8] container app has env ALLOCATE_MIB=96, DB_PASSWORD=[redacted:value]
[e9] container app has image shop/api:2""",
    "config key": """\
[e1] container app of web: waiting CreateContainerConfigError: couldn't find key DATABSE_URL in ConfigMap shop/web-config
[e2] Deployment web: 0 of 1 pods ready
[e3] changed in Deployment web: ConfigMap key for env variable DATABASE_URL of container app was DATABASE_URL when healthy, is DATABSE_URL now
[e4] env variable DATABASE_URL of container app reads key DATABSE_URL of ConfigMap web-config, which has no such key
[e5] ConfigMap web-config has the keys DATABASE_URL, DATABASE_USER, LOG_LEVEL
[e6] container app has env LOG=info
[e7] container app has image shop/web:1.4""",
    "selector": """\
[e1] Service web: SelectorMatchesNothing: the selector app=wbe,tier=front matches no pod
[e2] changed in Service web: selector label app was web when healthy, is wbe now
[e3] Service web selects pods with app=wbe, tier=front
[e4] pods of Deployment web have labels app=web, tier=front
[e5] pods of Deployment db have labels app=db, tier=back
[e6] service port 80 goes to targetPort 8080""",
    "metric": """\
[e1] Deployment web: MetricBroken: the error ratio of shop is above 0.05
[e2] Deployment web: 1 of 1 pods ready
[e3] container app of web logs 'listening on :8080' / 'GET / 500' / 'GET /x 500 upstream error'
[e4] nothing in Deployment web changed since it was healthy
[e5] metric error ratio = 0.41
[e6] container app has image shop/web:1.4""",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_evidence_of_a_fault_reads_as_expected(name: str) -> None:
    assert render(select(*incidents.ALL[name]())) == GOLDEN[name]


@pytest.mark.parametrize("name", incidents.ALL)
def test_the_same_incident_gives_the_same_bytes(name: str) -> None:
    assert select(*incidents.ALL[name]()) == select(*incidents.ALL[name]())


@pytest.mark.parametrize("name", incidents.ALL)
def test_what_changed_survives_a_tight_budget(name: str) -> None:
    found, raw = incidents.ALL[name]()
    kinds = {item.kind for item in select(found, raw, 700).items}
    assert EvidenceKind.STATUS in kinds
    assert EvidenceKind.LAST_KNOWN_GOOD in kinds


def test_a_long_log_does_not_push_out_what_changed() -> None:
    found, raw = incidents.image()
    logs = {
        (f"web-7f9c6d5b4d-{n}", f"c{n}", True): "\n".join(f"fatal error {i} {'x' * 150}" for i in range(50))
        for n in range(20)
    }
    full = RawEvidence(live=raw.live, pods=raw.pods, logs=logs, last_known_good=raw.last_known_good)
    evidence = select(found, full)
    assert any("was shop/web:1.4 when healthy" in item.text for item in evidence.items)
    assert len(render(evidence)) <= 2200


def test_the_last_words_before_a_crash_are_kept_and_chatter_is_not() -> None:
    live = deployment("web", container())
    crash = pod(
        live, waiting("CrashLoopBackOff", "back-off 40s", restarts=2, last={"exitCode": 1, "reason": "Error"})
    )
    chatter = "\n".join(f"2025-03-01T10:00:{i:02d}Z INFO served GET /item/{i} in 3ms" for i in range(50))
    last = "2025-03-01T10:01:00Z fatal: required environment variable PAYMENT_URL is not set"
    name = crash["metadata"]["name"]
    logs = {(name, "app", True): f"{chatter}\n{last}\n", (name, "app", False): ""}
    text = render(
        select(case(FaultClass.CRASH_LOOP, ref(live)), RawEvidence(live=live, pods=(crash,), logs=logs))
    )
    assert "logged before it ended" in text
    assert "'fatal: required environment variable PAYMENT_URL is not set'" in text
    assert text.count("served GET") == 1


def test_of_a_container_killed_for_memory_the_question_shows_what_it_was_about_to_hold() -> None:
    evidence = select(*incidents.ALL["oom"]())
    assert any("allocating 96 MiB" in item.text for item in shown(evidence))


def test_the_message_of_a_json_log_line_is_what_counts() -> None:
    live = deployment("web", container())
    crash = pod(live, waiting("CrashLoopBackOff", restarts=2, last={"exitCode": 1, "reason": "Error"}))
    line = '{"ts":1741,"level":"fatal","msg":"cannot open config","error":"no such file: /etc/app.yaml","caller":"main.go:7"}'
    logs = {(crash["metadata"]["name"], "app", True): line}
    text = render(
        select(case(FaultClass.CRASH_LOOP, ref(live)), RawEvidence(live=live, pods=(crash,), logs=logs))
    )
    assert "'fatal cannot open config no such file: /etc/app.yaml'" in text


def test_a_neighbours_log_weighs_less_than_the_troubled_containers_and_says_whose_it_is() -> None:
    live = deployment("web", container("app"), container("proxy", "shop/proxy:1"))
    broken = pod(live, waiting("CrashLoopBackOff", restarts=2, last={"exitCode": 1, "reason": "Error"}))
    name = broken["metadata"]["name"]
    logs = {(name, "proxy", False): "fatal: upstream lost", (name, "app", False): "cannot parse PORT"}
    items = select(
        case(FaultClass.CRASH_LOOP, ref(live)), RawEvidence(live=live, pods=(broken,), logs=logs)
    ).items
    texts = [item.text for item in items if item.kind is EvidenceKind.LOG]
    assert texts == [
        "container app of web logs 'cannot parse PORT'",
        "container proxy of web logs 'fatal: upstream lost'",
    ]


def test_pods_that_say_the_same_are_told_once_without_their_hashes() -> None:
    live = deployment("web", container(), replicas=3)
    pods = tuple(
        pod(live, waiting("ErrImagePull", 'pull of "shop/web:9" failed'), suffix=suffix)
        for suffix in ("aaaaa", "bbbbb", "ccccc")
    )
    events = tuple(
        event("Unhealthy", f"Readiness probe failed in {p['metadata']['name']}", at=f"2025-03-01T10:0{i}:00Z")
        for i, p in enumerate(pods)
    )
    text = render(
        select(case(FaultClass.IMAGE_PULL, ref(live)), RawEvidence(live=live, pods=pods, events=events))
    )
    assert text.count("waiting ErrImagePull") == 1
    assert text.count("Readiness probe failed in web") == 1
    assert "7f9c6d5b4d" not in text


def test_newer_events_come_first_and_dull_ones_not_at_all() -> None:
    live = deployment()
    events = (
        event("Unhealthy", "old", at="2025-03-01T10:00:00Z"),
        event("FailedMount", "new", at="2025-03-01T10:09:00Z"),
        event("Pulled", "dull", type_="Normal"),
    )
    items = select(case(FaultClass.NOT_READY, ref(live)), RawEvidence(live=live, events=events)).items
    assert [item.text for item in items if item.kind is EvidenceKind.EVENT] == [
        "event FailedMount: new",
        "event Unhealthy: old",
    ]


def test_a_neighbours_trouble_is_no_evidence_for_a_service() -> None:
    found, raw = incidents.selector()
    broken = pod(
        deployment("db", labels={"app": "db", "tier": "back"}), waiting("CrashLoopBackOff", "broken")
    )
    name = broken["metadata"]["name"]
    noise = event("Failed", "db pull failed")
    noise["involvedObject"]["name"] = name
    noisy = replace(raw, pods=(broken,), logs={(name, "app", True): "fatal: db"}, events=(noise,))
    assert render(select(found, noisy)) == render(select(found, raw))


def test_an_event_that_repeats_the_status_is_not_told_and_a_running_pods_chatter_is_no_cause() -> None:
    found, raw = incidents.image()
    detail = 'failed to resolve reference "docker.io/shop/web:1.5x": not found'
    older = pod(raw.live or {}, running(), suffix="older")
    said = replace(
        raw,
        pods=(pod(raw.live or {}, waiting("ErrImagePull", detail)), older),
        events=(
            event("Failed", f'Failed to pull image "shop/web:1.5x": {detail}'),
            event("MissingClusterDNS", "no DNS"),
        ),
        logs={(older["metadata"]["name"], "app", False): "starting\nlistening on :8080"},
    )
    kinds = {item.kind for item in select(found, said).items}
    assert EvidenceKind.STATUS in kinds
    assert not kinds & {EvidenceKind.EVENT, EvidenceKind.LOG}


def test_gaps_are_handed_on() -> None:
    live = deployment()
    gap = Gap("events", "Forbidden", "no right to list events")
    assert select(case(FaultClass.NOT_READY, ref(live)), RawEvidence(live=live, gaps=(gap,))).gaps == (gap,)


def test_an_absent_target_is_the_first_thing_said() -> None:
    evidence = select(case(FaultClass.ABSENT, ref(deployment())), RawEvidence(live=None))
    assert evidence.items[0].text == "Deployment web does not exist"


def test_secrets_are_counted_and_not_shown() -> None:
    live = deployment("web", container(env=[{"name": "API_TOKEN", "value": "hunter2"}]))
    p = pod(live, running(ready=False))
    logs = {
        (
            p["metadata"]["name"],
            "app",
            False,
        ): "error: login with password=hunter2 failed\n-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----"
    }
    evidence = select(
        case(FaultClass.NOT_READY, ref(live)),
        RawEvidence(live=live, pods=(p,), logs=logs, last_known_good=known_good(live)),
    )
    text = render(evidence)
    assert "hunter2" not in text
    assert "abcd" not in text
    assert evidence.redactions >= 4  # live, pod, log twice


_TEXT = st.text(max_size=60)
_SHAPED = st.one_of(
    _TEXT, st.sampled_from(["", "x" * 5000, "a b " * 900, "password=hunter2", "\n\n", "error: failed"])
)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(_SHAPED, min_size=6, max_size=6),
    log=st.lists(_SHAPED, max_size=12).map("\n".join),
    previous=st.booleans(),
    gone=st.booleans(),
    budget=st.integers(min_value=0, max_value=4000),
    name=st.sampled_from(sorted(incidents.ALL)),
)
def test_whatever_is_fed_the_budget_holds_and_each_item_is_one_line(
    words: list[str], log: str, previous: bool, gone: bool, budget: int, name: str
) -> None:
    found, raw = incidents.ALL[name]()
    owner = deployment("web", container(image=words[0], env=[{"name": "A", "value": words[1]}]))
    strange = pod(owner, waiting(words[2], words[3], last={"exitCode": 1, "message": words[4]}))
    mixed = replace(
        raw,
        live=None if gone else raw.live,
        pods=(*raw.pods, strange),
        events=(*raw.events, event(words[4], words[5]), event(words[0], words[3], at="")),
        logs={**raw.logs, (strange["metadata"]["name"], words[5][:20], previous): log},
        metrics={**raw.metrics, words[1]: words[2]},
    )
    evidence = select(found, mixed, budget)
    text = render(evidence)
    assert len(text) <= budget
    assert len(text.splitlines()) == len(evidence.items)
    assert list(evidence.ids) == [f"e{n}" for n in range(1, len(evidence.items) + 1)]


def test_a_probe_that_failed_before_the_pod_became_ready_is_no_evidence() -> None:
    owner = deployment()
    ready = pod(owner, running())
    since = "2025-03-01T10:03:00Z"
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    events = (
        event("Unhealthy", "refused while starting", at="2025-03-01T10:02:59Z"),
        event("Unhealthy", "refused again", at="2025-03-01T10:04:00Z"),
    )
    raw = RawEvidence(live=owner, pods=(ready,), events=events)
    told = render(select(case(FaultClass.METRIC, ref(owner)), raw))
    assert "while starting" not in told
    assert "refused again" in told
