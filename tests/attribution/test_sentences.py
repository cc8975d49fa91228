"""The further methods where the units of attention are sentences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.attribution.methods import ALL_METHODS, METHODS, named
from attn_interp.attribution.noise import smoothgrad
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap

FLOW = named("attention rollout", "attention flow", "gradient-weighted relevance", "value zeroing")
OF_STATES = {"attention pushed back", "attention x value norm", "effective attention"}
VOCABULARY = Vocabulary((*SPECIALS, ".", *"abcdefg"))
DOCUMENTS = [
    Document(id=f"document {row}", words=tuple(text), label=0)
    for row, text in enumerate(("abc.de.fg", "a", "ab.c.da.b.f"))
]

SAMPLED = "leave-one-out (sampled)"  # has no value for one sentence, as leave-one-out
RECURRENT = "AttnLRP"  # refuses a recurrent encoder


@pytest.fixture(scope="module")
def in_sentences():
    settings = ClassifierSettings(encoder="hierarchical", embedding_width=5, hidden=4, dropout=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(6)
        module = build_classifier(settings, VOCABULARY, 2)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.8)
    return wrap(module, vocabulary=VOCABULARY, classes=("x", "y"))


@pytest.mark.parametrize(
    "name", sorted(ALL_METHODS.keys() - METHODS.keys() - OF_STATES - FLOW.keys() - {SAMPLED, RECURRENT})
)
def test_each_sentence_has_its_value(in_sentences, name) -> None:
    batch, classes = in_sentences.batch(DOCUMENTS), torch.tensor([0, 1, 1])
    values = ALL_METHODS[name].method(in_sentences, batch, classes).values
    assert values.shape == (3, 5)
    assert (values[0, 3:] == 0).all() and (values[1, 1:] == 0).all() and values.isfinite().all()
    assert (values[2] != 0).all()
    alone = ALL_METHODS[name].method(in_sentences, in_sentences.batch(DOCUMENTS[:1]), classes[:1]).values
    assert torch.allclose(values[:1, :3], alone, atol=1e-6)


def test_kernel_shap_drops_whole_sentences(in_sentences) -> None:
    """The value of the second sentence is what it adds, averaged over both orders."""
    document = Document(id="two", words=tuple("abc.de"), label=0)
    batch = in_sentences.batch([document])
    embeddings = in_sentences.embeddings(batch)

    def worth(first: int, second: int) -> float:
        on = torch.tensor([1, *[first] * 4, *[second] * 2, 1])
        with torch.no_grad(), in_sentences.embeddings_given(embeddings * on[None, :, None]):
            return float(in_sentences.batch_logits(batch).softmax(-1)[0, 1])

    found = ALL_METHODS["KernelSHAP"].method(in_sentences, batch, torch.tensor([1])).values[0]
    expected = (worth(1, 1) - worth(1, 0) + worth(0, 1) - worth(0, 0)) / 2
    assert abs(expected) > 1e-3
    assert float(found[1]) == pytest.approx(expected, abs=1e-6)


def test_smoothgrad_without_noise(in_sentences) -> None:
    batch, classes = in_sentences.batch(DOCUMENTS), torch.tensor([0, 1, 1])
    found = smoothgrad(in_sentences, batch, classes, noise=0.0).values
    assert torch.allclose(found, gradient_x_input(in_sentences, batch, classes).values, atol=1e-6)


@pytest.mark.parametrize("name", sorted(OF_STATES))
def test_sentences_have_no_state_for_each_position(in_sentences, name) -> None:
    with pytest.raises(ValueError, match=r"module 'encoder' gave .*a state for each position"):
        ALL_METHODS[name].method(in_sentences, in_sentences.batch(DOCUMENTS), torch.tensor([0, 1, 1]))
