"""The shift of an erasure: worked by hand, one document at a time, the same texts as faithfulness, and the nulls."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.data.vocabulary import SPECIALS, UNKNOWN, Vocabulary
from attn_interp.experiments.people.faithfulness import PERCENT, RANDOM, faithfulness
from attn_interp.experiments.people.parts.edited import ATTENTION_MASK, DELETE, MASK, MEAN_EMBEDDING, OPERATORS
from attn_interp.experiments.people.parts.ranked import DRAWS, numbers_drawn
from attn_interp.experiments.people.shift import ALONE, ERASED, shift
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap

KEYS = ["document", "operator", "side", "size"]


@pytest.fixture(scope="module")
def letters():
    """A model that knows the words a to e; what it answers is of no matter here."""
    vocabulary = Vocabulary((*SPECIALS, *"abcde"))
    settings = ClassifierSettings(encoder="average", embedding_width=4, hidden=2, dropout=0.0)
    return wrap(Classifier(settings, len(vocabulary), 2), classes=("x", "y"), vocabulary=vocabulary)


def text(words: str, name: str = "") -> Document:
    return Document(id=name or words, words=tuple(words), label=0)


def test_two_words_by_hand(letters) -> None:
    """Training: <s> a b </s>. Of "ab" every share erases one word, a or b: <s> b and a </s> are new, half of the pairs
    of "<s> b </s>" and of "<s> a </s>"; masked, two of three pairs touch the mask."""
    rows = shift(read(letters, [text("ab")], training=[text("ab")])).frame.set_index(KEYS)
    for percent in PERCENT:
        for side in (ERASED, ALONE):
            found = rows.xs(("ab", side, f"{percent} %"), level=("document", "side", "size"))
            assert found["unseen_before"].tolist() == [0.0] * 4
            assert found.loc[DELETE, "shift"] == 0.5
            assert found.loc[MASK, "shift"] == found.loc[MEAN_EMBEDDING, "shift"] == pytest.approx(2 / 3)
            assert found.loc[ATTENTION_MASK, "shift"] == 0


def test_a_mask_that_training_knows_is_no_stranger(letters) -> None:
    """z is unknown to the model, and so reads as its mask."""
    training = [text("ab"), text("zb"), text("az")]
    rows = shift(read(letters, [text("ab")], training=training)).frame.set_index(KEYS)
    assert (rows.xs(MASK, level="operator")["shift"] == 0).all()
    assert (rows.xs(MEAN_EMBEDDING, level="operator")["shift"] > 0.6).all()
    assert letters.mask_word == UNKNOWN


def test_one_document_at_a_time(model, planted) -> None:
    """Ten lines over words, without the model: its vocabulary knows all of them."""
    frame = shift(read(model, planted.test[:6], training=planted.train[:40]), operators=[DELETE]).frame.set_index(KEYS)

    def pairs(words: tuple[str, ...]) -> list[tuple[str, str]]:
        return list(pairwise(("START", *words, "END")))

    seen = {pair for document in planted.train[:40] for pair in pairs(document.words)}
    for document in planted.test[:6]:
        before = np.mean([pair not in seen for pair in pairs(document.words)])
        for percent in PERCENT:
            count = int(np.ceil(percent * len(document) / 100))
            after = []
            for order in numbers_drawn(document, 0).argsort(-1).tolist():
                left = delete_words(document, order[:count]).words
                after.append(np.mean([pair not in seen for pair in pairs(left)]))
            row = frame.loc[(document.id, DELETE, ERASED, f"{percent} %")]
            assert row["first"] == count
            assert row["shift"] == pytest.approx(np.mean(after) - before, abs=1e-12)


def test_the_texts_are_those_of_the_random_ranking(model, planted) -> None:
    document = planted.test[0]
    own = model.logits([document])[0].softmax(-1)
    faithful = faithfulness(read(model, [document]), methods={}).frame.set_index(["method", "size"])
    orders = numbers_drawn(document, 0).argsort(-1).tolist()
    edited = [delete_words(document, order[: -(-len(document) // 5)]) for order in orders]
    lost = own.max() - model.logits(edited).softmax(-1)[:, own.argmax()].mean()
    assert len(orders) == DRAWS
    assert faithful.loc[(RANDOM, "20 %"), "comprehensiveness"] == pytest.approx(float(lost), abs=1e-5)


def test_the_null_and_what_is_undefined(letters, tmp_path) -> None:
    """Copies of one word have no new neighbours; of a document of one word nothing is left to delete."""
    copies, single = text("aaaaaaaa"), text("a", "single")
    result = shift(read(letters, [copies, single], training=[text("aaa"), text("a")]))
    frame = result.frame[result.frame["operator"].isin([DELETE, ATTENTION_MASK])]
    assert (frame.loc[frame["document"] == copies.id, "shift"] == 0).all()
    nothing = frame[(frame["document"] == "single") & (frame["side"] == ERASED)]
    assert nothing["shift"].isna().all()
    row = result.summary().query(f"operator == 'delete' and side == '{ERASED}' and quantity == 'shift'").iloc[0]
    assert (row["n"], row["undefined"]) == (1, 1)
    again = Result.load(result.save(tmp_path))
    assert again.frame.equals(result.frame)
    assert again.settings["operators"] == list(OPERATORS)


def test_it_depends_on_no_other_document(model, planted) -> None:
    both = shift(read(model, planted.test[:3], training=planted.train[:20]), operators=[DELETE, MASK]).frame
    last = shift(read(model, planted.test[2:3], training=planted.train[:20]), operators=[DELETE, MASK]).frame
    assert both[both["document"] == planted.test[2].id].reset_index(drop=True).equals(last)


def test_what_is_refused(letters) -> None:
    for none in ([], None):
        with pytest.raises(
            ValueError, match=r"shift: no training documents are known: read\(model, documents, training"
        ):
            shift(read(letters, [text("a")], training=none))
    with pytest.raises(ValueError, match="operator 'burn' is unknown; choose from attention mask, delete"):
        shift(read(letters, [text("ab")], training=[text("ab")]), operators=["burn"])
