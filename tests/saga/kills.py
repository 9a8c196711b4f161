"""kill -9 at every step and every write to the database, and at random times around the four points of a write.

The points are not listed by hand: one life that nobody kills names all that it passes.
"""

from __future__ import annotations

import queue
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubernetes import client

from gym.cluster import Cluster
from gym.namespaces import create_namespace, delete_namespace
from gym.ready import api_client
from tests.saga.lane import Lane, Outcome, Trial
from tests.saga.scripted_model import scripted_model

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
SPARE = 10
"""Deployments that a lane has beyond its share of the trials, where another is slower."""

SPREAD = 0.03
"""Longest random delay after one of these points, seconds: several times what request and row take."""

WAY_BACK = ("undo-asked", "rollback-started", "rolled-back", "notice-sent", "unusable")
"""Parts of the names of points that only a life with an undo passes."""

PREPARATION = ("autonomy-granted", "other")
"""Rows of a trial's preparation, not of a life."""


@dataclass
class Tally:
    """What all trials found."""

    points: tuple[str, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(outcome.died for outcome in self.outcomes)

    @property
    def kills_by_point(self) -> Counter[str]:
        return Counter(outcome.trial.point or "" for outcome in self.outcomes if outcome.died)


def trials_at(points: Sequence[str], times: int) -> list[Trial]:
    """So many deaths at each point exactly, each point once before any comes again."""
    return [
        Trial(point, undo=any(part in point for part in WAY_BACK)) for _ in range(times) for point in points
    ]


def trials_around(count: int, chance: random.Random) -> list[Trial]:
    """Deaths at random times around the four points of a fix's write and of an undo's, in turn."""
    places = [*((point, False) for point in AROUND_THE_WRITE), *((point, True) for point in AROUND_THE_UNDO)]
    return [
        Trial(point, chance.uniform(0.0, SPREAD), undo=undo)
        for point, undo in (places[number % len(places)] for number in range(count))
    ]


def in_rounds(exact: Sequence[Trial], around: Sequence[Trial], chance: random.Random) -> list[Trial]:
    """Both kinds mixed, so that a run that is cut short has seen every point before it sees one again."""
    rounds = max(1, len(exact) // max(1, len({trial.point for trial in exact})))
    size, share = -(-len(exact) // rounds), -(-len(around) // rounds)
    mixed = []
    for number in range(rounds):
        part = [*exact[number * size :][:size], *around[number * share :][:share]]
        mixed += chance.sample(part, len(part))
    return mixed


def points_of(lane: Lane) -> tuple[str, ...]:
    """What a life passes, each point once, those of preparations left out."""
    passed = dict.fromkeys((lane.folder / "points").read_text().splitlines())
    return tuple(point for point in passed if not point.startswith(PREPARATION))


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


def run(
    cluster: Cluster,
    folder: Path,
    trials: Sequence[Trial],
    *,
    lanes: int,
    told=lambda _: None,
    stop: threading.Event | None = None,
) -> Tally:
    """All trials, shared out to so many daemons at once; none begins once `stop` is set."""
    tally, waiting, lock = Tally(), queue.SimpleQueue[Trial](), threading.Lock()
    for trial in trials:
        waiting.put(trial)
    each = len(trials) if lanes == 1 else len(trials) // lanes + SPARE

    def work(model: str) -> None:
        try:
            with api_client(cluster.kubeconfig) as api, lane_on(cluster, api, folder, model, each) as lane:
                for _ in range(each):
                    if stop is not None and stop.is_set():
                        break
                    try:
                        trial = waiting.get_nowait()
                    except queue.Empty:
                        break
                    outcome = lane.run(trial)
                    with lock:
                        tally.outcomes.append(outcome)
                        tally.wrong += [f"{trial}: {said}" for said in outcome.wrong]
                        told(
                            f"{len(tally.outcomes)}/{len(trials)} {trial} {outcome.seconds:.1f} s {outcome.wrong}"
                        )
                with lock:
                    tally.wrong += lane.audit()
                    tally.points = tuple(dict.fromkeys((*tally.points, *points_of(lane))))
        except Exception as error:
            with lock:
                tally.wrong.append(f"a lane ended: {type(error).__name__}: {error}")
            raise

    with scripted_model() as model:
        threads = [threading.Thread(target=work, args=(model,), daemon=True) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if left := waiting.qsize():
        tally.wrong.append(f"{left} trials were not run")
    return tally
