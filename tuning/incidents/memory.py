"""Out of memory: with a healthy past that code can put back, and without one, where the model must write."""

from __future__ import annotations

import copy
import math

from detectors.model import FaultClass as F
from intents.units import parse_quantity
from remediation.prompt import WRITTEN_BECAUSE as NEW
from tuning.incidents.base import EARLIER, KNOWN_GOOD, Made, Near, Test, Unread, at
from tuning.incidents.world import POD_SPEC, World

MIB = 2**20
SPARE = 1.1
"""A limit must hold the need and a tenth more: runtime and page tables count against it too."""
WASTE = 16
"""From so many times what it needs on, a limit guards nothing any more: a person should see it first."""


def _holds(need: float, most: float = float("inf")) -> Test:
    """Whether a limit is at least `need` and below `most`, MiB."""

    def holds(value: object) -> bool:
        try:
            return need <= float(parse_quantity(str(value))) / MIB < most
        except ValueError:
            return False

    return holds


def _killed(w: World) -> None:
    w.crashed("OOMKilled", 137)
    if w.pool.chance(0.3):
        w.event("OOMKilling", f"Memory cgroup out of memory: Killed process 4242 ({w.app})")


def _says_need(w: World, need: int) -> str:
    """How a program tells what it is about to hold. The daemon's evidence shows such a line to the model by its
    amount (`remediation.evidence.logs`)."""
    return w.pool.of(
        (
            f"cache: allocating {need} MiB",
            f"memory required: {need} MiB",
            f"allocating {need} MiB",
            f'level=warn msg="large heap" size={need}MiB',
            f"loading index, {need} MB",
            f"WARN cache of {need} MiB is held in memory",
            f"required working set: {need}Mi",
            f"preallocating buffer of {need}Mi",
            f"unable to stream, reading {need} MiB into memory",
            f"missing index, building one of {need} MiB in memory",
            f'level=info msg="reserving heap" size={need}MiB',
            f"failed to map the file, copying {need} MB to the heap",
            f"INFO  arena: mmap {need * MIB} bytes ({need} MiB)",
            f"warning: loading all of {need} MB at once",
            f"model needs {need} MiB of memory",
            f"error budget off; buffering {need} MiB",
            f"working set estimate: {need} MiB",
            f"heap required by the model: {need} MiB",
            f"WARN arena: {need} MiB reserved",
            f"holding {need} MiB resident",
            f"cannot spill to disk, keeping {need} MiB in memory",
            f"memory required: {need}MB, starting",
            f"dataset size {need} MiB, reading into memory",
            f"unknown size hint, assuming {need} MiB",
        )
    )


def _repair(w: World, need: int) -> Made:
    limit = w.container()["resources"]["limits"]["memory"]
    path = at(w.app, "resources.limits.memory")
    low, high = w.pool.any(
        (("16Mi", "512Mi"), ("16Mi", "512Mi"), ("16Mi", "1Gi"), ("8Mi", "2Gi"), ("32Mi", "1Gi"))
    )
    shared = {"path": f"{POD_SPEC}.containers[*].resources.limits.memory", "min": low, "max": high}
    if w.pool.chance(0.5):
        w.editable = (shared,)
    else:
        w.editable = (
            shared,
            *(e for e in w.editable if not e["path"].endswith(("limits.memory", "requests.memory"))),
        )
    now = float(parse_quantity(limit)) / MIB
    holds, most = need * SPARE, need * WASTE
    where = f"container {w.app} of {w.name}"
    return Made(
        w.case(
            F.OOM_KILLED,
            "OOMKilled",
            f"{where} was killed for memory (exit code 137)",
            {"limit": limit, "exitCode": "137"},
        ),
        causes=(
            f"{where} was OOMKilled: it needs {need} MiB and its memory limit is {limit}.",
            f"The memory limit {limit} of container {w.app} is too small for the {need} MiB that it allocates.",
        ),
        telling=("OOMKilled", f"{need} M", f"{need}M", limit),
        fix={path: _holds(holds, most)},
        near=_near_limits(w, path, now, holds, most),
        repair=path,
        why=f"It allocates {need} MiB, so {{value}} holds it.",
        unread=Unread(
            (f"{need} M", f"{need}M"),
            (
                f"{where} was OOMKilled: its memory limit {limit} is too small.",
                f"The memory limit {limit} of container {w.app} is too small for what it does.",
            ),
            f"{limit} was too small and the need is not said, so {{value}}.",
        ),
    )


def _near_limits(w: World, path: str, now: float, holds: float, most: float) -> tuple[Near, ...]:
    """Limits that do not mend: a step up that is too small, less than now, far too much, another container's."""
    small = round(now + (holds - now) * w.pool.any((0.2, 0.4, 0.6, 0.8)))
    wrong: list[Near] = [
        (path, f"{small}Mi", w.pool.any((NEW, "a little more memory"))),
        (path, f"{max(1, round(now / 2))}Mi", w.pool.any((NEW, EARLIER))),
        (path, f"{math.ceil(most / 1024) * w.pool.any((1, 4, 16))}Gi", NEW),
        (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "the newest tag"),
    ]
    if w.sidecar:
        other = at(w.sidecar, "resources.limits.memory")
        wrong.append((other, f"{w.pool.any((128, 256, 512))}Mi", w.pool.any((NEW, "more memory"))))
    return tuple(wrong)


def oom_never_healthy(w: World) -> Made:
    """Never healthy, a limit too small, and a log that says what it needs (or not)."""
    pool = w.pool
    w.healthy_before = False
    need = pool.any(
        (
            20,
            24,
            30,
            32,
            40,
            48,
            50,
            56,
            60,
            64,
            72,
            80,
            90,
            96,
            100,
            110,
            120,
            128,
            150,
            160,
            180,
            200,
            220,
            250,
            256,
            300,
            320,
            350,
        )
    )
    small = [m for m in (8, 16, 20, 24, 32, 40, 48, 64, 96, 128, 160, 192, 256) if m <= need * 0.95]
    w.container()["resources"] = {"limits": {"memory": f"{pool.any(small[-6:])}Mi"}}
    if pool.chance(0.3):
        w.container()["resources"]["requests"] = {"memory": "8Mi"}
    if w.sidecar and pool.chance(0.5):
        w.container(name=w.sidecar)["resources"] = {"limits": {"memory": pool.any(("32Mi", "64Mi", "128Mi"))}}
    _killed(w)
    lines = (
        [_says_need(w, need)]
        if pool.chance(0.85)
        else [pool.of(("starting", "listening on :8080", "boot", "warming up", "init done"))]
    )
    w.log(*lines, previous=True)
    if pool.chance(0.5):
        w.log(*lines)
    return _repair(w, need)


def oom_limit_lowered(w: World) -> Made:
    """It had enough, then somebody lowered the limit."""
    pool = w.pool
    right = pool.any((64, 96, 128, 192, 256, 384, 512))
    wrong = max(8, right // pool.any((2, 3, 4, 8)))
    w.container(w.good)["resources"] = {"limits": {"memory": f"{right}Mi"}}
    w.live["spec"]["template"]["spec"] = copy.deepcopy(w.good["spec"]["template"]["spec"])
    w.container()["resources"]["limits"]["memory"] = f"{wrong}Mi"
    _killed(w)
    w.log(
        pool.of(
            (
                f"cache: allocating {int(right * 0.7)} MiB",
                "processing batch 1",
                "loaded 14 routes",
                "warming caches",
                "sorting in memory",
            )
        ),
        previous=True,
    )
    path = at(w.app, "resources.limits.memory")
    where = f"container {w.app} of {w.name}"
    return Made(
        w.case(F.OOM_KILLED, "OOMKilled", f"{where} was killed for memory (exit code 137)", {"limit": f"{wrong}Mi"}),
        causes=(f"{where} was OOMKilled because its memory limit was lowered from {right}Mi to {wrong}Mi.",
                f"The memory limit {wrong}Mi of container {w.app} is too small; it was {right}Mi when healthy."),
        telling=("OOMKilled", f"{wrong}Mi"),
        fix={path: _holds(right * 0.95)},
        near=((path, f"{max(4, wrong - 4)}Mi", EARLIER), (path, f"{max(4, wrong // 2)}Mi", KNOWN_GOOD), (path, f"{wrong + 1}Mi", "a little more memory"),
              (at(w.app, "image"), f"{w.repository}:{w.next_tag}", "this image runs in Deployment canary"), ("spec.replicas", w.replicas + 1, "one more replica")),
    )  # fmt: skip


def oom_new_image(w: World) -> Made:
    """A new release needs more than the limit that was enough for the old one."""
    pool = w.pool
    limit = w.container()["resources"]["limits"]["memory"]
    bad = f"{w.repository}:{w.next_tag}"
    w.container()["image"] = bad
    _killed(w)
    w.log(
        pool.of(
            (
                "loading embeddings into memory",
                "cache enabled: unlimited",
                "reading the whole table",
                "building the index in memory",
            )
        ),
        previous=True,
    )
    path = at(w.app, "image")
    where = f"container {w.app} of {w.name}"
    return Made(
        w.case(F.OOM_KILLED, "OOMKilled", f"{where} was killed for memory (exit code 137)", {"limit": limit}),
        causes=(f"Since image {bad}, container {w.app} needs more than its limit {limit}; {w.image} did not.",
                f"{where} was OOMKilled after its image changed from {w.tag} to {w.next_tag}."),
        telling=("OOMKilled", bad),
        fix={path: lambda v: v == w.image},
        near=((path, f"{w.repository}:{w.next_tag}-1", EARLIER), ("spec.replicas", w.replicas + 1, "one more replica")),
    )  # fmt: skip
