"""Sentences and spans in the place of words: every answer is that of the words they hold, written out by hand."""

from __future__ import annotations

import math

import pytest
import torch

import attn_interp as ai
from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.document import Document
from attn_interp.data.edit import replace_words
from attn_interp.models.units.coarse import in_units, over_units, sentences
from attn_interp.models.wrap import wrap

FACTS = ai.load("facts", documents=60, most_sentences=5)


@pytest.fixture(scope="module")
def lstm(of_pairs):
    return of_pairs.model


@pytest.fixture(scope="module")
def bert(wordpiece):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=len(wordpiece), hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=60, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return wrap(transformers.BertForSequenceClassification(config), wordpiece)


@pytest.fixture(scope="module")
def of_all_queries(bert):
    return bert.at(query="mean")


@pytest.fixture(params=["lstm", "bert", "of_all_queries"])
def case(request, planted):
    """A model and documents in words."""
    model = request.getfixturevalue(request.param)
    if request.param == "lstm":
        return model, FACTS.test[:3]
    return model, [
        Document(words=[*each.words[: 2 + row], ".", *each.words[2:4], "!", "!", *each.words[:2]], label=0, id=str(row))
        for row, each in enumerate(planted.test[:3])
    ]


def sums(values: torch.Tensor, document: Document) -> torch.Tensor:
    return torch.stack([values[start:end].sum() for start, end in sentences(document)])


def test_attention_and_gradients_of_a_sentence_are_sums_over_its_words(case) -> None:
    model, documents = case
    reading = ai.read(model, documents, units="sentence", progress=False)
    coarse = reading.model
    assert reading.settings["unit"] == "sentence"
    assert reading.only(reading.documents[:2]).settings["unit"] == "sentence"
    units, words = coarse.batch(reading.documents), model.batch(documents)
    run, plain = coarse.run(units), model.run(words)
    torch.testing.assert_close(run.logits, plain.logits)
    classes = run.logits.argmax(-1)
    own, by_word = (gradient_x_input(each, batch, classes).values for each, batch in ((coarse, units), (model, words)))
    for row, document in enumerate(documents):
        count = len(reading.documents[row])
        assert count == len(sentences(document)) > 1
        torch.testing.assert_close(run.weights[row, :count], sums(plain.weights[row], document))
        torch.testing.assert_close(own[row, :count], sums(by_word[row], document), atol=1e-6, rtol=1e-4)


def test_a_sentence_is_left_out_as_a_whole(case) -> None:
    model, documents = case
    reading = ai.read(model, documents, units="sentence", progress=False)
    batch = reading.model.batch(reading.documents)
    classes = reading.model.run(batch).logits.argmax(-1)
    found = leave_one_out(reading.model, batch, classes).values
    for row, document in enumerate(documents):
        whole = model.logits([document]).softmax(-1)[0, classes[row]]
        for place, (start, end) in enumerate(sentences(document)):
            shorter = Document(words=document.words[:start] + document.words[end:], second=document.second)
            without = model.logits([shorter]).softmax(-1)[0, classes[row]]
            assert float(found[row, place]) == pytest.approx(float(whole - without), abs=1e-6)


def test_other_weights_of_sentences_keep_the_shares_of_their_words(case) -> None:
    model, documents = case
    coarse = over_units(model)
    document = documents[0]
    pair = in_units(document, sentences)
    own = model.run(model.batch([document])).weights[0]
    wanted = torch.rand(len(pair), generator=torch.Generator().manual_seed(1)).softmax(-1)
    spread = torch.cat(
        [
            own[start:end] / own[start:end].sum() * weight
            for (start, end), weight in zip(sentences(document), wanted, strict=True)
        ]
    )
    found = coarse.logits_under(coarse.batch([pair]), wanted[None, None])
    if model is not coarse:  # of one row; a view over several rows shares mass among them, word by word
        torch.testing.assert_close(found, model.logits_under(model.batch([document]), spread[None, None]))
    own_units = sums(own, document)
    kept = coarse.logits_under(coarse.batch([pair]), own_units[None, None])
    torch.testing.assert_close(kept[:, 0], model.logits([document]), atol=1e-5, rtol=1e-4)


def test_every_question_that_applies_is_asked_in_sentences(lstm) -> None:
    reading = ai.read(lstm, FACTS.test[:5], training=FACTS, units="sentence", progress=False)
    found = ai.plausibility(reading, methods=["leave-one-out"]).frame
    own = found[found["scorer"] == "leave-one-out"]
    for row, document in enumerate(reading.documents):
        marked = [any(value >= 0.5 for value in document.rationales[0][n : n + 1]) for n in range(len(document))]
        assert sum(marked) == own["marked"].iloc[row] == 1  # the one fact that decides
    assert len(ai.erasure(reading, methods=["leave-one-out"]).frame)
    assert len(ai.adversary(reading).frame) == 5
    assert set(ai.agreement(reading, methods=["leave-one-out"]).frame["words"]) == {len(d) for d in reading.documents}
    words = ai.quality(ai.read(lstm, FACTS.test[:5], training=FACTS, progress=False)).frame
    assert ai.quality(reading).frame.equals(words)


def test_spans_of_ones_own() -> None:
    document = Document(
        words=("a", "b", "c", "d"), id="d", rationales=[(0, 1, 0, 0)], signals={"s": (1, math.nan, math.nan, math.nan)}
    )
    found = in_units(document, lambda each: [(0, 2), (2, 4)])
    assert found.words == ("a b", "c d") and found.rationales == ((1.0, 0.0),)
    assert found.signals["s"][0] == 1 and math.isnan(found.signals["s"][1])
    text = Document("Good. Very good!")
    assert in_units(text, sentences).spans == ((0, 5), (6, 16))
    assert replace_words(found, {0}, "[MASK]").words == ("[MASK] [MASK]", "c d")
    for wrong in ([(0, 2)], [(0, 2), (3, 4)], [(0, 3), (2, 4)], [(0, 0), (0, 4)], []):
        with pytest.raises(ValueError, match=r"its units are .*give \(start, end\) in words from \(0, ...\)"):
            in_units(document, lambda each, wrong=wrong: wrong)


def test_units_that_there_are_not_are_refused(lstm) -> None:
    with pytest.raises(ValueError, match="units: got 'paragraph', expected 'word', 'sentence'"):
        ai.read(lstm, FACTS.test[:2], units="paragraph")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is good. Is it ?! He says so", ["It is good .", "Is it ? !", "He says so"]),
        ('He said "no." She left.', ['He said " no . "', "She left ."]),
        ("Wait ... what ? Yes !", ["Wait . . .", "what ?", "Yes !"]),
        ("one", ["one"]),
    ],
)
def test_a_sentence_ends_at_its_last_mark(text, expected) -> None:
    assert list(in_units(Document(text), sentences).words) == expected


def test_what_cannot_be_seen_does_not_part_a_sentence_from_its_text() -> None:
    text = "Zero\u200bwidth, soft\u00adhyphen. A\ufeff \u00a0B\x07."
    whole = in_units(Document(text), sentences)
    assert whole.spans is not None and [text[start:end] for start, end in whole.spans] == [
        "Zero\u200bwidth, soft\u00adhyphen.",
        "A\ufeff \u00a0B\x07.",
    ]
