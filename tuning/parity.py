"""Is what is served what was trained? `python -m tuning.parity --base FILE --adapter FOLDER --data FILE`.

Two measurements on judgement prompts. `--layout`: p(Yes) computed in shared rows against each prompt
alone, both in the trainer (they must agree to rounding). With `--model`: the trainer's p(Yes) against the
served model's, and the number of tokens that each reads from the same text (must be equal: a tokenizer or
template that differs shows here first). Exit 1 where a tolerance is passed, 2 where the adapter moves
p(Yes) so little that the server's rounding hides whether it was applied: that is no agreement.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tuning import adapter, base, examples, score, serve

LAYOUT_TOLERANCE = 1e-3
"""float32 rounding in another order of summation."""

SERVED_TOLERANCE = 0.10
"""Ollama rounds activations to 8 bits before each 4-bit product. Measured with SmolLM2 and Qwen 0.5B, bare
and with adapters: up to 0.07, or 0.1 to 0.2 in log-odds where the answer is open."""


def layout_difference(loaded: base.Base, lines: Sequence[examples.Line]) -> float:
    """Largest difference of p(Yes) between shared rows and prompts alone."""
    prompts, groups = [line.prompt for line in lines], [line.group for line in lines]
    together = score.p_yes(loaded, prompts, groups)
    alone = score.p_yes(loaded, prompts)
    return max(abs(one - other) for one, other in zip(together, alone, strict=True))


def main(arguments: list[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    given = _parser().parse_args(arguments)
    lines = [line for line in examples.read(given.data) if line.role == "judge"][: given.prompts]
    loaded = base.load(given.base)
    prompts, groups = [line.prompt for line in lines], [line.group for line in lines]
    bare = score.p_yes(loaded, prompts, groups) if given.adapter and given.model else None
    if given.adapter:
        loaded = adapter.with_adapter(loaded, given.adapter)
    failed = False
    if given.layout:
        difference = layout_difference(loaded, lines)
        failed |= difference > LAYOUT_TOLERANCE
        print(f"layout: largest difference {difference:.2e} over {len(lines)} prompts", flush=True)
    if given.model:
        trained = score.p_yes(loaded, prompts, groups)
        worst = swapped = 0.0
        for line, expected in zip(lines, trained, strict=True):
            got, read = serve.served_p_yes(given.model, line.prompt, host=given.host)
            counted = len(loaded.tokens.ids(line.prompt))
            if read != counted:
                failed = True
                print(f"tokens: the server read {read}, the trainer {counted}")
            worst = max(worst, abs(got - expected))
            swapped += (got > 0.5) != (expected > 0.5)
            print(f"  {line.completion:3} trained {expected:.4f} served {got:.4f}", flush=True)
        failed |= worst > given.tolerance
        print(f"served: largest difference {worst:.4f}, {swapped:.0f} of {len(lines)} on another side of 0.5")
        effect = max((abs(p - q) for p, q in zip(trained, bare, strict=True)), default=0.0) if bare else 1.0
        if effect < 3 * worst:
            print(f"the adapter moves p(Yes) by at most {effect:.4f}: too little to tell; train longer")
            sys.exit(1 if failed else 2)
    sys.exit(1 if failed else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tuning.parity", description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, help="folder that tuning.train wrote")
    parser.add_argument("--data", type=Path, required=True, help="JSON lines; judgements are used")
    parser.add_argument("--prompts", type=int, default=12)
    parser.add_argument("--layout", action="store_true")
    parser.add_argument("--model", help="name in Ollama")
    parser.add_argument("--host", default=os.environ.get("OLLAMA_HOST"))
    parser.add_argument("--tolerance", type=float, default=SERVED_TOLERANCE)
    return parser


if __name__ == "__main__":
    main()
