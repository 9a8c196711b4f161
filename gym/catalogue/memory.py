"""Programs that the kernel ends for their memory.

A right limit is, but for a unit that was lost, at most twice the one that is too small: guards allow no more at once.
"""

from __future__ import annotations

from gym.cases.model import Tier
from gym.catalogue import kubelet
from gym.catalogue.base import MISLEADING, PUBLISHED, Scenario, fixable, hopeless
from gym.catalogue.draw import Draw
from gym.catalogue.objects import SHAPES, Json, at, main, workload
from gym.catalogue.sketch import Sketch, check

FAMILY = "memory"
OOM = "OOMKilled"
MOST = "4Gi"
"""A limit above this wastes a node's memory; no program of the catalogue needs half of it."""


def too_small(s: Sketch, good: Json, limit: str, need: str) -> str:
    """The first container's limit, set too small; right is all that holds the need."""
    path = at(good, "resources.limits.memory")
    main(good)["resources"]["requests"]["memory"] = "64Mi"
    s.breaks(
        good,
        path,
        limit,
        check("qty_ge", good, path, value=need),
        check("qty_le", good, path, value=MOST),
        allow=at(good, "resources"),
    )
    s.mistake((good, path, f"{int(limit.removesuffix('Mi')) + 8}Mi"))
    s.mistake((good, path, "64Gi"))
    return path


@fixable(
    "memory-limit-cut",
    FAMILY,
    OOM,
    Tier.KWOK,
    "a release cut the memory limit below what the program loads",
    "the limit of the revision before, or one that holds what the log says is loaded",
    PUBLISHED,
)
def cut(d: Draw, s: Sketch) -> None:
    need = d.any(330, 360, 400)
    good = workload(d)
    main(good)["resources"]["limits"]["memory"] = "512Mi"
    too_small(s, good, d.any("256Mi", "288Mi", "320Mi"), f"{need}Mi")
    s.had(good)
    s.shows(good, **kubelet.out_of_memory(d.main, d.quiet("starting", f"loading the index: {need} MiB")))


@fixable(
    "memory-limit-below-heap",
    FAMILY,
    OOM,
    Tier.KWOK,
    "the memory limit is below the heap that the program is told to take",
    "a limit that holds the heap and a quarter more",
)
def heap(d: Draw, s: Sketch) -> None:
    size = d.turn(384, 512, 768)
    option = d.turn(
        {"name": "JAVA_TOOL_OPTIONS", "value": f"-Xmx{size}m -XX:+AlwaysPreTouch"},
        {"name": "NODE_OPTIONS", "value": f"--max-old-space-size={size}"},
        {"name": "CACHE_MEGABYTES", "value": str(size)},
    )
    good = workload(d, d.turn(*SHAPES), env=(option,))
    main(good)["resources"]["limits"]["memory"] = f"{size * 5 // 4}Mi"
    path = too_small(s, good, f"{size * 3 // 4}Mi", f"{size * 9 // 8}Mi")
    s.also_right((good, path, "1536Mi"))
    s.shows(good, **kubelet.out_of_memory(d.main, d.quiet("starting", f"heap: up to {size} MiB")))


@fixable(
    "memory-unit-lost",
    FAMILY,
    "OOMKilled StartError",
    Tier.KWOK,
    "a memory limit with the unit m, which is thousandths of a byte",
    "the same number with Mi",
)
def unit(d: Draw, s: Sketch) -> None:
    number = d.turn(256, 320, 512)
    good = workload(d, d.turn(*SHAPES))
    resources = main(good)["resources"]
    resources["limits"]["memory"] = f"{number}Mi"
    resources["requests"] = {"cpu": "100m"}
    path = at(good, "resources.limits.memory")
    s.breaks(
        good,
        path,
        f"{number}m",
        check("qty_ge", good, path, value=f"{number}M"),
        check("qty_le", good, path, value=f"{number * 2}Mi"),
        allow=at(good, "resources"),
    )
    s.also_right((good, path, f"{number}M"))
    s.mistake((good, path, f"{number * 2}m"))
    why = "container init was OOM-killed (memory limit too low?)"
    s.shows(good, **kubelet.start_error(d.main, why))


@fixable(
    "memory-of-a-sidecar",
    FAMILY,
    OOM,
    Tier.KWOK,
    "not the program but its sidecar is killed for its memory; siblings give theirs more",
    "the limit that the siblings' sidecars have; the program's own stays",
    MISLEADING,
)
def sidecar(d: Draw, s: Sketch) -> None:
    good = workload(d, d.turn(*SHAPES), sidecar=True)
    beside = [workload(d, "Deployment", f"{d.app}-{name}", sidecar=True) for name in ("admin", "public")]
    for obj in (good, *beside):
        obj["spec"]["template"]["spec"]["containers"][1] = {
            "name": "mesh-proxy",
            "image": f"{d.registry}/mesh-proxy:1.21",
            "resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "160Mi"}},
        }
    path = at(good, "resources.limits.memory", "mesh-proxy")
    s.breaks(
        good,
        path,
        d.any("80Mi", "96Mi", "112Mi"),
        check("qty_ge", good, path, value="128Mi"),
        check("qty_le", good, path, value="1Gi"),
        allow=at(good, "resources", "mesh-proxy"),
    )
    s.stands(*beside)
    s.mistake((good, at(good, "resources.limits.memory"), "2Gi"))
    s.shows(good, **kubelet.out_of_memory("mesh-proxy", d.quiet("loaded 412 clusters, 1804 endpoints")))


@fixable(
    "memory-of-a-job",
    FAMILY,
    "OOMKilled JobFailed",
    Tier.KWOK,
    "a Job's limit is below the buffer that it is told to take; a Job's template can never change",
    "the Job anew, with a limit that holds the buffer",
)
def job(d: Draw, s: Sketch) -> None:
    size = d.turn(192, 256, 384)
    good: Json = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{d.app}-{d.any('import', 'export', 'reindex')}",
            "namespace": d.namespace,
            "labels": d.labels(d.app),
        },
        "spec": {
            "backoffLimit": 30,
            "template": {
                "metadata": {"labels": d.labels(d.app)},
                "spec": {
                    "restartPolicy": "OnFailure",
                    "containers": [
                        {
                            "name": d.main,
                            "image": d.image(),
                            "args": [f"--sort-buffer={size}MiB"],
                            "resources": {
                                "requests": {"memory": "32Mi"},
                                "limits": {"memory": f"{size * 5 // 4}Mi"},
                            },
                        }
                    ],
                },
            },
        },
    }
    too_small(s, good, f"{size * 3 // 4}Mi", f"{size * 9 // 8}Mi")
    s.shows(good, **kubelet.out_of_memory(d.main, d.quiet(f"sorting with a buffer of {size} MiB"), 3))


# ---------------------------------------------------------------- for a person


@hopeless(
    "memory-leak",
    FAMILY,
    "OOMKilled MemoryLeak MemoryNearLimit",
    Tier.KWOK,
    "the program leaks: it grew for days until the limit, which was enough for years",
    "a developer has to find the leak; a larger limit only buys days",
)
def leak(d: Draw, s: Sketch) -> None:
    obj = workload(d, d.turn(*SHAPES))
    main(obj)["resources"]["limits"]["memory"] = "2Gi"
    what = d.turn("sessions", "subscriptions", "open_cursors")
    s.applies(obj)
    s.stands(workload(d, "Deployment", f"{d.app}-admin"))
    lines = [f"day {day}: {what}={day * 410_113} heap={day * 390} MiB" for day in (1, 2, 3, 4, 5)]
    s.finds(obj, f"Memory grows with `{what}`, which are never let go")
    s.shows(obj, **kubelet.out_of_memory(d.main, d.quiet(*lines), restarts=3), lasted=5 * 86_400)


SCENARIOS: tuple[Scenario, ...] = (cut, heap, unit, sidecar, job, leak)
