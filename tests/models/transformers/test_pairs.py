"""Two texts in one row, as a tokenizer joins a pair: units are the words of the first, the second is held."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, exchanged
from attn_interp.data.load import load
from attn_interp.experiments.deep.sink import sink
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.saving import load_model
from attn_interp.models.transformers.adapter import cut_to_fit
from attn_interp.models.transformers.fine_tuning import FineTuningSettings, fine_tune
from attn_interp.models.wrap import wrap

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tokenizer(wordpiece):
    """Joins a pair as BERT does: [CLS] first [SEP] second [SEP], of type 0 and 1."""
    import copy

    from tokenizers import processors

    made = copy.deepcopy(wordpiece)
    made.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", made.cls_token_id), ("[SEP]", made.sep_token_id)],
    )
    return made


@pytest.fixture(scope="module")
def module(tokenizer):
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=24, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return transformers.BertForSequenceClassification(config).eval()


@pytest.fixture(scope="module")
def model(module, tokenizer) -> AttentionModel:
    return wrap(module, tokenizer)


@pytest.fixture(scope="module")
def documents(planted):
    return [
        Document(words=each.words[:6], label=0, id=str(row), second=Document(words=planted.test[-row].words[: 2 + row]))
        for row, each in enumerate(planted.test[1:4], 1)
    ]


def plain(module, tokenizer, document):
    """The logits (C,) as a person calls the library itself."""
    encoded = tokenizer(" ".join(document.words), " ".join(document.second.words), return_tensors="pt")
    assert encoded["token_type_ids"].max() == 1
    with torch.no_grad():
        return module(**encoded).logits[0]


def test_logits_are_those_of_the_library_called_with_a_pair(model, module, tokenizer, documents) -> None:
    expected = torch.stack([plain(module, tokenizer, each) for each in documents])
    torch.testing.assert_close(model.logits(documents), expected, atol=1e-5, rtol=1e-5)
    single = Document(words=documents[0].words, label=0)
    assert (model.logits([single])[0] - expected[0]).abs().max() > 1e-3


def test_only_words_of_the_first_text_are_units(model, documents) -> None:
    batch = model.batch(documents)
    for row, document in enumerate(documents):
        assert set(batch.piece_of[row].tolist()) == {-1, *range(len(document))}
        assert (batch.kinds[row][batch.piece_of[row] >= 0] == 0).all() and (batch.kinds[row] == 1).any()
    assert model.run(batch).weights.shape == (len(documents), max(map(len, documents)))
    outside = sink(read(model, documents, progress=False)).frame
    assert outside["outside"].between(0.05, 0.999).all()


def test_leave_one_out_holds_the_second_text(model, module, tokenizer, documents) -> None:
    batch = model.batch(documents)
    classes = torch.zeros(len(documents), dtype=torch.long)
    found = leave_one_out(model, batch, classes).values
    for row, document in enumerate(documents):
        own = plain(module, tokenizer, document).softmax(-1)[0]
        for word in range(len(document)):
            without = plain(module, tokenizer, delete_words(document, {word})).softmax(-1)[0]
            assert float(found[row, word]) == pytest.approx(float(own - without), abs=1e-5)


def test_questions_can_be_asked(model, documents) -> None:
    reading = read(model, documents, progress=False)
    assert agreement(reading).frame["tau"].notna().any()
    assert (permutation(reading, draws=3).frame["median_tvd"] >= 0).all()


def test_cutting_touches_the_first_text_alone(model, documents) -> None:
    long = Document(words=documents[0].words * 6, label=0, second=documents[0].second)
    (cut,) = cut_to_fit(model, [long]).documents
    assert len(cut) < len(long) and cut.second == long.second
    assert model.batch([cut]).ids.shape[1] <= 24
    with pytest.raises(ValueError, match="positions, and the model has 24"):
        model.batch([long])


def test_the_second_text_is_attended_to_where_pairs_come_exchanged(model, module, tokenizer, documents) -> None:
    """The same pair says the same; its words are those of the second text, and what is left out is taken from there."""
    other = wrap(module, tokenizer, exchanged=True)
    turned = [exchanged(document) for document in documents]
    torch.testing.assert_close(other.logits(turned), model.logits(documents))
    batch = other.batch(turned)
    assert torch.equal(batch.ids, model.batch(documents).ids)
    assert not (batch.is_word & model.batch(documents).is_word).any()
    assert batch.is_word.sum(1).tolist() == [len(document.second) for document in documents]
    found = leave_one_out(other, batch, other.run(batch).logits.argmax(-1)).values
    shorter = replace(documents[1], second=delete_words(documents[1].second, [2]))
    before, after = (model.logits([pair]).softmax(-1)[0] for pair in (documents[1], shorter))
    assert float(found[1, 2]) == pytest.approx(float((before - after)[before.argmax()]), abs=1e-6)
    moved = other.at(query=1)
    assert torch.equal(moved.batch(turned).is_word, batch.is_word)


def test_a_single_text_is_no_exchanged_pair(module, tokenizer) -> None:
    with pytest.raises(ValueError, match="has no second text, and the model reads pairs that are exchanged"):
        wrap(module, tokenizer, exchanged=True).predict("the film")


def test_a_model_that_was_fine_tuned_on_pairs_reads_pairs_alone_also_when_it_is_loaded(
    tokenizer, planted, tmp_path
) -> None:
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=60,
    )  # fmt: skip
    pairs = [replace(each, second=Document(words=each.words[:3])) for each in planted.train[:24]]
    for trained_on, other, message in (
        (pairs, planted.test[0], "has no second text, and the model was trained on pairs"),
        (planted.train[:24], pairs[0], "has a second text, and the model was trained on single texts"),
    ):
        corpus = load(trained_on, classes=planted.classes)
        model = wrap(transformers.BertForSequenceClassification(config), tokenizer, classes=corpus.classes)
        fine_tune(model, corpus, FineTuningSettings(epochs=1), progress=False)
        folder = model.save(tmp_path / message[4:6])
        for each in (model, load_model(folder)):
            assert len(each.predict([corpus.test[0]])) == 1
            with pytest.raises(ValueError, match=message):
                each.predict([other])
