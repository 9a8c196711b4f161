"""Images that cannot be had, or that fail by themselves; worded as kubelet, containerd and CRI-O do."""

from __future__ import annotations

from detectors.model import FaultClass as F
from tuning.incidents.base import EARLIER, KNOWN_GOOD, Made, at, equals
from tuning.incidents.mistakes import typo
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


def image_tag(w: World) -> Made:
    """A tag that does not exist."""
    bad_tag = w.pool.any((typo(w, w.tag), typo(w, w.next_tag), w.next_tag, "does-not-exist", "latestt"))
    if bad_tag == w.tag:
        bad_tag += "-x"
    return _bad_image(w, f"{w.repository}:{bad_tag}", "tag")


def image_name(w: World) -> Made:
    """A repository whose name is mistyped."""
    head, slash, last = w.repository.rpartition("/")
    return _bad_image(w, f"{head}{slash}{typo(w, last)}:{w.tag}", "name")


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
            (path, f"{w.repository}:{typo(w, w.tag)}", KNOWN_GOOD if w.pool.chance(0.3) else EARLIER),
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
        near=((path, f"{w.repository}:{typo(w, w.tag)}", EARLIER), (at(w.app, "resources.limits.memory"), "1Gi", "more memory"),
              ("spec.replicas", w.replicas + 2, "more replicas")),
    )  # fmt: skip
