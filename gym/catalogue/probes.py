"""Probes that ask the wrong thing, or too early."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import MISLEADING, PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, SHAPES, Json, at, main, workload
from gym.catalogue.sketch import Sketch, any_of, check

FAMILY = "probe"
NOT_READY = "NotReady"


def lost_path(d: Draw, s: Sketch, kind: str, *, logs: str = "") -> tuple[Json, str]:
    """A readiness probe that asks for a page that is not there, while the liveness probe asks the right one."""
    good = workload(d, kind)
    path = at(good, "readinessProbe.httpGet.path")
    wrong = d.turn(f"{d.path}z", f"/api{d.path}", f"{d.path}/ready")
    s.breaks(good, path, wrong)
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    s.mistake((good, path, "/"))
    s.shows(good, **kubelet.unready(d.main, kubelet.status_code(404), logs or d.quiet(f"GET {wrong} 404")))
    return good, path


@fixable(
    "probe-path",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe asks for a page that is not there",
    "the page that the liveness probe asks for",
    PUBLISHED,
)
def path(d: Draw, s: Sketch) -> None:
    lost_path(d, s, d.turn(*SHAPES))


@fixable(
    "probe-path-under-loud-warnings",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe asks for a page that is not there; the log complains loudly of something harmless",
    "the page that the liveness probe asks for",
    MISLEADING,
)
def loud(d: Draw, s: Sketch) -> None:
    complaint = d.turn(
        "ERROR telemetry: collector.example:4317 refused the connection, spans are dropped",
        "WARN memory: less than 40 % of the cache is used, consider a smaller limit",
        "ERROR license server not reachable, running on the cached license until 2027-01-01",
    )
    good, _ = lost_path(d, s, d.turn("Deployment", "DaemonSet"), logs=f"{complaint}\n{complaint}")
    s.mistake((good, at(good, "env[name=TELEMETRY]"), {"name": "TELEMETRY", "value": "off"}))


@fixable(
    "probe-port",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe asks a port on which nothing listens",
    "the container's port",
)
def port(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES))
    where = at(good, "readinessProbe.httpGet.port")
    wrong = d.port + d.any(1, 10, 80)
    s.breaks(good, where, wrong, check("in", good, where, value=[d.port, "http"]))
    s.also_right((good, where, "http"))
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    said = kubelet.refused(wrong, d.path)
    s.shows(good, **kubelet.unready(d.main, said, d.quiet(f"listening on :{d.port}")))


@fixable(
    "probe-port-name",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe names a port that the container does not have",
    "the name of the container's port",
)
def port_name(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES))
    where = at(good, "readinessProbe.httpGet.port")
    main(good)["readinessProbe"]["httpGet"]["port"] = "http"
    s.breaks(
        good, where, d.turn("web", "https", "http-main"), check("in", good, where, value=["http", d.port])
    )
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    symptom = kubelet.unready(d.main, "", d.quiet(f"listening on :{d.port}"))
    bad = main(next(iter(s.bad.values())))["readinessProbe"]["httpGet"]["port"]
    said = f'Readiness probe errored and resulted in unknown state: couldn\'t find port: "{bad}"'
    s.shows(good, **{**symptom, "events": [f"Unhealthy: {said}"]})


@fixable(
    "probe-scheme",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe speaks TLS to a port that does not",
    "plain HTTP, as the liveness probe asks",
)
def scheme(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES))
    where = at(good, "readinessProbe.httpGet.scheme")
    main(good)["readinessProbe"]["httpGet"]["scheme"] = "HTTP"
    s.breaks(good, where, "HTTPS", check("not_in", good, where, value=["HTTPS"]))
    s.demands(check("eq", good, at(good, "readinessProbe.httpGet.path"), value=d.path))
    s.also_right((good, where, ABSENT))
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    said = f'Get "https://10.244.1.17:{d.port}{d.path}": http: server gave HTTP response to HTTPS client'
    s.shows(good, **kubelet.unready(d.main, said))


@fixable(
    "probe-command",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe calls a program by a wrong name; the liveness probe calls the right one",
    "the program that the liveness probe calls",
)
def command(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(
        ("pg_isready", "pg_isredy"), ("redis-cli", "rediscli"), ("mysqladmin", "mysql-admin")
    )
    arguments = {"pg_isready": "-q", "redis-cli": "ping", "mysqladmin": "ping"}[right]
    good = workload(d, "StatefulSet")
    for name in ("readinessProbe", "livenessProbe"):
        main(good)[name] = {
            "exec": {"command": ["sh", "-c", f"{right} {arguments}"]},
            "periodSeconds": 10,
        }
    where = at(good, "readinessProbe.exec.command")
    s.breaks(good, f"{where}[2]", f"{wrong} {arguments}", allow=where)
    s.mistake((good, where, ["true"]))
    s.mistake((good, at(good, "readinessProbe"), ABSENT))
    s.shows(good, **kubelet.unready(d.main, f"sh: 1: {wrong}: not found"))


@fixable(
    "probe-liveness-too-eager",
    FAMILY,
    "LivenessProbe CrashLoop",
    Tier.KWOK,
    "the liveness probe gives up before the program is up, as its log says",
    "more patience in the liveness probe, or a startup probe",
    partial=True,
)
def eager(d: Draw, s: Sketch) -> None:
    takes = d.turn(45, 70, 90)
    good = workload(d, d.turn(*SHAPES))
    main(good)["livenessProbe"] = {
        "httpGet": {"path": d.path, "port": d.port},
        "initialDelaySeconds": takes * 2,
        "periodSeconds": 5,
        "failureThreshold": 3,
    }
    where = at(good, "livenessProbe.initialDelaySeconds")
    patient = any_of(
        check("qty_ge", good, where, value=takes),
        check("qty_ge", good, at(good, "livenessProbe.failureThreshold"), value=takes // 5),
        check("qty_ge", good, at(good, "startupProbe.failureThreshold"), value=takes // 10),
    )
    s.breaks(
        good,
        where,
        5,
        patient,
        check("eq", good, at(good, "livenessProbe.httpGet.path"), value=d.path),
        allow=[at(good, "livenessProbe"), at(good, "startupProbe")],
    )
    startup = {"httpGet": {"path": d.path, "port": d.port}, "failureThreshold": 30, "periodSeconds": 10}
    s.also_right((good, where, 5), (good, at(good, "startupProbe"), startup))
    s.mistake((good, at(good, "livenessProbe"), ABSENT))
    s.mistake((good, where, 10))
    log = d.quiet("starting", f"warming up, about {takes} s", "warming up: 20 %", "received SIGTERM")
    s.shows(
        good, **kubelet.killed_by_probe(d.main, "liveness", kubelet.refused(d.port, d.path), log, 5 + 5 * 3)
    )


@fixable(
    "probe-startup-too-short",
    FAMILY,
    "StartupProbe CrashLoop NotReady",
    Tier.KWOK,
    "the startup probe allows less than the program needs; the revision before allowed more",
    "the startup probe of the revision before",
)
def startup(d: Draw, s: Sketch) -> None:
    takes = d.turn(90, 120, 150)
    good = workload(d)
    main(good)["startupProbe"] = {
        "httpGet": {"path": d.path, "port": d.port},
        "periodSeconds": 10,
        "failureThreshold": 30,
    }
    where = at(good, "startupProbe.failureThreshold")
    tries = d.any(2, 3)
    s.breaks(
        good,
        where,
        tries,
        check("qty_ge", good, where, value=takes // 10),
        allow=at(good, "startupProbe"),
    )
    s.had(good)
    s.mistake((good, where, 4))
    s.mistake((good, at(good, "startupProbe"), ABSENT))
    log = d.quiet("starting", f"migrating {takes * 1000} rows, about {takes} s", "received SIGTERM")
    s.shows(
        good, **kubelet.killed_by_probe(d.main, "startup", kubelet.refused(d.port, d.path), log, 10 * tries)
    )


# ---------------------------------------------------------------- for a person


@hopeless(
    "probe-tells-of-a-partner",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the readiness probe is right to fail: what the program needs outside of the cluster does not answer",
    "a person has to talk to the partner; a probe that is taken away only hides it",
)
def partner(d: Draw, s: Sketch) -> None:
    host = d.turn("ldap.corp.example", "warehouse.partner.example", "maps.provider.example")
    obj = workload(d, d.turn(*SHAPES))
    s.applies(obj)
    s.finds(obj, f"`{host}` does not answer, and the probe rightly says so")
    log = d.log(f"readiness: {host}:443: i/o timeout after 10 s (14 times in a row)")
    s.shows(obj, **kubelet.unready(d.main, kubelet.status_code(503), log))


@hopeless(
    "probe-tells-of-a-lock",
    FAMILY,
    NOT_READY,
    Tier.KWOK,
    "the program waits for a lock of a migration that died half way",
    "a person has to decide about the migration",
)
def lock(d: Draw, s: Sketch) -> None:
    number = d.any(41, 57, 88)
    obj = workload(d, d.turn("Deployment", "StatefulSet"))
    s.applies(obj)
    s.finds(obj, f"Migration `{number}_{d.app}` holds its lock half done")
    log = d.log(f"schema lock is held by migration {number}_{d.app} (dirty), started 9 h ago")
    s.shows(obj, **kubelet.unready(d.main, kubelet.status_code(503), log))


SCENARIOS: tuple[Scenario, ...] = (
    path, loud, port, port_name, scheme, command, eager, startup, partner, lock,
)  # fmt: skip
