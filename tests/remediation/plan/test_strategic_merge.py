"""What an honest manifest means, as Kubernetes' own strategic merge has it."""

import pytest

from remediation.manifest import merge
from remediation.model import NoPlan
from remediation.quantity import canonical_quantity
from tests.fakes.manifests import config_map, container, deployment, ref, service


def merged(live, manifest):
    result = merge(live, manifest, ref(live))
    assert not isinstance(result, NoPlan), result
    return result


def containers(obj):
    return obj["spec"]["template"]["spec"]["containers"]


def pod(**spec):
    return {"spec": {"template": {"spec": spec}}}


def test_a_container_is_found_by_name_and_its_neighbour_stays():
    live = deployment("web", container("proxy", "p:1"), container("app", "a:1"))
    after = merged(live, pod(containers=[{"name": "app", "image": "a:2"}]))
    assert [c["image"] for c in containers(after)] == ["p:1", "a:2"]


def test_null_removes_a_field_and_an_absent_one_stays_absent():
    live = deployment("web", container(resources={"limits": {"memory": "1Gi", "cpu": "1"}}))
    after = merged(
        live, pod(containers=[{"name": "app", "resources": {"limits": {"cpu": None, "gpu": None}}}])
    )
    assert containers(after)[0]["resources"] == {"limits": {"memory": "1Gi"}}


def test_an_atomic_list_is_replaced_whole():
    live = deployment("web", container(args=["--a", "--b"]))
    after = merged(live, pod(containers=[{"name": "app", "args": ["--c"]}]))
    assert containers(after)[0]["args"] == ["--c"]


def test_a_variable_may_be_added_and_one_may_change_its_source():
    live = deployment("web", container(env=[{"name": "A", "value": "1"}]))
    source = {"configMapKeyRef": {"name": "web", "key": "a"}}
    change = [{"name": "A", "value": None, "valueFrom": source}, {"name": "B", "value": "2"}]
    after = merged(live, pod(containers=[{"name": "app", "env": change}]))
    assert containers(after)[0]["env"] == [{"name": "A", "valueFrom": source}, {"name": "B", "value": "2"}]


def test_a_port_without_its_protocol_is_the_tcp_port():
    live = deployment(
        "web",
        container(ports=[{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP"}]),
    )
    after = merged(live, pod(containers=[{"name": "app", "ports": [{"containerPort": 80, "name": "http"}]}]))
    assert containers(after)[0]["ports"] == [
        {"containerPort": 80, "protocol": "UDP"},
        {"containerPort": 80, "protocol": "TCP", "name": "http"},
    ]


def test_a_target_port_may_be_a_number_or_a_name():
    live = service()
    port = live["spec"]["ports"][0]["port"]
    for value in (8080, "http"):
        after = merged(live, {"spec": {"ports": [{"port": port, "targetPort": value}]}})
        assert after["spec"]["ports"][0]["targetPort"] == value


def test_a_whole_manifest_that_repeats_the_live_object_changes_nothing():
    for live in (deployment("web", container(ports=[{"containerPort": 80}])), service(), config_map()):
        assert merged(live, live) == live


def test_the_same_amount_in_another_spelling_is_no_change():
    live = deployment("web", container(resources={"limits": {"memory": "1Gi"}}))
    assert (
        merged(live, pod(containers=[{"name": "app", "resources": {"limits": {"memory": "1024Mi"}}}])) == live
    )


def test_an_empty_map_says_nothing_about_what_is_in_it():
    live = deployment("web", container(resources={"limits": {"memory": "1Gi"}}))
    assert merged(live, pod(containers=[{"name": "app", "resources": {}}])) == live


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1024Mi", "1Gi"), ("1536Mi", "1536Mi"), ("0.5", "500m"), ("1000m", "1"), (0.5, "500m"), (2, "2"),
        ("1e3", "1k"), ("0Mi", "0"), ("1.5Gi", "1536Mi"), ("100Ki", "100Ki"), ("1000", "1k"), ("1k", "1k"),
        ("1500M", "1500M"), ("0.5Ki", "512"), ("64Mi", "64Mi"), ("-1", "-1"),
    ],
)  # fmt: skip
def test_quantities_are_spelt_as_the_server_stores_them(written, stored):
    assert canonical_quantity(written) == stored


@pytest.mark.parametrize("written", ["", "Mi", "1 Mi", "1MB", "0x10", "NaN", "inf", "1e999", "--1", "1Gi\n2"])
def test_what_is_no_quantity_is_not_guessed(written):
    with pytest.raises(ValueError, match=r"quantity|nano"):
        canonical_quantity(written)
