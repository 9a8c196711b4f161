"""The shipped adapters are those that their cards describe, made for the weights that are served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gym.models import ADAPTERS, adapter_of, judged_right
from gym.weights import BY_NAME
from remediation.prompt import PROMPT_VERSION
from tuning.card import KEPT, measured_anew
from tuning.serve import sha256

SHIPPED = sorted(folder.name for folder in ADAPTERS.iterdir())


def test_adapters_are_shipped_for_known_weights_only() -> None:
    assert SHIPPED
    assert set(SHIPPED) <= set(BY_NAME)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_tells_of_the_file_beside_it_its_base_and_the_questions_asked_today(name: str) -> None:
    card = json.loads((ADAPTERS / name / "card.json").read_text(encoding="utf-8"))
    adapter = adapter_of(name)
    assert adapter is not None
    assert card["adapter_sha256"] == sha256(adapter)
    assert card["base_sha256"] == BY_NAME[name].sha256
    assert card["prompt_version"] == PROMPT_VERSION


@pytest.mark.parametrize("name", SHIPPED)
def test_its_score_is_a_share_and_none_where_its_card_holds_no_measurement(name: str) -> None:
    card = json.loads((ADAPTERS / name / "card.json").read_text(encoding="utf-8"))
    score = judged_right(name)
    assert (score is None) == (not card["scores"])
    assert score is None or 0 <= score <= 1


def test_weights_without_a_card_have_no_score() -> None:
    assert judged_right("qwen2.5-coder-1.5b") is None


def test_new_scores_leave_the_rest_of_a_card_as_it_was(tmp_path: Path) -> None:
    name = SHIPPED[0]
    shutil.copytree(ADAPTERS / name, tmp_path / name)
    before = json.loads((tmp_path / name / "card.json").read_text(encoding="utf-8"))
    counts = dict.fromkeys((*KEPT, "more"), 3)
    after = measured_anew(tmp_path / name, {"wordings": counts})
    assert after.pop("scores") == {"wordings": dict.fromkeys(KEPT, 3)}
    before.pop("scores")
    assert after == before


def test_scores_of_another_adapter_are_not_put_on_a_card(tmp_path: Path) -> None:
    name = SHIPPED[0]
    shutil.copytree(ADAPTERS / name, tmp_path / name)
    (tmp_path / name / "adapter.gguf").write_bytes(b"another")
    with pytest.raises(ValueError, match="another adapter"):
        measured_anew(tmp_path / name, {})
