"""Every secret of the corpus, wherever it stands, reaches neither ledger, notice, log nor model."""

import json
import random
import sqlite3

import pytest
import structlog

from daemon.logs import configure_logging
from remediation.redact import redact_manifest, redact_text
from remediation.saga import State
from tests.attack.secrets.corpus import AROUND, LEAKS, LIMITS, TOKENS, VALUE
from tests.attack.secrets.places import PLACES, SPLIT, taken_from_the_harmless
from tests.fakes.rig import BAD, INTENT, Rig


def test_the_corpus_is_large_and_no_row_stands_twice():
    assert len({leak.name for leak in LEAKS}) == len(LEAKS) >= 1000
    assert all(leak.secret in leak.text for leak in LEAKS)


def test_no_secret_survives_in_text():
    assert [leak.name for leak in LEAKS if leak.secret in redact_text(leak.text)[0]] == []


def test_redacting_the_corpus_twice_changes_nothing_more():
    once = [redact_text(leak.text)[0] for leak in LEAKS]
    assert [text for text in once if redact_text(text) != (text, 0)] == []


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_survives_in_an_object(place):
    chosen = random.Random(4).sample(LEAKS, 400)
    survived = [
        leak.name
        for leak in chosen
        if leak.secret in json.dumps(redact_manifest(PLACES[place](leak.text))[0], ensure_ascii=False)
    ]
    assert survived == []


@pytest.mark.parametrize("split", SPLIT)
def test_a_secret_whose_name_stands_in_another_field_does_not_survive(split):
    clean, found = redact_manifest(SPLIT[split])
    assert VALUE not in json.dumps(clean)
    assert found >= 1


def test_nothing_harmless_is_taken_out():
    assert taken_from_the_harmless() == []


@pytest.mark.parametrize("limit", LIMITS)
def test_what_no_rule_can_tell_from_a_word_is_stated(limit):
    text, secret = LIMITS[limit]
    assert secret in redact_text(text)[0]


def test_a_log_line_of_ours_is_redacted_whatever_brings_the_secret(capsys):
    configure_logging("json")
    try:
        int(f"postgres://app:{VALUE}@db/shop")
    except ValueError:
        structlog.get_logger("test").exception("failed", url=f"https://x:{VALUE}@h/", args=["--token", VALUE])
    structlog.reset_defaults()
    told = capsys.readouterr().err
    assert "failed" in told
    assert VALUE not in told


LINES = [form.format(token) for token in TOKENS.values() for form in list(AROUND.values())[1:3]]
NAMED = [leak for leak in LEAKS if leak.secret == VALUE and "\n" not in leak.text]


@pytest.mark.parametrize("part", range(4))
def test_no_secret_of_a_tenant_goes_through_the_whole_daemon(tmp_path, part, capfd):
    """Logs, events, messages, environment, annotations and a ConfigMap are full of them; a case runs to its end."""
    rig = Rig(tmp_path, INTENT)
    rig.turn(8)
    chosen = [leak.text for leak in random.Random(part).sample(NAMED, 20)] + LINES[part * 15 : part * 15 + 15]
    rig.broken = lambda image: {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": "app",
                "image": image,
                "ready": False,
                "restartCount": 3,
                "state": {
                    "waiting": {"reason": "ImagePullBackOff", "message": f"Back-off {image}: {chosen[0]}"}
                },
                "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "message": chosen[1]}},
            }
        ],
    }
    live = rig.cluster.object("Deployment", "shop", "web")
    box = live["spec"]["template"]["spec"]["containers"][0]
    box["image"] = BAD
    box["env"] = [{"name": f"NOTE_{n}", "value": text} for n, text in enumerate(chosen[2:8])]
    box["args"] = ["run", *chosen[8:12]]
    box["envFrom"] = [{"configMapRef": {"name": "web"}}]
    live["metadata"].setdefault("annotations", {})["note"] = chosen[12]
    rig.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web", "namespace": "shop"},
            "data": {"app.conf": "\n".join(chosen[13:20])},
        }
    )
    rig._roll_out(rig.cluster.put(live))
    pods = [pod for pod in rig.cluster._objects if pod[0] == "Pod"]
    for _, _, name in pods:
        rig.cluster.logs[name, "app", False] = "\n".join(chosen[20:30])
        rig.cluster.logs[name, "app", True] = "\n".join(chosen[30:])
        rig.cluster.events += [
            {
                "kind": "Event",
                "metadata": {"name": f"e{n}", "namespace": "shop"},
                "involvedObject": {"kind": "Pod", "name": name},
                "reason": "Failed",
                "message": text,
                "type": "Warning",
                "count": 1,
                "lastTimestamp": "2026-01-05T10:00:00Z",
            }
            for n, text in enumerate(chosen[:6])
        ]
    rig.until(State.CLOSED)
    rig.turn(3)
    rig.store.close()
    kept = {
        "ledger": "\n".join(sqlite3.connect(tmp_path / "ledger.db").iterdump()),
        "notices": "".join(notice.title + notice.body for notice in rig.notifier.sent),
        "prompts": "".join(question.system + question.prompt for question in rig.model.asked),
        "logs": "".join(capfd.readouterr()),
    }
    assert kept["prompts"]
    secrets = [VALUE, *TOKENS.values()]
    assert {where: [secret for secret in secrets if secret in text] for where, text in kept.items()} == {
        where: [] for where in kept
    }
