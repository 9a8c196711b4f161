"""The Model port with scripted opinions: yes to what a test believes, a fixed cause, an optional manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from remediation.model import Answer, Json, Question, Role, Unusable


class FakeModel:
    """`believes` gives p(Yes) for a judge question's text; `writes` is the manifest that it would write."""

    def __init__(self, believes: Callable[[str], float] = lambda _: 0.95, writes: Json | None = None) -> None:
        self.believes = believes
        self.writes = writes
        self.cause = "the image tag does not exist"
        self.digest = "sha256:fake"
        self.absent: Unusable | None = None
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Answer | Unusable:
        self.asked.append(question)
        if self.absent is not None:
            return self.absent
        if question.role is Role.JUDGE:
            return self._answer("Yes", self.believes(question.prompt))
        if question.role is Role.REPAIR:
            return self._answer(
                json.dumps(
                    {"why": "it needs more", "manifest": self.writes}
                    if self.writes
                    else {"abstain": "unsure"}
                )
            )
        first = re.search(r"\[(e\d+)\]", question.prompt)
        told = {
            "cause": self.cause,
            "fault_class": self._fault_class(question),
            "evidence": [first[1]] if first else [],
        }
        return self._answer(json.dumps(told))

    def weights(self) -> str | Unusable:
        return self.absent or self.digest

    def _fault_class(self, question: Question) -> str | None:
        allowed = ((question.schema or {}).get("properties") or {}).get("fault_class") or {}
        choices = allowed.get("enum") or [allowed.get("const")]
        return str(choices[0]) if choices[0] else None

    def _answer(self, text: str, p_yes: float | None = None) -> Answer:
        return Answer(
            text,
            p_yes,
            prompt_tokens=300,
            answer_tokens=1,
            seconds=0.1,
            weights=self.digest,
            prompt_seconds=0.06,
            answer_seconds=0.03,
        )
