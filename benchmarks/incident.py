"""A whole incident before its window, with the real model: from the look that sees it to the applied fix on
disk. Needs the weights in the cache and the committed adapters; without them it says so and measures nothing.

The faults are those of the benchmark `fix`: a candidate of code that the model has to pass. What a second
question on one case costs beside the first tells whether the server reads the shared prefix from its cache.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kubernetes import client

from benchmarks.crowd import Say
from benchmarks.figures import Figure, percentile, tell
from benchmarks.fix_intents import WORKLOADS
from benchmarks.violation_to_fix import incident, loops, times, workloads
from daemon.clock import SystemClock
from daemon.models import models
from daemon.ports import Model
from daemon.settings import Model as ModelSettings
from gym import cluster, weights
from gym.models import adapter_of, serve
from gym.ready import api_client
from remediation.model import Answer, Question, Role, Unusable

PATIENCE = 120.0


class Recording:
    """The model, with a note of every answer: role, prompt tokens, seconds."""

    def __init__(self, model: Model, judge: Model) -> None:
        self._model, self._judge = model, judge
        self.cases: list[list[tuple[str, int, float]]] = []

    def ask(self, question: Question) -> Answer | Unusable:
        if question.role is not Role.JUDGE:
            self.cases.append([])  # a case begins with its cause
        answer = (self._judge if question.role is Role.JUDGE else self._model).ask(question)
        if isinstance(answer, Answer) and self.cases:
            self.cases[-1].append((question.role.value, answer.prompt_tokens, answer.seconds))
        return answer

    def weights(self) -> str | Unusable:
        return self._model.weights()


def measure(instance: str, incidents: int, output: str, say: Say) -> None:
    missing = [name for name in weights.DEFAULT if weights.path_of(name) is None or adapter_of(name) is None]
    if missing:
        raise SystemExit(f"no weights or no adapter for {', '.join(missing)}: nothing is measured")
    name = f"{instance}-model"
    say("starting a kwok cluster with Ollama")
    running = cluster.up(name, provider="kwok", fresh=True, with_ollama=True)
    try:
        assert running.ollama_url is not None
        served = serve(running.ollama_url, say)
        settings = ModelSettings.model_validate(served.settings(running.ollama_url))
        model = Recording(*models(settings, SystemClock()))
        with (
            tempfile.TemporaryDirectory() as scratch,
            api_client(running.kubeconfig) as api,
            workloads(api, say),
            loops(running, Path(scratch), model, say) as world,
        ):
            load = os.getloadavg()[0]
            for where in WORKLOADS[:incidents]:
                incident(client.AppsV1Api(api), world, *where, seconds=PATIENCE)
                say(f"asked: {model.cases[-1]}")
            taken, stages = times(world.store)
    finally:
        cluster.down(name)
    spent = [each / 1000 for each in taken]
    judged = [[step for step in case if step[0] == Role.JUDGE.value] for case in model.cases]
    first = [case[0] for case in judged if case]
    later = [step for case in judged for step in case[1:]]
    figures = [
        Figure("incident, a candidate passes: p95", "s", percentile(spent, 0.95), None, 15, None, len(spent)),
        Figure("incident: median", "s", percentile(spent, 0.5), samples=len(spent)),
    ]
    for label, steps in (("first", first), ("later", later)):
        if steps:
            middle = percentile([step[2] for step in steps], 0.5)
            tokens = percentile([step[1] for step in steps], 0.5)
            note = f"median prompt of {tokens:.0f} tokens"
            figures.append(
                Figure(f"{label} judge question of a case", "s", middle, samples=len(steps), note=note)
            )
    tell(
        "incident with the model",
        figures,
        {"made of": served.made_of, "stages": stages},
        output=output,
        load=load,
    )
