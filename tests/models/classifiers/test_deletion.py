"""Logits without each word against the module run on every shortened document, for every pooling there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out, logits_by_deletion
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers import deletion, linear_reading
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.deletion import logits_without_each_word
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.input_embeddings import InputEmbeddings
from attn_interp.models.view import View
from attn_interp.models.wrap import own_inputs, wrap

WORDS = tuple("abcdefg")
LENGTHS = (1, 2, 9, 3, 1, 14, 5)  # out of order, and one word twice
DOCUMENTS = [
    Document(id=f"document {row}", words=tuple(WORDS[(3 * i + i * i + row) % 7] for i in range(length)), label=0)
    for row, length in enumerate(LENGTHS)
]


def module_of(**settings: object) -> Classifier:
    torch.manual_seed(3)
    module = Classifier(
        ClassifierSettings(embedding_width=5, hidden=8, kernels=(3,), **settings), 4 + len(WORDS), 3
    ).eval()
    for parameter in module.parameters():  # large weights, so that a wrong state shows
        parameter.data.mul_(3)
    return module


def model_of(module: Classifier) -> AttentionModel:
    """The module without the dry run, which a pooling without attention would not pass."""
    vocabulary = Vocabulary(SPECIALS + WORDS)
    classes = ("x", "y", "z")
    attending = wrap(module_of(), vocabulary=vocabulary, classes=classes)
    return AttentionModel(
        module, classes, View("none"), (), attending.collate, own_inputs, attending.logits_of,
        InputEmbeddings(module.embedding),
    )  # fmt: skip


POOLINGS = [
    {"pooling": "attention", "attention": "additive"},
    {"pooling": "attention", "attention": "additive", "heads": 2},
    {"pooling": "attention", "attention": "dot"},
    {"pooling": "attention", "attention": "scaled_dot", "heads": 2},
    {"pooling": "last"},
    {"pooling": "mean"},
    {"pooling": "max"},
]


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
def test_equals_a_run_on_every_shortened_document(pooling: dict[str, object], bidirectional: bool) -> None:
    module = module_of(bidirectional=bidirectional, **pooling)
    model = model_of(module)
    batch = model.batch(DOCUMENTS)
    own, plain = logits_by_deletion(model, batch)
    whole, fast = logits_without_each_word(module, batch)
    assert torch.allclose(whole, own, atol=1e-5, rtol=1e-6)
    assert fast.shape == (7, 14, 3)
    assert (plain.amax(1) - plain.amin(1)).nan_to_num().max() > 0.1  # a deletion matters
    assert torch.allclose(fast, plain, atol=1e-5, rtol=1e-6, equal_nan=True)
    assert torch.allclose(fast.softmax(-1), plain.softmax(-1), atol=1e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize("at_once", [1, 10**9])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
def test_followed_only_as_far_as_it_is_felt_it_is_the_same(
    pooling: dict[str, object], bidirectional: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of(bidirectional=bidirectional, **pooling)
    batch = model_of(module).batch(DOCUMENTS)
    expected = logits_without_each_word(module, batch)
    monkeypatch.setattr(deletion, "STATES_AT_ONCE", 1)  # every document alone
    monkeypatch.setattr(deletion, "LONG", 0)
    monkeypatch.setattr(deletion, "CHANGES_AT_ONCE", at_once)
    monkeypatch.setattr(deletion, "STEPS", 2)
    for found, known in zip(logits_without_each_word(module, batch), expected):
        assert torch.allclose(found, known, atol=1e-5, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize(("forgets", "most"), [(True, 60), (False, 299)])
def test_a_deletion_is_followed_until_it_is_forgotten_and_to_the_end_where_it_is_not(
    forgets: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of()
    for lstm in (module.encoder.onward, module.encoder.back):
        lstm.bias_ih_l0.data[8:16] = -1.0 if forgets else 40.0  # forget gates
    steps: list[int] = []
    followed = deletion._Direction.changes

    def watched(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, felt = followed(*given)
        steps.extend(felt.tolist())
        return values, felt

    monkeypatch.setattr(deletion._Direction, "changes", watched)
    words = tuple(WORDS[(3 * i + i * i) % 7] for i in range(300))
    model = model_of(module)
    batch = model.batch([Document(id="long", words=words, label=0)])
    own, fast = logits_without_each_word(module, batch)
    some = [0, 1, 150, 298, 299]
    shortened = [Document(id=f"{i}", words=words[:i] + words[i + 1 :], label=0) for i in some]
    assert torch.allclose(fast[0, some], model.logits(shortened), atol=1e-5)
    assert torch.allclose(own, model.batch_logits(batch), atol=1e-5)
    assert (max(steps) <= most) if forgets else (max(steps) >= most)


def test_one_word_is_undefined_and_padding_is_zero() -> None:
    module = module_of()
    _, logits = logits_without_each_word(module, model_of(module).batch(DOCUMENTS))
    for row, length in enumerate(LENGTHS):
        assert logits[row, :length].isnan().all() if length == 1 else logits[row, :length].isfinite().all()
        assert (logits[row, length:] == 0).all()


@pytest.mark.parametrize("states_at_once", [1, 700, 5000])
def test_the_bound_on_memory_changes_nothing(states_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of()
    batch = model_of(module).batch(DOCUMENTS)
    _, whole = logits_without_each_word(module, batch)
    sizes: list[int] = []
    pool = linear_reading.pooled

    def watched(states: torch.Tensor, *given: Any) -> torch.Tensor:
        sizes.append(states.numel())
        return pool(states, *given)

    monkeypatch.setattr(linear_reading, "pooled", watched)
    monkeypatch.setattr(deletion, "STATES_AT_ONCE", states_at_once)
    _, parts = logits_without_each_word(module, batch)
    assert torch.allclose(parts, whole, atol=1e-6, equal_nan=True)
    one_document = 16 * 16  # T x D of the longest document, the least that can be held
    assert max(sizes) <= max(states_at_once, one_document)
    assert len(sizes) > 2


def test_wrap_knows_who_can(trained) -> None:
    assert wrap(trained).without_each_word is not None
    vocabulary = Vocabulary(SPECIALS + WORDS)
    classes = ("x", "y", "z")
    assert wrap(module_of(encoder="cnn"), vocabulary=vocabulary, classes=classes).without_each_word is None
    turned = wrap(module_of(), vocabulary=vocabulary, classes=classes, logits=lambda output: -output)
    assert turned.without_each_word is None  # the module's logits are not the model's
    with pytest.raises(TypeError, match="got a module with CnnEncoder, expected LstmEncoder"):
        logits_without_each_word(module_of(encoder="cnn"), turned.batch(DOCUMENTS))


def test_leave_one_out_takes_either_way_to_the_same_values(model, planted) -> None:
    batch = model.batch([*planted.test[:9], Document(id="one", words=("film",), label=0)])
    classes = torch.arange(10) % 2
    fast = leave_one_out(model, batch, classes).values
    plain = leave_one_out(replace(model, without_each_word=None), batch, classes).values
    assert fast.abs().nan_to_num().max() > 0.1
    assert torch.allclose(fast, plain, atol=1e-6, rtol=0, equal_nan=True)


def test_nothing_is_read_that_was_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of()
    batch = model_of(module).batch(DOCUMENTS)
    _, logits = logits_without_each_word(module, batch)
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda self, *shape: self.new_full(shape, torch.nan))
    _, again = logits_without_each_word(module, batch)
    assert torch.equal(again.nan_to_num(), logits.nan_to_num())
    assert torch.equal(again.isnan(), logits.isnan())
