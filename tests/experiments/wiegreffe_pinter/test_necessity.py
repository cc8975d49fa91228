"""Necessity and guides: where attention decides it is called needed, where it does not, not needed."""

from dataclasses import replace
from functools import cache

import pytest

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.models.classifiers.frozen_attention import GivenAttention, attention_of_rationales, uniform
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained, UnderAttention
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.statistics.two_one_sided import NEEDED, NOT_NEEDED

SMALL = ClassifierSettings(encoder="average", embedding_width=10, hidden=6, dropout=0.0)
QUICK = TrainingSettings(epochs=10, patience=10, learning_rate=0.03, batch_size=64)
SEEDS = (0, 1, 2)
FITTED: dict[tuple[object, ...], Trained] = {}
"""What several tests train, trained once."""


@cache
def one_word_among_noise(seed: int = 0) -> Corpus:
    """Forty words and more of which one decides: in their mean it drowns."""
    return load("planted", documents=700, least_length=40, most_length=50, seed=seed)


@cache
def one_word_of_few(seed: int = 0) -> Corpus:
    """Two to four words: their mean says as much as any other weighting."""
    return load("planted", documents=1500, least_length=2, most_length=4, seed=seed)


def runs(
    corpus: Corpus, settings: ClassifierSettings, attention=None, seeds=SEEDS, training=QUICK
) -> dict[int, Trained]:
    if attention is not None:
        return {s: fit_classifier(corpus, settings, training, s, progress=False, attention=attention) for s in seeds}
    keys = {seed: (corpus.fingerprint(), settings, training, seed) for seed in seeds}
    for seed, key in keys.items():
        if key not in FITTED:
            FITTED[key] = fit_classifier(corpus, settings, training, seed, progress=False)
    return {seed: FITTED[key] for seed, key in keys.items()}


def judged(corpus: Corpus, margin: float) -> Result:
    frozen = replace(SMALL, attention="uniform")
    models = {"attention": runs(corpus, SMALL), "uniform": runs(corpus, frozen)}
    return necessity(models, corpus.test, margin=margin)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("made", "verdict"), [(one_word_among_noise, NEEDED), (one_word_of_few, NOT_NEEDED)])
def test_the_verdict_is_right_on_either_side(made, verdict, seed) -> None:
    result = judged(made(seed), margin=0.05)
    table = result.summary().query("statistic == 'difference'").set_index("quantity")
    assert table.loc["accuracy", "verdict"] == verdict
    assert (table.loc["accuracy", "p_equivalent"] <= 0.05) == (verdict == NOT_NEEDED)
    assert table.loc["accuracy", "low"] <= table.loc["accuracy", "estimate"] <= table.loc["accuracy", "high"]
    assert set(table["seeds"]) == {3}


def test_a_model_against_itself_is_never_called_needed() -> None:
    corpus = one_word_of_few()
    models = runs(corpus, SMALL, seeds=(0, 1))
    table = necessity({"attention": models, "again": models}, corpus.test, margin=0.05).summary()
    differences = table.query("statistic == 'difference'")
    assert (differences["estimate"] == 0).all()
    assert (differences["verdict"] == NOT_NEEDED).all()


def test_frame_and_settings_say_what_was_compared(tmp_path) -> None:
    corpus = one_word_of_few()
    models = runs(corpus, SMALL, seeds=(4, 5), training=replace(QUICK, epochs=1))
    result = necessity({"attention": models}, corpus.test[:7], margin=0.03)
    assert len(result.frame) == 2 * 7
    assert result.settings["seeds"] == [4, 5]
    assert result.settings["margin"] == 0.03
    same = result.frame["label"] == result.frame["predicted"]
    assert (result.frame["correct"] == same).all()
    assert ((result.frame["probability_label"] > 0.5) == same).all()
    result.save(tmp_path)
    assert Result.load(tmp_path).frame.equals(result.frame)


def test_a_guide_that_points_at_the_evidence_helps_and_one_that_points_away_does_not() -> None:
    corpus = one_word_among_noise()
    everything = [document for split in corpus.splits.values() for document in split]
    human = attention_of_rationales(everything)
    away = GivenAttention({k: (1 - v) / (len(v) - 1) for k, v in human.weights.items()})
    models = {
        name: {
            seed: UnderAttention(trained, given) for seed, trained in runs(corpus, SMALL, given, seeds=(0, 1)).items()
        }
        for name, given in {"uniform": uniform, "own learned": None, "human": human, "away": away}.items()
    }
    result = guide(models, corpus.test)
    table = result.summary().query("quantity == 'accuracy'").set_index(["guide", "statistic"])
    assert table.loc[("human", "score"), "estimate"] == 1.0
    assert table.loc[("human", "difference"), "low"] > 0.1
    assert table.loc[("own learned", "difference"), "estimate"] > 0.1
    assert table.loc[("away", "difference"), "estimate"] < 0.05
    assert "verdict" not in table.columns
    uniform_score, human_score = (table.loc[(name, "score"), "estimate"] for name in ("uniform", "human"))
    assert table.loc[("human", "difference"), "estimate"] == pytest.approx(human_score - uniform_score)


def test_wrong_input_is_named() -> None:
    corpus = one_word_of_few()
    few = replace(QUICK, epochs=1)
    one, other = (fit_classifier(corpus, SMALL, few, seed, progress=False) for seed in (0, 1))
    with pytest.raises(ValueError, match="there is no condition 'attention' to compare with; given are 'a'"):
        necessity({"a": {0: one}}, corpus.test)
    with pytest.raises(ValueError, match="the seeds differ between conditions"):
        necessity({"attention": {0: one}, "a": {1: other}}, corpus.test)
    with pytest.raises(ValueError, match="no documents were given"):
        necessity({"attention": {0: one}}, [])
    with pytest.raises(ValueError, match="margin must be above 0, got 0"):
        necessity({"attention": {0: one}}, corpus.test, margin=0)
    with pytest.raises(ValueError, match="there is no guide 'uniform' to compare with; given are 'a'"):
        guide({"a": {0: UnderAttention(one)}}, corpus.test)
    with pytest.raises(ValueError, match="margin must be above 0"):
        guide({"uniform": {0: UnderAttention(one)}}, corpus.test, margin=-1)
    with pytest.raises(ValueError, match="do not have the same classes"):
        necessity({"attention": {0: one}, "a": {0: replace(one, classes=("x", "y"))}}, corpus.test)
    with pytest.raises(TypeError, match=r"give the models as \{condition: \{seed: model\}\}, got a dict"):
        necessity({"attention": [one]}, corpus.test)
