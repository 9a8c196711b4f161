"""A model that asks for far more than anybody needs, of an intent that forgot an upper bound."""

import pytest

from intents.units import parse_quantity
from remediation.model import Role
from remediation.saga import State
from tests.fakes.manifests import HASH, waiting
from tests.fakes.model import FakeModel
from tests.fakes.rig import INTENT, Rig
from tests.remediation.guards.ground import app

OPEN = INTENT.replace(
    """    - path: spec.template.spec.containers[*].image
      pattern: "shop/.*"
""",
    "    - path: spec.template.spec.containers[*].resources.limits.memory\n",
)
NEEDS = parse_quantity("96Mi")


class Hungry(Rig):
    """Killed for memory below 96 MiB, from the start: there is no last known good."""

    needs = NEEDS

    def set_image(self, image):
        super().set_image(image)
        self.set_limit("48Mi")

    def set_limit(self, amount):
        item = self.cluster.object("Deployment", "shop", "web")
        item["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": amount}}
        item["metadata"].pop("managedFields", None)
        self._roll_out(self.cluster.put(item))

    def _roll_out(self, live):
        container = live["spec"]["template"]["spec"]["containers"][0]
        limit = container["resources"].get("limits", {}).get("memory", "0")
        self.works = {container["image"]} if parse_quantity(limit) >= self.needs else set()
        killed = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2025-03-01T10:00:00Z"}
        self.broken = lambda _image: waiting("CrashLoopBackOff", restarts=3, last=killed)
        self.cluster.logs["web-" + HASH + "-x2x9z", "app", True] = "allocating 96 MiB\n"
        super()._roll_out(live)

    @property
    def limit(self):
        found = self.cluster.object("Deployment", "shop", "web")
        return found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]


class Picker(FakeModel):
    """Writes one of the limits that the grammar offers, as `wish` chooses among them."""

    wish = staticmethod(lambda offered: offered[0])
    offered = ()

    def ask(self, question):
        if question.role is Role.REPAIR:
            self.offered = sorted(_limits(question.schema), key=parse_quantity)
            self.writes = app(resources={"limits": {"memory": self.wish(self.offered)}})
        return super().ask(question)


def _limits(schema):
    """The choices for the memory limit, wherever the grammar has them."""
    if isinstance(schema, dict):
        memory = schema.get("memory")
        if isinstance(memory, dict) and "enum" in memory:
            return memory["enum"]
        schema = list(schema.values())
    return [found for part in schema for found in _limits(part)] if isinstance(schema, list) else []


@pytest.fixture
def rig(tmp_path):
    rig = Hungry(tmp_path, OPEN)
    rig.model = Picker()
    rig.restart()
    return rig


def test_the_limit_that_the_program_needs_is_written(rig):
    rig.model.wish = lambda offered: next(one for one in offered if parse_quantity(one) >= NEEDS)
    case = rig.until(State.CLOSED)
    assert case.outcome == "fixed"
    assert NEEDS <= parse_quantity(rig.limit) <= 2 * NEEDS


def test_a_limit_far_beyond_is_not_written_and_a_person_is_told_why(rig):
    rig.model.wish = lambda offered: offered[-1]
    case = rig.until(State.CLOSED)
    assert parse_quantity(rig.model.offered[-1]) > parse_quantity("256Mi")
    assert (rig.limit, rig.cluster.written) == ("48Mi", [])
    assert case.outcome == "refused"
    assert "growth: TooMuchAtOnce" in case.outcome_reason


def test_a_number_that_nobody_offered_does_not_even_become_a_plan(rig):
    rig.model = FakeModel(writes=app(resources={"limits": {"memory": "900Ti"}}))
    rig.restart()
    case = rig.until(State.CLOSED)
    assert (rig.limit, rig.cluster.written, case.plan) == ("48Mi", [], None)


def test_modest_wishes_in_a_row_do_not_add_up_to_a_node(tmp_path):
    """Each asks for at most twice what is there and is written by hand as soon as it was undone, so that only the
    day's growth can end it."""
    hungrier = OPEN.replace("cooldown: 1m", "cooldown: 0s\n  budget: {changes: 100, per: 1h}")
    hungrier = hungrier.replace("window: 10s, timeout: 60s", "window: 3s, timeout: 6s")
    limits = {"object_changes": 100, "ineffective_changes": 100}
    rig = Hungry(tmp_path, hungrier, limits=limits, reopen_after="1s")
    rig.model, rig.needs = Picker(), parse_quantity("64Gi")
    rig.model.wish = lambda offered: [
        one for one in offered if parse_quantity(one) <= 2 * parse_quantity(rig.limit)
    ][-1]
    rig.restart()
    rig.set_limit("300Mi")
    written = []
    for _ in range(8):
        case = rig.until(State.VERIFYING, State.CLOSED)
        if case.state is State.CLOSED:
            break
        written.append(parse_quantity(rig.limit))
        rig.until(State.CLOSED)
        rig.set_limit(str(written[-1] // 2**20) + "Mi")
        rig.grant("auto")  # whatever the failure took away
    assert len(written) >= 2
    assert "growth: TooMuchInWindow" in case.outcome_reason
    assert max(written) <= 4 * parse_quantity("300Mi")
