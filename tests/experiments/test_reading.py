"""What is read of a model: votes, and whether the readout is affine."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.reading import logits_under, read


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


def test_a_hidden_layer_is_found_out(not_affine, planted) -> None:
    reading = read(not_affine, planted.test[:20])
    assert not reading.affine
    part = reading.batches[0]
    with torch.no_grad():
        own = logits_under(not_affine, reading, part, part.weights[:, None])[:, 0]
    assert torch.allclose(own, part.logits, atol=1e-5)  # through the model, where votes would be wrong


def test_nothing_to_read_is_an_error(model) -> None:
    with pytest.raises(ValueError, match="no documents"):
        read(model, [])


def test_one_word_documents_alone_prove_nothing(model) -> None:
    reading = read(model, [Document(id="one", words=("film",), label=0)])
    assert reading.affinity.documents == 0
