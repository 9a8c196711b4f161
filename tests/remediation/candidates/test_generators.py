"""Each generator: what it offers and what it holds back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detectors.model import FaultClass, ObjectRef
from remediation.evidence import select
from remediation.lastgood import known_good
from remediation.model import RawEvidence
from tests.fakes import incidents
from tests.fakes.manifests import (
    case,
    config_map,
    container,
    deployment,
    env_from_key,
    event,
    pod,
    ref,
    related,
    replica_set,
    running,
    service,
    waiting,
)
from tests.remediation.candidates.helpers import after, app, offered

# ---------------------------------------------------------------- last known good


def test_each_group_is_offered_alone_the_telling_one_first_and_then_all_together() -> None:
    good = deployment("web", container(image="shop/web:1", resources={"limits": {"memory": "128Mi"}}))
    live = deployment("web", container(image="shop/web:2", resources={"limits": {"memory": "32Mi"}}))
    found = case(FaultClass.OOM_KILLED, ref(live))
    manifests = [c.manifest for c in offered(found, RawEvidence(live=live, last_known_good=known_good(good)))]
    memory = {"resources": {"limits": {"memory": "128Mi"}}}
    assert manifests == [app(memory), app({"image": "shop/web:1", **memory}), app({"image": "shop/web:1"})]


def test_a_larger_limit_of_better_days_is_the_only_number_that_code_offers() -> None:
    found, raw = incidents.oom()
    assert offered(found, raw) == ()
    good = deployment("api", container(image="shop/api:2", resources={"limits": {"memory": "128Mi"}}))
    first = offered(found, replace(raw, last_known_good=known_good(good)))[0]
    assert first.manifest == app({"resources": {"limits": {"memory": "128Mi"}}})


def test_a_key_that_was_taken_out_of_a_config_map_can_be_put_back_there() -> None:
    found, _ = incidents.config_key()
    live = deployment("web", container(env=[env_from_key("LEVEL", "web-config", "LEVEL")]))
    now, good = config_map(OTHER="1"), config_map(OTHER="1", LEVEL="info")
    changed = RawEvidence(live=live, related=related(now), related_good={ref(good): known_good(good)})
    (candidate,) = offered(found, changed)
    assert candidate.target == ref(now)
    assert candidate.manifest == {"data": {"LEVEL": "info"}}
    assert (
        candidate.summary == "Set the key LEVEL back to info, it is not set now (the last known good value)."
    )


def test_objects_from_lists_which_carry_no_kind_differ_in_nothing_else() -> None:
    found, _ = incidents.config_key()
    live = deployment("web", container(env=[env_from_key("LEVEL", "web-config", "LEVEL")]))
    now, good = config_map(LEVEL="inf"), config_map(LEVEL="info")
    of_list = {key: value for key, value in now.items() if key not in {"kind", "apiVersion"}}
    changed = RawEvidence(live=live, related={ref(now): of_list}, related_good={ref(good): known_good(good)})
    assert [c.manifest for c in offered(found, changed)] == [{"data": {"LEVEL": "info"}}]


def test_something_redacted_is_never_put_back() -> None:
    found, _ = incidents.config_key()
    now, good = config_map(OTHER="1"), config_map(OTHER="1", DB_PASSWORD="hunter2")
    live = deployment("web", container(env=[env_from_key("P", "web-config", "DB_PASSWORD")]))
    raw = RawEvidence(live=live, related=related(now), related_good={ref(good): known_good(good)})
    assert offered(found, raw) == ()


# ---------------------------------------------------------------- earlier revisions


def test_a_revision_that_failed_too_is_struck_out() -> None:
    live = deployment("web", container(image="shop/web:4"))
    sets = related(
        replica_set(live, 4, container(image="shop/web:4")),
        replica_set(live, 3, container(image="shop/web:3"), replicas=1, ready=0),
        replica_set(live, 2, container(image="shop/web:2"), replicas=0),
    )
    raw = RawEvidence(live=live, related=sets)
    (candidate,) = offered(case(FaultClass.CRASH_LOOP, ref(live)), raw)
    assert candidate.manifest == app({"image": "shop/web:2"})
    assert candidate.summary.endswith("(the value in revision 2, an earlier one).")


def test_an_image_that_could_not_be_pulled_either_is_struck_out() -> None:
    found, raw = incidents.image()
    failed = event("Failed", 'Failed to pull image "shop/web:1.4": not found')
    assert "shop/web:1.4" not in str(
        [c.manifest for c in offered(found, replace(raw, events=(*raw.events, failed)))]
    )


def test_another_deployments_revisions_are_not_ours() -> None:
    live, other = deployment("web", container(image="shop/web:4")), deployment("db")
    raw = RawEvidence(
        live=live, related=related(replica_set(other, 3, container(image="shop/db:1"), ready=1))
    )
    assert offered(case(FaultClass.IMAGE_PULL, ref(live)), raw) == ()


# ---------------------------------------------------------------- running images


def test_a_tag_of_the_same_repository_that_runs_here_is_offered() -> None:
    live = deployment("web", container(image="reg:5000/shop/web:1.5x"))
    neighbour = deployment("worker", container(image="reg:5000/shop/web:1.5"))
    other = deployment("db", container(image="reg:5000/shop/db:1.5"))
    raw = RawEvidence(live=live, related=related(pod(neighbour, running()), pod(other, running())))
    (candidate,) = offered(case(FaultClass.IMAGE_PULL, ref(live)), raw)
    assert candidate.origin == "running-image"
    assert candidate.manifest == app({"image": "reg:5000/shop/web:1.5"})


# ---------------------------------------------------------------- configuration references


def test_a_misspelt_config_map_finds_the_one_that_has_the_key() -> None:
    live = deployment("web", container(env=[env_from_key("LEVEL", "web-confg", "LEVEL")]))
    message = 'configmap "web-confg" not found'
    maps = related(config_map("web-config", LEVEL="info"), config_map("web-confi", OTHER="x"))
    raw = RawEvidence(live=live, related=maps)
    (candidate,) = offered(case(FaultClass.CONFIG_REFERENCE, ref(live), message=message), raw)
    env = [{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "web-config"}}}]
    assert candidate.manifest == app({"env": env})


def test_a_config_map_of_which_only_the_name_was_read_is_offered_but_nothing_is_claimed_of_its_keys() -> None:
    named = config_map("web-config")
    named["kind"] = "PartialObjectMetadata"
    maps = {ObjectRef("ConfigMap", "shop", "web-config"): named}
    live = deployment("web", container(env=[env_from_key("LEVEL", "web-confg", "LEVEL")]))
    failing = pod(live, waiting("CreateContainerConfigError", 'configmap "web-confg" not found'))
    (candidate,) = offered(
        case(FaultClass.CONFIG_REFERENCE, ref(live)), RawEvidence(live=live, pods=(failing,), related=maps)
    )
    assert after(candidate, live, ref(live)) == [("name", "web-config")]
    right = deployment("web", container(env=[env_from_key("LEVEL", "web-config", "LEVEL")]))
    found = case(FaultClass.CONFIG_REFERENCE, ref(right))
    raw = RawEvidence(live=right, related=maps)
    assert offered(found, raw) == ()
    assert "no such key" not in "".join(item.text for item in select(found, raw).items)


def test_a_config_map_that_was_merely_not_read_is_not_taken_for_absent() -> None:
    live = deployment("web", container(env=[env_from_key("LEVEL", "web-confg", "LEVEL")]))
    raw = RawEvidence(live=live, related=related(config_map("web-config", LEVEL="info")))
    assert offered(case(FaultClass.CONFIG_REFERENCE, ref(live), message="timed out"), raw) == ()


def test_env_sources_and_volume_items_are_replaced_as_whole_lists() -> None:
    sources = [{"configMapRef": {"name": "base"}}, {"configMapRef": {"name": "web-confg"}}]
    items = [{"key": "app.yml", "path": "app.yaml"}, {"key": "b", "path": "b"}]
    live = deployment(
        "web",
        container(envFrom=sources),
        volumes=[{"name": "cfg", "configMap": {"name": "files", "items": items}}],
    )
    maps = related(
        config_map("base"),
        config_map("web-config", A="1"),
        config_map("files", **{"app.yaml": "x", "b": "y"}),
    )
    message = 'configmap "web-confg" not found'
    found = case(FaultClass.CONFIG_REFERENCE, ref(live), message=message)
    changes = [after(c, live, ref(live)) for c in offered(found, RawEvidence(live=live, related=maps))]
    assert [
        ("envFrom", [{"configMapRef": {"name": "base"}}, {"configMapRef": {"name": "web-config"}}])
    ] in changes
    assert [("items", [{"key": "app.yaml", "path": "app.yaml"}, {"key": "b", "path": "b"}])] in changes


def test_an_optional_reference_breaks_nothing_and_gets_no_candidate() -> None:
    env = env_from_key("A", "web-config", "KEYY")
    env["valueFrom"]["configMapKeyRef"]["optional"] = True
    live = deployment("web", container(env=[env]))
    raw = RawEvidence(live=live, related=related(config_map(KEY="1")))
    assert offered(case(FaultClass.CONFIG_REFERENCE, ref(live)), raw) == ()


def test_keys_that_are_nothing_alike_are_not_offered() -> None:
    live = deployment("web", container(env=[env_from_key("A", "web-config", "PAYMENT_URL")]))
    raw = RawEvidence(live=live, related=related(config_map(LOG_LEVEL="1", WORKERS="2")))
    assert offered(case(FaultClass.CONFIG_REFERENCE, ref(live)), raw) == ()


# ---------------------------------------------------------------- services


def test_a_renamed_label_key_is_followed() -> None:
    live = service("web", {"app": "web"})
    web = deployment("web", labels={"app.kubernetes.io/name": "web"})
    (candidate,) = offered(
        case(FaultClass.NO_ENDPOINTS, ref(live)), RawEvidence(live=live, related=related(web))
    )
    assert candidate.manifest == {"spec": {"selector": {"app": None, "app.kubernetes.io/name": "web"}}}


def test_a_key_that_pods_no_longer_carry_is_removed_but_never_the_last_one() -> None:
    live = service("web", {"app": "web", "track": "stable"})
    raw = RawEvidence(live=live, related=related(deployment("web", labels={"app": "web"})))
    (candidate,) = offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw)
    assert candidate.manifest == {"spec": {"selector": {"track": None}}}
    only = service("web", {"track": "stable"})
    raw = RawEvidence(live=only, related=related(deployment("web", labels={"app": "web"})))
    assert offered(case(FaultClass.NO_ENDPOINTS, ref(only)), raw) == ()


def test_neighbours_pods_are_enough_to_know_their_labels() -> None:
    live = service("web", {"app": "wbe"})
    up = pod(deployment("web"), running())
    (candidate,) = offered(case(FaultClass.NO_ENDPOINTS, ref(live)), RawEvidence(live=live, pods=(up,)))
    assert candidate.manifest == {"spec": {"selector": {"app": "web"}}}
    assert "(the pods of web have these labels)" in candidate.summary


def test_no_other_program_gets_the_traffic_while_the_pods_of_better_days_are_there() -> None:
    live, good = service("cart", {"app": "carts"}), service("cart", {"app": "cart"})
    found = case(FaultClass.NO_ENDPOINTS, ref(live))
    both = RawEvidence(
        live=live,
        last_known_good=known_good(good),
        related=related(deployment("cart"), deployment("cart-web")),
    )
    assert [candidate.manifest for candidate in offered(found, both)] == [
        {"spec": {"selector": {"app": "cart"}}}
    ]
    moved = replace(both, related=related(deployment("cart-web")))
    assert {"spec": {"selector": {"app": "cart-web"}}} in [c.manifest for c in offered(found, moved)]


def test_a_service_of_one_member_is_not_turned_to_another() -> None:
    name = "statefulset.kubernetes.io/pod-name"
    live = service("db-2", {"app": "db", name: "db-2"})
    first = pod(deployment("db"), running())
    first["metadata"]["labels"] = {"app": "db", name: "db-0"}
    assert offered(case(FaultClass.NO_ENDPOINTS, ref(live)), RawEvidence(live=live, pods=(first,))) == ()


@pytest.mark.parametrize("labels", [{"app": "db", "role": "replica"}, {"app": "db"}])
def test_a_label_that_a_program_sets_while_it_runs_is_waited_for(labels: dict[str, str]) -> None:
    live = service("db", {"app": "db", "role": "primary"})
    up = pod(deployment("db"), running())
    up["metadata"]["labels"] = labels
    raw = RawEvidence(live=live, pods=(up,), related=related(deployment("db", labels={"app": "db"})))
    found = case(FaultClass.NO_ENDPOINTS, ref(live))
    assert offered(found, raw) != ()  # nobody knows better
    assert offered(found, replace(raw, last_known_good=known_good(live))) == ()


def test_a_label_that_a_template_has_is_followed_though_the_selector_was_good() -> None:
    live = service("web", {"app": "web", "track": "stable"})
    renamed = deployment("web", labels={"app": "web", "track": "live"})
    raw = RawEvidence(live=live, last_known_good=known_good(live), related=related(renamed))
    (candidate,) = offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw)
    assert candidate.manifest == {"spec": {"selector": {"track": "live"}}}


def test_a_selector_that_matches_is_not_changed_and_strangers_are_not_offered() -> None:
    live = service("web", {"app": "web"})
    raw = RawEvidence(live=live, related=related(deployment("web"), deployment("webx")))
    assert offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw) == ()
    raw = RawEvidence(live=live, related=related(deployment("postgres")))
    assert offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw) == ()


@pytest.mark.parametrize("wrong", [8081, "http-typo"])
def test_a_target_port_moves_to_where_the_selected_pods_listen(wrong: int | str) -> None:
    live = service("web", target_port=wrong)
    ports = [{"containerPort": 8080, "name": "http", "protocol": "TCP"}]
    web = deployment("web", container(ports=ports))
    raw = RawEvidence(live=live, related=related(pod(web, running())))
    (candidate,) = offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw)
    assert candidate.manifest == {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}
    assert after(candidate, live, ref(live)) == [("targetPort", 8080)]


def test_where_no_port_is_declared_the_log_says_where_the_pods_listen() -> None:
    live = service("web", target_port=8081)
    up = pod(deployment("web", container()), running())
    logs = {(up["metadata"]["name"], "app", False): "2025 starting\nlistening on :8080\n"}
    raw = RawEvidence(live=live, related=related(up), logs=logs)
    (candidate,) = offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw)
    assert after(candidate, live, ref(live)) == [("targetPort", 8080)]


@pytest.mark.parametrize("right", [8080, "http"])
def test_a_target_port_that_is_listened_on_is_left_alone(right: int | str) -> None:
    live = service("web", target_port=right)
    web = deployment("web", container(ports=[{"containerPort": 8080, "name": "http"}]))
    raw = RawEvidence(live=live, related=related(pod(web, running())))
    assert offered(case(FaultClass.NO_ENDPOINTS, ref(live)), raw) == ()
