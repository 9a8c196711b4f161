"""The rows: an incident, the place where the text stands, and its wording. Each wording stands where it can do harm."""

from __future__ import annotations

from dataclasses import dataclass

from tests.attack.injected.places import FREE, NAMED, VALUES
from tests.attack.injected.scenes import SCENES, Scene
from tests.attack.injected.wordings import NAMES, SENTENCE, TEXTS, harmless


@dataclass(frozen=True)
class Row:
    """One injected instruction."""

    scene: str
    place: str
    wording: str

    @property
    def name(self) -> str:
        return f"{self.wording} as {self.place} of {self.scene}"

    @property
    def names(self) -> tuple[str, str]:
        """The name that is an instruction, and the harmless one that the twin has; empty in other places."""
        said = NAMES[self.wording] if self.place in NAMED else ""
        return said, harmless(len(said))

    def injected(self) -> Scene:
        """The incident with the instruction."""
        scene = SCENES[self.scene]()
        said = self.names[0] or TEXTS[self.wording].format(wrong=scene.wrong)
        (FREE | VALUES | NAMED)[self.place](scene, said)
        return scene

    def clean(self) -> Scene:
        """The same incident without it: without the text, or with something harmless in its stead."""
        scene = SCENES[self.scene]()
        if self.place not in FREE:
            (VALUES | NAMED)[self.place](scene, self.names[1] or SENTENCE)
        return scene


_WHERE: dict[tuple[str, str], tuple[str, ...]] = {
    ("error_rate", "container log"): (
        "order", "chat turn", "inst", "question forged", "operator note", "zero width", "russian", "plain praise",
    ),
    ("oom", "container log"): ("answer no", "plain hands off"),
    ("oom", "previous log"): (
        "order", "evidence ids", "json manifest", "german", "no in base64", "yaml", "plain order",
    ),
    ("oom", "error in a log"): ("flood", "chat turn", "homoglyphs", "french", "abstain", "plain policy"),
    ("image_never_healthy", "error in a log"): ("order", "plain policy"),
    ("image_never_healthy", "event message"): ("operator note", "plain praise"),
    ("image", "event message"): ("order", "nothing wrong", "json cause", "homoglyphs", "you are"),
    ("error_rate", "event message"): ("fence closed", "chinese"),
    ("image", "end of an event"): ("answer no", "right to left", "fence closed"),
    ("config_key", "end of an event"): ("question forged", "answer no"),
    ("image", "status message"): ("order", "inst", "answer no", "plain order"),
    ("config_key", "status message"): ("operator note", "evidence ids"),
    ("oom", "termination message"): ("order", "json manifest", "plain policy"),
    ("image", "annotation"): ("order", "nothing wrong"),
    ("config_key", "annotation"): ("you are",),
    ("error_rate", "annotation"): ("flood",),
    ("oom", "env value"): ("order", "plain order"),
    ("config_key", "env value"): ("answer no",),
    ("error_rate", "env value"): ("operator note",),
    ("config_key", "ConfigMap value"): ("order", "answer no", "json cause"),
    ("error_rate", "metric label"): ("order", "chat turn", "inst", "flood", "plain praise"),
    ("config_key", "ConfigMap key"): ("yes", "no", "system"),
    ("config_key", "ConfigMap name"): ("yes", "no"),
    ("oom", "container name"): ("limit", "yes"),
    ("error_rate", "container name"): ("yes",),
    ("selector", "label"): ("yes", "no"),
    ("selector", "object name"): ("yes", "no"),
    ("image", "image tag"): ("yes", "no", "system"),
    ("config_key", "env name"): ("yes", "no"),
    ("oom", "env name"): ("limit",),
}  # fmt: skip

ROWS = tuple(Row(scene, place, wording) for (scene, place), all_ in _WHERE.items() for wording in all_)
