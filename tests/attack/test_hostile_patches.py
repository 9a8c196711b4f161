"""Patches that nobody wrote down (`tests.attack.hostile.made`): no object gains any power."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.attack.hostile.ground import REGISTRY, objects
from tests.attack.hostile.made import KINDS, PATCHES, Ground
from tests.attack.hostile.oracle import gained


@pytest.fixture(scope="module")
def ground():
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        yield ground
        ground.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(manifest=PATCHES, kind=KINDS)
def test_no_patch_gives_an_object_more_power_even_where_an_intent_opens_all_that_it_touches(
    ground, manifest, kind
):
    assert ground.send(manifest, kind)[1] == {}


def test_the_oracle_takes_pinning_by_digest_for_no_gain_and_everything_else_for_one():
    plain = next(item for item in objects("shop") if item["kind"] == "Deployment")
    pinned, elsewhere, root = (json.loads(json.dumps(plain)) for _ in range(3))
    pinned["spec"]["template"]["spec"]["containers"][0]["image"] = f"{REGISTRY}/web@sha256:{'cd' * 32}"
    elsewhere["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example.com/web:1"
    root["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0}
    assert gained(plain, pinned) == {}
    assert gained(pinned, plain) != {}
    assert gained(plain, elsewhere) != {}
    assert gained(plain, root) != {}
