"""What a person or a controller holds without having said so in the usual way."""

import copy

from detectors.model import Gap, Turn
from intents.model import Mode
from remediation.model import Candidate
from remediation.plan import plan_change
from tests.attack.hostile.ground import objects
from tests.attack.hostile.walk import USUAL, Walk
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster
from tests.fakes.manifests import ref
from tests.remediation.guards.ground import LIVE, NOW, context, intent, plan_for, verdict

MOMENTS_AGO = "2025-10-09T08:53:00Z"  # NOW is 08:53:20
OPEN = [
    {"path": "spec.replicas", "min": "0", "max": "5"},
    {"path": "metadata.labels.*"},
    {"path": "spec.template.metadata.labels.*"},
]


def written_by(manager, fields, **entry):
    live = copy.deepcopy(LIVE)
    live["metadata"] |= {
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "managedFields": [{"manager": manager, "time": MOMENTS_AGO, "fieldsV1": fields, **entry}],
    }
    return live


def judged(guard, live, change, **fields):
    plan = plan_for(change, live)
    return verdict(
        guard, context(plan=plan, live=live, intent=intent(editable=OPEN), mode=Mode.AUTO, **fields)
    )


def test_who_scaled_a_workload_with_kubectl_a_moment_ago_is_a_person_at_work():
    assert NOW == 1_760_000_000.0
    scaled = written_by("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale", operation="Update")
    found = judged("hands-off", scaled, {"spec": {"replicas": 4}})
    assert (found.allowed, found.reason) == (False, "PersonAtWork")


def test_what_a_controller_says_of_the_status_is_no_persons_work():
    said = written_by("kubectl", {"f:spec": {"f:replicas": {}}}, subresource="status", operation="Update")
    assert judged("hands-off", said, {"spec": {"replicas": 4}}).allowed


def test_the_label_by_which_argo_cd_tells_whose_an_object_is_stays():
    for change in (
        {"metadata": {"labels": {"app.kubernetes.io/instance": "payments"}}},
        {"spec": {"template": {"metadata": {"labels": {"app.kubernetes.io/instance": "payments"}}}}},
    ):
        found = judged("sensitive", LIVE, change)
        assert (found.allowed, found.reason) == (False, "Ownership")


def test_a_workload_beside_the_one_that_the_intent_names_is_not_its_to_change():
    other = copy.deepcopy(LIVE)
    other["metadata"] |= {"name": "payments", "uid": "uid-of-payments"}
    plan = plan_for({"spec": {"replicas": 3}}, other)
    named = intent(editable=OPEN, scope={"namespace": "shop", "kind": "Deployment", "name": "web"})
    related = frozenset({plan.target.key})
    found = verdict(
        "scope", context(plan=plan, live=other, target=context().target, intent=named, related=related)
    )
    assert (found.allowed, found.reason) == (False, "OtherName")


def test_a_workload_without_the_labels_that_the_intent_is_about_is_not_its_to_change_by_being_related():
    other = copy.deepcopy(LIVE)
    other["metadata"] |= {"name": "payments", "uid": "uid-of-payments", "labels": {"team": "payments"}}
    plan = plan_for({"spec": {"replicas": 3}}, other)
    ours = intent(editable=OPEN, scope={"namespace": "shop", "matchLabels": {"team": "shop"}})
    related = frozenset({plan.target.key})
    found = verdict(
        "scope", context(plan=plan, live=other, target=context().target, intent=ours, related=related)
    )
    assert (found.allowed, found.reason) == (False, "OtherLabels")


MORE_MEMORY = {
    "spec": {
        "template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "192Mi"}}}]}}
    }
}


def scaled_while_it_waits(folder, arrange, change=None):
    """A plan for the replicas (or another change), made before `arrange`, and carried out after it."""
    cluster = FakeCluster()
    live = {item["kind"]: cluster.put(item) for item in objects("shop")}
    walk = Walk(folder, cluster, FakeClock(), live)
    web = live["Deployment"]
    plan = plan_change(Candidate("c1", "model", ref(web), "", change or {"spec": {"replicas": 2}}), web)
    arrange(cluster)
    try:
        return walk.act_on(plan, USUAL)
    finally:
        walk.close()


def autoscaler(cluster):
    cluster.put(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        }
    )


def test_an_autoscaler_that_came_while_the_plan_waited_owns_the_replicas(tmp_path):
    assert scaled_while_it_waits(tmp_path, autoscaler).refused == {"hands-off:Reserved"}


def test_where_autoscalers_cannot_be_read_replicas_are_left_alone(tmp_path):
    def forbid(cluster):
        cluster.gaps["HorizontalPodAutoscaler"] = Gap(
            "HorizontalPodAutoscaler", "TimedOut", "too slow", Turn.OURS
        )

    assert scaled_while_it_waits(tmp_path, forbid).refused == {"hands-off:Reserved"}


def test_without_an_autoscaler_replicas_are_changed(tmp_path):
    assert scaled_while_it_waits(tmp_path, lambda _cluster: None).written


def vertical(mode):
    def put(cluster):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        cluster.put(
            {
                "apiVersion": "autoscaling.k8s.io/v1",
                "kind": "VerticalPodAutoscaler",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"targetRef": target, "updatePolicy": {"updateMode": mode}},
            }
        )

    return put


def test_an_autoscaler_that_sizes_the_pods_owns_their_resources(tmp_path):
    found = scaled_while_it_waits(tmp_path, vertical("Auto"), MORE_MEMORY)
    assert found.refused == {"hands-off:Reserved"}


def test_an_autoscaler_that_only_recommends_owns_nothing(tmp_path):
    assert scaled_while_it_waits(tmp_path, vertical("Off"), MORE_MEMORY).written


def test_where_vertical_autoscalers_cannot_be_read_resources_are_left_alone(tmp_path):
    def forbid(cluster):
        cluster.gaps["VerticalPodAutoscaler"] = Gap("VerticalPodAutoscaler", "Forbidden", "no", Turn.OPERATOR)

    assert scaled_while_it_waits(tmp_path, forbid, MORE_MEMORY).refused == {"hands-off:Reserved"}
