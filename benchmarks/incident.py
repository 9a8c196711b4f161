"""A whole incident before its window, with the real model: from the look that sees it to the applied fix.

The real `intentd run` under its own service account, the strongest provider that this machine allows, a real
Ollama with the weights and the committed adapters. One incident at a time, each in another workload, the next
one when this one's change has rolled out and the machine rests:

 * candidate: an image tag that does not exist in a workload with a last known good; the model has to pass the
   change that code found.
 * written: a memory limit too small in a workload that was never healthy; code has no candidate, the model
   writes the patch. Needs real containers: a simulated one has no log that says how much it loads.

Times and tokens are the ledger's (`applied` is stamped just before its fsync, some milliseconds). Whether the
prefix is read from cache shows in the seconds that the server took to read a question: it counts cached
tokens too.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.crowd import Say
from benchmarks.figures import Figure, percentile, tell
from benchmarks.process import FREE_HAND, daemon, trust
from benchmarks.rest import wait_for_rest
from benchmarks.rows import Row, Rows
from benchmarks.violation_to_fix import asked_seconds
from gym import cluster, weights
from gym.cluster import Cluster
from gym.faults.base import Breakage, Fault, RightField, deployment, pod_change
from gym.faults.image_tag import IMAGE_TAG
from gym.faults.memory_limit import MEMORY_LIMIT, MOST
from gym.models import adapter_of, serve
from gym.objects import Objects
from gym.paths import GymError
from gym.ready import api_client, wait_for
from gym.story import ENDINGS
from gym.trial import HEALTHY_SECONDS, Trial
from intents.units import parse_quantity
from remediation.saga import Event
from store.ledger import Ledger

PATIENCE = 180.0
"""Seconds for one incident until a change is applied or it is given up."""
WORKING_SETS = (96, 64, 128, 160)
"""MiB, in turn; the limit is half of it."""
PROMISED = {"candidate": 15.0, "written": 45.0}
"""Seconds at p95 (issue "The closed loop")."""


@dataclass(frozen=True, slots=True)
class Incident:
    """How one went. `seconds` is None where nothing was applied."""

    seconds: float | None
    asked: float  # seconds that the model took
    questions: tuple[dict[str, Any], ...]
    wrong: str | None  # what is not as it must be in the cluster, None where it is mended


def measure(instance: str, kind: str, incidents: int, output: str, say: Say) -> None:
    missing = [name for name in weights.DEFAULT if weights.path_of(name) is None or adapter_of(name) is None]
    if missing:
        raise SystemExit(f"no weights or no adapter for {', '.join(missing)}: run `python -m gym weights`")
    faults = [FAULTS[kind](number) for number in range(incidents)]
    name = f"{instance}-model"
    say("starting a cluster with Ollama")
    running = cluster.up(name, fresh=True, with_ollama=True)
    try:
        provider = running.provider.name
        if faults[0].needs_containers and not running.capabilities.real_containers:
            raise SystemExit(f"{provider} runs no real containers: nothing is measured")
        assert running.ollama_url is not None
        served = serve(running.ollama_url, say)
        settings = {"model": served.settings(running.ollama_url), "limits": FREE_HAND}
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as scratch:
            found = _run(running, Path(scratch) / "intentd", settings, faults, say)
    finally:
        cluster.down(name)
    details = {"provider": provider, "model": served.made_of, **_details(found)}
    tell(f"incident, {kind}", _figures(kind, found), details, output=output, load=load)


# ---------------------------------------------------------------- the faults


def candidate(number: int) -> Fault:
    """The catalogue's image tag, in a workload of its own and with a tag of its own."""
    name, tag = f"web-{number}", f"gym.intentd.io/workload:v{4 + number % 6}"
    return replace(
        IMAGE_TAG,
        name=f"image-tag-{number}",
        target=("Deployment", name),
        objects=(deployment(name, replicas=1),),
        intent=_intent(IMAGE_TAG, f"image-tag-{number}", name),
        breakage=Breakage("Deployment", name, pod_change({"image": tag})),
        waits_for=(("Deployment", name),),
    )


def written(number: int) -> Fault:
    """The catalogue's memory limit, with a working set of its own."""
    name, needs = f"catalog-{number}", WORKING_SETS[number % len(WORKING_SETS)]
    environment = ({"name": "ALLOCATE_MIB", "value": str(needs)},)
    (field,) = MEMORY_LIMIT.fixed

    def holds(value: object) -> bool:
        return isinstance(value, str) and needs * 2**20 < parse_quantity(value) <= parse_quantity(MOST)

    return replace(
        MEMORY_LIMIT,
        name=f"memory-limit-{number}",
        target=("Deployment", name),
        objects=(deployment(name, env=environment, memory=f"{needs // 2}Mi", replicas=1),),
        intent=_intent(MEMORY_LIMIT, f"memory-limit-{number}", name),
        fixed=(RightField(field.path, holds, f"holds {needs} MiB and what the program itself needs"),),
    )


FAULTS = {"candidate": candidate, "written": written}


def _intent(fault: Fault, intent: str, workload: str) -> str:
    document = yaml.safe_load(fault.intent)
    document["metadata"]["name"] = intent
    document["spec"]["scope"]["name"] = workload
    text: str = yaml.safe_dump(document)
    return text


# ---------------------------------------------------------------- the run


def _run(
    running: Cluster, folder: Path, settings: dict[str, Any], faults: Sequence[Fault], say: Say
) -> list[Incident]:
    with api_client(running.kubeconfig) as api:
        objects = Objects(api)
        objects.namespace(faults[0].namespace)
        trials = [Trial(fault, objects) for fault in faults]
        for trial in trials:
            trial.set_up()
        for trial in trials:
            trial.wait_until_healthy()
        ours = {_file(fault): fault.intent for fault in faults if fault.breakage is not None}
        with daemon(running, folder, ours, overrides=settings):
            with closing(Ledger.open_read_only(folder / "ledger.db")) as store:
                say("learning the good states")
                wait_for("known good states", lambda: all(t.is_known_good(store) for t in trials), 120)
            with closing(Rows(folder / "ledger.db")) as rows:
                return [_incident(trial, folder, rows, say) for trial in trials]


def _file(fault: Fault) -> str:
    return f"{fault.intent_name}.yaml"


def _incident(trial: Trial, folder: Path, rows: Rows, say: Say) -> Incident:
    """Break it, wait for the end, look at the cluster, and take the workload away. Trust is granted anew each
    time: an incident before this one may have been rolled back, which takes it away."""
    fault, intents = trial.fault, folder / "intents"
    trust(folder)
    kind, name = fault.target
    wait_for_rest(10)
    trial.inject()
    if fault.breakage is None:
        (intents / _file(fault)).write_text(fault.intent)
    opened = rows.wait_for_case(PATIENCE, fault.namespace, name)
    end = rows.wait_for(PATIENCE, Event.APPLIED, *ENDINGS, case=opened.case)
    told = rows.of(opened.case)
    asked = asked_seconds(told)
    seconds = end.at - opened.at if end.event == Event.APPLIED else None
    wrong = str(end.payload.get("reason", end.event)) if seconds is None else _wrong(trial)
    (intents / _file(fault)).unlink()
    trial.objects.delete(kind, fault.namespace, name)
    spent = "nothing applied" if seconds is None else f"{seconds:.1f} s, {asked:.1f} of them the model's"
    say(f"{fault.name}: {spent}; {wrong or 'mended'}")
    return Incident(seconds, asked, _questions(told), wrong)


def _wrong(trial: Trial) -> str | None:
    """What is not as it must be in the cluster when the change has rolled out. The window is not waited for: it
    is not part of the figure, and a fault that shows itself each minute has one of minutes."""
    (kind, name), namespace = trial.fault.target, trial.fault.namespace
    live = trial.objects.read(kind, namespace, name)
    if live is not None and trial.fault.is_right(live):
        with suppress(GymError):
            wait_for("the change rolling out", trial.is_healthy, HEALTHY_SECONDS)
    return trial.what_is_wrong()


def _questions(rows: Sequence[Row]) -> tuple[dict[str, Any], ...]:
    told = [row.payload for row in rows if row.event in (Event.DIAGNOSED, Event.UNUSABLE)]
    return tuple(question for payload in told for question in payload["questions"])


# ---------------------------------------------------------------- the figures


def _figures(kind: str, found: Sequence[Incident]) -> list[Figure]:
    applied = [each for each in found if each.seconds is not None]
    if not applied:
        return []
    taken = [each.seconds for each in applied if each.seconds is not None]
    asked = [each.asked for each in applied]
    rest = [whole - model for whole, model in zip(taken, asked, strict=True)]
    note = f"{len(applied)} of {len(found)} applied a change"
    return [
        Figure(
            f"{kind}: p95", "s", percentile(taken, 0.95), None, PROMISED[kind], samples=len(taken), note=note
        ),
        Figure(f"{kind}: median", "s", percentile(taken, 0.5), samples=len(taken)),
        Figure(f"{kind}: the model's part, median", "s", percentile(asked, 0.5), samples=len(taken)),
        Figure(f"{kind}: without the model, p95", "s", percentile(rest, 0.95), samples=len(taken)),
    ]


def _details(found: Sequence[Incident]) -> dict[str, Any]:
    """Outcomes, and what each question cost by its place in the incident: the first one finds only the system
    text in the cache, the later ones the whole incident."""
    places: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        for place, question in enumerate(each.questions):
            if question.get("prompt_seconds") is not None:
                places.setdefault(f"{place + 1}. {question['role']}", []).append(question)
    return {
        "mended": f"{sum(each.wrong is None for each in found)} of {len(found)}",
        "not mended because": dict(Counter(each.wrong for each in found if each.wrong is not None)),
        "questions, median": {name: _cost(asked) for name, asked in sorted(places.items())},
    }


def _cost(questions: Sequence[dict[str, Any]]) -> dict[str, float]:
    def middle(key: str) -> float:
        return percentile([float(question[key] or 0) for question in questions], 0.5)

    return {
        "asked": len(questions),
        "prompt tokens": middle("prompt_tokens"),
        "seconds of reading": middle("prompt_seconds"),
        "tokens read a second": round(middle("prompt_tokens") / max(middle("prompt_seconds"), 0.001)),
        "answer tokens": middle("answer_tokens"),
        "seconds of writing": middle("answer_seconds"),
        "seconds in all": middle("seconds"),
    }
