"""Faults that a change of the target mends. Each function breaks the world in one way and says how it is
mended; wordings are those of kubelet, containerd, CRI-O, scheduler and common runtimes."""

from __future__ import annotations

from detectors.model import FaultClass as F
from tuning.incidents import pools
from tuning.incidents.base import EARLIER, KNOWN_GOOD, Made, at, equals
from tuning.incidents.world import World


def _rest(image: str) -> tuple[str, str]:
    repository, _, tag = image.rpartition(":")
    return repository, tag


def pull_message(w: World, image: str) -> str:
    """How a runtime words an image that is not there (or a registry that cannot say so)."""
    repository, tag = _rest(image)
    return w.pool.of(
        (
            f'Back-off pulling image "{image}"',
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found',
            f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "{image}": {image}: not found',
            f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "https://registry/v2/{repository}/manifests/{tag}": dial tcp 127.0.0.1:5000: connect: connection refused',
            f"manifest for {image} not found: manifest unknown: manifest unknown",
            f"rpc error: code = Unknown desc = reading manifest {tag} in {repository}: manifest unknown",
            f'failed to pull and unpack image "{image}": failed to do request: Head "https://registry/v2/{repository}/manifests/{tag}": dial tcp: lookup registry: no such host',
        )
    )


def _typo(w: World, text: str) -> str:
    i = w.pool.rng.randrange(max(1, len(text) - 1))
    kind = w.pool.any(("x", "drop", "double", "swap"))
    if kind == "x" or len(text) < 3:
        return text + w.pool.any(("x", "0", "-rc", "-broken", ".1", "9"))
    if kind == "drop":
        return text[:i] + text[i + 1 :] if text[i] != text[i + 1] else text + "z"
    if kind == "double":
        return text[: i + 1] + text[i:]
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :] if text[i] != text[i + 1] else text + "q"


def image_tag(w: World) -> Made:
    """A tag that does not exist."""
    bad_tag = w.pool.any((_typo(w, w.tag), _typo(w, w.next_tag), w.next_tag, "does-not-exist", "latestt"))
    if bad_tag == w.tag:
        bad_tag += "-x"
    return _bad_image(w, f"{w.repository}:{bad_tag}", "tag")


def image_name(w: World) -> Made:
    """A repository whose name is mistyped."""
    head, slash, last = w.repository.rpartition("/")
    return _bad_image(w, f"{head}{slash}{_typo(w, last)}:{w.tag}", "name")


def _bad_image(w: World, bad: str, what: str) -> Made:
    good = w.image
    w.container()["image"] = bad
    message = pull_message(w, bad)
    reason = w.pool.any(("ImagePullBackOff", "ErrImagePull"))
    w.waiting(reason, message)
    w.event("Failed", f'Failed to pull image "{bad}": {pull_message(w, bad)}')
    w.event("Failed", "Error: ImagePullBackOff")
    if w.pool.chance(0.4):
        w.log("listening", container=w.sidecar) if w.sidecar else None
    if w.pool.chance(0.25):  # never healthy, but a neighbour runs the right image
        w.healthy_before = False
        other = w.pool.any(("blue", "canary", "batch"))
        w.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"{w.name}-{other}", "namespace": w.namespace},
               "spec": {"template": {"metadata": {"labels": {"app": other}}, "spec": {"containers": [{"name": w.app, "image": good}]}}},
               "status": {"replicas": 1, "readyReplicas": 1}})  # fmt: skip
    path = at(w.app, "image")
    where = f"container {w.app} of {w.name}"
    worked = f"it was {good} when healthy" if w.healthy_before else f"{good} runs next to it"
    return Made(
        w.case(F.IMAGE_PULL, reason, f"{where} cannot pull {bad}: {message}", {"image": bad}),
        causes=(
            f"{where} uses image {bad}, which does not exist; {worked}.",
            f"The {what} in image {bad} of container {w.app} is wrong; {worked}.",
            f"Image {bad} of container {w.app} cannot be pulled because its {what} is wrong.",
        ),
        telling=(bad,),
        fix={path: equals(good)},
        near=(
            (path, f"{w.repository}:{_typo(w, w.tag)}", KNOWN_GOOD if w.pool.chance(0.3) else EARLIER),
            (path, f"{w.repository}-dev:{w.tag}", "this image runs in Deployment dev"),
            (at(w.app, "resources.limits.memory"), "1Gi", "more memory"),
        ),
    )


def image_unparsable(w: World) -> Made:
    """An image reference that no runtime can read."""
    bad = w.pool.any(
        (
            f"{w.repository}:{w.tag}:",
            f"{w.repository.upper()}:{w.tag}",
            f"{w.repository}:{w.tag} ",
            f"{w.repository}::{w.tag}",
            f"{w.repository}:{w.tag}/",
        )
    )
    good = w.image
    w.container()["image"] = bad
    message = f'Failed to apply default image tag "{bad}": couldn\'t parse image name "{bad}": invalid reference format'
    w.waiting("InvalidImageName", message)
    w.event("InspectFailed", message)
    path = at(w.app, "image")
    return Made(
        w.case(F.IMAGE_PULL, "InvalidImageName", message, {"image": bad}),
        causes=(f"Image {bad.strip()} of container {w.app} is not a valid reference; it was {good} when healthy.",
                f"container {w.app} of {w.name} has an image name that cannot be parsed: {bad.strip()}."),
        telling=(bad.strip(),),
        fix={path: equals(good)},
        near=((path, f"{w.repository}:{w.tag}:latest", EARLIER), ("spec.replicas", w.replicas + 1, "one more replica")),
    )  # fmt: skip


def _near_key(w: World, key: str) -> str:
    options = [
        key.upper().replace(".", "_"),
        key.replace(".", "-"),
        key.replace("_", "."),
        key + "s",
        key.rsplit(".", maxsplit=1)[-1],
        "old." + key,
        _typo(w, key),
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
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])
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
        near=(*near, (path, _typo(w, right), "a key of an earlier version"), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "the newest tag")),
    )  # fmt: skip


def _copy(obj: object) -> object:
    import copy

    return copy.deepcopy(obj)


def config_map_name(w: World) -> Made:
    """A reference to a ConfigMap under a name that is not there."""
    pool = w.pool
    right = f"{w.name}-{pool.any(('config', 'settings', 'env'))}"
    wrong = pool.any(
        (
            right + "s",
            right.replace("-", "", 1),
            right + "-v2",
            _typo(w, right),
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
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])
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
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])
    wrong = pool.any(("", _typo(w, right), "changeme", "localhost", "TODO", right[: len(right) // 2]))
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
        near=((path, _typo(w, right), EARLIER), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary"),
              (at(w.app, "resources.limits.memory"), "1Gi", "more memory")),
    )  # fmt: skip


def bad_release(w: World) -> Made:
    """A new image whose program fails by itself."""
    pool = w.pool
    bad = f"{w.repository}:{w.next_tag}"
    w.container()["image"] = bad
    code = pool.any((1, 2, 134, 139))
    w.crashed("Error", code)
    w.log(pool.of(("panic: runtime error: invalid memory address or nil pointer dereference", "Traceback (most recent call last): ImportError: cannot import name 'parse'",
                   "fatal: unknown flag --legacy-mode", "Segmentation fault (core dumped)", "Error: Cannot find module './routes'",
                   "java.lang.NoSuchMethodError: init", "thread 'main' panicked at src/main.rs:41: index out of bounds", "exec format error",
                   "undefined symbol: ssl_init", "AssertionError: schema version 7 is newer than this build")), previous=pool.chance(0.6))  # fmt: skip
    path = at(w.app, "image")
    return Made(
        w.case(F.CRASH_LOOP, "CrashLoopBackOff", f"container {w.app} of {w.name} ended with exit code {code} and is in back-off"),
        causes=(f"The new image {bad} of container {w.app} crashes at start with exit code {code}; {w.image} worked.",
                f"Release {w.next_tag} of {w.name} is broken: it ends with exit code {code} since the image changed from {w.tag}."),
        telling=(bad, "ended"),
        fix={path: equals(w.image)},
        near=((path, f"{w.repository}:{_typo(w, w.tag)}", EARLIER), (at(w.app, "resources.limits.memory"), "1Gi", "more memory"),
              ("spec.replicas", w.replicas + 2, "more replicas")),
    )  # fmt: skip


def probe_early(w: World) -> Made:
    """A liveness probe that no longer waits for a slow start."""
    pool = w.pool
    right, wrong = pool.any((20, 30, 60, 90)), pool.any((0, 1, 2))
    probe = {
        "httpGet": {"path": "/live", "port": w.port},
        "initialDelaySeconds": right,
        "periodSeconds": 2,
        "failureThreshold": 1,
    }
    w.container(w.good)["livenessProbe"] = probe
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])
    w.container()["livenessProbe"]["initialDelaySeconds"] = wrong
    w.crashed(pool.any(("Error", "Completed")), pool.any((137, 143, 2)))
    w.event("Unhealthy", pool.of((f'Liveness probe failed: Get "http://10.0.3.4:{w.port}/live": dial tcp 10.0.3.4:{w.port}: connect: connection refused',
                                  "Liveness probe failed: HTTP probe failed with statuscode: 503", f'Liveness probe failed: Get "http://10.0.3.4:{w.port}/live": EOF')))  # fmt: skip
    w.event("Killing", f"Container {w.app} failed liveness probe, will be restarted", "Normal")
    w.log(
        pool.of(
            (
                "warming caches, this takes a while",
                "loading model (about 25 s)",
                "still starting: replaying journal",
            )
        ),
        previous=True,
    )
    path = at(w.app, "livenessProbe.initialDelaySeconds")
    return Made(
        w.case(F.CRASH_LOOP, "CrashLoopBackOff", f"container {w.app} of {w.name} restarts: liveness probe"),
        causes=(f"The liveness probe of container {w.app} starts after {wrong} s, before the program is up; it was {right} s.",
                f"container {w.app} is killed by its liveness probe while it still starts, since the delay became {wrong}."),
        telling=("iveness",),
        fix={path: lambda v: isinstance(v, int) and v >= right},
        near=((path, wrong + 1, "one second more"), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary")),
    )  # fmt: skip


def _probe(w: World, path: str, port: int) -> None:
    w.container(w.good)["readinessProbe"] = {"httpGet": {"path": path, "port": port}, "periodSeconds": 5}
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])


def readiness_path(w: World) -> Made:
    """The readiness probe asks a path that answers 404."""
    pool = w.pool
    right, wrong = pool.any(pools.PATHS)
    _probe(w, right, w.port)
    w.container()["readinessProbe"]["httpGet"]["path"] = wrong
    w.unready()
    w.event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
    w.log(
        pool.of(
            (f"GET {wrong} 404", f'level=warn msg="no route" path={wrong}', f'"GET {wrong} HTTP/1.1" 404 19')
        )
    )
    path = at(w.app, "readinessProbe.httpGet.path")
    return Made(
        w.case(F.NOT_READY, "NotReady", f"container {w.app} of {w.name} runs but is not ready"),
        causes=(f"The readiness probe of container {w.app} asks {wrong}, which answers 404; it asked {right} when healthy.",
                f"container {w.app} never becomes ready: its probe path {wrong} does not exist."),
        telling=(wrong, "404"),
        fix={path: equals(right)},
        near=((path, right + "/x", EARLIER), (at(w.app, "readinessProbe.httpGet.port"), w.port + 1, "another port"),
              (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary")),
    )  # fmt: skip


def readiness_port(w: World) -> Made:
    """The readiness probe asks a port on which nothing listens."""
    pool = w.pool
    _probe(w, "/healthz", w.port)
    wrong = w.port + pool.any((1, 10, 100))
    w.container()["readinessProbe"]["httpGet"]["port"] = wrong
    w.unready()
    w.event(
        "Unhealthy",
        f'Readiness probe failed: Get "http://10.0.3.4:{wrong}/healthz": dial tcp 10.0.3.4:{wrong}: connect: connection refused',
    )
    w.log(
        pool.of(
            (f"listening on :{w.port}", f"server started on port {w.port}", f"INFO bound to 0.0.0.0:{w.port}")
        )
    )
    path = at(w.app, "readinessProbe.httpGet.port")
    return Made(
        w.case(F.NOT_READY, "NotReady", f"container {w.app} of {w.name} runs but is not ready"),
        causes=(f"The readiness probe of container {w.app} asks port {wrong}, but the program listens on {w.port}.",
                f"container {w.app} is not ready because its probe was moved to port {wrong}, where nothing listens."),
        telling=(str(wrong),),
        fix={path: equals(w.port)},
        near=((path, wrong + 1, EARLIER), (at(w.app, "readinessProbe.httpGet.path"), "/ready", "another path")),
    )  # fmt: skip


def requests_too_big(w: World) -> Made:
    """A request that no node can hold."""
    pool = w.pool
    memory = pool.chance(0.6)
    leaf, right, wrong = ("memory", pool.any(("128Mi", "256Mi", "512Mi")), pool.any(("64Gi", "128Gi", "900Gi", "2Ti"))) if memory else (
        "cpu", pool.any(("100m", "250m", "1")), pool.any(("64", "200", "5000")))  # fmt: skip
    w.container(w.good)["resources"]["requests"] = {"cpu": "100m", "memory": "64Mi"} | {leaf: right}
    w.live["spec"]["template"]["spec"] = _copy(w.good["spec"]["template"]["spec"])
    w.container()["resources"]["requests"][leaf] = wrong
    nodes = pool.any((1, 3, 5, 12))
    message = f"0/{nodes} nodes are available: {nodes} Insufficient {leaf}." + pool.of(
        (
            "",
            f" preemption: 0/{nodes} nodes are available: {nodes} No preemption victims found for incoming pod.",
            " no new claims to deallocate.",
        )
    )
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    path = at(w.app, f"resources.requests.{leaf}")
    other = "cpu" if memory else "memory"
    return Made(
        w.case(F.UNSCHEDULABLE, "Unschedulable", message),
        causes=(f"container {w.app} of {w.name} requests {wrong} {leaf}, more than any node has; it was {right}.",
                f"No node fits the {leaf} request {wrong} of container {w.app}."),
        telling=("Insufficient", wrong),
        fix={path: equals(right)},
        near=((path, {"64Gi": "48Gi", "128Gi": "96Gi", "900Gi": "450Gi", "2Ti": "1Ti", "64": "48", "200": "150", "5000": "2000"}[wrong], EARLIER),
              (at(w.app, f"resources.requests.{other}"), "50m" if other == "cpu" else "32Mi", f"a smaller {other} request"),
              ("spec.replicas", w.replicas + 1, "one more replica")),
    )  # fmt: skip


def node_selector(w: World) -> Made:
    """A node label that no node carries."""
    pool = w.pool
    key, right, wrong = pool.any(
        (
            ("disktype", "ssd", "sdd"),
            ("zone", "eu-1a", "eu-1x"),
            ("pool", "general", "genral"),
            ("arch", "amd64", "amd46"),
        )
    )
    w.both(lambda obj: obj["spec"]["template"]["spec"].update(nodeSelector={key: right}))
    w.live["spec"]["template"]["spec"]["nodeSelector"] = {key: wrong}
    nodes = pool.any((1, 3, 5))
    message = f"0/{nodes} nodes are available: {nodes} node(s) didn't match Pod's node affinity/selector."
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    path = f"spec.template.spec.nodeSelector.{key}"
    return Made(
        w.case(F.UNSCHEDULABLE, "Unschedulable", message),
        causes=(f"The nodeSelector of {w.name} asks for {key}={wrong}, which no node has; it was {right}.",
                f"No node carries {key}={wrong}, so the pods of {w.name} are not scheduled."),
        telling=("didn't match", wrong),
        fix={path: equals(right)},
        near=((path, right + "-2", EARLIER), (at(w.app, "resources.requests.memory"), "32Mi", "a smaller memory request")),
    )  # fmt: skip


def replicas_low(w: World) -> Made:
    """Scaled below what the intent asks."""
    pool = w.pool
    right = pool.any((2, 3, 4, 5))
    w.good["spec"]["replicas"] = right
    low = pool.any(tuple(range(1, right)))
    w.live["spec"]["replicas"] = low
    w.ready = low
    message = f"{low} of at least {right} replicas are available"
    w.statuses = [{"name": w.app, "ready": True, "restartCount": 0, "state": {"running": {}}}]
    return Made(
        w.case(F.REPLICAS_LOW, "ReplicasLow", message),
        causes=(f"{w.name} was scaled from {right} to {low} replicas, below the {right} that are wanted.", f"spec.replicas of {w.name} is {low}; at least {right} are wanted."),
        telling=("replicas",),
        fix={"spec.replicas": lambda v: isinstance(v, int) and v >= right},
        near=(("spec.replicas", max(1, low - 1) if low > 1 else None, "fewer replicas"), (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary"),
              (at(w.app, "resources.limits.memory"), "1Gi", "more memory")),
    )  # fmt: skip


def selector(w: World) -> Made:
    """A Service whose selector matches no pod."""
    pool = w.pool
    key = next(iter(w.labels))
    wrong = pool.any((_typo(w, w.name), w.name + "-old", w.name + "s", w.name.removesuffix("-v2") + "-v3"))
    if wrong == w.name:
        wrong += "x"
    meta = {"name": w.name + pool.any(("", "-svc", "-http")), "namespace": w.namespace, "uid": "uid-1"}

    def service(selector_: dict[str, str]) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta,
                "spec": {"selector": selector_, "ports": [{"port": 80, "targetPort": w.port, "protocol": "TCP"}]}}  # fmt: skip

    labels = dict(list(w.labels.items())[: pool.any((1, len(w.labels)))])
    w.service = service({**labels, key: wrong})
    w.service_good = service(labels) if pool.chance(0.6) else None
    w.ready = len(w.pod_names)
    w.statuses = [{"name": w.app, "ready": True, "restartCount": 0, "state": {"running": {}}}]
    neighbour = pool.any([n for n in pools.NAMES if n != w.name and not w.name.startswith(n)])
    w.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": neighbour, "namespace": w.namespace},
           "spec": {"selector": {"matchLabels": {key: neighbour}}, "template": {"metadata": {"labels": {key: neighbour}}, "spec": {"containers": []}}}})  # fmt: skip
    name, path = meta["name"], f"spec.selector.{_escaped(key)}"
    message = f"Service {name} has no endpoints: no pod matches {key}={wrong}"
    return Made(
        w.case(F.NO_ENDPOINTS, "NoEndpoints", message),
        causes=(f"Service {name} selects {key}={wrong}, but the pods of {w.name} carry {key}={w.name}.",
                f"The selector of Service {name} matches no pod: {key} is {wrong} instead of {w.name}."),
        telling=(wrong,),
        fix={path: equals(w.name)},
        near=((path, neighbour, f"the pods of Deployment {neighbour} have these labels"), (path, _typo(w, w.name), EARLIER),
              ("spec.ports[port=80].targetPort", w.port + 1, "another port")),
    )  # fmt: skip


def _escaped(key: str) -> str:
    return key.replace(".", "\\.")
