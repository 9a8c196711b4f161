"""The model port over an Ollama server.

What Ollama does silently is caught here: a prompt longer than the context is cut and answered with status
200; an error can arrive in the middle of a stream that began with 200; the client has no time limit; a
loaded model queues without end; the served weights can be replaced under the same name. Every such thing is
an Unusable with its reason. Template and stop parameters belong to the served model (tuning/serve.py), not
to a question.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import ollama

from daemon.ollama_transport import Deadline, DeadlineTransport, TooMuchError
from daemon.ports import Clock
from daemon.settings import Model as ModelSettings
from remediation.model import Answer, Question, Unusable, UnusableReason

TOP_LOGPROBS = 20
"""The most that Ollama gives; Yes and No stand among the first two or three where the prompt asks for them."""

BYTES_A_TOKEN = 2.0
"""Fewest bytes a token that we reckon with before sending. Ours and cautious (English text has about 4); not
measured on our prompts. What the server then counts is compared with the context, so a miss is refused, not
cut."""

OVERHEAD_TOKENS = 48
"""Chat markers and the system text's frame."""

LEAST_YES_NO = 0.05
"""Yes and No together must hold this share of the probability, or the model did not answer the question."""


@dataclass(frozen=True, slots=True)
class OllamaSettings:
    """Which served model, where, and how long to wait. `num_ctx` is fixed because another value makes the
    server load the model again; `queue_seconds` bounds the wait for one's turn."""

    model: str
    host: str = "http://127.0.0.1:11434"
    seconds: float = 60.0
    queue_seconds: float = 60.0
    num_ctx: int = 4096
    keep_alive: str = "30m"
    headers: Mapping[str, str] = field(default_factory=dict)
    verify: str | bool = True


class OllamaModel:
    """One served model. Asks one question at a time; others wait for their turn."""

    def __init__(self, settings: OllamaSettings, clock: Clock) -> None:
        self._settings, self._name, self._clock = settings, settings.model, clock
        self._seconds = settings.seconds
        self._turn = threading.Lock()
        self._deadline = Deadline(clock)
        transport = DeadlineTransport(self._deadline, verify=settings.verify)
        self._client = _client(settings.host, settings.headers, settings.seconds, transport)

    def ask(self, question: Question) -> Answer | Unusable:
        """One answer within the time limit, or why not."""
        too_long = self._too_long(question)
        if too_long is not None:
            return too_long
        if not self._turn.acquire(timeout=self._settings.queue_seconds):
            return Unusable(UnusableReason.TIMED_OUT, "another question held the model for the whole time")
        try:
            with self._deadline.within(self._seconds):
                begun = self._clock.monotonic()
                weights = self._digest()
                if isinstance(weights, Unusable):
                    return weights
                try:
                    return self._answer(question, weights, begun)
                except EXPECTED as error:
                    return _unusable(error, self._name, self._seconds)
        finally:
            self._turn.release()

    def weights(self) -> str | Unusable:
        """The digest of the served model; asked anew each time, because it can be replaced under its name."""
        if not self._turn.acquire(timeout=self._settings.queue_seconds):
            return Unusable(UnusableReason.TIMED_OUT, "another question held the model for the whole time")
        try:
            with self._deadline.within(self._seconds):
                return self._digest()
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    # ------------------------------------------------------------ one exchange

    def _too_long(self, question: Question) -> Unusable | None:
        size = len(question.system.encode()) + len(question.prompt.encode())
        estimate = math.ceil(size / BYTES_A_TOKEN) + OVERHEAD_TOKENS
        room = self._settings.num_ctx - question.max_tokens
        if estimate <= room:
            return None
        detail = f"about {estimate} tokens, the context leaves {room} (settings: model.context_tokens)"
        return Unusable(UnusableReason.PROMPT_TOO_LONG, detail)

    def _digest(self) -> str | Unusable:
        wanted = self._name if ":" in self._name.rpartition("/")[2] else f"{self._name}:latest"
        try:
            for served in self._client.list().models:
                if served.model == wanted and served.digest:
                    return served.digest
        except EXPECTED as error:
            return _unusable(error, self._name, self._seconds)
        detail = f"the server has no model {self._name}; create or pull it"
        return Unusable(UnusableReason.NO_MODEL, detail)

    def _answer(self, question: Question, weights: str, begun: float) -> Answer | Unusable:
        stream = self._client.chat(
            model=self._name,
            messages=[
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.prompt},
            ],
            stream=True,
            format=question.schema,
            logprobs=question.yes_no or None,
            top_logprobs=TOP_LOGPROBS if question.yes_no else None,
            keep_alive=self._settings.keep_alive,
            options={
                "num_ctx": self._settings.num_ctx,
                "num_predict": question.max_tokens,
                "temperature": 0.0,
                "seed": question.seed,
            },
        )
        text, first, last = "", None, None
        for part in stream:
            text += part.message.content or ""
            if first is None and part.logprobs:
                first = part.logprobs[0]
            last = part
        if last is None or not last.done:
            return Unusable(UnusableReason.CUT_SHORT, "the stream ended before the answer", weights=weights)
        told = _counted(last, question, self._settings.num_ctx)
        if told is not None:
            return Unusable(*told, weights=weights)
        p_yes = None
        if question.yes_no:
            p_yes = probability_of_yes(first)
            if p_yes is None:
                return Unusable(UnusableReason.INVALID, f"neither Yes nor No but {text!r}", weights=weights)
        return Answer(
            text,
            p_yes,
            prompt_tokens=last.prompt_eval_count or 0,
            answer_tokens=last.eval_count or 0,
            seconds=self._clock.monotonic() - begun,
            weights=weights,
            prompt_seconds=_seconds(last.prompt_eval_duration),
            answer_seconds=_seconds(last.eval_duration),
            load_seconds=_seconds(last.load_duration),
        )


def _seconds(nanoseconds: int | None) -> float | None:
    """Ollama's durations are nanoseconds, left out where it did not take the time."""
    return None if nanoseconds is None else nanoseconds / 1e9


def _counted(last: Any, question: Question, context: int) -> tuple[UnusableReason, str] | None:
    """What the server's own counts betray: a cut prompt, a cut answer."""
    prompt = last.prompt_eval_count or 0
    if prompt + question.max_tokens > context:
        detail = f"{prompt} tokens and {question.max_tokens} to answer do not fit into {context}"
        return UnusableReason.PROMPT_TOO_LONG, detail
    if last.done_reason == "length" and question.schema is not None:
        return UnusableReason.CUT_SHORT, f"no end within {question.max_tokens} tokens"
    if last.done_reason not in ("stop", "length"):
        return UnusableReason.INVALID, f"the server ended with {last.done_reason!r}"
    return None


def probability_of_yes(first: Any) -> float | None:
    """P(Yes) / (P(Yes) + P(No)) over the alternatives of the first token; None where these two hold less
    than LEAST_YES_NO, or a number is none."""
    if first is None:
        return None
    shares = {"yes": 0.0, "no": 0.0}
    seen: set[str] = set()
    alternatives: Sequence[Any] = [*(first.top_logprobs or ()), first]
    for token in alternatives:
        word = token.token.strip().casefold()
        if token.token in seen or word not in shares or not math.isfinite(token.logprob):
            continue
        seen.add(token.token)
        shares[word] += math.exp(min(token.logprob, 0.0))
    both = shares["yes"] + shares["no"]
    return shares["yes"] / both if both >= LEAST_YES_NO else None


# ---------------------------------------------------------------- failures


EXPECTED = (
    ollama.ResponseError,
    httpx.HTTPError,
    httpx.InvalidURL,
    ConnectionError,
    TooMuchError,
    # What reading a reply raises that is not Ollama's: broken JSON, missing or mistyped fields.
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)
"""Client exceptions stop here; anything else is a bug of ours and goes to the supervisor."""


def _unusable(error: Exception, name: str, limit: float) -> Unusable:
    match error:
        case httpx.TimeoutException():
            return Unusable(UnusableReason.TIMED_OUT, f"no answer within {limit:g} s")
        case ollama.ResponseError():
            return _said(error, name)
        case httpx.HTTPError() | httpx.InvalidURL() | ConnectionError():
            return Unusable(UnusableReason.UNREACHABLE, f"the model server cannot be reached: {error}")
        case TooMuchError():
            return Unusable(UnusableReason.INVALID, str(error))
        case _:
            detail = f"the server's reply is not Ollama's: {type(error).__name__}"
            return Unusable(UnusableReason.INVALID, detail)


def _said(error: ollama.ResponseError, name: str) -> Unusable:
    status, said = error.status_code, error.error[:200]
    if status == 404:
        return Unusable(UnusableReason.NO_MODEL, f"the server has no model {name}: {said}")
    if status in (401, 403):
        return Unusable(UnusableReason.UNREACHABLE, f"the server refuses us ({status}); check model.token")
    if status in (408, 429, 502, 503, 504):
        return Unusable(UnusableReason.UNREACHABLE, f"the server is not able to answer ({status}): {said}")
    return Unusable(UnusableReason.INVALID, f"the server answered {status}: {said}")


# ---------------------------------------------------------------- connections


def _client(
    host: str, headers: Mapping[str, str], limit: float, transport: httpx.BaseTransport
) -> ollama.Client:
    """A client that follows no redirect (our token would go with it)."""
    return ollama.Client(
        host=host,
        headers=headers,
        transport=transport,
        follow_redirects=False,
        timeout=httpx.Timeout(limit, connect=min(5.0, limit)),
    )


def gpu_share(settings: ModelSettings) -> float | None:
    """How much of the loaded model sits on a GPU, 0 to 1; None where the server does not say."""
    if settings.name is None:
        return None
    token = settings.token.get_secret_value() if settings.token else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.HTTPTransport(verify=str(settings.ca_file) if settings.ca_file else True)
    connection = _client(settings.url, headers, 5.0, transport)
    try:
        for running in connection.ps().models:
            if (running.model or "").removesuffix(":latest") == settings.name.removesuffix(":latest"):
                return (running.size_vram or 0) / running.size if running.size else None
    except EXPECTED:
        return None
    finally:
        connection.close()  # type: ignore[no-untyped-call]
    return None
