"""What a program is configured with: ConfigMap keys and names, and variables."""

from __future__ import annotations

import copy

from detectors.model import FaultClass as F
from tuning.incidents import pools
from tuning.incidents.base import EARLIER, Made, at, equals
from tuning.incidents.mistakes import typo
from tuning.incidents.world import World


def _near_key(w: World, key: str) -> str:
    options = [
        key.upper().replace(".", "_"),
        key.replace(".", "-"),
        key.replace("_", "."),
        key + "s",
        key.rsplit(".", maxsplit=1)[-1],
        "old." + key,
        typo(w, key),
    ]
    return w.pool.any([o for o in options if o != key and o])


def config_key(w: World) -> Made:
    """An env variable reads a ConfigMap key that is not there."""
    pool = w.pool
    keys = pool.rng.sample(pools.CONFIG_KEYS, pool.any((2, 3, 4, 6)))
    right, env = keys[0], pool.any(("APP_MODE", "UPSTREAM", "LOG_LEVEL", "DB_HOST", "CACHE_TTL", "GREETING"))
    wrong = _near_key(w, right)
    cm = f"{w.name}-{pool.any(('config', 'settings', 'env', 'cm'))}"
    w.config_map(cm, {key: "value" for key in keys if key != wrong})
    if pool.chance(0.5):
        w.config_map(
            pool.any(pools.NAMES) + "-config", dict.fromkeys(pool.rng.sample(pools.CONFIG_KEYS, 2), "v")
        )

    def entry(key: str) -> dict[str, object]:
        return {"name": env, "valueFrom": {"configMapKeyRef": {"name": cm, "key": key}}}

    w.container(w.good).setdefault("env", []).append(entry(right))
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
    w.container()["env"][-1] = entry(wrong)
    w.healthy_before = pool.chance(0.6)
    message = f"couldn't find key {wrong} in ConfigMap {w.namespace}/{cm}"
    w.waiting("CreateContainerConfigError", message)
    w.event("Failed", f"Error: {message}")
    path = at(w.app, f"env[name={env}].valueFrom.configMapKeyRef.key")
    others = [key for key in keys[1:] if key != wrong]
    near = [(path, other, f"ConfigMap {cm} has this key, and has no key {wrong}") for other in others[:2]]
    return Made(
        w.case(F.CONFIG_REFERENCE, "CreateContainerConfigError", message, {"configMap": cm, "key": wrong}),
        causes=(f"Env variable {env} of container {w.app} reads key {wrong} of ConfigMap {cm}, which has no such key; the key is {right}.",
                f"ConfigMap {cm} has no key {wrong}, which container {w.app} needs for {env}; it has {right}."),
        telling=(wrong,),
        fix={path: equals(right)},
        near=(*near, (path, typo(w, right), "a key of an earlier version"), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "the newest tag")),
    )  # fmt: skip


def config_map_name(w: World) -> Made:
    """A reference to a ConfigMap under a name that is not there."""
    pool = w.pool
    right = f"{w.name}-{pool.any(('config', 'settings', 'env'))}"
    wrong = pool.any(
        (
            right + "s",
            right.replace("-", "", 1),
            right + "-v2",
            typo(w, right),
            right.replace("config", "cfg").replace("settings", "setting").replace("env", "envs"),
        )
    )
    if wrong == right:
        wrong = right + "-x"
    key = pool.any(pools.CONFIG_KEYS)
    w.config_map(right, {key: "v", "other": "w"})
    other = pool.any(pools.NAMES) + "-config"
    w.config_map(other, {pool.any(pools.CONFIG_KEYS): "v"})
    env = pool.any(("APP_MODE", "UPSTREAM", "LOG_LEVEL"))
    w.container(w.good).setdefault("env", []).append(
        {"name": env, "valueFrom": {"configMapKeyRef": {"name": right, "key": key}}}
    )
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
    w.container()["env"][-1]["valueFrom"]["configMapKeyRef"]["name"] = wrong
    w.healthy_before = pool.chance(0.6)
    message = f'configmap "{wrong}" not found'
    w.waiting("CreateContainerConfigError", message)
    w.event("Failed", f"Error: {message}")
    path = at(w.app, f"env[name={env}].valueFrom.configMapKeyRef.name")
    return Made(
        w.case(F.CONFIG_REFERENCE, "CreateContainerConfigError", message, {"configMap": wrong}),
        causes=(f"Env variable {env} of container {w.app} refers to ConfigMap {wrong}, which does not exist; {right} does.",
                f"ConfigMap {wrong} does not exist in the namespace; {w.name} should read {right}."),
        telling=(wrong,),
        fix={path: equals(right)},
        near=((path, other, f"this ConfigMap exists, {wrong} does not"), (path, right + "-old", EARLIER)),
    )  # fmt: skip


def env_changed(w: World) -> Made:
    """A needed variable is gone, empty or wrong."""
    pool = w.pool
    name = pool.any(pools.ENV_NAMES)
    right = pools.ENV_VALUES[name]
    w.container(w.good)["env"] = [e for e in w.container(w.good).get("env", []) if e["name"] != name] + [
        {"name": name, "value": right}
    ]
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
    wrong = pool.any(("", typo(w, right), "changeme", "localhost", "TODO", right[: len(right) // 2]))
    w.container()["env"][-1]["value"] = wrong
    code = pool.any((1, 2, 78, 255))
    w.crashed("Error", code)
    w.log(pool.of((f"fatal: environment variable {name} is not valid: '{wrong}'", f"panic: invalid {name}={wrong}", f"ERROR config: {name} must be set",
                   f"KeyError: '{name}'", f"Error: bad value '{wrong}' for {name}", f"startup failed, check {name} ({wrong})")), previous=pool.chance(0.6))  # fmt: skip
    path = at(w.app, f"env[name={name}].value")
    return Made(
        w.case(F.CRASH_LOOP, "CrashLoopBackOff", f"container {w.app} of {w.name} ended with exit code {code} and is in back-off"),
        causes=(f"Env variable {name} of container {w.app} was changed to '{wrong}', which the program rejects; it was {right}.",
                f"container {w.app} exits with code {code} because {name} has a wrong value since the last change."),
        telling=(name,),
        fix={path: equals(right)},
        near=((path, typo(w, right), EARLIER), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary"),
              (at(w.app, "resources.limits.memory"), "1Gi", "more memory")),
    )  # fmt: skip
