"""Where a pod template refers to ConfigMaps. One reading, for evidence and for candidates.

Secrets are not read, so a reference to one is never resolved here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from intents.fields import Element, FieldPath
from remediation.evidence.draft import as_list, as_map
from remediation.merge_keys import POD
from remediation.model import Json


@dataclass(frozen=True, slots=True)
class ConfigReference:
    """One reference. `path` leads to the map that holds `name` and, where a key is named, `key`
    (`...configMapKeyRef`); `where` says it in words; `index` is the place in an atomic list."""

    path: FieldPath
    where: str
    config_map: str
    key: str | None
    container: str | None
    optional: bool = False


def config_references(template: Json) -> Iterator[ConfigReference]:
    """Env variables, env sources and volumes, in the template's order; optional ones are left out,
    because their absence breaks nothing."""
    for reference in _all(as_map(template.get("spec"))):
        if not reference.optional and reference.config_map:
            yield reference


def _all(spec: Json) -> Iterator[ConfigReference]:
    for field, kind in (("initContainers", "init container"), ("containers", "container")):
        for container in as_list(spec.get(field)):
            name = str(container.get("name", ""))
            base: FieldPath = (*POD, field, Element(key=(("name", name),)))
            for env in as_list(container.get("env")):
                ref = as_map(as_map(env.get("valueFrom")).get("configMapKeyRef"))
                path = (
                    *base,
                    "env",
                    Element(key=(("name", str(env.get("name"))),)),
                    "valueFrom",
                    "configMapKeyRef",
                )
                where = f"env variable {env.get('name')} of {kind} {name}"
                yield ConfigReference(
                    path, where, str(ref.get("name", "")), ref.get("key"), name, bool(ref.get("optional"))
                )
            for index, source in enumerate(as_list(container.get("envFrom"))):
                ref = as_map(source.get("configMapRef"))
                path = (*base, "envFrom", Element(index=index), "configMapRef")
                where = f"env source {index + 1} of {kind} {name}"
                yield ConfigReference(
                    path, where, str(ref.get("name", "")), None, name, bool(ref.get("optional"))
                )
    for volume in as_list(spec.get("volumes")):
        ref = as_map(volume.get("configMap"))
        name = str(volume.get("name", ""))
        base = (*POD, "volumes", Element(key=(("name", name),)), "configMap")
        optional = bool(ref.get("optional"))
        yield ConfigReference(base, f"volume {name}", str(ref.get("name", "")), None, None, optional)
        for index, item in enumerate(as_list(ref.get("items"))):
            path = (*base, "items", Element(index=index))
            where = f"volume {name}"
            yield ConfigReference(path, where, str(ref.get("name", "")), item.get("key"), None, optional)
