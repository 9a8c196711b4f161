"""A look that goes on from the one before sees exactly what a fresh one would."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.judge import judge
from detectors.model import Observation
from detectors.triage import triage
from detectors.world import World
from tests.fakes.world import deployment, intent, pod, replica_set, running, stateful_set, unreadable, waiting

NAMES = [f"pod-{number}" for number in range(40)]
WORKLOADS = ("web", "api")


def a_pod(name: str, kind: int):
    """One of the lives that a pod of this name may lead now; an odd name belongs to `api`."""
    of = WORKLOADS[int(name.rpartition("-")[2]) % 2]
    return [
        lambda: pod(name, running(), of=of),
        lambda: pod(name, running(), of=of, revision=2),
        lambda: pod(name, waiting("ImagePullBackOff"), of=of),
        lambda: pod(name, waiting("CrashLoopBackOff", restarts=5), of=of, revision=2),
        lambda: pod(name, running(), of=of, terminating=True),
        lambda: pod(name, running(), of=None),
        lambda: pod(name, running(), owned_by=("StatefulSet", "db")),
    ][kind]()


def key(fact):
    return fact.metadata.namespace, fact.metadata.name


changes = st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 6), max_size=6)
turns = st.lists(st.tuples(changes, st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=6)


def workloads(second_revision: int):
    """`second_revision`: 0 there is none, 1 it exists but has no replicas, 2 it has."""
    for of in WORKLOADS:
        yield "Deployment", deployment(of, replicas=20)
        yield "ReplicaSet", replica_set(of, revision=1)
        if second_revision:
            yield "ReplicaSet", replica_set(of, revision=2, replicas=second_revision - 1)
    yield "StatefulSet", stateful_set("db")


def seen(pods, fixed, *, gap: bool):
    objects = {kind: {} for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")}
    for kind, fact in fixed:
        objects[kind][key(fact)] = fact
    return Observation(at=1_800_000_000.0, objects={**objects, "Pod": unreadable("Pod") if gap else pods})


def plain(world: World):
    """What a World says, without the order in which the pods of one owner came."""
    owners = {owner: sorted(key(pod) for pod in pods) for owner, pods in world.pods_by_owner.items()}
    same = {owner: {id(pod) for pod in pods} for owner, pods in world.pods_by_owner.items()}
    workers = [
        (each.ref, each.leaving, *(sorted(map(key, part)) for part in (each.pods, each.older, each.troubled)))
        for each in world.in_scope(intent().spec.scope)
    ]
    picked = {id(found) for of in WORKLOADS for found in world.selected("shop", {"app": of})}
    return owners, same, workers, picked, {node: n for node, n in world.pods_on_node.items() if n}


@settings(max_examples=300, deadline=None)
@given(turns, st.integers(0, 6))
def test_going_on_from_the_look_before_changes_nothing_but_the_time_it_takes(turns, first):
    pods = {key(made): made for made in (a_pod(name, first) for name in NAMES)}
    fixed = list(workloads(1))
    world = World(seen(pods, fixed, gap=False))
    plain(world)
    for changed, second_revision, rebuilt, gap in turns:
        pods = dict(pods)
        for name, kind in changed.items():
            pods.pop(("shop", name), None) if kind is None else pods.update(
                {("shop", name): a_pod(name, kind)}
            )
        if rebuilt:
            fixed = list(workloads(second_revision))
        observation = seen(pods, fixed, gap=gap)
        world, fresh = world.then(observation), World(observation)
        assert plain(world) == plain(fresh)
        gone_on, anew = (judge([intent()], observation, world=each) for each in (world, fresh))
        assert sorted(map(str, gone_on.settling)) == sorted(map(str, anew.settling))
        assert {v.fingerprint: v.facts for v in gone_on.violations} == {
            v.fingerprint: v.facts for v in anew.violations
        }
        cases = [triage(j, observation, world=w) for j, w in ((gone_on, world), (anew, fresh))]
        assert [(case.key, case.reason) for case in cases[0]] == [
            (case.key, case.reason) for case in cases[1]
        ]


def test_one_changed_pod_costs_no_other_workload_anything():
    pods = {key(made): made for made in (a_pod(name, 0) for name in NAMES)}
    fixed = list(workloads(0))
    first = World(seen(pods, fixed, gap=False))
    before = {each.ref.name: each for each in first.in_scope(intent().spec.scope)}
    ill = a_pod("pod-1", 2)
    second = first.then(seen({**pods, key(ill): ill}, fixed, gap=False))
    after = {each.ref.name: each for each in second.in_scope(intent().spec.scope)}
    assert after["web"] is before["web"]
    assert after["api"].troubled == (ill,)
