"""Containers that do not start, and programs that end by themselves."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet, words
from gym.catalogue.base import MISLEADING, PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.configuration import variable
from gym.catalogue.draw import Draw
from gym.catalogue.objects import ABSENT, SHAPES, Json, at, below, config_map, event, main, service, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "start"
START = "StartError CrashLoop"
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


# ---------------------------------------------------------------- it cannot start


@fixable(
    "command-not-found",
    FAMILY,
    START,
    Tier.KWOK,
    "the command has a typing error",
    "the command of the revision before",
)
def command(d: Draw, s: Sketch) -> None:
    right = d.turn("/usr/local/bin/serve", "gunicorn", "node")
    good = workload(d)
    main(good)["command"] = [right, "--port", str(d.port)]
    wrong = right[:-2] + right[-1] + right[-2]
    s.breaks(good, at(good, "command[0]"), wrong, allow=at(good, "command"))
    s.had(good)
    s.mistake((good, at(good, "command"), ABSENT))
    why = f'exec: "{wrong}": stat {wrong}: no such file or directory'
    said = why if right.startswith("/") else kubelet.no_executable(wrong)
    s.shows(good, **kubelet.start_error(d.main, said))


@fixable(
    "sidecar-command-of-a-sibling",
    FAMILY,
    START,
    Tier.KWOK,
    "the sidecar's command has a typing error, the sibling's has not",
    "the command that the sibling's sidecar has",
)
def sidecar(d: Draw, s: Sketch) -> None:
    program = d.turn("tail-logs", "forwarder", "exporter")
    good = workload(d, d.turn(*SHAPES), sidecar=True)
    beside = workload(d, "Deployment", f"{d.app}-admin", sidecar=True)
    for obj in (good, beside):
        obj["spec"]["template"]["spec"]["containers"][1] = {
            "name": "companion",
            "image": f"{d.registry}/companion:3.0",
            "command": [program, "--quiet"],
        }
    wrong = program.replace("-", "_") if "-" in program else program[:-1]
    s.breaks(good, at(good, "command[0]", "companion"), wrong, allow=at(good, "command", "companion"))
    s.stands(beside)
    s.shows(good, **kubelet.start_error("companion", kubelet.no_executable(wrong)))


@fixable(
    "config-file-mounted-as-folder",
    FAMILY,
    START,
    Tier.KWOK,
    "a ConfigMap's file is mounted over a file without subPath",
    "subPath: the key that bears the file's name",
)
def sub_path(d: Draw, s: Sketch) -> None:
    file = d.turn("nginx.conf", "server.toml", "application.yaml")
    where = f"/etc/{d.app}/{file}"
    good = workload(d, d.turn(*SHAPES))
    good["spec"]["template"]["spec"]["volumes"] = [{"name": "files", "configMap": {"name": f"{d.app}-files"}}]
    main(good)["volumeMounts"] = [{"name": "files", "mountPath": where, "subPath": file}]
    path = at(good, "volumeMounts[name=files]")
    s.breaks(good, f"{path}.subPath", ABSENT, allow=path)
    s.demands(check("eq", good, f"{path}.mountPath", value=where))
    s.stands(config_map(d, f"{d.app}-files", {file: "workers = 4\n"}, noise=0))
    s.mistake((good, at(good, "volumeMounts"), ABSENT))
    why = (
        f'error mounting "/var/lib/kubelet/pods/files" to rootfs at "{where}": mount src=/var/lib/kubelet/pods/files, '
        f"dst={where}, dstFd=/proc/thread-self/fd/11, flags=MS_BIND|MS_REC: not a directory: Are you trying to mount "
        "a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type"
    )
    s.shows(good, **kubelet.start_error(d.main, why))


@fixable(
    "runs-as-root",
    FAMILY,
    "StartError ConfigReference",
    Tier.KWOK,
    "a release dropped the user id while runAsNonRoot stays",
    "the user id of the revision before",
)
def user(d: Draw, s: Sketch) -> None:
    good = workload(d)
    uid = d.any(1000, 10001, 65532)
    main(good)["securityContext"] = {"runAsNonRoot": True, "runAsUser": uid}
    path = at(good, "securityContext")
    s.breaks(good, f"{path}.runAsUser", ABSENT, allow=path)
    s.demands(check("eq", good, f"{path}.runAsNonRoot", value=True))
    s.had(good)
    s.mistake((good, path, ABSENT))
    s.shows(good, **kubelet.config_error(d.main, "container has runAsNonRoot and image will run as root"))


# ---------------------------------------------------------------- init containers


@fixable(
    "init-command-not-found",
    FAMILY,
    "InitContainer StartError CrashLoop",
    Tier.KWOK,
    "an init container's script calls a program by a wrong name",
    "the script of the revision before",
)
def init_command(d: Draw, s: Sketch) -> None:
    right, wrong = d.turn(("migrate", "migrat"), ("curl", "crul"), ("tar", "tra"))
    script = f"{right} {d.any('up', '--version', '-v')} && echo done"
    good = workload(d)
    good["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "prepare", "image": d.image(), "command": ["sh", "-ec", script]}
    ]
    path = f"{below(good)}.initContainers[name=prepare].command"
    s.breaks(good, f"{path}[2]", script.replace(right, wrong, 1), allow=path)
    s.had(good)
    s.mistake((good, f"{below(good)}.initContainers", ABSENT))
    s.shows(good, **kubelet.init_crashes("prepare", f"sh: {wrong}: not found", 127))


@fixable(
    "init-waits-for-nobody",
    FAMILY,
    "InitContainer NotReady CrashLoop",
    Tier.KWOK,
    "an init container waits for a Service by a name that does not exist",
    "the name of the database's Service",
)
def init_waits(d: Draw, s: Sketch) -> None:
    runs, serves, _, port = database(d)
    right = serves["metadata"]["name"]
    wrong = f"{d.app}-{d.any('database', 'backend', 'storage')}"
    good = workload(d, d.turn(*SHAPES))
    good["spec"]["template"]["spec"]["initContainers"] = [
        {
            "name": "wait",
            "image": d.image("wait-for", "2.2"),
            "env": [{"name": "WAIT_FOR", "value": f"{right}:{port}"}],
        }
    ]
    s.breaks(good, f"{below(good)}.initContainers[name=wait].env[name=WAIT_FOR].value", f"{wrong}:{port}")
    s.stands(runs, serves)
    s.mistake((good, f"{below(good)}.initContainers", ABSENT))
    lines = [f"waiting for {wrong}:{port} ({count} s)" for count in (1150, 1155, 1160)]
    s.shows(good, **kubelet.init_runs("wait", d.quiet(*lines), 1160))


# ---------------------------------------------------------------- it starts and ends


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


# ---------------------------------------------------------------- for a person


@hopeless(
    "program-panics",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "the program panics on its own data, and nothing was changed",
    "a developer has to look at it",
)
def panic(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    s.applies(obj)
    place = f"{d.any('cursor', 'ledger', 'merge')}.go:{d.any(88, 141, 203)}"
    log = (
        f"panic: runtime error: index out of range [4] with length 4\n\ngoroutine 1 [running]:\nmain.run()\n"
        f"\t/src/{place} +0x1d4"
    )
    s.finds(obj, f"The program panics at `{place}`")
    s.shows(obj, **kubelet.crashes(d.main, log, 2))


@hopeless(
    "partner-away",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "a service outside of the cluster is down",
    "a person has to talk to the partner",
)
def partner(d: Draw, s: Sketch) -> None:
    host = d.turn("api.payments.example", "rates.bank.example", "sms.gateway.example")
    obj = workload(d, d.turn(*SHAPES), env=({"name": "PARTNER_URL", "value": f"https://{host}/v2"},))
    s.applies(obj)
    s.finds(obj, f"`{host}` answers 503")
    said = f"https://{host}/v2/session: 503 Service Unavailable (scheduled maintenance), giving up after 10 attempts"
    s.shows(obj, **kubelet.crashes(d.main, d.log("opening a session", said)))


@hopeless(
    "certificate-expired",
    FAMILY,
    "CrashLoop CertificateExpiring",
    Tier.KWOK,
    "the certificate that a database shows has expired",
    "a person has to renew it",
)
def certificate(d: Draw, s: Sketch) -> None:
    runs, serves, program, port = database(d)
    host = serves["metadata"]["name"]
    obj = workload(d, d.turn(*SHAPES), env=({"name": "STORE_ADDRESS", "value": f"{host}:{port}"},))
    s.applies(obj)
    s.stands(runs, serves)
    s.finds(obj, f"The certificate of `{host}` has expired")
    said = (
        f"{program}: {host}:{port}: tls: failed to verify certificate: x509: certificate has expired or is not yet "
        "valid: current time is after 2026-11-01T00:00:00Z"
    )
    s.shows(obj, **kubelet.crashes(d.main, d.log(said)))


@hopeless(
    "password-refused",
    FAMILY,
    CRASH,
    Tier.KWOK,
    "the database refuses the password",
    "a person has to renew the credentials",
)
def password(d: Draw, s: Sketch) -> None:
    runs, serves, program, _ = database(d)
    role = d.app.replace("-", "_")
    reference = {"secretKeyRef": {"name": f"{d.app}-login", "key": "password"}}
    obj = workload(d, d.turn(*SHAPES), env=({"name": "STORE_PASSWORD", "valueFrom": reference},))
    s.applies(obj)
    s.stands(runs, serves)
    s.existing = {"Secret": [{"name": f"{d.app}-login", "keys": ["password"]}]}
    s.finds(obj, f"The database refuses the password of user `{role}`")
    s.shows(
        obj, **kubelet.crashes(d.main, d.log(f'{program}: password authentication failed for user "{role}"'))
    )


@hopeless(
    "rights-denied",
    FAMILY,
    "RightsDenied CrashLoop",
    Tier.KWOK,
    "the program may not read what it needs of the Kubernetes API",
    "a person has to decide whether it should be granted",
)
def rights(d: Draw, s: Sketch) -> None:
    resource = d.turn("leases", "endpointslices", "configmaps")
    obj = workload(d, d.turn("Deployment", "DaemonSet"))
    obj["spec"]["template"]["spec"]["serviceAccountName"] = f"{d.app}-agent"
    main(obj)["terminationMessagePolicy"] = "FallbackToLogsOnError"
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": f"{d.app}-agent", "namespace": d.namespace},
    }
    s.applies(obj)
    s.stands(account)
    s.finds(obj, f"`{d.app}-agent` may not list `{resource}`")
    said = (
        f'{resource} is forbidden: User "system:serviceaccount:{d.namespace}:{d.app}-agent" cannot list resource '
        f'"{resource}" in the namespace "{d.namespace}"'
    )
    s.shows(obj, **kubelet.crashes(d.main, d.log(said), last_words=said))


@hopeless(
    "volume-full",
    FAMILY,
    "CrashLoop VolumeFilling",
    Tier.KWOK,
    "the volume is full",
    "a person has to make space or enlarge it",
)
def full(d: Draw, s: Sketch) -> None:
    obj = workload(d, "StatefulSet")
    spec = obj["spec"]["template"]["spec"]
    folder = f"/var/lib/{d.app}"
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": f"{d.app}-data"}}]
    main(obj)["volumeMounts"] = [{"name": "data", "mountPath": folder}]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{d.app}-data", "namespace": d.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    s.applies(obj)
    s.stands(claim)
    file = f"{folder}/{d.any('wal/000041', 'journal', 'segment-7')}"
    s.finds(obj, f"No space is left for `{file}`")
    s.shows(obj, **kubelet.crashes(d.main, d.log(f"write {file}: no space left on device"), 1))


SCENARIOS: tuple[Scenario, ...] = (
    command, sidecar, sub_path, user, init_command, init_waits, endpoint, endpoint_decoy, endpoint_port, missing,
    value, flag, noisy, panic, partner, certificate, password, rights, full,
)  # fmt: skip
