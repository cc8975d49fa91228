"""Questions that allow some classes alone: the others have no probability, and leave every other number as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import attn_interp as ai
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.data.formats.jsonlines import load_jsonlines, save_jsonlines
from attn_interp.models.checks.class_names import in_order_of
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

PLACES = ("attic", "hall", "porch", "shed")


def made(seed: int = 0) -> Corpus:
    """Where somebody is; each question allows two places, and every fifth any."""
    draw = np.random.default_rng(seed)
    documents = []
    for index in range(80):
        place, other, *extra = draw.integers(0, 4, 4)
        words = ("Ann", "is", "in", "the", PLACES[place], *("really",) * extra[0], ".")
        allowed = None if index % 5 == 0 else {int(place), int(other if other != place else (place + 1) % 4)}
        question = Document(words=("Where", "is", "she", *("?",) * (1 + extra[1])), answers=allowed)
        documents.append(Document(words=words, label=int(place), id=f"d{index}", second=question))
    return ai.load(documents, classes=PLACES)


CORPUS = made()


@pytest.fixture(scope="module", params=["query", "compared"])
def model(request):
    settings = ClassifierSettings(embedding_width=6, hidden=4, dropout=0.0, second=request.param)
    return wrap(fit_classifier(CORPUS, settings, TrainingSettings(epochs=2, learning_rate=0.02), progress=False))


def free(document: Document) -> Document:
    return replace(document, second=replace(document.second, answers=None))


def expected(model, document: Document) -> torch.Tensor:
    """Softmax over the classes that the question allows."""
    logits = model.logits([free(document)])[0].double()
    allowed = document.second.answers
    if allowed is None:
        return logits.softmax(-1)
    found = torch.zeros_like(logits)
    found[list(allowed)] = logits[list(allowed)].softmax(-1)
    return found


def test_the_probability_is_shared_by_the_answers_that_are_allowed(model) -> None:
    found = model.logits(CORPUS.test).double().softmax(-1)
    for row, document in zip(found, CORPUS.test):
        torch.testing.assert_close(row, expected(model, document), atol=1e-6, rtol=1e-5)
        if document.second.answers is not None:
            assert row[[c for c in range(4) if c not in document.second.answers]].max() < 1e-30
    assert set(CORPUS.test[0].second.answers or ()) <= set(range(4))


def test_an_edit_keeps_them(model) -> None:
    document = next(each for each in CORPUS.test if each.second.answers)
    batch = model.batch([document])
    classes = model.run(batch).logits.argmax(-1)
    found = leave_one_out(model, batch, classes).values[0]
    whole = expected(model, document)[classes[0]]
    for word in range(len(document)):
        without = expected(model, delete_words(document, {word}))[classes[0]]
        assert float(found[word]) == pytest.approx(float(whole - without), abs=1e-6)


def test_no_number_becomes_undefined_by_them(model) -> None:
    allowing = [each for each in CORPUS.test if each.second.answers][:6]
    reading = ai.read(model, allowing, training=CORPUS, progress=False)
    for name in ("agreement", "permutation", "erasure", "adversary", "quality", "other_question"):
        frame = getattr(ai, name)(reading).frame
        plain = getattr(ai, name)(ai.read(model, [*map(free, allowing)], training=CORPUS, progress=False)).frame
        for column in frame.select_dtypes("number"):
            assert frame[column].notna().all() or plain[column].isna().any(), (name, column)
            assert np.isfinite(frame[column].dropna()).all(), (name, column)
    assert reading.affine == ai.read(model, [free(each) for each in allowing], progress=False).affine


def test_a_file_keeps_them(tmp_path) -> None:
    save_jsonlines(CORPUS, tmp_path / "places.jsonl")
    loaded = load_jsonlines(tmp_path / "places.jsonl")
    assert loaded.splits == CORPUS.splits
    lines = (tmp_path / "places.jsonl").read_text("utf-8").replace('"answers": ["attic"', '"answers": ["cellar"')
    (tmp_path / "places.jsonl").write_text(lines, "utf-8")
    with pytest.raises(ValueError, match=r"places.jsonl, row \d+: label 'cellar' is not in the list of classes"):
        load_jsonlines(tmp_path / "places.jsonl")


def test_classes_in_another_order_are_the_same_classes(model) -> None:
    order = ("shed", "attic", "porch", "hall")
    to = [order.index(name) for name in PLACES]
    turned = [
        replace(
            each,
            label=to[each.label],
            second=replace(each.second, answers=each.second.answers and tuple(to[c] for c in each.second.answers)),
        )
        for each in CORPUS.test
    ]
    with pytest.warns(UserWarning, match="the same in another order"):
        other = in_order_of(model, order, "corpus 'turned'")
    torch.testing.assert_close(other.logits(turned), model.logits(CORPUS.test)[:, [PLACES.index(n) for n in order]])


@pytest.mark.parametrize(("answers", "label"), [((0, 1), 2), ((0, 4), 0), ((-1, 0), 0)])
def test_answers_that_cannot_be_are_refused(answers, label) -> None:
    wrong = Document("Ann is there .", label=label, id="w", second=Document("Where ?", answers=answers))
    splits = {**CORPUS.splits, "test": (wrong,)}
    with pytest.raises(ValueError, match="document 'w': has answers; they belong to its question"):
        Corpus("wrong", PLACES, {**splits, "test": (replace(wrong, second="Where ?", answers=(0, 1)),)})
    with pytest.raises(ValueError, match="document 'w': its question may be answered by the classes"):
        Corpus("wrong", PLACES, splits)
