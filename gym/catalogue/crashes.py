"""Programs that start and end by themselves."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet, words
from gym.catalogue.base import MISLEADING, PUBLISHED, Scenario, fixable
from gym.catalogue.configuration import variable
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    SHAPES,
    Json,
    at,
    config_map,
    event,
    main,
    service,
    workload,
)
from gym.catalogue.sketch import Sketch, check

FAMILY = "crash"
CRASH = "CrashLoop"


def database(d: Draw) -> tuple[Json, Json, str, int]:
    """A database beside the workload: what runs it, its Service, its program, its port."""
    program, port = d.turn(*words.DATABASES)
    runs = workload(
        d, "StatefulSet", f"{d.app}-{program}", probe=False, sidecar=False, image=d.image(program, "14.2")
    )
    main(runs)["ports"] = [{"name": program, "containerPort": port}]
    serves = service(d, runs, f"{d.app}-{d.any('db', 'data', 'store')}", port)
    serves["spec"]["ports"][0].update(name=program, targetPort=program)
    return runs, serves, program, port


def lost_endpoint(d: Draw, s: Sketch, kind: str) -> tuple[Json, str, Json, int]:
    """An address that no Service has; the workload, the variable's path, the Service that is meant, its port."""
    runs, serves, program, port = database(d)
    right = serves["metadata"]["name"]
    wrong = right.replace(f"{d.app}-", f"{d.app}", 1)
    name = d.turn("DATABASE_ADDRESS", "STORE_HOST_PORT", f"{program.upper()}_ADDRESS")
    good = workload(d, kind, env=({"name": name, "value": f"{right}:{port}"},))
    path = at(good, f"env[name={name}].value")
    fully = f"{right}.{d.namespace}.svc"
    s.breaks(
        good,
        path,
        f"{wrong}:{port}",
        check(
            "in", good, path, value=[f"{host}:{port}" for host in (right, fully, f"{fully}.cluster.local")]
        ),
    )
    s.also_right((good, path, f"{fully}:{port}"))
    s.stands(runs, serves)
    said = (
        f"connecting to {wrong}:{port}",
        f"cannot reach {program}: dial tcp: lookup {wrong} on 10.96.0.10:53: no such host",
    )
    s.shows(good, **kubelet.crashes(d.main, d.log(*said)))
    return good, path, serves, port


@fixable(
    "endpoint-of-nobody",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a variable holds an address that no Service has",
    "the address of the database's Service",
    PUBLISHED,
)
def endpoint(d: Draw, s: Sketch) -> None:
    good, path, _, port = lost_endpoint(d, s, d.turn(*SHAPES))
    s.mistake((good, path, f"localhost:{port}"))


@fixable(
    "endpoint-beside-a-decoy",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a variable holds an address that no Service has; an archive's Service has the name that looks more alike",
    "the address of the Service whose port and program are meant",
    MISLEADING,
)
def endpoint_decoy(d: Draw, s: Sketch) -> None:
    good, path, serves, port = lost_endpoint(d, s, d.turn("Deployment", "StatefulSet"))
    alike = serves["metadata"]["name"].replace(f"{d.app}-", f"{d.app}s-", 1)
    archive = workload(d, "Deployment", f"{d.app}s-archive", probe=False)
    other = service(d, archive, alike, 8090)
    s.stands(archive, other)
    s.mistake((good, path, f"{alike}:8090"))
    s.mistake((good, path, f"{alike}:{port}"))


@fixable(
    "endpoint-port",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a variable holds the right host and a port that its Service does not have",
    "the Service's port",
)
def endpoint_port(d: Draw, s: Sketch) -> None:
    runs, serves, program, port = database(d)
    host = serves["metadata"]["name"]
    good = workload(d, d.turn(*SHAPES), env=({"name": "STORE_ADDRESS", "value": f"{host}:{port}"},))
    path = at(good, "env[name=STORE_ADDRESS].value")
    wrong = port + d.any(1, 10, -1)
    s.breaks(good, path, f"{host}:{wrong}")
    s.stands(runs, serves)
    s.mistake((good, path, f"localhost:{port}"))
    said = f"{program} at {host}:{wrong} does not answer: dial tcp 10.96.41.7:{wrong}: connect: connection refused"
    s.shows(good, **kubelet.crashes(d.main, d.log("reading settings", said)))


@fixable(
    "variable-missing",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a variable that the program needs was left out; its sibling of the same image has it",
    "the variable as the sibling has it, from the ConfigMap",
)
def missing(d: Draw, s: Sketch) -> None:
    name, key = d.turn(("REGION", "region"), ("TENANT", "tenant"), ("EXPORT_BUCKET", "export.bucket"))
    config = config_map(d, f"{d.app}-config", {key: d.any("north-1", "blue", "exports-2")})
    entry = variable(name, f"{d.app}-config", key)
    good = workload(d, d.turn(*SHAPES), env=({"name": "TZ", "value": "UTC"}, entry))
    beside = workload(d, "Deployment", f"{d.app}-worker", env=(entry,), probe=False, image=d.image())
    path = at(good, f"env[name={name}]")
    s.breaks(good, path, ABSENT)
    s.stands(config, beside)
    s.mistake((good, path, {"name": name, "value": "default"}))
    said = d.turn(f"required variable {name} is not set", f"{name} must not be empty", f"KeyError: '{name}'")
    s.shows(good, **kubelet.crashes(d.main, d.log("starting", said)))


@fixable(
    "value-not-of-the-list",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a ConfigMap's value has a typing error, and the program says which values it knows",
    "the value of the program's list that is meant, in the ConfigMap",
)
def value(d: Draw, s: Sketch) -> None:
    key, right, wrong, known = d.turn(
        ("log.level", "info", "inof", "debug, info, warn, error"),
        ("storage.mode", "replicated", "replicatd", "local, replicated, remote"),
        ("compression", "zstd", "zsdt", "none, gzip, zstd"),
    )
    config = config_map(d, f"{d.app}-config", {key: right})
    obj = workload(d, d.turn(*SHAPES), env=(variable("SETTING", f"{d.app}-config", key),))
    s.applies(obj)
    s.breaks(config, f"data.{key.replace('.', chr(92) + '.')}", wrong)
    s.mistake((config, f"data.{key.replace('.', chr(92) + '.')}", known.split(", ")[0]))
    s.shows(obj, **kubelet.crashes(d.main, d.log(f'{key}: "{wrong}" is not one of {known}'), 2))


@fixable(
    "flag-unknown",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "an argument has a typing error",
    "the argument of the revision before",
)
def flag(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(
        ("--port", "--prot"), ("--workers", "--worker"), ("--bind-address", "--bind-addres")
    )
    number = {"--port": str(d.port), "--workers": "4"}.get(right, f"0.0.0.0:{d.port}")
    good = workload(d)
    main(good)["args"] = [f"{right}={number}", "--quiet"]
    path = at(good, "args")
    s.breaks(good, f"{path}[0]", f"{wrong}={number}", allow=path)
    s.had(good)
    s.mistake((good, path, ["--quiet"]))
    s.shows(
        good,
        **kubelet.crashes(d.main, f"unknown flag: {wrong}\nRun '{d.app} --help' for usage.", 2),
    )


@fixable(
    "flag-beside-a-noisy-neighbour",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "an argument has a typing error; the events are full of a neighbour that is short of memory",
    "the argument of the revision before; the memory is fine",
    MISLEADING,
)
def noisy(d: Draw, s: Sketch) -> None:
    flag.draw(d, s)
    neighbour = workload(d, "Deployment", d.other_app())
    who = neighbour["metadata"]["name"]
    said = f"Memory cgroup out of memory: Killed process 4711 ({who}) total-vm:1290144kB"
    s.stands(neighbour, event(d, neighbour, "OOMKilling", said, f"2026-10-{d.any(11, 17, 23)}T04:40:00Z"))
    good = next(obj for obj in s.good.values() if obj["kind"] == "Deployment")
    s.mistake((good, at(good, "resources.limits.memory"), "2Gi"))


SCENARIOS: tuple[Scenario, ...] = (
    endpoint, endpoint_decoy, endpoint_port, missing, value, flag, noisy,
)  # fmt: skip
