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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import ollama

from daemon.ollama_transport import Deadline, DeadlineTransport, TooMuchError
from daemon.ports import Clock
from daemon.settings import Model as ModelSettings
from daemon.settings import seconds
from remediation.model import Answer, Question, Unusable, UnusableReason

KEEP_ALIVE = "30m"
"""How long the server holds the model after a question; loading it again costs seconds."""

TOP_LOGPROBS = 20
"""The most that Ollama gives; Yes and No stand among the first two or three where the prompt asks for them."""

BYTES_A_TOKEN = 2.0
"""Fewest bytes a token that we reckon with before sending. Measured on 600 prompts of tuning/data.py with
the tokenizers of both bases: 2.9 to 3.6; digits (one token each) are what could go below."""

OVERHEAD_TOKENS = 48
"""Chat markers and the system text's frame."""

LEAST_YES_NO = 0.05
"""Yes and No together must hold this share of the probability, or the model did not answer the question."""


class OllamaModel:
    """One served model. Asks one question at a time: a second caller waits for its turn at most as long as
    a question may take."""

    def __init__(self, settings: ModelSettings, name: str, clock: Clock) -> None:
        self._settings, self._name, self._clock = settings, name, clock
        self._seconds = seconds(settings.timeout)
        self._turn = threading.Lock()
        self._deadline = Deadline(clock)
        self._client = client(settings, DeadlineTransport(self._deadline, verify=verify(settings)))

    def ask(self, question: Question) -> Answer | Unusable:
        """One answer within the time limit, or why not."""
        too_long = self._too_long(question)
        if too_long is not None:
            return too_long
        if not self._turn.acquire(timeout=self._seconds):
            return Unusable(UnusableReason.TIMED_OUT, "another question held the model for the whole time")
        try:
            with self._deadline.within(self._seconds):
                weights = self._digest()
                if isinstance(weights, Unusable):
                    return weights
                with _translated(self._name, self._seconds) as failure:
                    return self._answer(question, weights)
                return failure.value
        finally:
            self._turn.release()

    def weights(self) -> str | Unusable:
        """The digest of the served model; asked anew each time, because it can be replaced under its name."""
        if not self._turn.acquire(timeout=self._seconds):
            return Unusable(UnusableReason.TIMED_OUT, "another question held the model for the whole time")
        try:
            with self._deadline.within(self._seconds):
                return self._digest()
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # ------------------------------------------------------------ one exchange

    def _too_long(self, question: Question) -> Unusable | None:
        size = len(question.system.encode()) + len(question.prompt.encode())
        estimate = math.ceil(size / BYTES_A_TOKEN) + OVERHEAD_TOKENS
        room = self._settings.context_tokens - question.max_tokens
        if estimate <= room:
            return None
        detail = f"about {estimate} tokens, the context leaves {room} (settings: model.context_tokens)"
        return Unusable(UnusableReason.PROMPT_TOO_LONG, detail)

    def _digest(self) -> str | Unusable:
        with _translated(self._name, self._seconds) as failure:
            wanted = self._name if ":" in self._name.rpartition("/")[2] else f"{self._name}:latest"
            for served in self._client.list().models:
                if served.model == wanted and served.digest:
                    return served.digest
            detail = f"the server has no model {self._name}; create or pull it"
            return Unusable(UnusableReason.NO_MODEL, detail)
        return failure.value

    def _answer(self, question: Question, weights: str) -> Answer | Unusable:
        begun = self._clock.monotonic()
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
            keep_alive=KEEP_ALIVE,
            options={
                "num_ctx": self._settings.context_tokens,
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
        told = _counted(last, question, self._settings.context_tokens)
        if told is not None:
            return Unusable(*told, weights=weights)
        p_yes = None
        if question.yes_no:
            p_yes = probability_of_yes(first)
            if p_yes is None:
                return Unusable(UnusableReason.INVALID, f"neither Yes nor No but {text!r}", weights=weights)
        took = self._clock.monotonic() - begun
        return Answer(text, p_yes, last.prompt_eval_count or 0, last.eval_count or 0, took, weights)


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


@dataclass(slots=True)
class _Failure:
    value: Unusable = field(default_factory=lambda: Unusable(UnusableReason.INVALID, "no answer"))


@contextmanager
def _translated(name: str, limit: float) -> Iterator[_Failure]:
    """Client exceptions stop here. The block returns on success; after an exception the caller returns
    `failure.value`."""
    failure = _Failure()
    try:
        yield failure
    except (httpx.TimeoutException, TimeoutError):
        failure.value = Unusable(UnusableReason.TIMED_OUT, f"no answer within {limit:g} s")
    except ollama.ResponseError as error:
        failure.value = _said(error, name)
    except (httpx.HTTPError, httpx.InvalidURL, ConnectionError) as error:
        detail = f"the model server cannot be reached: {error}"
        failure.value = Unusable(UnusableReason.UNREACHABLE, detail)
    except TooMuchError as error:
        failure.value = Unusable(UnusableReason.INVALID, str(error))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        # Not what Ollama sends: broken JSON, missing or mistyped fields, all raised while reading a reply.
        detail = f"the server's reply is not Ollama's: {type(error).__name__}"
        failure.value = Unusable(UnusableReason.INVALID, detail)


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


def verify(settings: ModelSettings) -> str | bool:
    """What to check the server's certificate against."""
    return str(settings.ca_file) if settings.ca_file else True


def client(settings: ModelSettings, transport: httpx.BaseTransport) -> ollama.Client:
    """A client that follows no redirect (our token would go with it)."""
    headers: Mapping[str, str] = {}
    if settings.token is not None:
        headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    return ollama.Client(
        host=settings.url,
        headers=headers,
        transport=transport,
        follow_redirects=False,
        timeout=httpx.Timeout(seconds(settings.timeout), connect=5.0),
    )


def gpu_share(settings: ModelSettings) -> float | None:
    """How much of the loaded model sits on a GPU, 0 to 1; None where the server does not say."""
    if settings.name is None:
        return None
    limit = 5.0
    connection = client(settings, httpx.HTTPTransport(verify=verify(settings)))
    try:
        with _translated(settings.name, limit):
            for running in connection.ps().models:
                if (running.model or "").removesuffix(":latest") == settings.name.removesuffix(":latest"):
                    return (running.size_vram or 0) / running.size if running.size else None
    finally:
        connection.close()
    return None
