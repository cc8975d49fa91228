"""Remedies as changes of a plain model."""

from __future__ import annotations

from dataclasses import replace

import pytest

import attn_interp as ai
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.studies.planted.measured import mass_on_evidence
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes
from attn_interp.studies.remedies.kinds import PLAIN, REMEDIES, changed, named, plain_settings, telling_words

CORPUS = ai.load("planted", documents=200, seed=1)
SETTINGS = ClassifierSettings(embedding_width=8, hidden=4)


def test_the_words_that_tell_most_are_the_planted_ones() -> None:
    assert telling_words(CORPUS) == ("awful", "wonderful")  # 5 % of some fifty words


def test_states_of_the_plain_model_are_as_wide_as_its_word_vectors() -> None:
    assert {plain_settings(encoder, 8).state_width for encoder in ("lstm", "gru", "average", "lstmn")} == {8}


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_each_is_the_plain_model_with_its_own_settings_alone(remedy) -> None:
    settings, training = changed(remedy, CORPUS, SETTINGS, TrainingSettings())
    assert settings == replace(SETTINGS, **remedy.settings)
    assert replace(training, forbidden=()) == TrainingSettings(**remedy.training)
    assert training.forbidden == (("awful", "wonderful") if remedy.name == "deceptive" else ())
    assert (settings, training) != (SETTINGS, TrainingSettings()) or remedy.name == PLAIN


def test_what_a_corpus_does_not_allow_is_said() -> None:
    (*_, supervised) = named(["supervised"])
    with pytest.raises(ValueError, match="supervised: no training document has a rationale"):
        changed(supervised, ai.load("movies"), SETTINGS, TrainingSettings())
    with pytest.raises(ValueError, match="remedy 'prayer' is not known; choose from plain, uniform attention"):
        named(["prayer"])


def test_on_planted_truth_deception_hides_the_evidence_and_rationales_bring_it_out() -> None:
    found = {
        name: mass_on_evidence(Case(SITUATIONS["one keyword"], Sizes(train=160, documents=60, remedy=name), 0)).estimate
        for name in (PLAIN, "deceptive", "supervised")
    }
    assert found["deceptive"] < 0.1 < found[PLAIN] < 0.8 < found["supervised"]
    with pytest.raises(ValueError, match="remedy: 'orthogonal states' is another network"):
        Sizes(remedy="orthogonal states")
