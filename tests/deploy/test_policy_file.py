"""deploy/manifests/policy.yaml is what the guards' tables say, no older and no newer."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from daemon.cli import app
from daemon.cli.policy import text
from remediation.admission import Account, policy_documents
from remediation.admission.documents import plural
from remediation.guards.sensitive_fields import REASONS
from remediation.merge_keys import API_VERSIONS, RECREATED
from tests.attack.hostile.corpus import ROWS

FILE = Path(__file__).parents[2] / "deploy" / "manifests" / "policy.yaml"


def test_the_checked_in_policy_is_current():
    assert FILE.read_text() == text("intentd/intentd"), (
        "the guards' tables changed: write it again with `intentd policy > deploy/manifests/policy.yaml`"
    )


def test_the_command_prints_it_for_another_account():
    result = CliRunner().invoke(app, ["policy", "--account", "ops/healer"])
    assert result.exit_code == 0
    documents = list(yaml.safe_load_all(result.stdout))
    conditions = {
        condition["expression"]
        for document in documents
        if document["kind"] == "ValidatingAdmissionPolicy"
        for condition in document["spec"]["matchConditions"]
    }
    assert conditions == {'request.userInfo.username == "system:serviceaccount:ops:healer"'}
    assert '"ops"' in str(documents)


@pytest.mark.parametrize("account", ["intentd", "/intentd", "intentd/", "a/b/c", ""])
def test_an_account_without_namespace_or_name_is_a_usage_error(account):
    assert CliRunner().invoke(app, ["policy", "--account", account]).exit_code == 2


def test_every_policy_is_bound_to_deny_and_fails_closed():
    documents = policy_documents(Account())
    policies = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"].endswith("Policy")}
    bindings = {d["spec"]["policyName"]: d["spec"] for d in documents if d["kind"].endswith("Binding")}
    assert policies.keys() == bindings.keys()
    assert {spec["failurePolicy"] for spec in policies.values()} == {"Fail"}
    assert all(spec["validationActions"] == ["Deny"] for spec in bindings.values())


def test_each_kind_that_a_plan_may_touch_has_a_policy_for_its_fields():
    documents = policy_documents(Account())
    covered = {
        resource
        for document in documents
        if document["kind"] == "ValidatingAdmissionPolicy" and document["metadata"]["name"] != "intentd-kinds"
        for rule in document["spec"]["matchConstraints"]["resourceRules"]
        for resource in rule["resources"]
    }
    assert covered == {plural(kind) for kind in API_VERSIONS | RECREATED}


def test_the_corpus_names_every_reason_that_the_sensitive_table_knows():
    named = {row.stop.partition(":")[2] for row in ROWS}
    never_alone = {"Privileged", "Capabilities"}  # they stand inside a securityContext, which is named first
    assert set(REASONS.values()) - never_alone <= named
