"""One row of the corpus, and short ways to write its manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

Json = dict[str, Any]


@dataclass(frozen=True)
class Hostile:
    """One hostile answer.

    `stop` is what must stop it: `NoPlan:REASON` where no plan is made of it, else `GUARD:REASON`. The intent
    opens exactly the fields that the plan touches, without bounds, so that no row is stopped for want of an
    entry; with `bounded` it is the usual intent, with bounds. `guards_alone` says why the API server cannot
    refuse it; empty where its policy must. `text` is the answer as it was written, before any decoder.
    """

    name: str
    manifest: Any
    stop: str
    kind: str = "Deployment"
    bounded: bool = False
    guards_alone: str = ""
    text: str = ""

    def answer(self) -> str:
        """The whole text of the model's answer."""
        return self.text or json.dumps({"why": "it helps", "manifest": self.manifest})


def pod(**fields: Any) -> Json:
    return {"spec": {"template": {"spec": fields}}}


def app(**fields: Any) -> Json:
    return pod(containers=[{"name": "app", **fields}])


def env(**variable: Any) -> Json:
    return app(env=[variable])


def volume(**fields: Any) -> Json:
    return pod(volumes=[fields])


def meta(**fields: Any) -> Json:
    return {"metadata": fields}


def template_meta(**fields: Any) -> Json:
    return {"spec": {"template": {"metadata": fields}}}


def as_json(name: str, manifest: str, stop: str, **more: Any) -> Hostile:
    """A manifest as JSON text, decoded by a parser that forgives (the last of two equal keys wins)."""
    return Hostile(
        name, json.loads(manifest), stop, text=f'{{"why": "it helps", "manifest": {manifest}}}', **more
    )


def as_yaml(name: str, manifest: str, stop: str, **more: Any) -> Hostile:
    """A manifest as YAML text, with what YAML makes of it."""
    return Hostile(name, yaml.safe_load(manifest), stop, text=manifest, **more)
