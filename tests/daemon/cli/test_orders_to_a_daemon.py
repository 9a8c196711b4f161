"""The command line beside a daemon that answers: a real control socket over the rig's daemon."""

import json

import pytest
from typer.testing import CliRunner

from daemon.cli import app
from daemon.commands import Commands
from daemon.control import ControlServer
from daemon.kill_switch import kill_switch
from remediation.model import Unusable, UnusableReason
from remediation.saga import State
from store.queries import newest_steps
from tests.fakes.rig import BAD, Rig


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(2)
    return rig


@pytest.fixture
def told(tmp_path, rig):
    server = ControlServer(tmp_path / "control.sock", Commands(rig.world, rig.memory))
    settings = tmp_path / "settings.yaml"
    places = {"database": "ledger.db", "socket": "control.sock", "intents": "intents", "kill_switch": "kill"}
    settings.write_text(json.dumps({name: str(tmp_path / place) for name, place in places.items()}))

    def run(*arguments):
        done = CliRunner().invoke(app, [*arguments, "-f", str(settings)])
        return done.exit_code, done.stdout + done.stderr

    yield run
    server.close()


def cells(text):
    """Rows as a person sees them: columns two spaces apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_resume_of_nothing_says_that_nothing_was_paused_and_is_no_error(told):
    assert told("resume") == (0, "nothing was paused\n")


def test_a_pause_is_a_row_of_the_status_and_gone_after_resume(told):
    assert told("pause", "web-runs", "--reason", "node upgrade", "--for", "2h")[0] == 0
    code, said = told("status")
    assert code == 0
    rows = cells(said)
    assert ["SCOPE", "UNTIL (UTC)", "BY", "AGE", "REASON"] in rows
    (row,) = (row for row in rows if row[:1] == ["web-runs"])
    assert row[-1] == "node upgrade"
    assert "{" not in said
    code, said = told("resume")
    assert (code, said) == (0, "all was not paused\nstill paused: web-runs (intentd resume web-runs)\n")
    assert told("resume", "web-runs") == (0, "web-runs resumed\n")
    assert "Pauses:        none" in told("status")[1]


def test_grants_are_a_table_and_can_be_taken_back(told):
    assert told("autonomy", "grant", "ImagePull", "--reason", "two good weeks")[0] == 0
    for command in (("status",), ("autonomy", "list")):
        rows = cells(told(*command)[1])
        assert ["FAULT CLASS", "MODE", "WEIGHTS", "UNTIL (UTC)", "BY", "AGE", "REASON"] in rows
        assert any(row[:4] == ["ImagePull", "auto", "sha256:fake", "changed"] for row in rows)
    assert json.loads(told("autonomy", "list", "-o", "json")[1])[0]["reason"] == "two good weeks"
    assert told("autonomy", "revoke", "ImagePull", "--reason", "it guessed") == (
        0,
        "ImagePull: only proposed from now on (1 revoked)\n",
    )
    assert "no grants" in told("autonomy", "list")[1]


def test_status_as_json_keeps_all(told, rig):
    rig.memory.model_trouble = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    told("pause", "--reason", "lunch")
    status = json.loads(told("status", "-o", "json")[1])
    assert status["running"] is True
    assert {"scope": "all", "reason": "lunch"}.items() <= status["pauses"][0].items()
    assert status["model_trouble"] == "Unreachable: connection refused"
    assert {
        "intents",
        "violations",
        "unknown",
        "open_cases",
        "storm",
        "kill_switch",
        "canaries",
        "grants",
    } <= status.keys()
    assert "the last question got no answer: Unreachable: connection refused" in told("status")[1]


def test_status_without_the_daemon_shows_pauses_and_grants_in_the_same_form(told, rig, tmp_path):
    rig.grant("auto")
    told("pause", "--reason", "lunch", "--for", "1000d")  # the rig's clock is not today's
    (tmp_path / "control.sock").unlink()
    code, said = told("status")
    assert code == 0
    assert "not running" in said
    assert any(row[:2] == ["*", "auto"] for row in cells(said))
    assert json.loads(told("status", "-o", "json")[1])["grants"][0]["mode"] == "auto"


def test_what_the_daemon_refuses_is_a_sentence_and_one(told, rig):
    rig.turn(6)
    rig.set_image(BAD)
    row = rig.until(State.PROPOSED)
    code, said = told("approve", row.case_id, "--digest", "0" * 12)
    assert code == 1
    assert "that is not the digest of the plan that stands now" in said


def test_autonomy_tells_how_far_and_why_with_and_without_the_daemon(told, rig, tmp_path):
    assert told("autonomy") == (0, "nothing was granted or earned: intentd proposes\n")
    told("autonomy", "grant", "ImagePull", "--reason", "two good weeks", "--until", "2999-01-01T00:00")
    told("autonomy", "grant", "*", "--weights", "*", "--mode", "propose", "--reason", "careful")
    told("autonomy", "grant", "ImagePull", "--reason", "three good weeks")
    for _ in range(2):
        code, said = told("autonomy")
        rows = cells(said)
        columns = ["FAULT CLASS", "WEIGHTS", "MODE", "BECAUSE", "HELD", "UNTIL (UTC)", "BY", "AGE", "REASON"]
        assert (code, columns in rows) == (0, True)
        assert ["ImagePull", "fake", "auto", "granted", "0/5", "changed"] in [row[:6] for row in rows]
        assert ["*", "*", "propose", "granted", "-", "changed"] in [row[:6] for row in rows]
        found = json.loads(told("autonomy", "-o", "json")[1])
        assert [one["mode"] for one in found] == ["propose", "auto"]
        (tmp_path / "control.sock").unlink(missing_ok=True)


def test_a_time_that_is_none_is_a_usage_error(told):
    code, said = told("autonomy", "grant", "ImagePull", "--reason", "good", "--until", "tomorrow")
    assert code == 2
    assert "not a time such as" in said


def test_an_approval_of_two_says_how_many_are_missing(tmp_path):
    rig = Rig(tmp_path, grant=False, approvals=2)
    rig.turn(8)
    rig.set_image(BAD)
    row = rig.until(State.PROPOSED)
    orders = Commands(rig.world, rig.memory)
    server = ControlServer(tmp_path / "control.sock", lambda verb, args, _who: orders(verb, args, "alice"))
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"socket": str(tmp_path / "control.sock")}))
    done = CliRunner().invoke(app, ["approve", row.case_id, "--digest", row.digest, "-f", str(settings)])
    server.close()
    assert (done.exit_code, done.stdout) == (0, "approved by alice; 1 more of you have to approve it\n")


def test_kill_stops_every_write_until_it_is_lifted_and_both_are_rows(told, rig):
    rig.turn(6)  # the good image becomes known
    code, said = told("kill", "--reason", "the cluster is on fire")
    assert (code, "nothing is written" in said) == (0, True)
    assert "the cluster is on fire" in kill_switch(rig.world)
    rig.grant("auto")
    rig.set_image(BAD)
    rig.until(State.PROPOSED)
    rig.turn(5)
    assert rig.image == BAD
    assert told("kill", "--lift", "--reason", "it is out") == (0, "lifted\n")
    rig.until(State.VERIFYING, State.CLOSED)
    assert rig.image != BAD
    rows = [step for step in newest_steps(rig.store, limit=500) if step.event == "kill-switch"]
    assert [(row.payload["set"], row.payload["reason"]) for row in rows] == [
        (True, "the cluster is on fire"),
        (False, "it is out"),
    ]


def test_lifting_what_is_not_set_says_so(told):
    assert told("kill", "--lift", "--reason", "sure") == (0, "the kill switch was not set by file\n")


@pytest.mark.parametrize(
    "scope", ["fault-class:ImagePul", "label:team", "namespace:Shop!", "namespace:", "lable:team=a"]
)
def test_a_silence_that_would_cover_nothing_is_refused(told, scope):
    code, said = told("pause", scope, "--reason", "lunch")
    assert code == 1
    assert scope in said
