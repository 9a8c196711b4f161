"""`intentd doctor`: what degrades intentd is a warning, what stops it a failure, and everything has an end."""

import json
import threading
import time

import pytest
import yaml

from daemon.clock import SystemClock
from daemon.doctor import check_intents, examine
from daemon.doctor_model import check_model
from daemon.findings import State
from daemon.kube.rights import MEND, READ, RECREATE, REHEARSE, Right
from daemon.settings import Kubernetes, Model, Settings
from tests.daemon.kube.chaos import ChaosServer, answer
from tests.intents.intent_texts import intent
from tests.model.test_ollama_trouble import chunk, logprobs, says, server

VERSION = {
    "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "", "buildDate": "",
    "goVersion": "", "compiler": "", "platform": "",
}  # fmt: skip


def recreates(*kinds, **more):
    """An intent that lets these kinds be recreated."""
    editable = [{"kind": kind, "path": "metadata.labels.tier", "values": ["a"]} for kind in kinds]
    return intent("db", scope={"namespace": "shop"}, editable=editable, recreate=[*kinds], **more)


def findings(limit=5.0, **settings):
    return list(check_model(Model(**settings), SystemClock(), limit))


class TestTheModel:
    def test_none_configured_is_a_warning_with_whose_turn_it_is(self):
        (found,) = findings()
        assert (found.state, found.check) == (State.WARN, "model")
        assert "your turn: set model.name" in found.remedy

    def test_a_server_that_is_not_there_is_a_warning_and_says_what_happens_meanwhile(self):
        (found,) = findings(name="m", url="http://127.0.0.1:1", patience="7m")
        assert found.state is State.WARN
        assert "cases wait 7m for it, then go to people" in found.message
        assert "start Ollama there" in found.remedy

    def test_a_model_that_the_server_does_not_have_is_a_warning(self):
        with server(says(chunk()), tags={"models": []}) as running:
            (found,) = findings(name="m", url=f"http://127.0.0.1:{running.server_port}")
        assert found.state is State.WARN
        assert "has no model m" in found.message

    def test_a_busy_server_costs_the_limit_once_and_is_a_warning(self):
        ended = threading.Event()
        with server(lambda _: ended.wait(20)) as running:
            before = time.monotonic()
            found = findings(1.0, name="m", url=f"http://127.0.0.1:{running.server_port}")
            took = time.monotonic() - before
            ended.set()
        assert took < 3
        assert {each.check: each.state for each in found} == {
            "model": State.OK,
            "model answers": State.WARN,
            "model on GPU": State.WARN,
        }
        assert "no answer within 1 s" in found[1].message

    def test_a_server_that_answers_is_measured(self):
        with server(says(chunk("Yes", logprobs=logprobs(Yes=0.9, No=0.1)))) as running:
            found = findings(name="m", url=f"http://127.0.0.1:{running.server_port}")
        assert [each.state for each in found[:2]] == [State.OK, State.OK]
        assert "s a diagnosis where a candidate passes (measured now)" in found[1].message


class TestTheWhole:
    @pytest.fixture
    def chaos(self):
        running = ChaosServer()
        yield running
        running.end()

    @pytest.fixture
    def settings(self, tmp_path):
        def made(kubeconfig):
            return Settings(
                database=tmp_path / "ledger.db",
                intents=tmp_path / "intents",
                kubernetes=Kubernetes(kubeconfig=kubeconfig, read_timeout="1s"),
            )

        return made

    def test_each_check_is_told_before_it_is_made_and_none_stops_another(self, settings, tmp_path):
        told = []
        found = list(examine(settings(tmp_path / "no"), model_seconds=3, telling=told.append))
        assert [line.split(":")[0] for line in told] == [f"{n} of 5" for n in range(1, 6)]
        assert {each.check for each in found} == {"intents", "database", "cluster", "prometheus", "model"}

    def test_a_missing_folder_of_intents_is_named(self, settings, tmp_path):
        found = next(examine(settings(tmp_path / "no"), model_seconds=3))
        assert found.state is State.FAIL
        assert f"{tmp_path}/intents: does not exist" in found.message

    def test_refused_credentials_are_a_sentence_with_its_turn(self, settings, chaos, tmp_path):
        chaos.routes["/version/"] = lambda handler: handler.answer(401, b"{}")
        found = {each.check: each for each in examine(settings(chaos.kubeconfig(tmp_path)), model_seconds=3)}
        assert found["cluster"].state is State.FAIL
        assert "does not accept our credentials (401)" in found["cluster"].message
        assert found["cluster"].remedy.startswith("your turn")

    def rights(self, settings, chaos, tmp_path, granted, *intents):
        """What is said of the rights, where only the `granted` ones are there."""
        (tmp_path / "intents").mkdir()
        for number, text in enumerate(intents):
            (tmp_path / "intents" / f"{number}.yaml").write_text(yaml.safe_dump(text))

        def review(handler):
            asked = json.loads(handler.server.writes[-1][2])["spec"]["resourceAttributes"]
            right = Right(asked["verb"], asked.get("group", ""), asked["resource"])
            allowed = right in granted and asked.get("namespace") in (None, "shop")
            answer(201, {"spec": {"resourceAttributes": asked}, "status": {"allowed": allowed}})(handler)

        chaos.routes["/version/"] = answer(200, VERSION)
        chaos.write_answers.extend([review] * 200)
        found = examine(settings(chaos.kubeconfig(tmp_path)), model_seconds=3)
        return {each.check: each for each in found if each.check.endswith("rights")}

    def test_rights_to_recreate_and_rehearse_are_asked_for_where_an_intent_needs_them(
        self, settings, chaos, tmp_path
    ):
        wants = recreates("StatefulSet", "Job", rehearsal={"window": "5s"})
        found = self.rights(settings, chaos, tmp_path, READ | MEND | REHEARSE, wants)
        assert found["rehearsal rights"].state is State.OK
        assert found["recreate rights"].state is State.WARN
        assert found["recreate rights"].message == (
            "missing: create statefulsets in shop, create jobs in shop, "
            "delete statefulsets in shop, delete jobs in shop, get jobs in shop"
        )
        assert found["recreate rights"].remedy.startswith("your turn: deploy/manifests/recreate.yaml")

    def test_rights_that_no_intent_needs_are_not_asked_for(self, settings, chaos, tmp_path):
        found = self.rights(settings, chaos, tmp_path, READ | MEND, intent("web"))
        assert {check: each.state for check, each in found.items()} == {
            "read rights": State.OK,
            "write rights": State.OK,
        }

    def test_a_right_that_is_there_is_no_warning(self, settings, chaos, tmp_path):
        claims = READ | MEND | RECREATE
        found = self.rights(settings, chaos, tmp_path, claims, recreates("PersistentVolumeClaim"))
        assert (found["recreate rights"].state, found["recreate rights"].message) == (State.OK, "3 checked")


class TestTheIntents:
    def found(self, folder):
        (finding,) = check_intents(Settings(intents=folder))
        return finding

    def test_an_empty_folder_is_a_warning_and_says_that_nothing_is_watched(self, tmp_path):
        found = self.found(tmp_path)
        assert found.state is State.WARN
        assert "nothing is watched" in found.message

    def test_a_folder_that_is_not_there_fails(self, tmp_path):
        found = self.found(tmp_path / "missing")
        assert found.state is State.FAIL
        assert "does not exist" in found.message

    def test_a_broken_file_fails_with_its_line(self, tmp_path):
        (tmp_path / "a.yaml").write_text("apiVersion: intentd.io/v1alpha1\nkind: Intent\nspec: 3\n")
        found = self.found(tmp_path)
        assert found.state is State.FAIL
        assert "a.yaml:" in found.message
