"""What a model predicts at chosen places of rows: the one forward pass of training and of scoring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuning.base import Base
from tuning.examples import pieces
from tuning.layout import Example, Row, rows


def hidden(model: Any, batch: Sequence[Row], pad: int) -> Any:
    """Last hidden states, shape (rows, longest row, width), of rows as trees (see tuning.layout)."""
    import torch

    device = model.lm_head.weight.device
    longest = max(len(row.tokens) for row in batch)
    ids = torch.full((len(batch), longest), pad)
    places = torch.zeros((len(batch), longest), dtype=torch.long)
    seen = torch.zeros((len(batch), 1, longest, longest), dtype=torch.bool)
    for number, row in enumerate(batch):
        ids[number, : len(row.tokens)] = torch.tensor(row.tokens)
        places[number, : len(row.tokens)] = torch.tensor(row.positions)
        for path in row.paths:
            at = torch.tensor(path)
            seen[number, 0, at[:, None], at[None, :]] |= torch.ones(len(path), len(path)).tril().bool()
    # Padding sees itself: a softmax over nothing would be NaN.
    seen[:, 0].diagonal(dim1=1, dim2=2).fill_(value=True)
    return model.model(
        input_ids=ids.to(device), position_ids=places.to(device), attention_mask=seen.to(device)
    ).last_hidden_state


def loss(model: Any, batch: Sequence[Row], pad: int) -> Any:
    """Weighted sum of the cross-entropies of all completion tokens (a sequence's tokens share its
    weight). The output matrix is applied only where something is predicted."""
    import torch

    states = hidden(model, batch, pad)
    where, what, weight = [], [], []
    for number, row in enumerate(batch):
        for place, token, share in row.targets():
            where.append((number, place))
            what.append(token)
            weight.append(share)
    at = torch.tensor(where, device=states.device)
    logits = model.lm_head(states[at[:, 0], at[:, 1]]).float()
    each = torch.nn.functional.cross_entropy(
        logits, torch.tensor(what, device=states.device), reduction="none"
    )
    return (each * torch.tensor(weight, device=states.device)).sum()


def p_yes(
    base: Base, prompts: Sequence[str], groups: Sequence[str] | None = None, budget: int = 4096
) -> list[float]:
    """P(Yes) / (P(Yes) + P(No)) of each full prompt, the number that the daemon reads from log-probabilities.

    `groups` names what shares a beginning (default: each prompt alone). `budget` is tokens in memory at
    once; a longer prompt is still computed, alone.
    """
    import torch

    yes, no = base.tokens.single("Yes"), base.tokens.single("No")
    members: dict[str, list[Example]] = {}
    for index, prompt in enumerate(prompts):
        tokens = base.tokens.ids(prompt)
        name = groups[index] if groups else str(index)
        # The layout drops the last token, which is what would be predicted: any stands in for it.
        members.setdefault(name, []).append(Example((*tokens, yes), len(tokens), index))
    laid = [
        row
        for several in members.values()
        for row in rows(several, max(budget, *(len(each.tokens) for each in several)))
    ]
    result = [0.0] * len(prompts)
    with torch.inference_mode():
        for batch in pieces(laid, budget):
            states = hidden(base.model, batch, base.tokens.pad)
            for number, row in enumerate(batch):
                last = torch.tensor([path[-1] for path in row.paths], device=states.device)
                logits = base.model.lm_head(states[number, last]).float()[:, [yes, no]]
                for example, value in zip(row.sequences, logits.softmax(-1)[:, 0].tolist(), strict=True):
                    result[example.index] = value
    return result
