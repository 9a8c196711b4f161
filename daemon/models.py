"""The model ports that the settings ask for: one server, one model for every role, or a smaller judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.ports import Clock, Model
from daemon.settings import Model as ModelSettings
from daemon.settings import seconds
from remediation.model import Answer, Question, Unusable, UnusableReason

if TYPE_CHECKING:
    from daemon.ollama_model import OllamaSettings


class NoModel:
    """Stands where no model is configured: cases escalate with that reason."""

    def ask(self, question: Question) -> Answer | Unusable:
        return Unusable(
            UnusableReason.NO_MODEL, f"no model is configured to {question.role} (settings: model.name)"
        )

    def weights(self) -> str | Unusable:
        return Unusable(UnusableReason.NO_MODEL, "no model is configured (settings: model.name)")


def models(settings: ModelSettings, clock: Clock) -> tuple[Model, Model]:
    """The model for causes and repairs, and the judge (the same object unless another is named)."""
    if settings.name is None:
        return NoModel(), NoModel()
    from daemon.ollama_model import OllamaModel

    model = OllamaModel(_ollama(settings, settings.name), clock)
    return model, OllamaModel(_ollama(settings, settings.judge), clock) if settings.judge else model


def _ollama(settings: ModelSettings, name: str) -> OllamaSettings:
    from daemon.ollama_model import OllamaSettings

    token = settings.token.get_secret_value() if settings.token else ""
    return OllamaSettings(
        name,
        host=settings.url,
        seconds=seconds(settings.timeout),
        queue_seconds=seconds(settings.timeout),
        num_ctx=settings.context_tokens,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        verify=str(settings.ca_file) if settings.ca_file else True,
    )
