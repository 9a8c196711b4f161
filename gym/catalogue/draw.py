"""Seeded choices: one scenario and one seed always draw the same, and neighbouring seeds draw differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import TypeVar

from gym.catalogue import words

T = TypeVar("T")


class Draw:
    """The choices of one variant.

    `turn` takes values in turns over the seeds, so that three variants of a scenario see three of them (names,
    shapes); `any` draws freely (numbers, noise).
    """

    def __init__(self, scenario: str, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self._random = Random(f"{scenario}/{seed}")
        self.app = self.turn(*words.APPS)
        self.team = self.turn(*words.TEAMS)
        self.namespace = self.turn(*words.NAMESPACES) + self.any(
            "", "-live", "-eu", "-a", "-b", f"-{self.team}"
        )
        self.registry = self.any(*words.REGISTRIES)
        self.release, self.next_release = self.turn(*words.RELEASES)
        self.main = self.turn(*words.CONTAINERS)
        self.port = self.any(*words.PORTS)
        self.path = self.any(*words.PATHS)
        self.labels_style = self.turn(0, 1, 2)
        self.log_style = self.turn(0, 1, 2)

    def any(self, *values: T) -> T:
        """One of the values."""
        return self._random.choice(values)

    def some(self, values: Sequence[T], count: int) -> list[T]:
        """So many different ones."""
        return self._random.sample(list(values), count)

    def turn(self, *values: T) -> T:
        """The value whose turn it is: seeds in a row get different ones, as long as there are enough. The order
        follows from the values as they print, so that two lists do not go hand in hand."""
        order = list(values)
        Random(f"{self.scenario}/{order!r}").shuffle(order)
        return order[self.seed % len(order)]

    def other_app(self, *taken: str) -> str:
        """A name that nobody of this variant bears."""
        return self.any(*(name for name in words.APPS if name not in {self.app, *taken}))

    def letters(self, count: int) -> str:
        """A suffix as controllers make them, from their own alphabet (apimachinery's `rand.SafeEncodeString`)
        without digits, so that no YAML reader takes it for a number."""
        return "".join(self._random.choice("bcdfghjklmnpqrstvwxz") for _ in range(count))

    def image(self, app: str | None = None, release: str | None = None) -> str:
        """A whole image reference."""
        return f"{self.registry}/{app or self.app}:{release or self.release}"

    def labels(self, app: str, role: str = "") -> dict[str, str]:
        """Pod labels in this variant's style."""
        name, part = (
            ("app", "tier"),
            ("app.kubernetes.io/name", "app.kubernetes.io/component"),
            ("name", "part"),
        )[self.labels_style]
        return {name: app, **({part: role} if role else {})}

    def log(self, *lines: str) -> str:
        """Lines as this variant's programs write them: plain, logfmt or JSON. The last one is said loudest."""
        last = len(lines) - 1
        return "\n".join(self._line("error" if i == last else "info", line) for i, line in enumerate(lines))

    def quiet(self, *lines: str) -> str:
        """Lines of a program with nothing to complain about."""
        return "\n".join(self._line("info", line) for line in lines)

    def _line(self, level: str, text: str) -> str:
        match self.log_style:
            case 0:
                return f"{level.upper():<5} {text}"
            case 1:
                return f"level={level} msg={json.dumps(text)}"
            case _:
                return json.dumps({"level": level, "msg": text})
