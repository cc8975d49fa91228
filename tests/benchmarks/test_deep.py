"""The benchmark of a BERT runs, and what it is held against computes the same. No time is asserted."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out

pytest.importorskip("transformers")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("bench_deep")


def test_every_line_is_measured(bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--tiny"])
    printed = capsys.readouterr().out
    lines = ("attention of every layer", "middle layer", "leave-one-out of a decoder", "that answers", "integrated")
    for line in lines:
        assert line in printed


def test_both_ways_compute_the_same(bench) -> None:
    model, documents = bench.model_of(bench.TINY), bench.documents_of(bench.TINY)
    batch = model.batch(documents)
    tokens = batch.is_token[:, None, :, None]
    for ours, theirs in zip(bench.recorded(model, [batch]), bench.eager_attentions(model, [batch]), strict=True):
        assert torch.allclose(ours * tokens, theirs * tokens, atol=1e-6)
    values = leave_one_out(model, batch, torch.zeros(2, dtype=torch.long)).values
    for row, without in enumerate(bench.one_at_a_time(model, documents)):
        whole = model.logits([documents[row]]).softmax(-1)[:, 0]
        expected = whole - without.softmax(-1)[:, 0]
        assert torch.allclose(values[row, : len(expected)], expected, atol=1e-6)
