"""kill -9 at every step and every write to the database, and at random times around the four points of a write.

The points are not listed by hand: a life of each scenario that nobody kills names all that it passes. A trial dies
several times, each time at another point, so that recoveries are killed as well; a point that its trial did not pass
after an earlier death is tried again, and in the end alone.
"""

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client

from gym.cluster import Cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.ready import api_client
from tests.saga import database
from tests.saga.lane import Lane
from tests.saga.scenarios import KNOWN_GOOD, SCENARIOS, UNDO, Scenario
from tests.saga.scripted_model import scripted_model
from tests.saga.wrong import Kind, Progress, Wrong, WrongError, silent

AROUND_THE_WRITE = (
    "guarded+apply-started#1",  # before the row
    "guarded+apply-started/after",  # after the row, before the request
    "patch of apply-started before",  # the request is on its way, or was carried out and its answer is not
    "patch of apply-started after",  # answered, and the row of the answer is not written
)
AROUND_THE_UNDO = (
    "rollback-started#1",
    "rollback-started/after",
    "patch of rollback-started before",
    "patch of rollback-started after",
)
SPREAD = 0.03
"""Longest random delay after one of these points, seconds: several times what request and row take."""

DEATHS = 3
"""In one trial, at most."""
TOGETHER = 3
"""Times that a point is tried in company before it is tried alone; then as often again before it is given up."""
LATER = 2.5
"""Seconds after a trial's end in which a job of the daemon may still pass a point (notices go out every 2 s)."""
SLOW_LANES = 2
"""Daemons for the scenarios in which they mostly wait."""
STOCK, DROPPED = 6, 30
"""Deployments that a lane takes in turn, and those that it has for trials that leave them broken."""


@dataclass(frozen=True, slots=True)
class Death:
    """At the point, or `delay` seconds after it."""

    point: str
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One life of a scenario, with its deaths in order."""

    scenario: Scenario
    deaths: tuple[Death, ...] = ()

    def __str__(self) -> str:
        return f"{self.scenario.name}: {', '.join(death.point for death in self.deaths) or 'no death'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial; `wrong` is empty where all is as it must be."""

    trial: Trial
    died: tuple[str, ...]
    points: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    seconds: float


Points = dict[str, tuple[str, ...]]
"""Each scenario's own points, in the order in which a life passes them."""


@dataclass
class Tally:
    """What all trials found. `exact` and `around` count deaths by point."""

    points: Points = field(default_factory=dict)
    trials: int = 0
    exact: Counter[str] = field(default_factory=Counter)
    around: Counter[str] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        return self.exact.total() + self.around.total()

    @property
    def fewest(self) -> int:
        """Kills at the point that had fewest."""
        own = [point for points in self.points.values() for point in points]
        return min((self.exact[point] for point in own), default=0)

    def count(self, outcome: Outcome) -> None:
        self.trials += 1
        self.wrong += _of_trial(outcome)
        for death, _ in zip(outcome.trial.deaths, outcome.died, strict=False):
            (self.exact if death.delay is None else self.around)[death.point] += 1

    def to_json(self) -> dict[str, Any]:
        return {
            "points": {name: list(points) for name, points in self.points.items()},
            "trials": self.trials,
            "exact": dict(self.exact),
            "around": dict(self.around),
            "wrong": [list(one) for one in self.wrong],
            "never": self.never,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Tally:
        points = {name: tuple(points) for name, points in stored["points"].items()}
        counted = {"exact": Counter(stored["exact"]), "around": Counter(stored["around"])}
        wrong = [Wrong(Kind(kind), text) for kind, text in stored["wrong"]]
        return cls(**{**stored, **counted, "points": points, "wrong": wrong})


def _of_trial(outcome: Outcome) -> list[Wrong]:
    return [Wrong(said.kind, f"{outcome.trial}: {said.text}") for said in outcome.wrong]


def lacking(tally: Tally, times: int, around: int) -> list[tuple[str, int]]:
    """Points and how many kills they lack; nothing where the whole was run."""
    own = [point for points in tally.points.values() for point in points]
    lacks = [(point, times - tally.exact[point]) for point in own if tally.exact[point] < times]
    short = around - tally.around.total()
    return [*lacks, *([("at random times around the write", short)] if short > 0 else [])]


# ------------------------------------------------------------------ which trials


class Plan:
    """Hands out trials until every point has had its deaths. Several lanes ask; what is out is counted as done."""

    def __init__(self, tally: Tally, times: int, around: int, chance: random.Random) -> None:
        self._tally, self._times, self._chance = tally, times, chance
        self._lock = threading.Lock()
        self._out: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        places = [(one, two) for one in AROUND_THE_WRITE for two in AROUND_THE_UNDO]
        self._all_around = around
        pairs = (around - tally.around.total() + 1) // 2
        self._around = [places[number % len(places)] for number in range(max(0, pairs))]

    def next(self, *, slow: bool) -> Trial | None:
        """A trial of the slow scenarios, or of the others; None where nothing is left to be given out."""
        with self._lock:
            if not slow and self._around and self._chance.random() < 0.3:
                return self._random_times()
            exact = self._exact(slow=slow)
            if exact is None and not slow and self._around:
                return self._random_times()
            return exact

    def _random_times(self) -> Trial:
        """A death around a fix's write, and one around the write that undoes it."""
        deaths = tuple(Death(point, self._chance.uniform(0.0, SPREAD)) for point in self._around.pop())
        return Trial(UNDO, deaths)

    def _exact(self, *, slow: bool) -> Trial | None:
        left = {
            scenario: found
            for scenario in SCENARIOS
            if scenario.slow is slow and (found := [p for p in self._own(scenario) if self._left(p) > 0])
        }
        if not left:
            return None
        scenario = max(left, key=lambda one: max(map(self._left, left[one])))  # each point before any again
        points, chosen = left[scenario], []
        most = DEATHS - len(scenario.prefix)
        alone = [point for point in points if self._missed[point] >= TOGETHER]
        if alone:
            chosen = alone[:1]
        else:
            shuffled = self._chance.sample(points, len(points))
            for point in sorted(shuffled, key=lambda point: -self._left(point)):
                if len(chosen) < most and step_of(point) not in map(step_of, chosen):
                    chosen.append(point)
        self._out.update(chosen)
        ordered = sorted(chosen, key=self._own(scenario).index)
        return Trial(scenario, tuple(map(Death, (*scenario.prefix, *ordered))))

    def _own(self, scenario: Scenario) -> tuple[str, ...]:
        return self._tally.points.get(scenario.name, ())

    def _left(self, point: str) -> int:
        given_up = self._missed[point] >= 2 * TOGETHER
        return 0 if given_up else self._times - self._tally.exact[point] - self._out[point]

    def done(self, outcome: Outcome) -> None:
        """Count a trial that was given out."""
        with self._lock:
            self._tally.count(outcome)
            for number, death in enumerate(outcome.trial.deaths):
                if death.delay is not None or death.point in outcome.trial.scenario.prefix:
                    continue
                self._out[death.point] -= 1
                if number >= len(outcome.died):
                    self._missed[death.point] += 1
                    if self._missed[death.point] == 2 * TOGETHER:
                        self._tally.never.append(death.point)

    @property
    def wanted(self) -> int:
        """Deaths that the whole is."""
        return self._times * sum(map(len, self._tally.points.values())) + self._all_around

    def left(self) -> int:
        """Deaths that are still to come."""
        with self._lock:
            own = [point for points in self._tally.points.values() for point in points]
            return sum(max(0, self._left(point) + self._out[point]) for point in own) + 2 * len(self._around)


def step_of(point: str) -> str:
    """The transaction or request that a point belongs to: two deaths in one would often be one too many."""
    return re.split(r"[#/]| before$| after$", point)[0]


# ------------------------------------------------------------------ one trial


def run_trial(lane: Lane, trial: Trial) -> Outcome:
    """Live it, and look at everything when it has ended."""
    began, scenario = time.monotonic(), trial.scenario
    wrong: list[Wrong] = []
    try:
        if not scenario.slow:
            lane.trust(wanted=scenario.trusted)
        name = "" if scenario.recreates else lane.next_name()
        lane.arm([(death.point, death.delay) for death in trial.deaths])
        end = scenario.walk(lane, name)
        later = time.monotonic() + LATER
        while _waits(lane, trial) and time.monotonic() < later:
            time.sleep(0.05)
        lane.alive()
        if isinstance(end, database.Database):
            wrong += lane.eye.look_at_database(end)
            database.drop(lane, end.name)
        else:
            wrong += lane.eye.look_at(name, end.case_id, end.generation, end.image, end.writes)
        if scenario.drops:
            lane.drop(name)
    except WrongError as error:
        wrong.append(error.wrong)
    died = tuple(lane.died())
    return Outcome(trial, died, lane.points(), tuple(wrong), time.monotonic() - began)


def _waits(lane: Lane, trial: Trial) -> bool:
    """Whether a job may still pass a point where it should die; where no death is ordered any may be passed."""
    if any(death.delay is not None for death in trial.deaths):
        return False
    return len(lane.died()) < len(trial.deaths) or len(trial.deaths) == len(trial.scenario.prefix)


def name_points(lane: Lane, scenarios: Sequence[Scenario], tally: Tally, told: Progress) -> None:
    """One life of each scenario that dies only where its recovery has to begin; what it passes are its points."""
    known = {point for points in tally.points.values() for point in points}
    for scenario in scenarios:
        outcome = run_trial(lane, Trial(scenario, tuple(map(Death, scenario.prefix))))
        fresh = [point for point in outcome.points if point not in known and _of(scenario, point)]
        known |= {*fresh}
        tally.points[scenario.name] = tuple(fresh)
        tally.wrong += _of_trial(outcome)
        told(0, 0, f"{scenario.name}: {len(fresh)} points, {outcome.seconds:.1f} s {outcome.wrong or ''}")


def _of(scenario: Scenario, point: str) -> bool:
    """Whether the scenario passes it in every life. Any life may see an object become known good; and how many do
    in one transaction is chance."""
    name, _, number = point.partition("#")
    if scenario.slow:
        return step_of(point) == "last-known-good" and (not number or int(number) <= 3)
    return step_of(name) not in ("other", "last-known-good")


# ------------------------------------------------------------------ all of them


@contextmanager
def lane_on(cluster: Cluster, api: client.ApiClient, folder: Path, model: str, names: int) -> Iterator[Lane]:
    """A lane in a namespace of its own."""
    namespace = create_namespace(api, cluster.instance, "saga")
    with ExitStack() as stack:
        stack.callback(delete_namespace, api, cluster.instance, namespace)
        lane = Lane(folder / uuid.uuid4().hex[:6], cluster, api, namespace, model, names)
        stack.callback(lane.close)
        lane.open()
        yield lane


def run_these(cluster: Cluster, folder: Path, trials: Sequence[Trial]) -> tuple[Tally, list[Outcome]]:
    """These trials, on one daemon."""
    tally, outcomes = Tally(), []
    with (
        scripted_model() as model,
        api_client(cluster.kubeconfig) as api,
        lane_on(cluster, api, folder, model, len(trials)) as lane,
    ):
        for trial in trials:
            outcomes.append(run_trial(lane, trial))
            tally.count(outcomes[-1])
        tally.wrong += lane.eye.audit()
    return tally, outcomes


def run(
    cluster: Cluster,
    folder: Path,
    tally: Tally,
    *,
    times: int,
    around: int,
    chance: random.Random,
    lanes: int,
    told: Progress = silent,
    stop: threading.Event | None = None,
) -> Tally:
    """Everything that `tally` lacks, on so many daemons at once beside those for the slow scenarios; no trial begins
    once `stop` is set."""
    began, lock = time.monotonic(), threading.Lock()
    plans: list[Plan] = []
    planned, named = threading.Event(), threading.Event()
    stop = stop or threading.Event()

    def work(model: str, number: int) -> None:
        slow = number >= lanes
        try:
            with (
                api_client(cluster.kubeconfig) as api,
                lane_on(cluster, api, folder, model, STOCK if slow else STOCK + DROPPED) as lane,
            ):
                if number == 0 and not tally.points:
                    name_points(lane, [one for one in SCENARIOS if not one.slow], tally, told)
                if number == lanes:
                    if KNOWN_GOOD.name not in tally.points:
                        name_points(lane, [KNOWN_GOOD], tally, told)
                    named.set()
                if number == 0:
                    plans.append(Plan(tally, times, around, chance))
                    planned.set()
                planned.wait()
                if slow:
                    named.wait()
                while plans and not stop.is_set() and (trial := plans[0].next(slow=slow)):
                    outcome = run_trial(lane, trial)
                    plans[0].done(outcome)
                    of = plans[0].wanted
                    told(of - plans[0].left(), of, f"{trial} {outcome.seconds:.1f} s {outcome.wrong or ''}")
                with lock:
                    tally.wrong += lane.eye.audit()
        except Exception as error:
            with lock:
                tally.wrong.append(Wrong(Kind.STUCK, f"a lane ended: {type(error).__name__}: {error}"))
            planned.set()
            named.set()
            raise

    with scripted_model() as model:
        threads = [
            threading.Thread(target=work, args=(model, n), daemon=True) for n in range(lanes + SLOW_LANES)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    tally.seconds += time.monotonic() - began
    return tally
