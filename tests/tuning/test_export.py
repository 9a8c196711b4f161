"""What an adapter's matrices are called and how their rows stand in the file that Ollama reads.

That the order is the one the server wants is measured by `python -m tuning.selftest`, which needs torch.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.adapter_file import AdapterFile, state, tensors
from tuning.rope import order_in_gguf, order_in_hugging_face


class Rows(list[int]):
    """Rows that can be put in another order by a list of places, as arrays can."""

    def __getitem__(self, places: list[int]) -> Rows:  # type: ignore[override]
        return Rows(list.__getitem__(self, place) for place in places)


def trained(*parts: str, rows: int = 16) -> dict[str, Rows]:
    return {
        f"base_model.model.model.layers.{block}.{part}.lora_{side}.weight": Rows(range(rows))
        for block in (10, 2)
        for part in parts
        for side in "AB"
    }


@given(heads=st.integers(1, 9), half=st.integers(1, 40))
def test_the_two_orders_undo_each_other(heads: int, half: int) -> None:
    rows = heads * half * 2
    there, back = order_in_gguf(rows, heads), order_in_hugging_face(rows, heads)
    assert [there[place] for place in back] == list(range(rows))


def test_gguf_pairs_neighbours_where_hugging_face_pairs_halves_of_a_head() -> None:
    assert order_in_gguf(16, heads=2) == [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15]


def test_only_q_and_k_of_lora_b_are_reordered_and_only_for_llama() -> None:
    parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    kept = Rows(range(16))
    for arch, moved in (("llama", {"attn_q.weight.lora_b", "attn_k.weight.lora_b"}), ("qwen2", set())):
        named = tensors(trained(*parts), arch, heads=4, kv_heads=2)
        assert {name.split(".", 2)[2] for name, rows in named.items() if rows != kept} == moved
    named = tensors(trained(*parts), "llama", heads=4, kv_heads=2)
    assert named["blk.2.attn_q.weight.lora_b"] == Rows(order_in_gguf(16, 4))
    assert named["blk.2.attn_k.weight.lora_b"] == Rows(order_in_gguf(16, 2))


@given(heads=st.integers(1, 4), half=st.integers(1, 8), arch=st.sampled_from(["llama", "qwen2"]))
def test_what_was_exported_reads_back_as_what_was_trained(heads: int, half: int, arch: str) -> None:
    parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.down_proj")
    before = trained(*parts, rows=heads * half * 2)
    back = state(tensors(before, arch, heads, heads), arch, heads, heads)
    assert dict(back) == before


def test_a_file_tells_the_shape_that_goes_on_from_it() -> None:
    named = tensors(trained("self_attn.q_proj", "self_attn.o_proj"), "qwen2", heads=4, kv_heads=2)
    file = AdapterFile("qwen2", 16.0, named)
    assert (file.rank, file.blocks, file.targets) == (16, (2, 10), ("q_proj", "o_proj"))


def test_a_file_with_two_ranks_or_other_tensors_is_refused() -> None:
    named = {"blk.0.attn_q.weight.lora_a": Rows(range(4)), "blk.0.attn_k.weight.lora_a": Rows(range(8))}
    with pytest.raises(ValueError, match=r"ranks \[4, 8\]"):
        _ = AdapterFile("llama", 16.0, named).rank
    with pytest.raises(ValueError, match="token_embd"):
        state({"token_embd.weight": Rows(range(4))}, "llama", heads=2, kv_heads=1)


def test_tensors_stand_by_block_number_then_name() -> None:
    named = tensors(trained("mlp.down_proj", "self_attn.v_proj"), "qwen2", heads=4, kv_heads=2)
    assert list(named) == [
        f"blk.{block}.{part}.weight.lora_{side}"
        for block in (2, 10)
        for part in ("attn_v", "ffn_down")
        for side in "ab"
    ]


@pytest.mark.parametrize(
    "name", ["base_model.model.lm_head.lora_A.weight", "model.layers.0.self_attn.q_proj.weight"]
)
def test_what_an_adapter_file_cannot_hold_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        tensors({name: Rows(range(4))}, "llama", heads=2, kv_heads=1)
