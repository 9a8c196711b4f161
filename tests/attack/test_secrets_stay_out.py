"""No secret of a tenant reaches the ledger, a notice or the model, whatever it hides in."""

import sqlite3

import pytest

from daemon.kube.evidence import LOG_BYTES, tail
from daemon.records import MESSAGE_CHARS, _violation
from detectors.model import FaultClass, ObjectRef, Severity, Violation
from remediation.model import Candidate, NoPlan
from remediation.plan import plan_change
from remediation.redact import redact_text
from remediation.saga import State
from tests.fakes.manifests import ref
from tests.fakes.rig import BAD, INTENT, Rig
from tests.remediation.guards.ground import LIVE, app

SECRET = "hunter2-hunter2"
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.mark.parametrize(
    "text",
    [
        '{"log":"{\\"password\\":\\"%s\\"}"}',
        '{"a":"{\\\\\\"db_password\\\\\\": \\\\\\"%s\\\\\\"}"}',
        '{"msg":"started with password=%s"}',
        "cmd='run --x=\"password=%s\"'",
        "<password>%s</password>",
        "<dbPassword type='x'>%s</dbPassword>",
        "requirepass %s",
        "machine db login app password %s",
        'password => "%s"',
        "password:\n    %s\n",
        "db_password: |\n  %s\n",
        "password = >-\n  %s\n",
    ],
)
def test_a_named_secret_is_taken_out_however_it_is_written(text):
    clean, found = redact_text(text % SECRET)
    assert SECRET not in clean
    assert found == 1
    assert redact_text(clean) == (clean, 0)


@pytest.mark.parametrize(
    "text",
    [
        "error: password authentication failed for user app",
        "FATAL: password is required to log in",
        "invalid token at line 3",
        "token expired at noon",
        "the secret was not found",
        "authorization header missing",
        "<token>",
        "could not read password file /etc/pw",
    ],
)
def test_messages_about_secrets_stay_readable(text):
    assert redact_text(text) == (text, 0)


def test_a_secret_that_the_length_limit_cuts_is_taken_out_first():
    message = "x" * (MESSAGE_CHARS - 15) + " " + TOKEN
    violation = Violation(
        "i", 0, "d", FaultClass.CRASH_LOOP, Severity.WARNING,
        ObjectRef("Deployment", "shop", "web"), ObjectRef("Pod", "shop", "web-1"), "Error", message, None, {},
    )  # fmt: skip
    assert TOKEN[:10] not in _violation(violation)["message"]


def test_a_log_is_cut_between_lines_so_that_no_secret_loses_its_name():
    log = b"A" * 10 + b"\npassword=" + SECRET.encode() + b"\n" + b"x" * (LOG_BYTES - 8)
    assert SECRET[-7:] not in tail(log)
    assert tail(b"short\nlog") == "short\nlog"


def test_a_change_of_a_field_that_holds_a_secret_is_no_plan():
    live = LIVE | {}
    secret = app(env=[{"name": "MODE", "value": f"postgres://app:{SECRET}@db/x"}])
    live = _with(live, secret)
    plan = plan_change(
        Candidate("c1", "t", ref(LIVE), "s", app(env=[{"name": "MODE", "value": "fast"}])), live
    )
    assert isinstance(plan, NoPlan)
    assert plan.reason == "HoldsSecret"
    assert SECRET not in plan.detail


def _with(live, change):
    from remediation.manifest import merge

    return merge(live, change, ref(live))


def test_a_secret_in_a_changed_field_never_reaches_the_database(tmp_path):
    opened = INTENT.replace(
        "  cooldown", "    - path: spec.template.spec.containers[*].env[*].value\n  cooldown"
    )
    rig = Rig(tmp_path, opened)
    live = rig.cluster.object("Deployment", "shop", "web")
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "fast"}]
    rig._roll_out(rig.cluster.put(live))
    rig.turn(8)
    live = rig.cluster.object("Deployment", "shop", "web")
    box = live["spec"]["template"]["spec"]["containers"][0]
    box["image"], box["env"] = BAD, [{"name": "MODE", "value": f"postgres://app:{SECRET}@db/x"}]
    rig._roll_out(rig.cluster.put(live))
    rig.model.believes = lambda prompt: 0.99 if "MODE" in prompt.rpartition("Change:")[2] else 0.01
    rig.until(State.CLOSED)
    rig.turn(5)
    rig.store.close()
    dump = "\n".join(sqlite3.connect(tmp_path / "ledger.db").iterdump())
    assert SECRET not in dump
    assert SECRET not in "".join(notice.title + notice.body for notice in rig.notifier.sent)
    assert SECRET not in "".join(question.prompt for question in rig.model.asked)
