"""Containers that cannot start, and init containers that keep the others waiting."""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import Scenario, fixable
from gym.catalogue.crashes import database
from gym.catalogue.draw import Draw
from gym.catalogue.objects import (
    ABSENT,
    SHAPES,
    at,
    below,
    config_map,
    main,
    workload,
)
from gym.catalogue.sketch import Sketch, check

FAMILY = "start"
START = "StartError CrashLoop"


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
    s.mistake((good, at(good, "command", "companion"), ABSENT))
    s.mistake((good, at(good, "command", "companion"), ["sleep", "infinity"]))
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
    "InitContainer",
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


SCENARIOS: tuple[Scenario, ...] = (
    command, sidecar, sub_path, user, init_command, init_waits,
)  # fmt: skip
