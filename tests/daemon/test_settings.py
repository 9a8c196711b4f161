"""Settings: what is not known is refused where it was written, and the reference says what is so."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.cli import app
from daemon.environment import strangers, variable
from daemon.settings import SettingsError, all_paths, load_settings
from daemon.settings_reference import described, in_force, markdown

ROOT = Path(__file__).parents[2]
KNOWN = frozenset(variable(*path) for path in all_paths())


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "intentd.yaml"
    path.write_text("{}")
    return path


class TestTheEnvironment:
    def test_a_mistyped_variable_is_refused_with_the_nearest_known_one(self, file, monkeypatch):
        monkeypatch.setenv("INTENTD_LIMITS_MODE", "observe")
        with pytest.raises(SettingsError, match=r"INTENTD_LIMITS_MODE: .* mean INTENTD_LIMITS__MODE\?"):
            load_settings(file)

    def test_a_variable_like_none_says_where_all_are_listed(self, file, monkeypatch):
        monkeypatch.setenv("INTENTD_ZZZZZZZZZZZZ", "1")
        with pytest.raises(SettingsError, match=r"INTENTD_ZZZZZZZZZZZZ: .* `intentd settings --reference`"):
            load_settings(file)

    def test_all_mistakes_come_at_once_each_where_it_was_made(self, file, monkeypatch):
        monkeypatch.setenv("INTENTD_MODEL__NAMEE", "qwen")
        monkeypatch.setenv("INTENTD_HTTP__PORT", "http")
        file.write_text("{1: 2, modle: {}, model: {timeout: soon}}")
        with pytest.raises(SettingsError) as refused:
            load_settings(file)
        lines = sorted(str(refused.value).splitlines())
        assert [line.split(" ")[0] for line in lines] == [
            str(file) + ":",
            str(file) + ":",
            str(file) + ":",
            "INTENTD_HTTP__PORT:",
            "INTENTD_MODEL__NAMEE:",
        ]
        assert "modle: there is no such setting. Did you mean model?" in str(refused.value)

    def test_what_kubernetes_tells_pods_of_a_service_is_no_mistake(self):
        links = {
            "INTENTD_SERVICE_HOST": "10.0.0.1",
            "INTENTD_SERVICE_PORT_HTTP": "9464",
            "INTENTD_PORT": "tcp://10.0.0.1:9464",
            "INTENTD_PORT_9464_TCP_ADDR": "10.0.0.1",
            "INTENTD_METRICS_SERVICE_HOST": "10.0.0.2",
            "INTENTD_METRICS_PORT": "tcp://10.0.0.2:9464",
        }
        assert list(strangers(links, KNOWN)) == []
        assert [name for name, _ in strangers({"INTENTD_PORT": "9464"}, KNOWN)] == ["INTENTD_PORT"]

    def test_case_does_not_matter(self):
        assert list(strangers({"intentd_model__name": "qwen"}, KNOWN)) == []

    def test_every_variable_that_this_repository_names_is_known(self):
        folders = ("daemon", "deploy", "systemd", "gym", "docs", "benchmarks", "tuning", "tests/gym")
        files = [ROOT / "README.md", *(found for name in folders for found in (ROOT / name).rglob("*"))]
        named = {
            name
            for found in files
            if found.name != "environment.py"  # it names beginnings
            and found.is_file()
            and found.suffix in {".py", ".md", ".yaml", ".environment", ".service"}
            for name in re.findall(r"INTENTD_[A-Z][A-Z_]*[A-Z]", found.read_text())
        }
        examples = {"INTENTD_PORT", "INTENTD_SERVICE_HOST", "INTENTD_PORT_9464_TCP"}
        assert "INTENTD_PROMETHEUS__URL" in named
        assert [name for name, _ in strangers(dict.fromkeys(named - examples, ""), KNOWN)] == []


class TestFreezesAndGates:
    def test_dates_are_read_as_yaml_writes_them_and_from_the_environment(self, file, monkeypatch):
        file.write_text(
            "limits:\n  freezes:\n    - {from: 2026-12-23, until: 2027-01-02, reason: holidays}\n"
        )
        (freeze,) = load_settings(file).limits.freezes
        assert (freeze.from_, freeze.until, freeze.time_zone) == ("2026-12-23", "2027-01-02", "UTC")
        monkeypatch.setenv("INTENTD_LIMITS__GATES", '[{"query": "ALERTS"}]')
        assert [gate.query for gate in load_settings(file).limits.gates] == ["ALERTS"]

    @pytest.mark.parametrize(
        ("limits", "says"),
        [
            ({"freezes": [{"from": "2026-12-23", "until": "2026-12-22", "reason": "x"}]}, "is empty"),
            ({"freezes": [{"from": "2026-12-23", "until": "2026-12-24"}]}, "reason"),
            ({"freezes": [{"from": "tomorrow", "until": "2026-12-24", "reason": "x"}]}, "is not a date"),
            (
                {
                    "freezes": [
                        {"from": "2026-12-23", "until": "2026-12-24", "reason": "x", "time_zone": "Mars"}
                    ]
                },
                "Mars",
            ),
            ({"gates": [{"query": "ALERTS{"}]}, "{ is not closed"),
            ({"gates": [{}]}, "query"),
        ],
    )
    def test_one_that_would_hold_nothing_back_is_a_mistake(self, file, limits, says):
        file.write_text(json.dumps({"limits": limits}))
        with pytest.raises(SettingsError, match=re.escape(says)):
            load_settings(file)

    @pytest.mark.parametrize("named", ["switch", "ops/", "/switch", "ops/switch/x", "Ops/switch"])
    def test_a_kill_switch_that_names_no_config_map_is_a_mistake(self, file, named):
        file.write_text(json.dumps({"kill_switch_config_map": named}))
        with pytest.raises(SettingsError, match="kill_switch_config_map"):
            load_settings(file)


class TestTheReference:
    def test_the_document_is_current(self):
        current = (ROOT / "docs" / "settings.md").read_text()
        assert current == markdown(), "write it anew: intentd settings --reference > docs/settings.md"

    def test_every_setting_says_what_it_means(self):
        assert [one.name for one in described() if not one.meaning] == []

    def test_every_setting_of_the_models_is_in_it(self):
        groups = {path[0] for path in all_paths() if len(path) > 1}
        leaves = {".".join(path) for path in all_paths() if path[-1] not in groups or len(path) > 1}
        assert {one.name for one in described()} == leaves


class TestWhatIsInForce:
    def test_each_setting_says_where_it_comes_from(self, file, monkeypatch):
        monkeypatch.setenv("INTENTD_MODEL__NAME", "from-the-environment")
        given = {"model": {"name": "from-the-file", "timeout": "9s"}, "look_interval": "7s"}
        file.write_text(json.dumps(given))
        found = {one.name: (one.value, one.source) for one in in_force(load_settings(file), given)}
        assert found["model.name"] == ("from-the-environment", "INTENTD_MODEL__NAME")
        assert found["model.timeout"] == ("9s", "file")
        assert found["look_interval"] == ("7s", "file")
        assert found["limits.mode"] == ("auto", "default")

    def test_no_secret_is_shown(self, file):
        file.write_text(
            json.dumps({"model": {"token": "hunter2"}, "notify": {"urls": ["mailto://a:hunter2@b"]}})
        )
        for form in ("table", "json"):
            done = CliRunner().invoke(app, ["settings", "-f", str(file), "-o", form])
            assert done.exit_code == 0
            assert "hunter2" not in done.output
            assert "notify.urls" in done.output
