"""The kill switch: a file, an order of the command line (which makes the file) and a ConfigMap. While one of
them is set nothing at all is written to the cluster. What cannot be looked at counts as set.
"""

from __future__ import annotations

from pathlib import Path

from daemon.state import World
from detectors.model import Gap, ObjectRef

KEY = "kill"
"""Of the ConfigMap's data. Set by any value but `false`: whoever wrote `yes` meant it."""
SHOWN = 200
"""Characters of a reason that are shown."""


def kill_switch(world: World) -> str | None:
    """Why nothing at all may be written, None where it may."""
    return file_switch(world.settings.kill_switch) or _config_map_switch(world)


def file_switch(path: Path) -> str | None:
    """The same for the file alone; its first line is the reason."""
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be looked at ({error.strerror})"
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            said = file.readline(SHOWN).strip()
    except OSError:
        said = ""
    return f"{path} exists" + (f": {said}" if said else "")


def key_of_config_map(named: str | None) -> ObjectRef | None:
    """The ConfigMap of a `namespace/name` in the settings."""
    if named is None:
        return None
    namespace, _, name = named.partition("/")
    return ObjectRef("ConfigMap", namespace, name)


def _config_map_switch(world: World) -> str | None:
    ref = key_of_config_map(world.settings.kill_switch_config_map)
    if ref is None:
        return None
    where = f"ConfigMap {ref.namespace}/{ref.name}"
    found = world.cluster.read(ref)
    if isinstance(found, Gap):
        return f"{where} cannot be read ({found.message})"
    data = (found or {}).get("data") or {}
    said = data.get(KEY)
    return None if said in (None, "", "false") else f"{where} says {KEY}: {str(said)[:SHOWN]}"


def throw(path: Path, reason: str) -> None:
    """Make the file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(reason.replace("\n", " ") + "\n", encoding="utf-8")


def lift(path: Path) -> bool:
    """Remove the file; false where there was none. Raises OSError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
