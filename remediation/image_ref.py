"""Image references taken apart: where an image comes from matters more than which tag it has.

Grammar: distribution `reference`, in the part that Kubernetes accepts. A first component is a registry where
it holds a dot or a colon or is `localhost`; otherwise the registry is Docker Hub.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_REGISTRY = "docker.io"

_COMPONENT = r"[a-z0-9]{1,128}(?:(?:\.|__?|-{1,8})[a-z0-9]{1,128}){0,16}"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>localhost(?::[0-9]{{1,5}})?|[a-zA-Z0-9-]{{1,63}}(?:\.[a-zA-Z0-9-]{{1,63}}){{1,12}}(?::[0-9]{{1,5}})?"
    r"|[a-zA-Z0-9-]{1,63}:[0-9]{1,5})/)?"
    rf"(?P<repository>{_COMPONENT}(?:/{_COMPONENT}){{0,8}})"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
MAX_REFERENCE = 1024


class ImageRef(NamedTuple):
    """One reference. `tag` and `digest` are empty where not given."""

    registry: str
    repository: str
    tag: str
    digest: str


def parse_image(text: object) -> ImageRef | None:
    """The parts, or None for what is no image reference."""
    if not isinstance(text, str) or len(text) > MAX_REFERENCE:
        return None
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    registry = (match["registry"] or DEFAULT_REGISTRY).lower()
    return ImageRef(registry, match["repository"], match["tag"] or "", match["digest"] or "")
