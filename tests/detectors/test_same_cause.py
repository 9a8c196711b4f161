"""One cause, one case: what a node, a claim, a ConfigMap or an image has broken waits for one of them."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from detectors.facts import TemplateSpec
from detectors.judge import judge
from detectors.model import Case, CaseKey, CaseReason, Cause, FaultClass
from detectors.triage import triage
from tests.detectors.test_spread import on
from tests.fakes.ground import CLUSTER, claim, claims_only, ground, node, storage_class
from tests.fakes.world import deployment, intent, observation, pod, replica_set, running, waiting

SHOP = intent(name="shop")


def cases(*facts, wishes=(SHOP,), **known) -> dict[str, Case]:
    world = ground(*facts)
    return {case.target.name: case for case in triage(judge(wishes, world), world, **known)}


def reasons(found: dict[str, Case]) -> dict[str, CaseReason]:
    return {name: case.reason for name, case in found.items()}


def healthy(number: int):
    for index in range(number):
        yield deployment(f"well-{index}")
        yield replica_set(f"well-{index}")
        yield pod(f"well-{index}-x", of=f"well-{index}")


def on_node(name: str, where: str, *, ready: bool):
    status = running(ready=ready)
    return [
        deployment(name, available=int(ready)),
        replica_set(name),
        on_with(name, where, status),
    ]


def on_with(name, where, status):
    made = pod(f"{name}-x", status, of=name, ready_since=600)
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, node_name=where))


def cannot_pull(name: str, image: str, available: int = 0):
    return [
        deployment(name, replicas=2, available=available),
        replica_set(name, replicas=2),
        pod(f"{name}-x", waiting("ErrImagePull", image=image), of=name),
    ]


# ---------------------------------------------------------------- a node


def forty_on(where: str, **node_is):
    facts = [part for number in range(40) for part in on_node(f"d{number:02}", where, ready=False)]
    return [node(where, **node_is), node("n2"), *facts, *healthy(5)]


def test_the_pods_of_a_lost_node_wait_for_the_one_case_of_the_node():
    found = cases(*forty_on("n1", ready="Unknown", since=120), wishes=(SHOP, CLUSTER))
    assert found["n1"].reason is CaseReason.NO_TARGET
    assert len(found["n1"].others) == 40
    assert next(iter(found)) == "n1"
    followers = [case for name, case in found.items() if name != "n1"]
    assert {(case.reason, case.first) for case in followers} == {
        (CaseReason.SAME_CAUSE, CaseKey("cluster", "Node", "", "n1"))
    }


def test_a_lost_node_is_no_storm_and_what_is_broken_elsewhere_is_mended():
    found = cases(
        *forty_on("n1", ready="Unknown", since=120), *cannot_pull("api", "api:9"), wishes=(SHOP, CLUSTER)
    )
    assert found["api"].reason is CaseReason.MENDABLE


def test_a_node_that_fell_silent_just_now_is_waited_for_before_its_pods_are_anybodys_fault():
    found = cases(*forty_on("n1", ready="Unknown", since=10), wishes=(SHOP, CLUSTER))
    assert set(reasons(found).values()) == {CaseReason.SAME_CAUSE}


def test_where_nobody_is_asked_about_nodes_the_workloads_speak_for_themselves():
    found = cases(*forty_on("n1", ready="Unknown", since=120))
    assert CaseReason.SAME_CAUSE not in reasons(found).values()


def test_a_workload_that_is_ill_elsewhere_too_does_not_wait_for_the_node():
    ill = on_node("web", "n1", ready=False)
    ill.append(on_with("web", "n2", running(name="app", ready=False)))
    ill[-1] = msgspec.structs.replace(
        ill[-1], metadata=msgspec.structs.replace(ill[-1].metadata, name="web-y", uid="uid-pod-web-y")
    )
    found = cases(node("n1", ready="Unknown", since=120), node("n2"), *ill, wishes=(SHOP, CLUSTER))
    assert found["web"].reason is CaseReason.MENDABLE


def test_a_fault_of_the_program_is_its_own_wherever_it_runs():
    bad = on("web-x", "n1")
    crashed = waiting("CrashLoopBackOff", restarts=5, last={"exitCode": 1, "reason": "Error"})
    status = msgspec.structs.replace(pod("web-x", crashed).status)
    found = cases(
        node("n1", ready="Unknown", since=120),
        deployment(available=0),
        replica_set(),
        msgspec.structs.replace(bad, status=status),
        wishes=(SHOP, CLUSTER),
    )
    assert found["web"].fault_class is FaultClass.CRASH_LOOP
    assert found["web"].reason is CaseReason.MENDABLE


# ---------------------------------------------------------------- a claim


def unschedulable(name: str, message: str, claim_name: str | None):
    spec = (
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]} if claim_name else {}
    )
    made = deployment(name, available=0)
    template = msgspec.structs.replace(made.spec.template, spec=msgspec.convert(spec, TemplateSpec))
    said = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return [
        msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, template=template)),
        replica_set(name),
        pod(f"{name}-x", waiting("ContainerCreating"), of=name, phase="Pending", conditions=[said], age=600),
    ]


UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."


def test_pods_without_a_volume_wait_for_the_case_of_their_claim():
    facts = [*unschedulable("web", UNBOUND, "data"), *unschedulable("job", UNBOUND, "data"), *healthy(4)]
    found = cases(claim(storage_class="x"), storage_class(), *facts, wishes=(SHOP, claims_only()))
    assert reasons(found) == {
        "data": CaseReason.MENDABLE,
        "web": CaseReason.SAME_CAUSE,
        "job": CaseReason.SAME_CAUSE,
    }


def test_a_claim_that_nobody_judges_lets_one_workload_speak_for_the_others():
    gone = 'persistentvolumeclaim "data" not found'
    found = cases(*unschedulable("web", gone, "data"), *unschedulable("job", gone, "data"), *healthy(4))
    assert sorted(reasons(found).values()) == [CaseReason.MENDABLE, CaseReason.SAME_CAUSE]


# ---------------------------------------------------------------- an image, a ConfigMap


def test_of_forty_workloads_with_one_image_the_most_harmful_goes_first():
    facts = [part for number in range(40) for part in cannot_pull(f"d{number:02}", "shop/base:9", 1)]
    found = cases(*facts, *cannot_pull("worst", "shop/base:9"), *healthy(60))
    assert found["worst"].reason is CaseReason.MENDABLE
    assert len(found["worst"].others) == 40
    assert found["worst"].cause == Cause("Image", "", "shop/base:9")
    assert sum(reason is CaseReason.SAME_CAUSE for reason in reasons(found).values()) == 40


def test_another_image_is_another_cause():
    found = cases(*cannot_pull("a", "x:1"), *cannot_pull("b", "y:1"), *healthy(4))
    assert reasons(found) == {"a": CaseReason.MENDABLE, "b": CaseReason.MENDABLE}


def test_the_case_already_open_stays_first_whatever_hurts_more_since():
    facts = [*cannot_pull("late", "x:1", 0), *cannot_pull("early", "x:1", 1), *healthy(4)]
    early = CaseKey("shop", "Deployment", "shop", "early")
    found = cases(*facts, leading={Cause("Image", "", "x:1"): early})
    assert reasons(found) == {"late": CaseReason.SAME_CAUSE, "early": CaseReason.MENDABLE}


def test_the_others_wait_for_a_case_under_proof_though_it_is_whole_already():
    gone = CaseKey("shop", "Deployment", "shop", "mended")
    found = cases(*cannot_pull("next", "x:1"), *healthy(4), leading={Cause("Image", "", "x:1"): gone})
    assert (found["next"].reason, found["next"].first) == (CaseReason.SAME_CAUSE, gone)


def test_an_open_case_that_has_another_cause_by_now_keeps_nobody_waiting():
    facts = [*cannot_pull("moved", "y:2"), *cannot_pull("next", "x:1"), *healthy(4)]
    moved = CaseKey("shop", "Deployment", "shop", "moved")
    assert cases(*facts, leading={Cause("Image", "", "x:1"): moved})["next"].reason is CaseReason.MENDABLE


def test_a_case_that_is_over_does_not_keep_the_next_one_waiting():
    facts = [*cannot_pull("a", "x:1"), *cannot_pull("b", "x:1", 1), *healthy(4)]
    found = cases(*facts, ended={CaseKey("shop", "Deployment", "shop", "a")})
    assert found["b"].reason is CaseReason.MENDABLE


def test_workloads_that_lack_one_config_map_wait_for_one_of_them():
    def lacks(name, key):
        said = f"couldn't find key {key} in ConfigMap shop/settings"
        return [
            deployment(name, available=0),
            replica_set(name),
            pod(f"{name}-x", waiting("CreateContainerConfigError", said), of=name),
        ]

    found = cases(*lacks("a", "URL"), *lacks("b", "URL"), *lacks("c", "MODE"), *healthy(4))
    assert sorted(reasons(found).values()) == [CaseReason.MENDABLE, *[CaseReason.SAME_CAUSE] * 2]
    assert {case.cause for case in found.values()} == {Cause("ConfigMap", "shop", "settings")}


def test_many_workloads_that_cannot_pull_one_image_may_be_a_registry_that_is_gone():
    facts = [part for number in range(5) for part in cannot_pull(f"d{number}", "shop/base:9")]
    assert set(reasons(cases(*facts)).values()) == {CaseReason.STORM}


def test_whole_claims_and_nodes_do_not_make_a_storm_of_workloads_look_small():
    facts = [part for number in range(6) for part in cannot_pull(f"d{number}", f"x:{number}")]
    claims = [claim(f"data-{number}", phase="Bound") for number in range(50)]
    found = cases(*facts, *claims, *healthy(4), wishes=(SHOP, claims_only()))
    assert set(reasons(found).values()) == {CaseReason.STORM}


def test_the_same_world_in_another_order_gives_the_same_queue():
    facts = [part for number in range(6) for part in cannot_pull(f"d{number}", "x:1", number % 2)]
    queues = []
    for order in (facts, facts[::-1]):
        world = observation(*order, *healthy(6))
        queues.append([(case.key, case.reason) for case in triage(judge([SHOP], world), world)])
    assert queues[0] == queues[1]
    shuffled = replace(world, objects=dict(reversed(world.objects.items())))
    assert [(c.key, c.reason) for c in triage(judge([SHOP], shuffled), shuffled)] == queues[0]
