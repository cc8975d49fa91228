"""Documents of two texts: what is refused, what keeps the second, and what reads it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from attn_interp.data.batch import collate, padded, token_ids
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, replace_words
from attn_interp.data.formats.in_memory import corpus_of_frame
from attn_interp.data.formats.jsonlines import load_jsonlines, save_jsonlines
from attn_interp.data.formats.spans import recut
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.signals import joined, log_frequency, relative_position
from attn_interp.data.splits import complete_splits
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID, Vocabulary
from attn_interp.data.withholding import on_words_of, texts_of, withhold
from attn_interp.experiments.bag_of_words import bag_of_words
from attn_interp.experiments.people.parts.annotators import _without
from attn_interp.experiments.people.parts.edited import DELETE, MASK, MEAN_EMBEDDING, edited_logits
from attn_interp.experiments.people.shift import shift
from attn_interp.experiments.reading import read
from attn_interp.experiments.recency.parts.padding import padded as lengthened
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.encoded_words import EncodedWords
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.subwords import _first_words
from attn_interp.models.units.sentence_view import collate_sentences
from attn_interp.models.wrap import wrap

QUESTION = Document("Where is Ann?", rationales=[[0, 0, 1, 0]], signals={"s": [1, math.nan, 2, 3]})
PAIR = Document("Ann sat. Bo ran.", 1, id="r17", rationales=[[1, 1, 0, 0, 0, 0], [0] * 6], second=QUESTION)
EDITS = {
    "delete": lambda pair: delete_words(pair, {1}),
    "replace": lambda pair: replace_words(pair, {1}, "<unk>"),
    "recut": lambda pair: recut(pair, ("Ann", "sat.", "Bo", "ran.")),
    "lengthen": lambda pair: lengthened(pair, ("a", "b"), 3),
    "without an annotator": lambda pair: _without(pair, 0),
    "signals": lambda pair: joined([pair], [relative_position()])[0],
    "first words": lambda pair: _first_words(pair, 3),
    "copy": lambda pair: documents_of([pair])[0],
    "sentences": lambda pair: collate_sentences([pair], Vocabulary.build([pair])).documents[0],
    "splits": lambda pair: complete_splits({"train": [pair], "dev": [], "test": []})["train"][0],
}


def pair(own: str, second: str, label: int = 0, **more) -> Document:
    return Document(own, label, id=f"{own} {second}", second=second, **more)


def corpus(*train: Document, dev: Document | None = None) -> Corpus:
    rest = {"dev": (dev or pair("c c", "c", 0),), "test": (pair("d d", "d", 1),)}
    return Corpus("pairs", ("no", "yes"), {"train": train or (pair("a a", "a", 0), pair("b b", "b", 1)), **rest})


def test_a_second_is_a_text_or_a_document_of_its_own() -> None:
    own = Document("Ann sat. Bo ran.", label=1, second="Where is Ann?")
    assert own.second == Document("Where is Ann?") and own.second.label is None
    assert own.second.words == ("Where", "is", "Ann", "?") and own.all_words == own.words + own.second.words
    assert PAIR.second.rationales == ((0, 0, 1, 0),) and PAIR.second.spans[2] == (9, 12)
    assert "second=<Document 'Where is Ann?', label=None" in repr(own) and "second" not in repr(Document("a"))
    assert Document("a").all_words == ("a",) and hash(replace(PAIR, second=None)) != hash(PAIR)


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (7, TypeError, "document 'r17': second is 7; give a text (a string) or a Document"),
        (["a"], TypeError, "document 'r17': second is ['a']; give a text (a string) or a Document"),
        (" ", ValueError, "document 'r17': second: document '36a9e7f1c95b': has no words"),
        (Document("a", label=0), ValueError, "document 'r17': second has the label 0; leave it out, the pair has one"),
        (Document("a", second="b"), ValueError, "document 'r17': second has a second of its own; a document has two"),
    ],
)
def test_another_second_is_refused(second, error, message) -> None:
    with pytest.raises(error) as caught:
        Document("a film", id="r17", second=second)
    assert message in str(caught.value)


def test_ids_of_pairs_differ_by_both_texts_and_those_of_single_texts_stay() -> None:
    ids = [Document("a film", second=second).id for second in (None, "good", "bad", Document(words=("good", "one")))]
    ids += [Document("good", second="a film").id, Document("a film\0\0good").id[:11]]
    assert len(set(ids)) == len(ids)
    assert Document("a fine film").id == "bac6d0ff1e0a" and Document(words=("a", "film")).id == "1ced366d9214"
    twice = documents_of([Document("a film", second="good")] * 2)
    assert [each.id for each in twice] == [ids[1], f"{ids[1]}#2"] and twice[1].second == twice[0].second


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_keeps_the_second(edit: str) -> None:
    assert EDITS[edit](PAIR).second == QUESTION


@pytest.mark.parametrize("operator", [DELETE, MASK, MEAN_EMBEDDING])
def test_erased_documents_reach_the_model_with_their_second(operator: str) -> None:
    settings = ClassifierSettings(encoder="average", embedding_width=4, hidden=2, dropout=0.0)
    made = corpus(PAIR, pair("a a", "a", 0))
    model = wrap(fit_classifier(made, settings, TrainingSettings(epochs=1), progress=False))
    given: list[object] = []
    collate_documents = model.collate
    model = replace(model, collate=lambda documents: given.extend(documents) or collate_documents(documents))
    found = read(model, [PAIR])
    (batch,) = found.batches
    edited_logits(found, batch, torch.tensor([[[True, False, True, True, True, False]]]), operator)
    assert len(given) > 1 and all(document.second == QUESTION for document in given)


def test_fingerprints_of_single_texts_stay_and_those_of_pairs_tell_seconds_apart() -> None:
    rated = Document("a bad film", 1, id="b", rationales=[[0, 1, 0]], signals={"s": [1, 2, math.nan]})
    parts = {"train": (Document("a fine film", 0, id="a"), rated)}
    parts |= {
        "dev": (Document(words=("fine",), label=0, id="c"),),
        "test": (Document(words=("bad",), label=1, id="d"),),
    }
    found = Corpus("tiny", ("no", "yes"), parts).fingerprint()
    assert found == "57419919d85e9f425e8cd3fba51607ace07d6b6806bd2e9c38754dc7e08812ba"
    marked = replace(pair("c c", "c"), second=Document("c", rationales=[[1]]))
    others = [corpus(), corpus(dev=replace(pair("c c", "c"), second=Document("x"))), corpus(dev=marked)]
    assert len({each.fingerprint() for each in others}) == 3


def test_a_corpus_is_of_pairs_or_of_single_texts() -> None:
    with pytest.raises(ValueError, match=r"document 's': has no second text, and document 'b b b' has one; give each"):
        corpus(pair("b b", "b", 1), Document("a", 0, id="s"))
    with pytest.raises(ValueError, match=r"document 's': has no second text"):
        collate([PAIR, Document("a", 0, id="s")], Vocabulary.build([PAIR]))


def test_files_and_frames_hold_pairs(tmp_path) -> None:
    made = corpus(PAIR, pair("a a", "a", 0))
    save_jsonlines(made, tmp_path / "pairs.jsonl")
    back = load_jsonlines(tmp_path / "pairs.jsonl", least_words=1)
    assert back.fingerprint() == made.fingerprint() and back.train[0].second.rationales == QUESTION.rationales
    frame = made.to_frame()
    assert list(frame.columns) == ["id", "split", "text", "label", "second"]
    again = corpus_of_frame(frame, least_words=1)
    pd.testing.assert_frame_equal(again.to_frame(), frame)
    assert [each.second.words for each in again.train] == [each.second.words for each in made.train]
    save_jsonlines(
        replace(made, splits={k: [replace(d, second=None) for d in v] for k, v in made.splits.items()}),
        tmp_path / "single.jsonl",
    )
    assert "second" not in (tmp_path / "single.jsonl").read_text()


def test_a_batch_of_two_texts_by_hand() -> None:
    vocabulary = Vocabulary.build([pair("b a b", "a"), pair("b", "b")])  # b: 4, a: 5
    batch = collate([pair("a", "b a a"), pair("b b", "z")], vocabulary)
    assert batch.ids.tolist() == [[START_ID, 5, END_ID, PADDING_ID], [START_ID, 4, 4, END_ID]]
    assert batch.second.ids.tolist() == [[START_ID, 4, 5, 5, END_ID], [START_ID, 1, END_ID, PADDING_ID, PADDING_ID]]
    assert batch.second.is_word.sum(1).tolist() == [3, 1] and batch.second.labels is None
    assert batch.second.documents == tuple(each.second for each in batch.documents)
    rows = batch.rows(torch.tensor([1, 1, 0]))
    assert [each.text for each in rows.second.documents] == ["z", "z", "b a a"]
    assert torch.equal(rows.second.ids, batch.second.ids[[1, 1, 0]])
    moved = batch.to("meta")
    assert moved.second.ids.device.type == moved.second.is_word.device.type == "meta"
    assert collate([Document("a")], vocabulary).second is None


def test_ids_made_once_and_a_function_of_ones_own_give_the_second_too() -> None:
    documents = [pair("a", "b a a"), pair("b b", "z")]
    vocabulary = Vocabulary.build(documents)
    rows = token_ids(documents, vocabulary)
    one, other = padded(documents[1:], rows[1:]), collate(documents[1:], vocabulary)
    assert torch.equal(one.second.ids, other.second.ids)
    batch = EncodedWords(lambda words: list(map(len, words)))([pair("aa", "b bbb"), pair("a", "b")])
    assert batch.second.ids.tolist() == [[1, 3], [1, 0]]


def test_words_of_second_texts_are_known_and_counted() -> None:
    documents = [pair("a b", "C c", 0), pair("a", "b", 1)]
    assert Vocabulary.build(documents).words[4:] == ("a", "b", "c")
    assert Vocabulary.build(documents, least_count=2).words[4:] == ("a", "b", "c")
    signal = log_frequency(documents)
    assert signal.of(Document("c b z")) == pytest.approx((math.log(3), math.log(3), 0.0))


def test_the_bag_of_words_tells_the_texts_apart() -> None:
    """The class is what stands in the second text, and the first has the same words in the other order."""
    train = [pair(own, second, int(second == "yes")) for own, second in (("yes", "no"), ("no", "yes")) * 20]
    probabilities = bag_of_words(train, [pair("no", "yes"), pair("yes", "no"), pair("new", "yes")], 2)
    assert (probabilities[:, 1] > 0.5).tolist() == [True, False, True]
    assert np.allclose(probabilities.sum(1), 1)


def test_the_shift_reads_both_texts_and_no_pair_between_them() -> None:
    """Of "a a" the pair a a is new, of the second "c d" c d: with those of the ends 2 of 6 pairs, and after the
    deletion of one a 1 of 5."""
    vocabulary = Vocabulary.build([pair("a b", "c d")])
    settings = ClassifierSettings(encoder="average", embedding_width=4, hidden=2, dropout=0.0)
    model = wrap(Classifier(settings, len(vocabulary), 2), classes=("x", "y"), vocabulary=vocabulary)
    training = [pair("a b a", "c c"), pair("d", "d d")]
    rows = shift(read(model, [pair("a a", "c d")], training=training), operators=(DELETE, MEAN_EMBEDDING)).frame
    assert rows["unseen_before"].tolist() == pytest.approx([2 / 6] * len(rows))
    first = rows[rows["size"] == "1 %"].groupby("operator")["unseen"].first()
    assert first[DELETE] == pytest.approx(1 / 5) and first[MEAN_EMBEDDING] == pytest.approx(3 / 6)


def test_copies_are_copies_of_both_texts() -> None:
    """Different questions to one text may be apart; copies of a pair stay together."""
    asked = [Document("a text", 0, id=f"{n}", second=f"question {n // 2}") for n in range(60)]
    parts = complete_splits({"train": asked})
    assert all(parts.values())
    places = {name: {each.second.text for each in part} for name, part in parts.items()}
    assert sum(map(len, places.values())) == 30


def test_the_same_pair_is_withheld_and_no_other_question_to_its_text() -> None:
    made = corpus(
        pair("The man sleeps on a bench.", "He rests.", 0), pair("The man sleeps on a bench.", "He runs.", 1),
        pair("b b", "b", 1), pair("e e", "e", 0),
    )  # fmt: skip
    asked = pair("the man sleeps, on a bench", "He rests", 0, rationales=[[0, 0, 1, 0, 0, 0, 1]])
    found = withhold(made, [texts_of(asked)])
    assert found.removed == (made.train[0].id,)
    (carried,), left_out = on_words_of([replace(asked, text=None, spans=None)], corpus(
        pair("the man sleeps, on a bench", "he RESTS", 0), pair("b b", "b", 1)
    ))  # fmt: skip
    assert not left_out and carried.second.words == ("he", "RESTS") and carried.rationales == asked.rationales
