"""Embeddings that are not one table called once: the sum over all calls, or the reason in a sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from attn_interp.attribution.gradient import gradient_x_input, gradient_x_input_detached
from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.models.wrap import wrap

DOCUMENTS = [Document(words=words, id=words[0]) for words in (("good", "bad", "film"), ("bad", "good"))]
Look = Callable[["Net", torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """Attention whose scores and values each look the ids up."""

    def __init__(self, for_scores: Look, for_values: Look) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.embed, self.score, self.out = nn.Embedding(len(SPECIALS) + 3, 8), nn.Linear(8, 1), nn.Linear(8, 2)
            self.low, self.wide = nn.Embedding(len(SPECIALS) + 3, 3), nn.Linear(3, 8, bias=False)
        self.looks = for_scores, for_values

    def forward(self, ids: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        scores = self.score(self.looks[0](self, ids))[..., 0].masked_fill(~is_word, -torch.inf)
        return self.out((scores.softmax(-1)[..., None] * self.looks[1](self, ids)).sum(1))


def called(net: Net, ids: torch.Tensor) -> torch.Tensor:
    return net.embed(ids)


def positions_first(net: Net, ids: torch.Tensor) -> torch.Tensor:
    return net.embed(ids.T).transpose(0, 1)


def read_alone(net: Net, ids: torch.Tensor) -> torch.Tensor:
    return net.embed.weight[ids]


def shifted(net: Net, ids: torch.Tensor) -> torch.Tensor:
    return net.embed(ids.roll(1, 1))


def one_row(net: Net, ids: torch.Tensor) -> torch.Tensor:
    return net.embed(ids.flatten()).unflatten(0, ids.shape)


def wrapped(net: Net):
    return wrap(net, classes="ab", vocabulary=Vocabulary((*SPECIALS, "good", "bad", "film")), embedding="embed")


def by_hand(net: Net, model) -> torch.Tensor:
    """e . dp/de for one e of both looks, by autograd on a copy that gets it as an argument."""
    batch = model.batch(DOCUMENTS)
    e = net.embed(batch.ids).detach().requires_grad_()
    scores = net.score(e)[..., 0].masked_fill(~batch.is_word, -torch.inf)
    p = net.out((scores.softmax(-1)[..., None] * e).sum(1)).softmax(-1)
    (gradient,) = torch.autograd.grad(p[:, 1].sum(), e)
    return model.sum_over_words(batch, (e * gradient).sum(-1).detach())


@pytest.mark.parametrize("looks", [(called, called), (positions_first, positions_first)])
def test_a_table_that_is_called_twice_counts_both_calls(looks) -> None:
    net = Net(*looks)
    model, ones = wrapped(net), torch.ones(2, dtype=torch.long)
    batch = model.batch(DOCUMENTS)
    torch.testing.assert_close(gradient_x_input(model, batch, ones).values, by_hand(net, model))
    found = integrated_gradients(model, batch, ones)
    torch.testing.assert_close(found.completeness_gap, torch.zeros(2), atol=1e-3, rtol=0)


def test_a_table_that_only_the_scores_read_has_no_gradient_with_the_weights_held() -> None:
    model = wrapped(Net(called, lambda net, ids: net.wide(net.low(ids))))
    batch, ones = model.batch(DOCUMENTS), torch.ones(2, dtype=torch.long)
    assert (gradient_x_input_detached(model, batch, ones).values == 0).all()
    assert (gradient_x_input(model, batch, ones).values != 0).any()


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ((read_alone, read_alone), "the embedding 'embed' is not called in a pass"),
        ((called, shifted), "the embedding 'embed' reads its input embeddings twice, .* of other ids"),
        ((one_row, one_row), r"the embedding 'embed' gives a result of shape \(\d, 8\) for a document of \d positions"),
    ],
)
def test_what_has_no_single_embedding_says_so_when_asked_and_keeps_its_attention(looks, message) -> None:
    model = wrapped(Net(*looks))
    batch, ones = model.batch(DOCUMENTS), torch.ones(2, dtype=torch.long)
    assert model.run(batch).weights.shape == (2, 3)
    for method in (gradient_x_input, gradient_x_input_detached, integrated_gradients):
        with pytest.raises(ValueError, match=message + ".*; use leave-one-out or attention"):
            method(model, batch, ones)
