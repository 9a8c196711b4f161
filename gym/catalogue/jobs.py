"""Jobs that fail or never end, and CronJobs whose runs fail."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import Scenario, fixable, hopeless
from gym.catalogue.crashes import database
from gym.catalogue.draw import Draw
from gym.catalogue.objects import Json, at, config_map, main, workload
from gym.catalogue.sketch import Sketch

FAMILY = "job"


def job(d: Draw, name: str, *, env: tuple[Json, ...] = (), limit: int = 4) -> Json:
    """A Job that tries again and again in the same pod."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": d.namespace, "labels": {"team": d.team}},
        "spec": {"backoffLimit": limit, "template": template(d, env, "OnFailure")},
    }


def cron_job(d: Draw, name: str, schedule: str, *, env: tuple[Json, ...] = ()) -> Json:
    """A CronJob."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": d.namespace, "labels": {"team": d.team}},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"spec": {"backoffLimit": 3, "template": template(d, env, "OnFailure")}},
        },
    }


def template(d: Draw, env: tuple[Json, ...], restart: str) -> Json:
    """What a run is."""
    container: Json = {
        "name": d.main,
        "image": d.image(),
        "args": ["run-once"],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }
    if env:
        container["env"] = [dict(one) for one in env]
    return {
        "metadata": {"labels": {"team": d.team}},
        "spec": {"restartPolicy": restart, "containers": [container]},
    }


@fixable(
    "job-endpoint",
    FAMILY,
    "JobFailed CrashLoop",
    Tier.KWOK,
    "a Job has an address that no Service has; a Job's template can never change",
    "the Job anew, with the address of the database's Service",
)
def endpoint(d: Draw, s: Sketch) -> None:
    runs, serves, program, port = database(d)
    right = serves["metadata"]["name"]
    wrong = right.replace(f"{d.app}-", f"{d.app}", 1)
    good = job(d, f"{d.app}-{d.any('import', 'reindex', 'report')}", env=({"name": "STORE", "value": f"{right}:{port}"},), limit=30)  # fmt: skip
    path = at(good, "env[name=STORE].value")
    s.breaks(good, path, f"{wrong}:{port}")
    s.stands(runs, serves)
    s.mistake((good, path, f"localhost:{port}"))
    said = f"{program}: dial tcp: lookup {wrong} on 10.96.0.10:53: no such host"
    s.shows(good, **kubelet.crashes(d.main, d.log("connecting", said), restarts=3))


@fixable(
    "cron-job-image",
    FAMILY,
    "ImagePull JobNotDone",
    Tier.KWOK,
    "a CronJob's image tag does not exist; the Deployment of the same program runs one that does",
    "the tag that the Deployment runs",
)
def image(d: Draw, s: Sketch) -> None:
    good = cron_job(d, f"{d.app}-{d.any('digest', 'cleanup', 'sync')}", "*/1 * * * *")
    bad = d.image(release=d.next_release)
    s.breaks(good, at(good, "image"), bad)
    s.stands(workload(d, "Deployment", image=d.image()))
    s.mistake((good, at(good, "image"), d.image(release="latest")))
    s.mistake((good, "spec.suspend", True))
    s.shows(good, **kubelet.cannot_pull(bad, d.main, kubelet.not_found(bad)))


@fixable(
    "cron-job-config-key",
    FAMILY,
    "ConfigReference JobNotDone",
    Tier.KWOK,
    "a CronJob asks for a ConfigMap key that is spelt otherwise; a second CronJob has it right",
    "the key that the other CronJob asks for",
)
def config_key(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(
        ("bucket.name", "bucket"), ("export.path", "exportpath"), ("mail.to", "mail.receiver")
    )
    config = config_map(d, f"{d.app}-batch", {right: d.any("exports", "out", "nightly")})

    def entry(key: str) -> Json:
        return {"name": "TARGET", "valueFrom": {"configMapKeyRef": {"name": f"{d.app}-batch", "key": key}}}

    good = cron_job(d, f"{d.app}-hourly", "*/1 * * * *", env=(entry(right),))
    path = at(good, "env[name=TARGET].valueFrom.configMapKeyRef.key")
    s.breaks(good, path, wrong)
    s.stands(config, cron_job(d, f"{d.app}-weekly", "0 3 * * 0", env=(entry(right),)))
    s.mistake((good, path.removesuffix(".key") + ".optional", True))
    message = f"couldn't find key {wrong} in ConfigMap {d.namespace}/{d.app}-batch"
    s.shows(good, **kubelet.config_error(d.main, message))


# ---------------------------------------------------------------- for a person


@hopeless(
    "job-input-malformed",
    FAMILY,
    "JobFailed CrashLoop",
    Tier.KWOK,
    "a Job fails on its input, as often as it is tried",
    "a person has to look at the input",
)
def malformed(d: Draw, s: Sketch) -> None:
    file = f"{d.app}-2026-11-{d.any('02', '09', '16')}.csv"
    obj = job(d, f"{d.app}-load")
    obj["spec"]["backoffLimit"] = 2
    main(obj)["args"] = ["load", "--latest"]
    obj["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    s.applies(obj)
    s.finds(obj, f"The input `{file}` cannot be read")
    line = d.any(1207, 4411, 90210)
    log = d.log("opening the newest file", f"{file}:{line}: expected 14 fields, found 9")
    ended = {"terminated": {"exitCode": 65, "reason": "Error"}}
    s.shows(obj, container=d.main, containerState=ended, phase="Failed", ready=False, logs=log)


@hopeless(
    "job-behind-a-lock",
    FAMILY,
    "JobFailed JobNotDone",
    Tier.KWOK,
    "a run ends at its deadline, for it waits for a lock that a run of days ago still holds",
    "a person has to say whether that lock may be broken; more time would not help",
)
def hangs(d: Draw, s: Sketch) -> None:
    obj = job(d, f"{d.app}-{d.any('settle', 'compact', 'close-month')}")
    obj["spec"]["activeDeadlineSeconds"] = d.any(15, 20, 25)
    holder = f"{d.app}-batch-{d.any(11, 12, 13)}"
    s.applies(obj)
    s.finds(obj, f"The run waits for a lock that `{holder}` holds")
    lines = [f"lock is held by {holder} since {days} days, waiting" for days in (4, 4, 4)]
    s.shows(obj, container=d.main, containerState={"running": {}}, ready=True, logs=d.quiet(*lines))


SCENARIOS: tuple[Scenario, ...] = (endpoint, image, config_key, malformed, hangs)
