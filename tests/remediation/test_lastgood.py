"""Last known good: what is kept, and that putting differences back gives the healthy object."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from remediation.lastgood import differences, known_good, manifest_of, restorable
from remediation.manifest import merge
from remediation.model import ABSENT
from tests.fakes.manifests import config_map, container, deployment, ref, service


def test_status_and_bookkeeping_are_not_kept() -> None:
    live = deployment()
    live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live["spec"]["template"]["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/restartedAt": "x",
        "note": "y",
    }
    good = known_good(live)
    assert set(good) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(good["metadata"]) == {"name", "namespace", "labels"}
    assert good["spec"]["template"]["metadata"] == {"labels": {"app": "web"}, "annotations": {"note": "y"}}


def test_the_same_object_gives_the_same_bytes_whatever_the_order_of_its_keys() -> None:
    live = deployment()
    shuffled = json.loads(json.dumps(live, sort_keys=True))
    assert json.dumps(known_good(live)) == json.dumps(known_good(shuffled))


def test_status_churn_is_no_difference() -> None:
    live = deployment()
    good = known_good(live)
    live["status"] = {"readyReplicas": 1}
    live["metadata"]["resourceVersion"] = "99"
    assert differences(live, good) == ()


def test_an_allocated_address_is_no_difference() -> None:
    good = known_good(service())
    live = service()
    live["spec"]["clusterIP"] = "10.96.0.77"
    assert differences(live, good) == ()


def test_a_secret_is_not_kept_and_never_put_back() -> None:
    good = known_good(deployment("web", container(env=[{"name": "DB_PASSWORD", "value": "old"}])))
    assert "old" not in json.dumps(good)
    rotated = deployment("web", container(env=[{"name": "DB_PASSWORD", "value": "new"}]))
    assert differences(rotated, good) == ()
    removed = deployment("web", container())
    (change,) = differences(removed, good)
    assert not restorable(change, good)


def test_a_whole_element_cannot_be_merged_away_but_a_field_can() -> None:
    good = known_good(deployment("web", container(env=[{"name": "A", "value": "1"}])))
    added = deployment("web", container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]))
    (element,) = differences(added, good)
    assert element.after == ABSENT
    assert not restorable(element, good)
    policy = deployment("web", container(env=[{"name": "A", "value": "1"}], stdin=True))
    (field,) = differences(policy, good)
    assert restorable(field, good)


_VALUES = st.text(alphabet="abcxyz019", min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    images=st.tuples(_VALUES, _VALUES),
    envs=st.tuples(
        st.dictionaries(st.sampled_from("ABC"), _VALUES, min_size=1),
        st.dictionaries(st.sampled_from("ABC"), _VALUES),
    ),
    data=st.tuples(
        st.dictionaries(st.sampled_from("xyz"), _VALUES), st.dictionaries(st.sampled_from("xyz"), _VALUES)
    ),
)
def test_merging_the_restorable_differences_leaves_none(images: Any, envs: Any, data: Any) -> None:
    def workload(image: str, env: dict[str, str]) -> dict[str, Any]:
        return deployment(
            "web", container(image=image, env=[{"name": k, "value": v} for k, v in env.items()])
        )

    both = [
        (workload(images[0], envs[0]), workload(images[1], envs[1])),
        (config_map("c", **data[0]), config_map("c", **data[1])),
    ]
    for good_object, live in both:
        good = known_good(good_object)
        back = tuple(change for change in differences(live, good) if restorable(change, good))
        merged = merge(live, manifest_of(back, live), ref(live))
        assert isinstance(merged, dict), merged
        assert not [change for change in differences(merged, good) if restorable(change, good)]
