"""What pods of a case show where no container runs, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gym.cases.assertions.registry import read
from gym.cases.folder import load_folder
from gym.cases.model import Case, Determinable, Scoring, Symptom, Tier
from gym.cases.state import State
from gym.run.pod_logs import PodLogs, answer
from gym.run.pod_status import sick, working
from gym.run.settling import restless
from gym.run.shown import Event
from gym.run.sick import container_of, is_current, is_sick, patients
from gym.run.symptoms import event_of, is_shown, on_init, shown, why_not

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EMPTY = State({})
LIBRARY = Path(__file__).resolve().parents[3] / "shared" / "data" / "faults"


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "7f"},
        "spec": {
            "containers": list(containers),
            "initContainers": list(init),
            "nodeName": "worker-1",
            **spec,
        },
    }


APP, SIDE = {"name": "app", "image": "shop/web:v9"}, {"name": "side", "image": "shop/side:v1"}


# ---------------------------------------------------------------- symptoms


@pytest.mark.parametrize(
    ("fault", "container", "reason", "last"),
    [
        ("ImagePullBackOff: no tag", APP, "ImagePullBackOff", None),
        ("CrashLoopBackOff: missing variable", APP, "CrashLoopBackOff", ("Error", 1)),
        (
            "CrashLoopBackOff: typo in command",
            {**APP, "command": ["wge"]},
            "CrashLoopBackOff",
            ("StartError", 128),
        ),
        ("OOMKilled: limit too low", APP, "CrashLoopBackOff", ("OOMKilled", 137)),
    ],
)
def test_what_follows_from_a_fault_is_what_a_kubelet_reports(
    fault: str, container: dict[str, Any], reason: str, last: tuple[str, int] | None
) -> None:
    found = shown(None, fault, pod(container), container, EMPTY)
    assert found is not None
    assert found.state["waiting"]["reason"] == reason
    ended = (found.last or {}).get("terminated")
    assert (ended and (ended["reason"], ended["exitCode"])) == last
    assert found.events


def test_a_program_that_is_not_there_is_named_as_containerd_names_it() -> None:
    container = {**APP, "command": ["wge", "-O"]}
    found = shown(None, "CrashLoopBackOff: typo in command", pod(container), container, EMPTY)
    assert found is not None
    assert 'exec: "wge": executable file not found in $PATH' in (found.last or {})["terminated"]["message"]


@pytest.mark.parametrize(("tail", "ended"), [("exit 3; ", ("Error", 3)), ("", ("Completed", 0))])
def test_a_script_that_stops_for_a_variable_says_what_it_says_and_ends_as_it_ends(
    tail: str, ended: tuple[str, int]
) -> None:
    script = "if [ -z \"${REGION}\" ]; then echo 'REGION is undefined' ; " + tail + "else sleep 9; fi"
    container = {**APP, "command": ["/bin/sh"], "args": ["-c", script]}
    found = shown(None, "CrashLoopBackOff: missing variable", pod(container), container, EMPTY)
    assert found is not None
    assert found.log == "REGION is undefined"
    told = (found.last or {})["terminated"]
    assert (told["reason"], told["exitCode"]) == ended


def test_a_job_whose_pods_are_not_restarted_ends_as_failed() -> None:
    job = pod(APP, restartPolicy="Never")
    found = shown(None, "OOMKilled: limit too low", job, APP, EMPTY)
    assert found is not None
    status = sick(job, {"app": found}, NOW, "10.64.0.1")
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"


def test_what_has_lasted_for_a_while_is_told_with_its_times() -> None:
    stated = {"lastState": {"terminated": {"exitCode": 143}}, "lasted": 20}
    killed = shown(Symptom.model_validate(stated), "any", pod(APP), APP, EMPTY)
    assert killed is not None
    status = sick(pod(APP), {"app": killed}, NOW, "10.64.0.1")
    ended = status["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["startedAt"], ended["finishedAt"]) == ("2026-01-02T03:03:45Z", "2026-01-02T03:04:05Z")
    waits = pod(APP, init=(SIDE,))
    stated = {"initContainerState": {"running": {}}, "lasted": 1160}
    hangs = shown(Symptom.model_validate(stated), "any", waits, SIDE, EMPTY)
    assert hangs is not None
    status = sick(waits, {"side": replace(hangs, init=True)}, NOW, "10.64.0.1")
    assert status["initContainerStatuses"][0]["state"] == {"running": {"startedAt": "2026-01-02T02:44:45Z"}}


def test_a_reference_that_is_missing_is_told_by_its_name_and_key() -> None:
    source = {"configMapKeyRef": {"name": "settings", "key": "url"}}
    container = {**APP, "env": [{"name": "URL", "valueFrom": source}]}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}}
    fault = "CreateContainerConfigError: a key is missing"
    absent = shown(None, fault, pod(container), container, EMPTY)
    without_key = shown(None, fault, pod(container), container, State.of([config]))
    assert absent is not None
    assert without_key is not None
    assert absent.state["waiting"]["message"] == 'configmap "settings" not found'
    assert without_key.state["waiting"]["message"] == "couldn't find key url in ConfigMap shop/settings"


def test_what_the_scheduler_says_is_left_to_the_scheduler() -> None:
    assert shown(None, "Unschedulable: nodeSelector", pod(APP), APP, EMPTY) is None
    waits = Symptom.model_validate({"podCondition": {"type": "PodScheduled", "status": "False"}})
    assert shown(waits, "Unschedulable", pod(APP), APP, EMPTY) is None


def test_a_stated_symptom_is_shown_as_stated_with_a_kubelets_message_where_it_has_none() -> None:
    stated = Symptom.model_validate(
        {
            "containerState": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 3}},
            "logs": "no such host",
        }
    )
    found = shown(stated, "whatever", pod(APP), APP, EMPTY)
    assert found is not None
    assert found.state["waiting"]["message"].startswith(
        "back-off 2m40s restarting failed container=app pod=web-1_shop(7f)"
    )
    assert (found.last or {})["terminated"] == {"reason": "Error", "exitCode": 3}
    assert found.log == "no such host"


def test_a_probe_that_gives_up_after_an_hour_restarts_nothing_meanwhile() -> None:
    patient = {
        **APP,
        "livenessProbe": {"exec": {"command": ["false"]}, "failureThreshold": 1000, "periodSeconds": 5},
    }
    eager = {**APP, "livenessProbe": {"exec": {"command": ["false"]}}}
    slow, quick = (shown(None, "Liveness probe fails", pod(one), one, EMPTY) for one in (patient, eager))
    assert slow is not None
    assert quick is not None
    assert (slow.ready, slow.restarts) == (True, 0)
    assert quick.restarts > 0


def test_events_are_given_the_reason_that_a_kubelet_gives_them() -> None:
    assert event_of("Readiness probe failed: refused") == Event(
        "Unhealthy", "Readiness probe failed: refused"
    )
    assert event_of("FailedMount: no such volume") == Event("FailedMount", "no such volume")


# ---------------------------------------------------------------- statuses


def test_a_working_pod_is_ready_and_a_jobs_pod_is_done() -> None:
    running = working(pod(APP, SIDE, init=(APP,)), NOW, "10.64.0.1")
    assert running["phase"] == "Running"
    assert all(one["ready"] for one in running["containerStatuses"])
    assert running["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    job = pod(APP)
    job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "j", "uid": "1", "controller": True}]
    assert working(job, NOW, "10.64.0.1")["phase"] == "Succeeded"


def test_only_the_sick_container_is_not_ready() -> None:
    found = shown(None, "CrashLoopBackOff", pod(APP, SIDE), APP, EMPTY)
    assert found is not None
    status = sick(pod(APP, SIDE), {"app": found}, NOW, "10.64.0.1")
    assert [one["ready"] for one in status["containerStatuses"]] == [False, True]
    conditions = {one["type"]: one for one in status["conditions"]}
    assert conditions["Ready"]["message"] == "containers with unready status: [app]"
    assert conditions["Initialized"]["status"] == "True"


def test_behind_a_failing_init_container_the_others_wait() -> None:
    init = {"name": "fetch", "image": "busybox", "command": ["wge"]}
    found = shown(None, "Init container: typo in command", pod(APP, init=(init,)), init, EMPTY)
    assert found is not None
    assert on_init(None, "Init container: typo in command")
    status = sick(pod(APP, init=(init,)), {"fetch": replace(found, init=True)}, NOW, "10.64.0.1")
    assert status["phase"] == "Pending"
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"


# ---------------------------------------------------------------- for how long


def deployment(name: str, image: str) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "app", "image": image}, {"name": "side", "image": "x"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": template},
    }


def right_image(name: str) -> Any:
    return read(
        {
            "op": "eq",
            "target": {"kind": "Deployment", "name": name},
            "path": "spec.template.spec.containers[name=side].image",
            "value": "good",
        }
    )


def scoring(*checks: Any, fault: str = "CrashLoopBackOff", fix: Determinable = Determinable.YES) -> Scoring:
    return Scoring(fault, fix, fix is Determinable.NO, checks, None)


def test_a_symptom_lasts_as_long_as_the_assertions_about_its_workload_fail() -> None:
    one, other = deployment("one", "a"), deployment("other", "b")
    case = Case("c", Tier.KWOK, (one, other))
    found = scoring(right_image("one"), right_image("other"))
    first, second = patients(case, found)
    state = State.of([one, other])
    assert is_sick(first, case, found, state)
    mended = deployment("one", "a")
    mended["spec"]["template"]["spec"]["containers"][1]["image"] = "good"
    state = State.of([mended, other])
    assert not is_sick(first, case, found, state)
    assert is_sick(second, case, found, state)


def test_the_container_that_an_assertion_points_at_is_the_sick_one() -> None:
    one = deployment("one", "a")
    [patient] = patients(Case("c", Tier.KWOK, (one,)), scoring(right_image("one")))
    assert (container_of(patient, one, init=False) or {})["name"] == "side"


def test_where_a_config_map_is_judged_the_workload_that_names_it_is_sick() -> None:
    user, stranger = deployment("one", "a"), deployment("other", "b")
    user["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    check = read({"op": "exists", "target": {"kind": "ConfigMap", "name": "settings"}, "path": "data.url"})
    found = patients(Case("c", Tier.KWOK, (stranger, user)), scoring(check))
    assert [patient.key[2] for patient in found] == ["one"]


def test_a_symptom_with_a_target_is_shown_by_that_workload_alone_and_its_named_container() -> None:
    one, other = deployment("one", "a"), deployment("other", "b")
    stated = Symptom.model_validate(
        {"target": {"kind": "Deployment", "name": "other"}, "container": "side", "ready": False}
    )
    [patient] = patients(Case("c", Tier.KWOK, (one, other), symptom=stated), scoring(right_image("one")))
    assert patient.key == ("Deployment", "shop", "other")
    assert (container_of(patient, other, init=False, named="side") or {})["name"] == "side"


def test_a_control_shows_what_it_states_and_nothing_else() -> None:
    stated = Symptom.model_validate({"ready": True, "restartCount": 1, "logs": "warming up"})
    calm = scoring(fault="none")
    assert is_shown(Case("c", Tier.KWOK, (deployment("one", "a"),), symptom=stated), calm)
    assert not is_shown(Case("c", Tier.KWOK, (deployment("one", "a"),)), calm)


def test_a_case_that_no_change_mends_stays_sick() -> None:
    one = deployment("one", "a")
    case, found = Case("c", Tier.KWOK, (one,)), scoring(fix=Determinable.NO)
    [patient] = patients(case, found)
    assert is_sick(patient, case, found, State.of([one]))


def test_pods_of_an_older_template_are_told_from_those_of_the_newest() -> None:
    now = deployment("one", "new")
    old_set = {"kind": "ReplicaSet", "metadata": {"uid": "s"}, "spec": deployment("one", "old")["spec"]}
    new_set = {"kind": "ReplicaSet", "metadata": {"uid": "t"}, "spec": now["spec"]}
    made = pod(APP)
    made["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "uid": "s", "controller": True}]
    assert not is_current(made, now, {"s": old_set, "t": new_set})
    made["metadata"]["ownerReferences"][0]["uid"] = "t"
    assert is_current(made, now, {"s": old_set, "t": new_set})


@pytest.mark.skipif(not LIBRARY.is_dir(), reason="the case library is not beside the repository")
def test_every_case_of_the_library_can_be_shown() -> None:
    for one in load_folder(LIBRARY).scenarios:
        assert why_not(one.case, one.scoring) is None, one.case.id
        if one.case.tier is Tier.KWOK:
            assert is_shown(one.case, one.scoring), one.case.id


# ---------------------------------------------------------------- logs


def test_a_log_is_served_as_the_api_server_asks_for_it() -> None:
    logs = PodLogs()
    logs.put("shop", "web-1", "app", "one\ntwo\nthree")
    assert answer(logs, "/containerLogs/shop/web-1/app") == "one\ntwo\nthree\n"
    assert answer(logs, "/containerLogs/shop/web-1/app?tailLines=2&previous=true") == "two\nthree\n"
    assert answer(logs, "/containerLogs/shop/web-1/app?limitBytes=3") == "one"
    assert answer(logs, "/containerLogs/shop/web-1/side") == ""
    assert answer(logs, "/exec/shop/web-1/app") is None


# ---------------------------------------------------------------- before anything is read


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (
            {"kind": "Deployment", "metadata": {"generation": 2}, "status": {"observedGeneration": 1}},
            "controller",
        ),
        (
            {
                "kind": "ReplicaSet",
                "metadata": {"generation": 1},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "replicas": 1},
            },
            "its pods",
        ),
        ({"kind": "Pod", "metadata": {}, "spec": {}, "status": {"phase": "Pending"}}, "scheduler"),
        ({"kind": "Job", "metadata": {}, "spec": {}}, "controller"),
        ({"kind": "PersistentVolumeClaim", "metadata": {}}, "controller"),
    ],
)
def test_what_a_controller_has_not_seen_yet_is_not_at_rest(obj: dict[str, Any], words: str) -> None:
    obj["metadata"]["name"] = "x"
    assert words in (restless(State.of([obj])) or "")


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "Deployment", "metadata": {"generation": 1}, "status": {"observedGeneration": 1}},
        {
            "kind": "ReplicaSet",
            "metadata": {"generation": 1},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 1, "conditions": [{"type": "ReplicaFailure", "status": "True"}]},
        },
        {"kind": "Pod", "metadata": {}, "spec": {"nodeName": "worker-1"}},
        {
            "kind": "Pod",
            "metadata": {},
            "spec": {},
            "status": {"conditions": [{"type": "PodScheduled", "status": "False"}]},
        },
        {"kind": "Job", "metadata": {}, "spec": {"suspend": True}},
        {"kind": "ConfigMap", "metadata": {}},
    ],
)
def test_what_can_get_no_further_by_itself_is_at_rest(obj: dict[str, Any]) -> None:
    obj["metadata"]["name"] = "x"
    assert restless(State.of([obj])) is None
