"""Which environment variables a container's sensitive fields are made of.

The kubelet puts the value of a variable wherever command, arguments, a mount's sub-path or another variable say
`$(NAME)`; `$$` stands for a dollar sign (kubernetes/third_party/forked/golang/expansion). So setting such a
variable is setting that field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from remediation.model import Json

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_REFERENCE = re.compile(r"\$\$|\$\(([^)]{1,1024})\)")


def expanded(container: Json, sensitive: Callable[[str], bool]) -> frozenset[str]:
    """Names of the variables that end up in command, arguments, a probe's command or a mount, or, through whichever others, in a
    variable whose name is `sensitive`."""
    values = {str(name): value for name, value in _variables(container)}
    texts: list[Any] = [
        *(container.get("command") or ()),
        *(container.get("args") or ()),
        *(mount.get("subPathExpr") for mount in container.get("volumeMounts") or ()),
        *(
            text
            for probe in PROBES
            for text in ((container.get(probe) or {}).get("exec") or {}).get("command") or ()
        ),
        *(value for name, value in values.items() if sensitive(name)),
    ]
    found: set[str] = set()
    while texts:
        fresh = set(_references(texts.pop())) - found
        found |= fresh
        texts += [values[name] for name in fresh if name in values]
    return frozenset(found)


def keys_that_matter(
    containers: Iterable[Json], config_map: str, sensitive: Callable[[str], bool]
) -> Callable[[str], str | None]:
    """Answers for a key of the ConfigMap: the variable, made of it in one of these containers, that a sensitive field
    is made of or whose own name is `sensitive`; None where there is none.

    A source (`envFrom`) makes a variable of every key, whichever wins in the end: an `env` entry before the one that
    hides it still sees it (kubelet, makeEnvironmentVariables).
    """
    named: dict[str, str] = {}
    prefixes: list[tuple[str, frozenset[str]]] = []
    for container in containers:
        made_of = expanded(container, sensitive)
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get("configMapKeyRef") or {}
            name = str(variable.get("name"))
            if reference.get("name") == config_map and (name in made_of or sensitive(name)):
                named[str(reference.get("key"))] = name
        prefixes += [
            (str(source.get("prefix") or ""), made_of)
            for source in container.get("envFrom") or ()
            if (source.get("configMapRef") or {}).get("name") == config_map
        ]

    def variable_of(key: str) -> str | None:
        if key in named:
            return named[key]
        return next(
            (name for prefix, made_of in prefixes if (name := prefix + key) in made_of or sensitive(name)),
            None,
        )

    return variable_of


def from_sources(container: Json, sensitive: Callable[[str], bool]) -> frozenset[str]:
    """Variables that sensitive fields are made of and no `env` entry gives a value: a source may."""
    return expanded(container, sensitive) - {str(name) for name, _ in _variables(container)}


def _variables(container: Json) -> Iterator[tuple[Any, Any]]:
    for variable in container.get("env") or ():
        yield variable.get("name"), variable.get("value")


def _references(text: Any) -> list[str]:
    return [name for name in _REFERENCE.findall(text) if name] if isinstance(text, str) else []
