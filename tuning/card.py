"""What an adapter is made of: `python -m tuning.card FOLDER --run RUN --base FILE --data FILE [--scores FILE]`.

Writes FOLDER/card.json beside FOLDER/adapter.gguf: digests of base, data and adapter, the settings and the
length of the training, the prompts' version, and the counts that tuning/evaluate.py measured. Nothing in it
is typed by hand. Without --run the card that is there gets new scores, after a change of what is asked.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from remediation.prompt import PROMPT_VERSION
from tuning.serve import sha256

KEPT = ("mendable", "top", "accepted_right", "accepted_wrong", "hopeless", "refused", "written", "healed", "wrote_wrong", "cause", "asked_cause", "code_right")  # fmt: skip


def card(
    folder: Path, run: Path, base: Path, data: Path, made_by: str, scores: dict[str, Any]
) -> dict[str, Any]:
    """The card's content."""
    notes = json.loads((run / "adapter.json").read_text(encoding="utf-8"))
    return {
        "adapter_sha256": sha256(folder / "adapter.gguf"),
        "base": base.name,
        "base_sha256": sha256(base),
        "prompt_version": PROMPT_VERSION,
        "data": {"made_by": made_by, "sha256": sha256(data)},
        "training": notes,
        "scores": kept(scores),
    }


def kept(scores: dict[str, Any]) -> dict[str, Any]:
    """The counts that a card tells, by split."""
    return {split: {name: counts[name] for name in KEPT} for split, counts in scores.items()}


def measured_anew(folder: Path, scores: dict[str, Any]) -> dict[str, Any]:
    """The card that is there with other scores. ValueError where it is of another adapter or other questions."""
    told: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    now = (sha256(folder / "adapter.gguf"), PROMPT_VERSION)
    if (told["adapter_sha256"], told["prompt_version"]) != now:
        raise ValueError(f"{folder}/card.json is of another adapter or of other questions: name its --run")
    return told | {"scores": kept(scores)}


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.card", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", type=Path, help="folder that tuning.train wrote; needs the next three")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--made-by", help="the command that made the data")
    parser.add_argument("--scores", type=Path, help="JSON of tuning.evaluate")
    parser.add_argument("--model", help="this adapter's name in it")
    given = parser.parse_args(arguments)
    scores = json.loads(given.scores.read_text(encoding="utf-8"))[given.model] if given.scores else {}
    if given.run is None:
        told = measured_anew(given.folder, scores)
    elif given.base and given.data and given.made_by:
        told = card(given.folder, given.run, given.base, given.data, given.made_by, scores)
    else:
        parser.error("--run needs --base, --data and --made-by")
    (given.folder / "card.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
