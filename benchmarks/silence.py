"""An hour of healthy churn in compressed time: every look must be silent, and each has its cost."""

from __future__ import annotations

import os
import time
from statistics import median

from benchmarks.churn import Churn, wishes
from benchmarks.figures import Figure, percentile, tell
from detectors.judge import judge
from detectors.triage import triage
from detectors.world import World

EVERY = 10.0
"""Simulated seconds between two looks, with three new changes each."""


def measure(pods: int, nodes: int, minutes: float, seed: int, output: str) -> None:
    load = os.getloadavg()[0]
    churn = Churn(pods, nodes, seed=seed)
    intents = list(wishes(churn.namespaces))
    world = World(churn.observation())
    costs: list[float] = []
    spoken: list[str] = []
    for _ in range(int(minutes * 60 / EVERY)):
        churn.turn(EVERY)
        seen = churn.observation()
        began = time.process_time()
        world = world.then(seen)
        judgement = judge(intents, seen, world=world)
        triage(judgement, seen, world=world)
        costs.append((time.process_time() - began) * 1000)
        spoken += [f"{found.fault_class}: {found.message}" for found in judgement.violations]
        if judgement.unknowns:
            raise SystemExit(f"could not be judged: {judgement.unknowns[0]}")
    tell(
        f"{minutes:.0f} minutes of healthy churn, {pods:,} pods on {nodes} nodes",
        [
            Figure("violations", "", len(spoken), None, 0, samples=len(costs)),
            Figure("CPU a look, median", "ms", median(costs), samples=len(costs)),
            Figure("CPU a look, p99", "ms", percentile(costs, 0.99), samples=len(costs)),
        ],
        {"first words": spoken[:3], "seed": seed},
        output=output,
        load=load,
    )
