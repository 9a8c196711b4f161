"""Faults that no change of the target mends, each beside a recent change that has nothing to do with it: the
answer to every candidate is No, however apt it sounds."""

from __future__ import annotations

import re

from detectors.model import FaultClass as F
from tuning.incidents import pools
from tuning.incidents.base import EARLIER, KNOWN_GOOD, Made, at
from tuning.incidents.images import pull_message
from tuning.incidents.world import World


def _unrelated(w: World) -> None:
    """Somebody changed something harmless lately, so that putting it back is offered."""
    pool = w.pool
    kind = pool.any(("replicas", "memory up", "env added", "nothing", "nothing", "cpu", "probe"))
    main = w.container()
    if kind == "replicas":
        w.live["spec"]["replicas"] = w.replicas + pool.any((1, 2))
    elif kind == "memory up":
        main["resources"]["limits"]["memory"] = "768Mi"
    elif kind == "env added" and main.get("env"):
        main["env"][0] = {"name": main["env"][0]["name"], "value": main["env"][0].get("value", "") + "?v=2"}
    elif kind == "cpu":
        main["resources"]["requests"]["cpu"] = "150m"
    elif kind == "probe" and "readinessProbe" in main:
        main["readinessProbe"]["httpGet"]["path"] = "/ready2"


def _nears(w: World) -> tuple[tuple[str, object, str], ...]:
    pool = w.pool
    offers: list[tuple[str, object, str]] = [
        (
            at(w.app, "image"),
            f"{w.repository}:{w.next_tag}",
            pool.any((KNOWN_GOOD, EARLIER, "this image runs in Deployment canary")),
        ),
        (
            at(w.app, "resources.limits.memory"),
            pool.any(("256Mi", "1Gi", "640Mi")),
            pool.any((KNOWN_GOOD, "more memory")),
        ),
        ("spec.replicas", w.replicas + pool.any((3, 5)), pool.any(("more replicas", KNOWN_GOOD))),
        (at(w.app, "resources.requests.cpu"), "500m", EARLIER),
    ]
    return tuple(pool.rng.sample(offers, pool.any((2, 3, 3))))


def dependency_down(w: World) -> Made:
    """What it depends on does not answer."""
    pool = w.pool
    _unrelated(w)
    name = pool.any(pools.DEPENDENCIES)
    port = pool.any((5432, 6379, 9092, 3306, 8200, 27017))
    line = pool.of((
        f"fatal: cannot connect to {name}:{port}: connection refused", f"dial tcp: lookup {name}: no such host", f"{name} is unreachable after 10 attempts, giving up",
        f"Error: connect ECONNREFUSED {name}:{port}", f"could not translate host name {name} to address", f"sqlalchemy.exc.OperationalError: connection to server at {name} failed",
        f"timeout waiting for {name}:{port}", f"{name}: server is shutting down", f"no brokers available at {name}:{port}",
    ))  # fmt: skip
    ready = pool.chance(0.3)
    if ready:
        w.unready()
        w.event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        case = w.case(F.NOT_READY, "NotReady", f"container {w.app} of {w.name} runs but is not ready")
    else:
        w.crashed("Error", 1)
        case = w.case(
            F.CRASH_LOOP,
            "CrashLoopBackOff",
            f"container {w.app} of {w.name} ended with exit code 1 and is in back-off",
        )
    w.log(line, previous=not ready)
    return Made(
        case,
        (
            f"{w.name} cannot reach {name}, which does not answer; nothing in {w.name} itself is wrong.",
            f"The dependency {name} is down, so container {w.app} fails.",
        ),
        (name,),
        near=_nears(w),
    )


def registry_down(w: World) -> Made:
    """The registry fails for an image that did not change."""
    pool = w.pool
    _unrelated(w)
    line = pool.of((
        f'failed to pull and unpack image "{w.image}": failed to do request: dial tcp: lookup registry: i/o timeout', f'Failed to pull image "{w.image}": received unexpected HTTP status: 503 Service Unavailable',
        f"toomanyrequests: You have reached your pull rate limit while pulling {w.image}", f'failed to pull "{w.image}": net/http: TLS handshake timeout', f'pulling "{w.image}": unauthorized: authentication required',
        f'Back-off pulling image "{w.image}": dial tcp 10.1.1.9:443: connect: connection refused',
    ))  # fmt: skip
    w.waiting(pool.any(("ImagePullBackOff", "ErrImagePull")), line)
    w.event("Failed", line)
    case = w.case(
        F.IMAGE_PULL,
        "ImagePullBackOff",
        f"container {w.app} of {w.name} cannot pull {w.image}",
        {"image": w.image},
    )
    near = (
        (
            at(w.app, "image"),
            f"{w.repository}:{w.next_tag}",
            pool.any(("this image runs in Deployment canary", EARLIER)),
        ),
        *_nears(w)[:2],
    )
    return Made(
        case,
        (
            f"The registry does not serve {w.image}, an image that did not change; the registry is at fault.",
            f"Pulling {w.image} fails at the registry, not by a change in {w.name}.",
        ),
        (w.image,),
        near=near,
    )


def secret_missing(w: World) -> Made:
    """A Secret that is not there."""
    pool = w.pool
    secret = f"{w.name}-{pool.any(('credentials', 'tls', 'db', 'api-key', 'secrets'))}"
    w.both(lambda obj: w.container(obj).setdefault("envFrom", []).append({"secretRef": {"name": secret}}))
    _unrelated(w)
    message = pool.of(
        (
            f'secret "{secret}" not found',
            f"couldn't find key password in Secret {w.namespace}/{secret}",
            f'MountVolume.SetUp failed for volume "certs": secret "{secret}" not found',
        )
    )
    w.waiting("CreateContainerConfigError", message)
    w.event("Failed", f"Error: {message}")
    case = w.case(F.CONFIG_REFERENCE, "CreateContainerConfigError", message, {"secret": secret})
    return Made(
        case,
        (
            f"Secret {secret} is missing; a person has to create it.",
            f"container {w.app} needs Secret {secret}, which does not exist.",
        ),
        (secret,),
        near=_nears(w),
    )


def metric_upstream(w: World) -> Made:
    """An error rate or latency that only Prometheus shows."""
    pool = w.pool
    _unrelated(w)
    ratio = pool.any(("0.23", "0.31", "0.48", "0.12", "0.87"))
    w.ready = len(w.pod_names)
    w.statuses = [{"name": w.app, "ready": True, "restartCount": 0, "state": {"running": {}}}]
    query, message = pool.of((
        ("error ratio of requests over 1m", f"the error ratio is {ratio}, it must stay below 0.05"),
        ("share of 5xx answers", f"{ratio} of all answers are 5xx, allowed is 0.02"),
        ("p99 latency in seconds", f"p99 latency is 4.{ratio[2:]} s, it must stay below 1 s"),
        ("http_requests_total error rate", f"error rate {ratio} breaks < 0.1 for 30s"),
        ("queue depth", "queue depth is 9120, it must stay below 1000"),
        ("checkout failures", f"failures are {ratio}, threshold 0.01"),
    ))  # fmt: skip
    w.metrics[query] = ratio
    name = pool.any(pools.DEPENDENCIES)
    if pool.chance(0.7):
        w.log(
            pool.of(
                (
                    f"error: upstream {name} returned 503",
                    f"WARN {name} answered 500, passing it on",
                    "GET /checkout 500 12ms",
                    f"request failed: {name} timeout",
                    f"{name}: circuit open",
                )
            )
        )
    case = w.case(F.METRIC, "MetricBroken", message)
    return Made(
        case,
        (
            f"Requests fail at {w.name} though its pods are healthy and nothing in it explains it: {message}.",
            f"{message}; the cause is outside {w.name}.",
        ),
        (query, ratio),
        near=_nears(w)[:2],
    )


def no_node(w: World) -> Made:
    """Nodes that cannot take pods for their own reasons."""
    pool = w.pool
    _unrelated(w)
    nodes = pool.any((1, 3, 5))
    message = f"0/{nodes} nodes are available: " + pool.of((
        f"{nodes} node(s) had untolerated taint {{node.kubernetes.io/not-ready: }}.", f"{nodes} node(s) were unschedulable.", f"{nodes} node(s) had untolerated taint {{node.kubernetes.io/disk-pressure: }}.",
        f"{nodes} node(s) had untolerated taint {{node.cloudprovider.kubernetes.io/uninitialized: true}}.", f"{nodes} node(s) had untolerated taint {{node.kubernetes.io/unreachable: }}.",
    ))  # fmt: skip
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    case = w.case(F.UNSCHEDULABLE, "Unschedulable", message)
    near = ((at(w.app, "resources.requests.memory"), "16Mi", "a smaller memory request"), *_nears(w)[:2])
    return Made(
        case,
        (
            f"No node takes pods at the moment; the nodes are at fault, not {w.name}.",
            f"The nodes are tainted or cordoned, so {w.name} waits.",
        ),
        ("nodes are available",),
        near=near,
    )


def volume_not_bound(w: World) -> Made:
    """A claim that waits for storage."""
    pool = w.pool
    claim = f"data-{w.name}"
    _unrelated(w)
    message = pool.of(
        (
            f'persistentvolumeclaim "{claim}" not found',
            "0/3 nodes are available: 3 pod has unbound immediate PersistentVolumeClaims.",
            f'0/3 nodes are available: persistentvolumeclaim "{claim}" bound to non-existent persistentvolume',
        )
    )
    w.pod_conditions.append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    w.event("FailedScheduling", message)
    case = w.case(F.UNSCHEDULABLE, "Unschedulable", message)
    return Made(
        case,
        (
            f"The volume claim of {w.name} is not bound; storage has to be provided first.",
            f"{w.name} waits for a persistent volume that is not there.",
        ),
        ("ersistent",),
        near=_nears(w),
    )


def certificate_expired(w: World) -> Made:
    """Time ran out on a certificate or a credential."""
    pool = w.pool
    _unrelated(w)
    name = pool.any(pools.DEPENDENCIES)
    w.crashed("Error", 1)
    w.log(
        pool.any(
            (
                "x509: certificate has expired or is not yet valid",
                f"{name}: password authentication failed for user app",
                "token is expired",
                f"401 Unauthorized from {name}",
                "license expired on 2026-03-01",
            )
        ),
        previous=True,
    )
    case = w.case(
        F.CRASH_LOOP,
        "CrashLoopBackOff",
        f"container {w.app} of {w.name} ended with exit code 1 and is in back-off",
    )
    return Made(
        case,
        (f"A certificate or credential that {w.name} uses has expired; a person has to renew it.",),
        ("exit code",),
        near=_nears(w),
    )


def disk_full(w: World) -> Made:
    """No space, or a file system that became read-only."""
    pool = w.pool
    _unrelated(w)
    w.crashed("Error", pool.any((1, 2, 28)))
    w.log(
        pool.of(
            (
                "write /data/wal: no space left on device",
                "fatal: could not write lock file: No space left on device",
                "OSError: [Errno 28] No space left on device",
                "read-only file system: /data",
                "disk quota exceeded",
            )
        ),
        previous=True,
    )
    case = w.case(F.CRASH_LOOP, "CrashLoopBackOff", f"container {w.app} of {w.name} ended and is in back-off")
    return Made(
        case,
        (
            f"The disk that {w.name} writes to is full; space has to be made by a person.",
            f"container {w.app} ends because its volume has no space left.",
        ),
        ("ended",),
        near=_nears(w),
    )


def image_too(w: World) -> Made:
    """The image was never good: no healthy version, no other revision, nothing to go back to."""
    bad = f"{w.repository}:{w.tag}"
    w.healthy_before = False
    message = pull_message(w, bad)
    w.waiting("ImagePullBackOff", message)
    w.event("Failed", message)
    case = w.case(
        F.IMAGE_PULL,
        "ImagePullBackOff",
        f"container {w.app} of {w.name} cannot pull {re.sub(' ', '', bad)}",
        {"image": bad},
    )
    return Made(
        case,
        (
            f"Image {bad} of container {w.app} cannot be pulled and {w.name} was never healthy.",
            f"container {w.app} uses image {bad}, which cannot be pulled; no working one is known.",
        ),
        (bad,),
        near=_nears(w)[:2],
    )
