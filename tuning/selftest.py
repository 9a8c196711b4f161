"""Does an exported adapter do in Ollama what it does in the trainer? `python -m tuning.selftest --base FILE`.

A trained adapter is a poor witness: while it is weak, the server's rounding hides a wrong export. So the
adapter here is random and strong, on q and k only, and it is exported twice: in the right row order and,
as the control, in the other architecture's. The trainer predicts both, and each served model must be
nearer to its own prediction than to the other's by `MARGIN`. How strong is decided before the server is
asked: until the two predictions are `SEPARATION` apart, far above its rounding. Also read back: the
file's own tensors, by their names and as a training that goes on from them takes them (`tuning.train --from`).
Exit 1 otherwise. Needs an Ollama server; about a minute with SmolLM2.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tuning import adapter, adapter_file, base, chatml, rope, score, serve

MARGIN = 2.0
"""How many times nearer; an export in the wrong order gives less than 1. Measured: at least 4.6 (SmolLM2), 9 (Qwen 0.5B)."""

SEPARATION = 1.0
"""Log-odds between the two predictions. The server's rounding makes 0.1 to 0.25 where answers are open."""

QUESTIONS = (
    "Is the sky blue on a clear day?",
    "Is fire cold?",
    "Does an image tag that does not exist stop a pod from starting?",
    "Does a Service without endpoints answer requests?",
    "Is Paris in Germany?",
    "Is 7 larger than 9?",
)


def odds(values: list[float]) -> list[float]:
    """Log-odds: even where p is near 0 or 1, a difference shows."""
    return [math.log(p / (1 - p)) for p in values]


def apart(one: list[float], other: list[float]) -> float:
    """Largest difference."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def read_back(path: Path, named: dict[str, Any]) -> adapter_file.AdapterFile:
    """Raise AssertionError unless the file says that it is an adapter and holds these tensors as f16."""
    import numpy as np

    file = adapter_file.read(path)
    assert list(file.named) == list(named)
    for name, value in file.named.items():
        assert np.array_equal(value, named[name].astype(np.float16)), name
    return file


def goes_on(loaded: base.Base, shape: adapter.Shape, attached: Any, file: adapter_file.AdapterFile) -> None:
    """Raise AssertionError unless a training that begins with the file has the trained values, as f16."""
    import torch

    assert adapter.shape_of_file(loaded, file) == shape
    trained = {name: value.detach().clone() for name, value in attached.named_parameters() if "lora_" in name}
    adapter.load_file_into(attached, shape, file)
    for name, value in attached.named_parameters():
        if name in trained:
            assert torch.equal(value, trained[name].half().float()), name
            value.data.copy_(trained[name])


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tuning.selftest", description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST"))
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch
    from safetensors.numpy import load_file

    loaded = base.load(given.base)
    shape = adapter.shape_of(loaded, 16, 16, ("q_proj", "k_proj"), 0)
    attached = adapter.attach(loaded, shape, seed=1)
    up = {name: value for name, value in attached.named_parameters() if "lora_B" in name}
    prompts = [
        chatml.render([{"role": "user", "content": f"{question} Answer Yes or No."}])
        for question in QUESTIONS
    ]
    other, reorder = (
        ("qwen2", rope.order_in_hugging_face) if shape.arch == "llama" else ("llama", rope.order_in_gguf)
    )
    noise = {name: torch.randn_like(value) for name, value in up.items()}

    def predict(scale: float, *, wrong: bool) -> list[float]:
        """The trainer's log-odds with B = scale * noise, its rows as given or in the other order."""
        with torch.no_grad():
            for name, value in up.items():
                order = reorder(len(value), shape.heads if "q_proj" in name else shape.kv_heads)
                value.copy_(scale * (noise[name][order] if wrong else noise[name]))
        return odds(score.p_yes(loaded, prompts))

    for scale in (0.05, 0.1, 0.2, 0.4, 0.8):
        predicted = {"wrong": predict(scale, wrong=True), "right": predict(scale, wrong=False)}
        if apart(predicted["right"], predicted["wrong"]) >= SEPARATION:
            break
    else:
        sys.exit("no strength tells the two row orders apart: this proves nothing")
    print(f"B scaled by {scale}: the predictions are {apart(*predicted.values()):.2f} apart", flush=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        adapter.save(attached, shape, folder, {})
        state = load_file(folder / "adapter.safetensors")
        served = {}
        for kind, arch in (("right", shape.arch), ("wrong", other)):
            named = adapter_file.tensors(state, arch, shape.heads, shape.kv_heads)
            path = folder / f"{kind}.gguf"
            adapter_file.write(path, named, shape.arch, shape.alpha, kind)
            file = read_back(path, named)
            if kind == "right":
                goes_on(loaded, shape, attached, file)
            name = f"intentd-selftest-{kind}"
            serve.create(name, given.base, path, host=given.host)
            served[kind] = odds([serve.served_p_yes(name, each, host=given.host)[0] for each in prompts])
            serve.remove(name, host=given.host)
    failed = False
    for kind, control in (("right", "wrong"), ("wrong", "right")):
        own, cross = apart(served[kind], predicted[kind]), apart(served[kind], predicted[control])
        failed |= own * MARGIN > cross
        print(f"{kind} rows: {own:.2f} from its own prediction, {cross:.2f} from the other's (log-odds)")
    print("failed" if failed else f"{shape.arch}: the export's row order is the server's")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
