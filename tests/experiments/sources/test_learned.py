"""What is learned from ablations: planted effects are found, from other documents alone, as plain references say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from attn_interp.data.document import Document
from attn_interp.experiments.sources.ablations import subsets
from attn_interp.experiments.sources.learned import Heads, datamodelling_score, sparse_surrogate

TWELVE = Document(words=tuple("abcdefghijkl"), id="twelve")


def test_the_datamodelling_score_is_a_rank_correlation_of_sums() -> None:
    draw = np.random.default_rng(0)
    kept = draw.random((40, 12)) < 0.5
    scores, effects = draw.normal(size=12), draw.normal(size=40)
    told = [sum(score for score, own in zip(scores, row) if own) for row in kept]
    assert datamodelling_score(scores, kept, effects) == pytest.approx(stats.spearmanr(told, effects).statistic)
    assert datamodelling_score(scores, kept, kept @ scores) == 1.0
    assert datamodelling_score(-scores, kept, kept @ scores) == -1.0
    assert np.isnan(datamodelling_score(np.zeros(12), kept, effects))
    assert np.isnan(datamodelling_score(scores, kept, np.ones(40)))


def test_every_part_of_few_sources_is_taken_once() -> None:
    three = subsets(Document(words=("a", "b", "c")), 7, 0, "told")
    assert len(three) == 7 and len({tuple(row) for row in three.tolist()}) == 7 and three.any(1).all()


def test_sources_are_kept_by_a_fair_coin_and_never_none() -> None:
    kept = np.concatenate([subsets(Document(words=("a",) * 4, id=str(n)), 8, 0, "told") for n in range(400)])
    assert kept.any(1).all() and len(kept) == 3200
    expected = 0.5 / (1 - 0.5**4)  # given that one is kept
    assert kept.mean(0) == pytest.approx(expected, abs=5 * np.sqrt(0.25 / len(kept)))
    first, second = (subsets(TWELVE, 8, 0, name) for name in ("learned from", "measured on"))
    assert not np.array_equal(first, second) and np.array_equal(first, subsets(TWELVE, 8, 0, "learned from"))
    assert not np.array_equal(first, subsets(TWELVE, 8, 1, "learned from"))


def test_a_surrogate_finds_the_two_sources_that_matter() -> None:
    kept = subsets(TWELVE, 64, 0, "learned from")
    found = sparse_surrogate(kept, 3.0 * kept[:, 4] - 2.0 * kept[:, 9] - 7.0)
    assert found[[4, 9]] == pytest.approx([3.0, -2.0], abs=0.15)
    others = np.delete(found, [4, 9])
    assert np.abs(others).max() < 0.05 and (others == 0).any()
    assert not sparse_surrogate(kept, np.full(64, -1.0)).any()


@pytest.fixture
def planted() -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Ten documents whose effects are 5 x head 2 - 3 x head 0 of four heads, in units of their own."""
    draw = np.random.default_rng(1)
    documents = [Document(words=("w",) * int(count), id=str(n)) for n, count in enumerate(draw.integers(6, 12, 10))]
    heads = [draw.dirichlet(np.ones(len(each)), 4) for each in documents]
    kept = [subsets(each, 32, 0, "learned from") for each in documents]
    effects = [
        draw.uniform(0.1, 9) * (parts @ (5 * own[2] - 3 * own[0])) - draw.uniform(0, 5)
        for own, parts in zip(heads, kept)
    ]
    return heads, kept, effects


def test_heads_are_learned_from_other_documents(planted) -> None:
    heads, kept, effects = planted
    fold = [n % 5 for n in range(10)]
    ridge, best = Heads(heads, kept, effects).of_others(fold)
    for place, own in enumerate(heads):
        score, one = ridge[place], best[place]
        assert score is not None and one is not None
        assert datamodelling_score(score, kept[place], effects[place]) > 0.9
        assert np.array_equal(one, own[2])
    turned = [*effects]
    turned[3] = -turned[3]
    ridge_of_turned, _ = Heads(heads, kept, turned).of_others(fold)
    for place in (3, 8):  # both of one fold: what is known of it teaches neither
        assert np.array_equal(ridge[place], ridge_of_turned[place])
    assert not np.array_equal(ridge[0], ridge_of_turned[0])


def test_an_answer_that_nothing_moves_teaches_nothing(planted) -> None:
    heads, kept, effects = planted
    flat = [np.full(32, -1.0) if n else each for n, each in enumerate(effects)]
    ridge, best = Heads(heads, kept, flat).of_others([n % 5 for n in range(10)])
    assert ridge == [None] * 10 and best == [None] * 10
