"""Situations are what they say, claims are decided, trials are kept and are the same in any process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attn_interp.data.corpora.planted import FILLERS, KEYWORDS
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import UNKNOWN_ID
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.frozen_attention import GivenAttention
from attn_interp.models.given_attention import RandomByDocument
from attn_interp.studies import run
from attn_interp.studies.planted.claims import CLAIMS
from attn_interp.studies.planted.measured import mass_on_evidence, missed_when_trained_again
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes, neutral_words
from attn_interp.studies.planted.validity import run_trials, trial

TINY = Sizes(train=24, documents=8, width=4, epochs=1)


def test_every_claim_has_known_situations_of_both_kinds_and_every_situation_a_use() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert claim.true
        assert claim.false
        assert not set(claim.true) & set(claim.false)
    assert {name for claim in CLAIMS for name in claim.true + claim.false} == set(SITUATIONS)


@pytest.mark.parametrize("name", ["one keyword", "everywhere"])
def test_a_case_has_the_sizes_that_were_asked_for(name: str) -> None:
    case = Case(SITUATIONS[name], TINY, seed=2)
    assert (len(case.corpus.train), len(case.documents)) == (24, 8)
    assert not {d.id for d in case.corpus.train} & {d.id for d in (*case.documents, *case.corpus.dev)}
    assert case.corpus.fingerprint() == Case(SITUATIONS[name], TINY, seed=2).corpus.fingerprint()
    assert case.corpus.fingerprint() != Case(SITUATIONS[name], TINY, seed=3).corpus.fingerprint()


def test_the_mass_on_the_evidence_is_its_weight_minus_its_share() -> None:
    case = Case(SITUATIONS["random attention"], TINY, seed=0)
    gains = []
    for document in case.documents:
        weights = RandomByDocument(0)(case.model.batch([document]))
        weights = weights[weights > 0]
        place = document.rationales[0].index(1.0)
        gains.append(float(weights[place]) - 1 / len(document))
    assert mass_on_evidence(case).estimate == pytest.approx(np.mean(gains), abs=1e-6)


def test_a_model_under_the_evidence_is_guided_by_it() -> None:
    case = Case(SITUATIONS["much noise, evidence as attention"], TINY, seed=0)
    assert isinstance(case.attention, GivenAttention)
    for document in case.documents:
        on_evidence = [0.9 * marked + 0.1 / len(document) for marked in document.rationales[0]]
        assert case.attention.weights[document.id].tolist() == pytest.approx(on_evidence)


def test_a_claim_is_found_where_it_is_true_and_not_where_it_is_false() -> None:
    wanted = [claim for claim in CLAIMS if claim.name == "Attention marks the evidence (by 0.1)"]
    frame = trial(0, Sizes(documents=60), wanted).frame
    assert frame["found"].tolist() == frame["truth"].astype(float).tolist() == [1.0, 0.0, 0.0]


def test_a_model_trained_again_misses_what_attention_ranks_first_by_half_the_difference_of_accuracies() -> None:
    """Between shares 0, 0.2 and 1, at whose ends both orders are equal, the area is a triangle's of base 1."""
    case = Case(SITUATIONS["much noise, evidence as attention"], Sizes(documents=40), seed=0)
    trained = []
    fit = Case.trained_on

    def kept(self: Case, corpus: Corpus) -> AttentionModel:
        trained.append((fit(self, corpus), corpus.test))
        return trained[-1][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Case, "trained_on", kept)
        found = missed_when_trained_again(case)
    by_attention, by_chance = (
        np.mean([int(row.argmax()) == each.label for row, each in zip(model.logits(test), test)])
        for model, test in trained
    )
    assert found.estimate == pytest.approx((by_chance - by_attention) / 2)
    keywords = trained[0][0].batch([Document(id="both", words=tuple(KEYWORDS.values()))])
    assert (keywords.ids[keywords.is_word] == UNKNOWN_ID).all()  # it never met them
    assert not set(KEYWORDS.values()) & {word for each in trained[0][1] for word in each.words}
    assert found.low > 0.05 and by_chance > 0.75 > 0.65 > by_attention


@pytest.mark.parametrize("claim", ["Conicity predicts", "A state is mostly"])
def test_why_is_found_where_it_is_planted(claim: str) -> None:
    wanted = [each for each in CLAIMS if each.name.startswith(claim)]
    frame = trial(0, Sizes(documents=60), wanted).frame
    assert frame["found"].tolist() == [1.0, 0.0]


def test_trials_are_kept_and_go_on(tmp_path, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(run, "draw", lambda result, folder: drawn.append(result))
    few = [claim for claim in CLAIMS if "most decisions" in claim.name]
    first = run_trials([0], TINY, tmp_path, claims=few)
    (kept,) = tmp_path.glob("trial-*/validity.parquet")
    time = kept.stat().st_mtime_ns
    both = run_trials([0, 1], TINY, tmp_path, claims=few)
    assert kept.stat().st_mtime_ns == time
    assert both.frame[both.frame["seed"] == 0].equals(first.frame)
    assert Result.load(tmp_path / "validity.parquet").frame.equals(both.frame)
    assert len(drawn) == 2
    run_trials([0], replace(TINY, epochs=2), tmp_path, claims=few)  # other settings, another folder
    assert len(list(tmp_path.glob("trial-*"))) == 3
    with pytest.raises(ValueError, match="at least one trial"):
        run_trials([], TINY, tmp_path, claims=few)


def test_neutral_words_are_the_frequent_ones_that_no_rule_plants() -> None:
    words = neutral_words("planted", {"rule": "negation"})
    assert sorted(words) == sorted(FILLERS)
    assert not {"awful", "wonderful", "not"} & set(words)
    with pytest.raises(ValueError, match="has 2 different words beside"):
        neutral_words("planted", {"fillers": ("x", "y")})
