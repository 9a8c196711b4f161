"""What a shared ConfigMap has broken is neither harmed by mending it nor a proof that something else did."""

from __future__ import annotations

from daemon.neighbours import neighbours
from daemon.state import Memory
from detectors.judge import judge
from detectors.model import CaseKey, ObjectRef
from detectors.triage import triage
from detectors.world import World
from intents.catalog import Catalog
from tests.fakes.world import deployment, intent, observation, pod, replica_set, waiting

SETTINGS = ObjectRef("ConfigMap", "shop", "settings", "u1")


def memory() -> Memory:
    facts = []
    for name, key in [("web", "settings"), ("api", "settings"), ("mail", "other")]:
        said = f"couldn't find key URL in ConfigMap shop/{key}"
        status = waiting("CreateContainerConfigError", said)
        facts += [deployment(name, available=0), replica_set(name), pod(f"{name}-x", status, of=name)]
    seen = observation(*facts)
    judgement = judge([intent()], seen)
    cases = {case.key: case for case in triage(judgement, seen)}
    return Memory(Catalog(), judgement=judgement, picture=World(seen), cases=cases)


def key(name: str) -> CaseKey:
    return CaseKey("shop", "Deployment", "shop", name)


def test_what_the_changed_object_has_broken_is_left_out_of_the_comparison():
    around = neighbours(memory(), "shop", SETTINGS)
    assert set(around.broken) == {key("mail")}
    assert around.unsettled == {key("web"), key("api")}


def test_a_change_of_anything_else_is_compared_with_all():
    around = neighbours(memory(), "shop", ObjectRef("Deployment", "shop", "web", "u2"))
    assert set(around.broken) == {key("web"), key("api"), key("mail")}
