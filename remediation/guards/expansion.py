"""Which environment variables a container's sensitive fields are made of.

The kubelet puts the value of a variable wherever command, arguments, a mount's sub-path or another variable say
`$(NAME)`; `$$` stands for a dollar sign (kubernetes/third_party/forked/golang/expansion). So setting such a
variable is setting that field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from remediation.model import Json

_REFERENCE = re.compile(r"\$\$|\$\(([^)]{1,1024})\)")


def expanded(container: Json, sensitive: Callable[[str], bool]) -> frozenset[str]:
    """Names of the variables that end up in command, arguments or a mount, or, through whichever others, in a
    variable whose name is `sensitive`."""
    values = {str(name): value for name, value in _variables(container)}
    texts: list[Any] = [
        *(container.get("command") or ()),
        *(container.get("args") or ()),
        *(mount.get("subPathExpr") for mount in container.get("volumeMounts") or ()),
        *(value for name, value in values.items() if sensitive(name)),
    ]
    found: set[str] = set()
    while texts:
        fresh = set(_references(texts.pop())) - found
        found |= fresh
        texts += [values[name] for name in fresh if name in values]
    return frozenset(found)


def _variables(container: Json) -> Iterator[tuple[Any, Any]]:
    for variable in container.get("env") or ():
        yield variable.get("name"), variable.get("value")


def _references(text: Any) -> list[str]:
    return [name for name in _REFERENCE.findall(text) if name] if isinstance(text, str) else []
