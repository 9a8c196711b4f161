"""Probes that ask too early, the wrong path or the wrong port."""

from __future__ import annotations

import copy

from detectors.model import FaultClass as F
from tuning.incidents import pools
from tuning.incidents.base import EARLIER, Made, at, equals
from tuning.incidents.world import World


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
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
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
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])


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
