"""`intentd doctor`: the model server. Its absence is a warning, because the daemon works on without it.

The daemon may be asking the same server, which answers one question at a time, and weights may have to be
loaded first. So all questions together end within a time limit, and what was not measured is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from daemon.findings import Finding, State, whose
from daemon.models import models
from daemon.ports import Clock, Model
from daemon.settings import Model as ModelSettings
from detectors.model import Turn
from remediation.model import Answer, Question, Role, Unusable, UnusableReason

READINGS_A_DIAGNOSIS = 2
"""The incident is read once with all that was said, and once as bare facts."""
JUDGEMENTS_A_DIAGNOSIS = 6
"""Both times one for each of three candidates, the usual number."""

JUDGE = Question(Role.JUDGE, "Answer Yes or No.", "Is a pod a Kubernetes object?", 1, yes_no=True)
CAUSE = Question(Role.DIAGNOSE, "You find root causes.", "pod web: " + "waiting ImagePullBackOff " * 60, 24)
"""About as much to read and to write as the question for a cause."""


def check_model(settings: ModelSettings, clock: Clock, limit: float) -> Iterator[Finding]:
    """What is served, how long a diagnosis takes, where it is computed. `limit`: seconds for all of it."""
    end = clock.monotonic() + limit

    def ports() -> tuple[Model, Model] | None:
        """Models whose next answer ends within what is left; None where nothing is left."""
        left = end - clock.monotonic()
        return (
            models(settings.model_copy(update={"timeout": f"{left * 1000:.0f}ms"}), clock)
            if left > 0
            else None
        )

    def ask(question: Question) -> Answer | Unusable:
        found = ports()
        if found is None:
            return Unusable(UnusableReason.TIMED_OUT, f"no time was left of {limit:g} s")
        return found[question.role is Role.JUDGE].ask(question)

    weights = (
        Unusable(UnusableReason.TIMED_OUT, "no time") if (found := ports()) is None else found[0].weights()
    )
    if isinstance(weights, Unusable):
        yield _absent(settings, weights, limit)
        return
    yield Finding("model", State.OK, f"{settings.name}, digest {weights[:12]}")
    if not _loaded(settings):
        # Loads the weights; not timed.
        for question in (CAUSE, JUDGE) if settings.judge else (JUDGE,):
            ask(replace(question, max_tokens=1))
    judged, told = ask(JUDGE), ask(CAUSE)
    if isinstance(judged, Unusable) or isinstance(told, Unusable):
        failed = judged if isinstance(judged, Unusable) else told
        assert isinstance(failed, Unusable)
        yield replace(_absent(settings, failed, limit), check="model answers")
    else:
        expected = READINGS_A_DIAGNOSIS * told.seconds + JUDGEMENTS_A_DIAGNOSIS * judged.seconds
        yield Finding(
            "model answers",
            State.OK,
            f"about {expected:.1f} s a diagnosis where a candidate passes (measured now)",
        )
    yield _gpu(settings)


def _absent(settings: ModelSettings, why: Unusable, limit: float) -> Finding:
    """A warning that says what works on, and whose turn it is."""
    if settings.name is None:
        return Finding(
            "model",
            State.WARN,
            "none is configured: faults are seen and go to people; only absent desired manifests are provisioned",
            f"{whose(Turn.OPERATOR)}: set model.name (docs/model-first.md says which models there are)",
        )
    patience = f"cases wait {settings.patience} for it, then go to people"
    match why.reason:
        case UnusableReason.NO_MODEL:
            message = f"{why.detail}; until then cases go to people"
            remedy = f"{whose(Turn.OPERATOR)}: `ollama list` on {settings.url}; docs/model-first.md says how ours are made"
        case UnusableReason.UNREACHABLE:
            message = f"{settings.url}: {why.detail}; {patience}"
            remedy = f"{whose(Turn.OPERATOR)}: start Ollama there, or correct model.url or model.token; intentd asks again by itself"
        case UnusableReason.TIMED_OUT:
            message = (
                f"no answer within {limit:g} s: the server loads weights or answers the daemon; {patience}"
            )
            remedy = f"{whose(Turn.NOBODY)} yet: ask again, with --wait for longer"
        case _:
            message = f"{why.reason}: {why.detail}; until then cases go to people"
            remedy = (
                f"{whose(Turn.OPERATOR)}: is {settings.url} an Ollama server, and is {settings.name} whole?"
            )
    return Finding("model", State.WARN, message, remedy)


def _loaded(settings: ModelSettings) -> bool:
    """Whether every model that would be asked is in memory."""
    from daemon.ollama_model import gpu_share

    names = {settings.name, settings.judge or settings.name}
    return all(gpu_share(settings.model_copy(update={"name": name})) is not None for name in names)


def _gpu(settings: ModelSettings) -> Finding:
    from daemon.ollama_model import gpu_share

    share = gpu_share(settings)
    if share is None:
        return Finding("model on GPU", State.WARN, "not known: the server does not hold the model now")
    if share >= 1:
        return Finding("model on GPU", State.OK, "wholly")
    how = "not at all" if share == 0 else f"{share:.0%}"
    return Finding(
        "model on GPU",
        State.WARN,
        f"{how}: answers take longer",
        "nobody's turn: CPU works too; a GPU that holds the whole model is faster",
    )
