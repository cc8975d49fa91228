"""Poolings without attention against a loop over documents."""

import pytest
import torch

from attn_interp.models.classifiers.attention_pooling import AttentionPooling
from attn_interp.models.classifiers.pooling import LastPooling, MaxPooling, MeanPooling, build_pooling
from attn_interp.models.classifiers.settings import ClassifierSettings

B, T, D = 3, 7, 4
STATES = torch.randn(B, T, D, generator=torch.Generator().manual_seed(5))
WORDS = torch.tensor([5, 1, 2])[:, None]
IS_TOKEN = torch.arange(T) < WORDS + 2
IS_WORD = (torch.arange(T) >= 1) & (torch.arange(T) <= WORDS)


def test_mean_and_max_are_over_the_words() -> None:
    mean, largest = (pooling(STATES, IS_TOKEN, IS_WORD) for pooling in (MeanPooling(), MaxPooling()))
    for row, words in enumerate(WORDS.flatten().tolist()):
        torch.testing.assert_close(mean[row], STATES[row, 1 : 1 + words].mean(0))
        assert torch.equal(largest[row], STATES[row, 1 : 1 + words].amax(0))


def test_last_is_where_each_direction_ends() -> None:
    both = LastPooling(bidirectional=True)(STATES, IS_TOKEN, IS_WORD)
    onward = LastPooling(bidirectional=False)(STATES, IS_TOKEN, IS_WORD)
    for row, words in enumerate(WORDS.flatten().tolist()):
        end = STATES[row, words + 1]
        assert torch.equal(onward[row], end)
        assert torch.equal(both[row], torch.cat([end[:2], STATES[row, 0, 2:]]))


@pytest.mark.parametrize("name", ["attention", "last", "max", "mean"])
def test_a_row_without_words_is_zero(name: str) -> None:
    pooling = build_pooling(ClassifierSettings(pooling=name, hidden=2))
    is_word = IS_WORD.clone()
    is_word[1] = False
    pooled = pooling(STATES, IS_TOKEN, is_word)
    assert torch.equal(pooled[1], torch.zeros(D))
    assert pooled[[0, 2]].abs().amin() > 0


def test_settings_name_the_pooling() -> None:
    for name, kind in (("attention", AttentionPooling), ("last", LastPooling), ("max", MaxPooling)):
        assert isinstance(build_pooling(ClassifierSettings(pooling=name)), kind)
