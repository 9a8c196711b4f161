"""A change that lets a waiting rollout go takes pods away without touching the pod template."""

import copy

import pytest

from intents.fields import format_path
from tests.remediation.guards.ground import LIVE, context, intent, plan_for, verdict

STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}


def workload(kind="Deployment", *, status, **spec):
    live = copy.deepcopy(LIVE)
    live["kind"] = kind
    generation = live["metadata"]["generation"]
    live["spec"] |= {"replicas": 3, **spec}
    live["status"] = {"observedGeneration": generation, "replicas": 3, **status}
    return live


def judged(live, change):
    plan = plan_for({"spec": change}, live)
    opened = [{"kind": live["kind"], "path": format_path(leaf.path)} for leaf in plan.touched]
    scope = {"namespace": "shop", "kind": live["kind"]}
    return verdict("disruption", context(plan=plan, live=live, intent=intent(editable=opened, scope=scope)))


STUCK = workload(strategy=STRATEGY, status={"availableReplicas": 3, "updatedReplicas": 1})
HELD = workload(
    paused=True,
    strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    status={"availableReplicas": 3, "updatedReplicas": 0},
)
BY_HAND = workload(
    "DaemonSet",
    updateStrategy={"type": "OnDelete"},
    status={"numberAvailable": 3, "desiredNumberScheduled": 3, "updatedNumberScheduled": 0},
)
PARTED = workload(
    "StatefulSet",
    updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}},
    status={"availableReplicas": 3, "currentRevision": "web-1", "updateRevision": "web-2"},
)


@pytest.mark.parametrize(
    ("live", "change"),
    [
        pytest.param(STUCK, {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}, id="pace"),
        pytest.param(STUCK, {"strategy": {"type": "Recreate"}}, id="type"),
        pytest.param(HELD, {"paused": False}, id="pause"),
        pytest.param(BY_HAND, {"updateStrategy": {"type": "RollingUpdate"}}, id="by hand"),
        pytest.param(PARTED, {"updateStrategy": {"rollingUpdate": {"partition": 0}}}, id="partition"),
    ],
)
def test_letting_a_waiting_rollout_go_needs_the_disruptions_that_it_takes(live, change):
    found = judged(live, change)
    assert not found.allowed
    assert (
        found.reason == "BudgetsUnknown"
    )  # it would have to ask the PodDisruptionBudgets, which nobody read here


@pytest.mark.parametrize(
    ("live", "change"),
    [
        pytest.param(
            workload(strategy=STRATEGY, status={"availableReplicas": 3, "updatedReplicas": 3}),
            {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}},
            id="Deployment",
        ),
        pytest.param(
            workload(
                "StatefulSet",
                updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}},
                status={"availableReplicas": 3, "currentRevision": "web-2", "updateRevision": "web-2"},
            ),
            {"updateStrategy": {"rollingUpdate": {"partition": 0}}},
            id="StatefulSet",
        ),
    ],
)
def test_where_every_pod_is_of_the_newest_template_the_pace_alone_takes_none(live, change):
    assert judged(live, change).allowed
