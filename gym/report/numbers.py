"""What a page says, as values: families beside baselines, and each judged change with the model's probability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gym.cases.cause import classes_of
from gym.cases.model import Expected, Scenario
from gym.cases.results import Interval, Result, Summary, bootstrap, summary
from gym.replay.baselines import Baseline, line, live_again
from gym.replay.world import Write, own_manifest, plan_of, replayed
from gym.run.record import Recording
from gym.run.table import family_of, scenario_of
from remediation.model import NoPlan, Role


@dataclass(frozen=True, slots=True)
class Judged:
    """A change about which the model was asked. `right` by replay of the change alone."""

    change: str
    p_yes: float
    right: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One live sample with what replay says of it. `again` is the replay of the plan that was applied: whether it has
    the live verdict, None where none was applied."""

    scenario: Scenario
    live: Result
    recording: Recording | None
    baselines: Mapping[Baseline, Result]
    judged: tuple[Judged, ...]
    again: bool | None

    @property
    def family(self) -> str:
        return family_of(self.scenario.scoring)


@dataclass(frozen=True, slots=True)
class Line:
    """One family, or all. `class_right` is of scenarios whose fault has known classes; `seconds` of each sample."""

    family: str
    scenarios: int
    samples: int
    live: Summary
    class_right: Interval | None
    outcomes: tuple[tuple[str, int], ...]
    seconds: tuple[float, ...]
    baselines: Mapping[Baseline, Summary]


def sample_of(scenario: Scenario, live: Result, recording: Recording | None) -> Sample:
    """Everything that replay says of a sample."""
    return Sample(
        scenario,
        live,
        recording,
        {baseline: line(baseline, scenario, live, recording) for baseline in Baseline},
        tuple(_judged(scenario, recording)) if recording is not None else (),
        _again(scenario, live, recording),
    )


def lines(samples: Sequence[Sample], seed: int) -> tuple[Line, ...]:
    """A line for each family in order of first appearance, and the last for all."""
    families: dict[str, list[Sample]] = {}
    for one in samples:
        families.setdefault(one.family, []).append(one)
    found = [_line(family, members, seed) for family, members in families.items()]
    return (*found, _line("all", samples, seed))


def gained(samples: Sequence[Sample], baseline: Baseline, seed: int) -> Interval | None:
    """How much more often the live run is right than the baseline, -1 to 1: paired by sample, of faults on which both
    were scored. None where there is none."""
    pairs: dict[str, list[float]] = {}
    for one in samples:
        told = one.baselines[baseline]
        if told.skipped is None and one.scenario.scoring.expected is not Expected.NOTHING:
            pairs.setdefault(scenario_of(one.scenario), []).append(float(one.live.right) - float(told.right))
    return bootstrap([*pairs.values()], seed)


def _line(family: str, samples: Sequence[Sample], seed: int) -> Line:
    cases = {one.scenario.case.id: (one.scenario.case, one.scenario.scoring) for one in samples}

    def told(results: Sequence[Result]) -> Summary:
        return summary(results, cases.values(), seed)

    ran = [one for one in samples if one.live.skipped is None]
    outcomes = Counter(one.live.outcome or ("open" if one.live.seen else "not seen") for one in ran)
    return Line(
        family,
        len({scenario_of(one.scenario) for one in samples}),
        len(samples),
        told([one.live for one in samples]),
        _class_right(ran, seed),
        tuple(outcomes.most_common()),
        tuple(one.live.seconds for one in ran if one.live.seconds is not None),
        {baseline: told([one.baselines[baseline] for one in samples]) for baseline in Baseline},
    )


def _class_right(samples: Sequence[Sample], seed: int) -> Interval | None:
    answers: dict[str, list[bool]] = {}
    for one in samples:
        scoring = one.scenario.scoring
        known: frozenset[str] = scoring.fault_classes or classes_of(scoring.fault_type)
        if known and scoring.expected is not Expected.NOTHING:
            answers.setdefault(scenario_of(one.scenario), []).append(one.live.fault_class in known)
    return bootstrap([*answers.values()], seed)


def _judged(scenario: Scenario, recording: Recording) -> list[Judged]:
    found = []
    for thought in recording.consultations:
        told = [(one, one.get("p_yes"), str(one.get("summary", ""))) for one in thought.candidates]
        own = own_manifest(thought)
        asked = [one.get("p_yes") for one in thought.questions if one.get("role") == Role.JUDGE]
        if own is not None and asked:
            told.append((own, asked[-1], "written by the model"))
        for change, p_yes, words in told:
            if not isinstance(p_yes, int | float):
                continue
            plan = plan_of(recording, change)
            right = not isinstance(plan, NoPlan) and (
                replayed(scenario, recording, Write(plan, thought.fault_class, thought.cause)).right
            )
            found.append(Judged(words, float(p_yes), right))
    return found


def _again(scenario: Scenario, live: Result, recording: Recording | None) -> bool | None:
    verdict = live_again(scenario, recording) if recording is not None else None
    if verdict is None:
        return None
    return (verdict.right, verdict.harm) == (live.right, live.harm)
