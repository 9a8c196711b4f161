"""What code offers for each fault, in its own order, and what always holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.model import FaultClass
from intents.fields import covers, parse_path
from remediation.diff import changed_leaves
from remediation.evidence import select
from remediation.lastgood import known_good
from remediation.manifest import merge
from remediation.model import RawEvidence
from tests.fakes import incidents
from tests.fakes.manifests import (
    OPEN,
    Json,
    case,
    container,
    deployment,
    pod,
    ref,
    related,
    replica_set,
    waiting,
)
from tests.remediation.candidates.helpers import app, offered

# ---------------------------------------------------------------- the demo's faults

GOLDEN: dict[str, list[tuple[str, str, Json]]] = {
    "image": [
        (
            "last-known-good",
            "Set the image of container app from shop/web:1.5x back to shop/web:1.4 (the last known good value).",
            app({"image": "shop/web:1.4"}),
        ),
    ],
    "oom": [],
    "config key": [
        (
            "last-known-good",
            (
                "Set the ConfigMap key for env variable DATABASE_URL of container app from DATABSE_URL back to"
                " DATABASE_URL (the last known good value)."
            ),
            app(
                {"env": [{"name": "DATABASE_URL", "valueFrom": {"configMapKeyRef": {"key": "DATABASE_URL"}}}]}
            ),
        ),
        (
            "config-key",
            (
                "Set the ConfigMap key for env variable DATABASE_URL of container app from DATABSE_URL to"
                " DATABASE_USER (ConfigMap web-config has this key, and has no key DATABSE_URL)."
            ),
            app(
                {
                    "env": [
                        {"name": "DATABASE_URL", "valueFrom": {"configMapKeyRef": {"key": "DATABASE_USER"}}}
                    ]
                }
            ),
        ),
    ],
    "selector": [
        (
            "last-known-good",
            "Set the selector label app from wbe back to web (the last known good value).",
            {"spec": {"selector": {"app": "web"}}},
        ),
    ],
    "metric": [],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_candidates_of_a_fault_read_as_expected(name: str) -> None:
    found, raw = incidents.ALL[name]()
    assert [(c.origin, c.summary, c.manifest) for c in offered(found, raw)] == GOLDEN[name]


@pytest.mark.parametrize("name", ["image", "config key", "selector"])
def test_a_candidate_rests_on_evidence_that_is_there(name: str) -> None:
    found, raw = incidents.ALL[name]()
    evidence = select(found, raw)
    for candidate in offered(found, raw):
        assert candidate.rests_on
        assert set(candidate.rests_on) <= set(evidence.ids)


def test_without_a_last_known_good_the_revision_with_ready_pods_is_offered() -> None:
    found, raw = incidents.image()
    (candidate,) = offered(found, replace(raw, last_known_good=None))
    assert candidate.origin == "previous-revision"
    assert candidate.summary == (
        "Set the image of container app from shop/web:1.5x back to shop/web:1.4"
        " (the value in revision 3, which has 1 ready pod)."
    )


def test_without_a_last_known_good_the_near_key_and_the_near_labels_are_offered_first() -> None:
    found, raw = incidents.config_key()
    assert offered(found, replace(raw, last_known_good=None))[0].manifest == GOLDEN["config key"][0][2]
    found, raw = incidents.selector()
    (candidate,) = offered(found, replace(raw, last_known_good=None))
    assert (
        candidate.summary
        == "Set the selector label app from wbe to web (the pods of Deployment web have these labels)."
    )


# ---------------------------------------------------------------- what always holds


@pytest.mark.parametrize("name", incidents.ALL)
def test_an_intent_that_opens_nothing_gets_nothing(name: str) -> None:
    assert offered(*incidents.ALL[name](), editable=()) == ()


def test_a_candidate_that_changes_one_closed_field_too_is_dropped() -> None:
    good = deployment("web", container(image="shop/web:1", resources={"limits": {"memory": "128Mi"}}))
    live = deployment("web", container(image="shop/web:2", resources={"limits": {"memory": "32Mi"}}))
    raw = RawEvidence(live=live, last_known_good=known_good(good))
    only_image = (("Deployment", "spec.template.spec.containers[*].image"),)
    (candidate,) = offered(case(FaultClass.IMAGE_PULL, ref(live)), raw, only_image)
    assert candidate.manifest == app({"image": "shop/web:1"})


_NAME = st.sampled_from(["A", "B", "C"])
_ENV = st.dictionaries(_NAME, st.sampled_from(["1", "2"]))
_CONTAINER = st.tuples(
    st.sampled_from(["shop/web:1", "shop/web:2", "shop/web:3"]), _ENV, st.sampled_from(["32Mi", "64Mi"])
)


@settings(max_examples=100, deadline=None)
@given(
    good=_CONTAINER,
    live=_CONTAINER,
    old=_CONTAINER,
    fault=st.sampled_from(FaultClass),
    opened=st.sets(st.sampled_from(OPEN)),
)
def test_whatever_differs_candidates_are_few_distinct_open_and_mergeable(
    good: Any, live: Any, old: Any, fault: FaultClass, opened: set[tuple[str, str]]
) -> None:
    def workload(spec: Any) -> Json:
        image, env, memory = spec
        entries = [{"name": k, "value": v} for k, v in env.items()]
        return deployment(
            "web", container(image=image, env=entries, resources={"limits": {"memory": memory}})
        )

    now = workload(live)
    before = replica_set(now, 3, *workload(old)["spec"]["template"]["spec"]["containers"], ready=1)
    raw = RawEvidence(
        live=now,
        pods=(pod(now, waiting("CrashLoopBackOff")),),
        related=related(before),
        last_known_good=known_good(workload(good)),
    )
    found = offered(case(fault, ref(now)), raw, tuple(sorted(opened)))
    assert found == offered(case(fault, ref(now)), raw, tuple(sorted(opened)))
    assert len(found) <= 6
    assert [c.id for c in found] == [f"c{n}" for n in range(1, len(found) + 1)]
    assert len({json.dumps(c.manifest, sort_keys=True) for c in found}) == len(found)
    patterns = [parse_path(path) for kind, path in opened if kind == "Deployment"]
    for candidate in found:
        merged = merge(now, candidate.manifest, ref(now))
        assert isinstance(merged, dict)
        touched = changed_leaves(now, merged)
        assert touched
        assert all(any(covers(p, change.path) for p in patterns) for change in touched)
        assert len(candidate.summary) <= 300
