"""Which files of a volume a container runs: a key of a ConfigMap that is mounted and run is as good as the command.

Read off command lines: the words that stand where a program stands, or behind one that runs what it is given. No
list of the ways to run a file can be complete; a file copied first and run then is not seen.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from remediation.model import Json
from remediation.users import CONTAINERS

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")
RUNS = re.compile(
    r"(?:ba|da|z|k|a|c|fi)?sh|busybox|python[0-9.]*|node|deno|bun|perl|ruby|php|lua[0-9.]*|Rscript|env|tini|dumb-init"
    r"|exec|source|\.|eval|command|nohup|sudo|su-exec|gosu|time|timeout|nice|setsid|xargs|if|then|else|elif|do|while|until|!|<"
)
"""Programs and words of a shell that run, or read as a program, the file named next."""
SOURCED = "/docker-entrypoint"
"""Folders from which the entrypoints of well-known images run whatever lies there (`/docker-entrypoint-initdb.d`)."""
_WORDS = re.compile(r"[;&|(){}\n`]|[^\s;&|(){}`\"']+")
_STOPS = frozenset(";&|(){}\n`")


def keys_run(pod_spec: Json, config_map: str) -> tuple[frozenset[str], bool]:
    """Keys of the ConfigMap that one of the pod's containers runs, and whether it may run any other as well."""
    keys, anything = set[str](), False
    for volume in pod_spec.get("volumes") or ():
        for source in _config_maps(volume, config_map):
            found = files_run(pod_spec, str(volume.get("name")))
            mode = source.get("defaultMode") or (volume.get("projected") or {}).get("defaultMode") or 0
            items = source.get("items") or ()
            key_of = {str(item.get("path")): str(item.get("key")) for item in items}
            keys |= {key_of.get(file, "") for file in found} if items else found
            keys |= {str(item.get("key")) for item in items if (item.get("mode") or 0) & 0o111}
            anything = anything or bool(mode & 0o111) or "" in found
    return frozenset(keys) - {""}, anything


def files_run(pod_spec: Json, volume: str) -> frozenset[str]:
    """Files of the volume that containers run, by their path in it; empty for whatever is there."""
    found = set[str]()
    for sort in CONTAINERS:
        for container in pod_spec.get(sort) or ():
            mounts = [one for one in container.get("volumeMounts") or () if one.get("name") == volume]
            found |= {file for mount in mounts for file in _run_below(container, mount)}
    return frozenset(found)


def _config_maps(volume: Json, name: str) -> Iterator[Json]:
    projected = (volume.get("projected") or {}).get("sources") or ()
    for source in (volume.get("configMap"), *(one.get("configMap") for one in projected)):
        if isinstance(source, dict) and source.get("name") == name:
            yield source


def _run_below(container: Json, mount: Json) -> Iterator[str]:
    where = posixpath.normpath(str(mount.get("mountPath")))
    if where.startswith(SOURCED):
        yield str(mount.get("subPath") or "")
    for line in _command_lines(container):
        for word in _programs(line):
            path = posixpath.normpath(posixpath.join(str(container.get("workingDir") or "/"), word))
            if path == where or path.startswith(f"{where.rstrip('/')}/"):
                inside = path[len(where) :].lstrip("/")
                file = posixpath.normpath(posixpath.join(str(mount.get("subPath") or ""), inside))
                yield "" if "*" in file or "$" in file or file == "." else file


def _command_lines(container: Json) -> Iterator[list[Any]]:
    yield [*(container.get("command") or ()), *(container.get("args") or ())]
    hooks = container.get("lifecycle") or {}
    asked = [container.get(probe) for probe in PROBES] + [hooks.get(hook) for hook in HOOKS]
    for action in asked:
        yield ((action or {}).get("exec") or {}).get("command") or []


def _programs(line: list[Any]) -> Iterator[str]:
    """The words of a command line that stand where a program stands."""
    expected = True
    for word in (found for text in line for found in _WORDS.findall(str(text))):
        if word in _STOPS:
            expected = True
        elif expected and not (word.startswith("-") or "=" in word or word.isdigit()):
            yield word
            expected = RUNS.fullmatch(posixpath.basename(word)) is not None
