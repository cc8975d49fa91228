"""What is read of a model: votes, and whether the readout is affine."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.reading import logits_under, read
from attn_interp.models.wrap import wrap


def test_votes_reproduce_the_logits(reading) -> None:
    assert reading.affine
    for part in reading.batches:
        logits = torch.einsum("bw,bwc->bc", part.weights, part.votes)
        assert torch.allclose(logits, part.logits, atol=1e-5)
        assert (part.votes[~part.is_word] == 0).all()


def test_votes_are_the_logits_of_one_hot_attention(model, reading) -> None:
    """By hand for our affine head: W h_t + b."""
    part = reading.batches[0]
    module = model.module
    with torch.no_grad():
        states = module.encoder(module.embedding(part.batch.ids), part.batch.is_token)
        votes = module.head(states)
    for row in range(len(part.rows)):
        own = votes[row, part.batch.is_word[row]].double()
        assert torch.allclose(part.votes[row, : len(own)], own, atol=1e-5)


def test_reading_is_the_same_for_any_order_and_subset(model, planted, reading) -> None:
    documents = planted.test[::-1][:15]
    other = read(model, documents)
    known = {part.batch.documents[i].id: part.weights[i, : len(part.batch.documents[i])]
             for part in reading.batches for i in range(len(part.rows))}  # fmt: skip
    for part in other.batches:
        for i, document in enumerate(part.batch.documents):
            assert torch.allclose(part.weights[i, : len(document)], known[document.id], atol=1e-6)


class HiddenLayer(torch.nn.Module):
    """A classifier with a tanh after pooling: not affine in the attention."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(words, 6)
        self.score = torch.nn.Linear(6, 1)
        self.hidden = torch.nn.Linear(6, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, ids, is_word):
        states = self.embed(ids)
        weights = torch.softmax(self.score(states).squeeze(-1).masked_fill(~is_word, -torch.inf), -1)
        return self.out(torch.tanh(3 * self.hidden(torch.einsum("bt,btd->bd", weights, states))))


def test_a_hidden_layer_is_found_out(trained, planted) -> None:
    torch.manual_seed(5)
    model = wrap(
        HiddenLayer(len(trained.vocabulary)),
        inputs=lambda batch: (batch.ids, batch.is_word),
        classes=("a", "b"),
        vocabulary=trained.vocabulary,
    )
    reading = read(model, planted.test[:20])
    assert not reading.affine
    part = reading.batches[0]
    with torch.no_grad():
        own = logits_under(model, reading, part, part.weights[:, None])[:, 0]
    assert torch.allclose(own, part.logits, atol=1e-5)  # through the model, where votes would be wrong


def test_nothing_to_read_is_an_error(model) -> None:
    with pytest.raises(ValueError, match="no documents"):
        read(model, [])


def test_one_word_documents_alone_prove_nothing(model) -> None:
    reading = read(model, [Document("one", ("film",), 0)])
    assert reading.affinity.documents == 0
