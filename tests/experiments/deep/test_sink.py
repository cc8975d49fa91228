"""Where attention lies beside the words: read from the recording by hand."""

from __future__ import annotations

import pytest
import torch

from attn_interp.experiments.deep.sink import TESTED, sink, why_not
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.recording import record


def test_every_layer_by_hand(bert, planted) -> None:
    """One document: [CLS] words [SEP]; from the query of the view, the mean over heads."""
    document = planted.test[3]
    result = sink(read(bert, [document]))
    batch = bert.batch([document])
    query = int(bert.query_at(batch))
    with torch.no_grad(), record(bert.module, bert.sites) as recording:
        bert.batch_logits(batch)
    frame = result.frame.set_index("layer")
    for index, site in enumerate(bert.sites):
        row = recording[site][0, :, query].mean(0)  # (T,)
        assert frame.loc[f"layer {index}", "outside"] == pytest.approx(float(row[0] + row[-1]), abs=1e-6)
        assert frame.loc[f"layer {index}", "first_token"] == pytest.approx(float(row[0]), abs=1e-6)
        if site.name == bert.view.site:
            heads = slice(None) if bert.view.head == "mean" else [bert.view.head]
            own = recording[site][0, heads, query].mean(0)
            assert frame.loc[TESTED, "outside"] == pytest.approx(float(own[0] + own[-1]), abs=1e-6)
            assert frame.loc[TESTED, "first_token"] == pytest.approx(float(own[0]), abs=1e-6)
    assert frame.loc[TESTED, "log_odds_reached"] == 1


def test_the_column_of_every_result_is_that_of_the_view(bert, planted) -> None:
    reading = read(bert, planted.test[:5])
    view = sink(reading).frame.query("layer == @TESTED")
    assert permutation(reading, draws=2).frame["outside"].tolist() == view["outside"].tolist()
    assert (view["outside"] > 0).all()


def test_a_classifier_that_attends_to_words_alone_has_nothing_outside(reading) -> None:
    assert "words alone" in why_not(reading)
    assert (permutation(reading, draws=2).frame["outside"] == 0).all()


def test_statements_and_verdict(bert, planted) -> None:
    result = sink(read(bert, planted.test[:9]))
    told = result.statements()
    assert told["statistic"].tolist() == ["share of the attention outside the words", "share of it on the first token"]
    mean = result.frame.query("layer == @TESTED")["outside"].mean()
    assert told["estimate"].iloc[0] == pytest.approx(mean)
    assert len(result.verdict()) == 1
