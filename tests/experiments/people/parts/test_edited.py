"""Each way of erasing words against the model itself, one document at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.data.edit import replace_words
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.experiments.people.parts.edited import OPERATORS, check_operator, edited_logits
from attn_interp.experiments.reading import read
from attn_interp.models.attention_model import AttentionModel, Batch
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap


def naive(model: AttentionModel, document: Document, kept: list[int], operator: str) -> torch.Tensor:
    """(C,) logits with only the words in `kept`, by the plainest way."""
    gone = [position for position in range(len(document)) if position not in kept]
    if operator == "delete":
        return model.logits([Document(id="x", words=tuple(document.words[position] for position in kept), label=0)])[0]
    if operator == "mask":
        return model.logits([replace_words(document, gone, "<unk>")])[0]
    batch = model.batch([document])
    if operator == "mean embedding":
        embeddings = model.embeddings(batch)
        embeddings[0, batch.is_word[0].nonzero()[gone, 0]] = model.embedding.mean()
        with torch.no_grad(), model.embeddings_given(embeddings):
            return model.batch_logits(batch)[0]
    weights = model.run(batch).weights.clone()
    weights[0, gone] = 0
    with torch.no_grad():
        return model.logits_under(batch, (weights / weights.sum())[None])[0, 0]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("which", ["model", "not_affine"])
def test_batches_of_sets_are_single_documents(operator: str, which: str, planted, request) -> None:
    model = request.getfixturevalue(which)
    documents = [
        planted.test[0],
        planted.test[1],
        planted.test[2],
        Document(id="two", words=("wonderful", "film"), label=1),
    ]
    reading = read(model, documents)
    assert reading.affine == (which == "model")
    (read_batch,) = reading.batches
    width = read_batch.is_word.shape[1]
    kept = torch.rand(4, 7, width, generator=torch.Generator().manual_seed(0)) < 0.6
    kept[..., 0] = True
    kept[:, 5] = kept[:, 2]  # equal sets, and all words
    kept[:, 6] = True
    logits = edited_logits(reading, read_batch, kept, operator)
    assert torch.equal(logits[:, 5], logits[:, 2])
    torch.testing.assert_close(logits[:, 6], read_batch.logits, atol=2e-6, rtol=0)
    for row, document in enumerate(read_batch.batch.documents):
        for place in range(7):
            own = kept[row, place, : len(document)].nonzero()[:, 0].tolist()
            expected = naive(model, document, own, operator).double()
            torch.testing.assert_close(logits[row, place], expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("operator", OPERATORS)
def test_nothing_left_is_undefined_where_there_is_nothing_to_run(operator: str, model, reading) -> None:
    read_batch = reading.batches[0]
    kept = torch.zeros(len(read_batch.rows), 1, read_batch.is_word.shape[1], dtype=torch.bool)
    logits = edited_logits(reading, read_batch, kept, operator)
    assert bool(logits.isnan().all()) == (operator in ("delete", "attention mask"))
    assert bool(logits.isfinite().all()) == (operator in ("mask", "mean embedding"))


def test_equal_sets_of_a_document_are_run_once(model, reading) -> None:
    read_batch = reading.batches[0]
    seen: list[int] = []

    def counted(documents: list[Document]) -> Batch:
        seen.append(len(documents))
        return model.collate(documents)

    kept = read_batch.is_word[:, None].expand(-1, 9, -1).clone()
    kept[:, ::2, 0] = False
    edited_logits(replace(reading, model=replace(model, collate=counted)), read_batch, kept, "delete")
    assert sum(seen) == 2 * len(read_batch.rows)


def test_the_word_that_hides_is_the_models(model, planted) -> None:
    document = planted.test[0]
    reading = read(model, [document])
    kept = torch.zeros(1, 1, len(document), dtype=torch.bool)
    changed = replace(model, mask_word="wonderful")
    logits = edited_logits(replace(reading, model=changed), reading.batches[0], kept, "mask")[0, 0]
    expected = model.logits([replace_words(document, range(len(document)), "wonderful")])[0]
    torch.testing.assert_close(logits, expected.double(), atol=1e-6, rtol=0)


def test_operators_that_do_not_fit_are_refused(model) -> None:
    with pytest.raises(
        ValueError, match=r"'drop' is unknown; choose from attention mask, delete, mask, mean embedding"
    ):
        check_operator(model, "drop")
    sentences = replace(model, unit_of=lambda batch: batch.is_word.long())
    with pytest.raises(ValueError, match="this view weighs sentences; choose 'delete'"):
        check_operator(sentences, "mask")
    for operator in OPERATORS:
        check_operator(model, operator)


def test_the_mean_embedding_leaves_padding_out_and_needs_a_table(model) -> None:
    vectors = model.embedding.module.weight.detach()
    assert model.embedding.module.padding_idx == 0
    torch.testing.assert_close(model.embedding.mean(), vectors[1:].mean(0))
    with pytest.raises(TypeError, match="is a Identity, expected"):
        replace(model.embedding, module=torch.nn.Identity()).mean()


@pytest.mark.parametrize("operator", ["delete", "mean embedding", "attention mask"])
def test_sentences_are_erased_whole(operator: str) -> None:
    vocabulary = Vocabulary((*SPECIALS, ".", *"abcdefg"))
    settings = ClassifierSettings(encoder="hierarchical", embedding_width=5, hidden=8, dropout=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build_classifier(settings, vocabulary, 2)
    model = wrap(module, classes=("a", "b"), vocabulary=vocabulary)
    document = Document(id="d", words=tuple("abc.de.fg.a"), label=0)
    reading = read(model, [document, Document(id="other", words=tuple("a.b.c."), label=1)])
    read_batch = next(each for each in reading.batches if each.rows == [0] or 0 in each.rows)
    row = read_batch.rows.index(0)
    assert read_batch.batch.documents[row].words == ("a b c .", "d e .", "f g .", "a")
    kept = torch.zeros(len(read_batch.rows), 1, read_batch.is_word.shape[1], dtype=torch.bool)
    kept[:, 0, [0, 2]] = True
    logits = edited_logits(reading, read_batch, kept, operator)[row, 0]
    if operator == "delete":
        expected = model.logits([Document(id="d", words=tuple("abc.fg."), label=0)])[0]
    elif operator == "mean embedding":
        batch = model.batch([document])
        embeddings = model.embeddings(batch)  # start, a b c ., d e ., f g ., a, end
        embeddings[0, [5, 6, 7, 11]] = model.embedding.mean()
        with torch.no_grad(), model.embeddings_given(embeddings):
            expected = model.batch_logits(batch)[0]
    else:
        weights = read_batch.weights[row] * torch.tensor([1.0, 0.0, 1.0, 0.0])
        expected = (weights / weights.sum()) @ read_batch.votes[row]
    torch.testing.assert_close(logits, expected.double(), atol=2e-6, rtol=0)
