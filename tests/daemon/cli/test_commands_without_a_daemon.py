"""What people meet first: no daemon, no cluster, no files, mistakes in settings. A sentence, and an exit code."""

import json
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from daemon.cli import app
from remediation.saga import State
from tests.fakes.rig import BAD, INTENT, Rig


@pytest.fixture
def told(tmp_path, monkeypatch):
    for name in (
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "STATE_DIRECTORY",
        "CONFIGURATION_DIRECTORY",
        "RUNTIME_DIRECTORY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        json.dumps(
            {
                "database": str(tmp_path / "ledger.db"),
                "socket": str(tmp_path / "control.sock"),
                "intents": str(tmp_path / "intents"),
            }
        )
    )

    def run(*arguments):
        done = CliRunner().invoke(app, [*arguments, "-f", str(settings)])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_the_version_is_the_packages():
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.stdout == f"intentd {version('intentd')}\n"


def test_the_list_of_commands_holds_whole_sentences():
    done = CliRunner().invoke(app, ["-h"])
    assert done.exit_code == 0
    commands = done.stdout.split("Commands:")[1].strip().splitlines()
    assert [line for line in commands if not line.endswith(".") or line.endswith("...")] == []


def test_status_without_a_database_says_how_to_get_one(told):
    code, _, said = told("status")
    assert code == 2
    assert "does not exist: start `intentd run` once" in said


def test_orders_without_a_daemon_say_that_none_answers(told):
    code, _, said = told("pause", "--reason", "lunch")
    assert code == 3
    assert "no intentd answers on" in said


def test_once_without_a_kubeconfig_names_the_place_and_the_remedy(told):
    code, _, said = told("run", "--once")
    assert code == 3
    assert "no kubeconfig at" in said
    assert "kubernetes.kubeconfig" in said


def test_once_without_a_cluster_says_that_nothing_could_be_judged_and_logs_nothing(told, tmp_path):
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "web.yaml").write_text(INTENT)
    (tmp_path / "settings.yaml").write_text(
        json.dumps(
            {
                "intents": str(tmp_path / "intents"),
                "database": str(tmp_path / "ledger.db"),
                "kubernetes": {"kubeconfig": str(nobody_answers(tmp_path))},
                "log_format": "json",
            }
        )
    )
    code, out, said = told("run", "--once", "--wait", "1")
    assert code == 3
    assert "nothing could be judged" in said
    assert "unknown: web-runs: Deployment: https://127.0.0.1:1 refuses connections" in said
    assert "{" not in out + said


def nobody_answers(folder):
    named = {"name": "x"}
    kubeconfig = {
        "clusters": [named | {"cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [named | {"user": {"token": "t"}}],
        "contexts": [named | {"context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    return folder / "kubeconfig"


def test_a_misspelt_setting_is_named_with_its_remedy(told, tmp_path):
    (tmp_path / "settings.yaml").write_text("prometeus: {url: x}\nmodel: {context_tokens: 7}\n")
    code, _, said = told("status")
    assert code == 2
    assert "prometeus" in said
    assert "model.context_tokens" in said


def test_a_variable_that_is_no_json_is_a_sentence(told, monkeypatch):
    monkeypatch.setenv("INTENTD_LIMITS", "propose")
    code, _, said = told("status")
    assert code == 2
    assert "limits" in said
    assert "INTENTD_LIMITS__MODE=propose" in said


def test_a_ledger_whose_place_cannot_be_read_is_a_sentence(told, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "settings.yaml").write_text(f"database: {tmp_path}/file/ledger.db\n")
    code, _, said = told("cases")
    assert code == 2
    assert "cannot be read (Not a directory)" in said


def test_explain_ends_with_the_words_that_approve(told, tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    row = rig.until(State.PROPOSED)
    rig.store.close()
    _, out, _ = told("explain", row.case_id)
    assert f"intentd approve {row.case_id} --digest {row.digest[:12]}" in out


def test_check_of_what_is_missing_is_an_error_with_the_remedy_and_counts_no_file(told, tmp_path):
    code, _, said = told("check", str(tmp_path / "nowhere"))
    assert code == 1
    assert f"{tmp_path}/nowhere: does not exist. Name a file or a folder of intents that exists" in said
    assert "0 files, 0 intents, 1 problem" in said


class TestAfterADaemon:
    """The ledger of a finished case, read without a daemon."""

    @pytest.fixture
    def case(self, told, tmp_path):
        rig = Rig(tmp_path)
        rig.turn(8)
        rig.set_image(BAD)
        row = rig.until(State.CLOSED)
        rig.store.close()
        return row.case_id

    def test_cases_lists_it(self, told, case):
        code, out, _ = told("cases")
        assert code == 0
        assert case in out
        assert "fixed" in out

    def test_explain_tells_the_whole_story(self, told, case):
        code, out, _ = told("explain", case)
        assert code == 0
        for part in (
            "Seen",
            "Evidence",
            "Cause",
            "Candidates",
            "Change",
            "Guards",
            "Undo",
            "Timeline",
            "shop/web:1.4",
            "intentd undo",
        ):
            assert part in out

    def test_explain_as_json_holds_the_same(self, told, case):
        _, out, _ = told("explain", case.split("-")[0], "-o", "json")
        story = json.loads(out)
        assert story["change"][0]["after"] == "shop/web:1.4"
        assert {guard["guard"] for guard in story["guards"]} >= {
            "kill-switch",
            "editable",
            "sensitive",
            "budget",
            "mode",
        }

    def test_the_ledger_verifies_and_a_noted_head_is_found(self, told, case):
        code, out, _ = told("ledger", "verify", "-o", "json")
        assert code == 0
        head = json.loads(out)["head"]
        assert told("ledger", "verify", "--head", head)[0] == 0
        assert told("ledger", "verify", "--head", "0" * 63 + "1")[0] == 1

    def test_a_tampered_ledger_is_called_broken(self, told, case, tmp_path):
        import sqlite3

        with sqlite3.connect(tmp_path / "ledger.db") as database:
            database.execute("DROP TRIGGER ledger_is_append_only")
            database.execute("UPDATE ledger SET payload = '{}' WHERE seq = 4")
        code, _, said = told("ledger", "verify")
        assert code == 1
        assert "row 4 was changed" in said

    def test_backup_copies_and_never_overwrites(self, told, case, tmp_path):
        assert told("ledger", "backup", str(tmp_path / "copy.db"))[0] == 0
        code, _, said = told("ledger", "backup", str(tmp_path / "copy.db"))
        assert code == 2
        assert "never overwritten" in said

    def test_an_unknown_case_says_where_to_look(self, told, case):
        code, _, said = told("show", "nope")
        assert code == 1
        assert "intentd cases" in said
