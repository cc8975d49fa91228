"""The alignment experiment: a control that has to align, its null, and encoder-decoders of the transformers library."""

from typing import Any

import numpy as np
import pytest
import torch

from attn_interp.data.corpora.transduction import Transduction, transductions, vocabulary_of
from attn_interp.experiments.deep.alignment import COLUMNS, alignment, matrices
from attn_interp.experiments.result import Result
from attn_interp.models.sequences.encoder_decoder import wrap_encoder_decoder
from attn_interp.models.sequences.seq2seq import Seq2SeqSettings, train_seq2seq, untrained_seq2seq

VOCABULARY = vocabulary_of("reversal")
TEST = transductions("reversal", 1060, 2, 6)[1000:]
SETTINGS = Seq2SeqSettings(values="words", epochs=8)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    trained = train_seq2seq(transductions("reversal", 1000, 2, 6), VOCABULARY, SETTINGS, progress=False)
    null = untrained_seq2seq(VOCABULARY, SETTINGS)
    return {"trained": wrap_encoder_decoder(trained), "untrained": wrap_encoder_decoder(null)}


@pytest.fixture(scope="module")
def result(models) -> Result:
    return alignment(models, TEST)


def test_the_control_aligns_and_the_untrained_model_does_not(result: Result) -> None:
    table = result.summary().set_index(["model", "quantity"])
    assert list(dict.fromkeys(result.summary()["model"])) == ["trained", "untrained"]
    assert table.loc[("trained", "error_rate"), "high"] < 0.1
    assert table.loc[("trained", "mass"), "low"] > 0.8
    null, chance = table.loc[("untrained", "error_rate")], table.loc[("untrained", "chance")]
    assert null["estimate"] > 0.5
    assert abs(null["estimate"] - chance["estimate"]) < 0.25
    assert table.loc[("trained", "right_words"), "low"] > 0.5 > table.loc[("untrained", "right_words"), "high"]
    assert (table["n"] == len(TEST)).all()


def test_a_row_is_that_of_a_loop_over_its_pair(result: Result, models) -> None:
    rows = result.frame[result.frame["model"] == "trained"].set_index("pair")
    assert list(rows.index) == [pair.id for pair in TEST]
    for pair in TEST[:9]:
        (weights,) = matrices(models["trained"], pair).values()
        assert weights.shape == (1, len(pair.target), len(pair.source))
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
        made = {(target, int(row.argmax())) for target, row in enumerate(weights[0])}
        right = len(made & set(pair.alignment))
        row = rows.loc[pair.id]
        assert row["error_rate"] == pytest.approx(1 - 2 * right / (len(made) + len(pair.alignment)))
        assert row["chance"] == pytest.approx(1 - 1 / len(pair.source))
        assert row["mass"] == pytest.approx(np.mean([weights[0][link] for link in pair.alignment]))
        assert row["unlinked"] == 0


def test_batches_and_order_change_nothing(result: Result, models) -> None:
    again = alignment(models, TEST[::-1], size=7).frame.sort_values(["model", "pair"], ignore_index=True)
    expected = result.frame.sort_values(["model", "pair"], ignore_index=True)
    numbers = ["error_rate", "chance", "mass", "right_words"]
    np.testing.assert_allclose(again[numbers], expected[numbers], atol=1e-6)


def test_target_words_without_a_link_are_left_out_and_counted(models) -> None:
    half = Transduction("half", ("a", "b", "c"), ("c", "b", "a"), ((0, 2), (2, 0)))
    none = Transduction("none", ("a", "b", "c"), ("c", "b", "a"), ())
    rows = alignment(models, [half, none]).frame.set_index(["model", "pair"]).loc["trained"]
    assert rows["unlinked"].tolist() == [1, 3]
    assert rows.loc["half", "error_rate"] == 0
    assert rows.loc["none", ["error_rate", "chance", "mass"]].isna().all()


def test_saved_and_loaded(result: Result, tmp_path) -> None:
    result.save(tmp_path)
    loaded = Result.load(tmp_path)
    assert loaded.frame.equals(result.frame)
    assert dict(loaded.columns) == COLUMNS


def test_wrong_use_is_named(models) -> None:
    with pytest.raises(ValueError, match="got 0 models and 60 pairs"):
        alignment({}, TEST)
    with pytest.raises(ValueError, match=r"the id 'reversal-1000' comes twice"):
        alignment(models, [TEST[0], TEST[0]])


SIZES = {
    "t5": {"d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0},
    "bart": {
        **{
            f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in (("layers", 2), ("ffn_dim", 24))
        },
        **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
        **{"d_model": 16, "max_position_embeddings": 20, "decoder_start_token_id": 2},
    },
}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_encoder_decoders_of_transformers_by_layer_and_head(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.AutoConfig.for_model(name, vocab_size=len(VOCABULARY), pad_token_id=0, **SIZES[name])
        module = transformers.AutoModelForSeq2SeqLM.from_config(config)
    model = wrap_encoder_decoder(module, VOCABULARY)
    assert len(model.sites) == 2  # the cross-attention of two layers, and neither self-attention
    result = alignment({"random": model}, TEST[:20])
    assert len(result.frame) == 20 * 2 * 5  # four heads and their mean
    rates = result.summary().query("quantity == 'error_rate'")
    assert rates["head"].tolist() == [*"0123", "mean"] * 2
    assert rates["estimate"].between(0.4, 1).all()
    pair = TEST[0]
    for site in model.sites:
        weights = matrices(model, pair)[site.name]
        assert weights.shape == (4, len(pair.target), len(pair.source))
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
