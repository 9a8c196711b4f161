"""What is remembered as good was judged healthy itself: no other incarnation, no later version, no unread value."""

from dataclasses import replace

import pytest

from detectors.model import ObjectRef
from store.queries import known_good
from tests.fakes.manifests import config_map, deployment, service
from tests.fakes.rig import GOOD, INTENT, Rig

SERVICE_INTENT = (
    INTENT.replace("web-runs", "web-reached")
    .replace("kind: Deployment, name: web}", "kind: Service}")
    .replace("    - type: workloadHealthy", "    - type: endpointsPresent\n      service: web")
)


def good_image(rig):
    found = known_good(rig.store, ObjectRef("Deployment", "shop", "web"))
    return found[0]["spec"]["template"]["spec"]["containers"][0]["image"] if found else None


def test_health_of_a_deleted_object_is_not_credited_to_its_successor(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(3)  # healthy, but not for long enough yet
    assert good_image(rig) is None
    _anew(rig, "shop/web:2.0")
    rig.turn(2)
    assert good_image(rig) is None
    rig.turn(4)
    assert good_image(rig) == "shop/web:2.0"


def test_a_successor_that_lasts_replaces_what_was_good_of_its_predecessor(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)
    assert good_image(rig) == GOOD
    _anew(rig, "shop/web:2.0")
    rig.turn(8)
    assert good_image(rig) == "shop/web:2.0"


def _anew(rig, image):
    """Deleted and created again: another uid, the same generation."""
    generation = rig.cluster.object("Deployment", "shop", "web")["metadata"]["generation"]
    rig.works.add(image)
    rig.cluster.remove("Deployment", "shop", "web")
    item = deployment("web")
    item["metadata"] |= {"uid": "uid-of-the-successor", "generation": generation}
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    rig._roll_out(rig.cluster.put(item))


class Swapping:
    """Reads through to the cluster, but changes the object first: the attacker's favourite moment."""

    def __init__(self, cluster, ref, swap):
        self._cluster, self._ref, self._swap = cluster, ref, swap

    def __getattr__(self, name):
        return getattr(self._cluster, name)

    def read(self, ref):
        if ref.key == self._ref.key and self._swap is not None:
            swap, self._swap = self._swap, None
            self._cluster.put(swap(self._cluster.object(*ref.key)))
        return self._cluster.read(ref)


def test_a_service_that_changed_between_judging_and_reading_is_not_remembered(tmp_path):
    rig = Rig(tmp_path, SERVICE_INTENT)
    web = ObjectRef("Service", "shop", "web")
    rig.cluster.put(service("web"))
    rig.cluster.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "web-1",
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"port": 8080}],
        }
    )

    def stolen(item):
        item["spec"]["selector"] = {"app": "thief"}
        return item

    for _ in range(4):
        rig.clock.advance(1.0)
        rig.cycle.look_once()
        world = replace(rig.world, cluster=Swapping(rig.cluster, web, stolen))
        rig.good_times.note(world, rig.memory)
    found = known_good(rig.store, web)
    assert found is None or found[0]["spec"]["selector"] == {"app": "web"}
    assert rig.cluster.object("Service", "shop", "web")["spec"]["selector"] == {"app": "thief"}


@pytest.mark.parametrize(
    ("stamps", "remembered"),
    [
        (["2025-03-01T09:59:00Z"], True),
        (["2025-03-01T09:59:00Z", "2025-03-01T10:00:01Z"], False),  # the container started at 10:00:00
        ([], False),
        ([None], False),
    ],
)
def test_a_config_map_is_good_only_where_every_container_started_after_its_last_change(
    tmp_path, stamps, remembered
):
    rig = Rig(tmp_path)
    item = config_map("web-config", level="info")
    item["metadata"]["managedFields"] = [
        {"manager": "kubectl", "operation": "Update", **({"time": stamp} if stamp else {})}
        for stamp in stamps
    ]
    rig.cluster.put(item)
    live = rig.cluster.object("Deployment", "shop", "web")
    live["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web-config"}}]
    rig._roll_out(rig.cluster.put(live))
    rig.turn(8)
    assert good_image(rig) == GOOD
    assert (known_good(rig.store, ObjectRef("ConfigMap", "shop", "web-config")) is not None) is remembered
