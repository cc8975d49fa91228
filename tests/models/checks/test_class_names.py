"""The classes of a model held against those of a corpus: the same documents are right whatever the order."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pandas as pd
import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.draws import sample
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import read
from attn_interp.models.checks.class_names import class_names, names_in, with_classes_of


@pytest.fixture(scope="module")
def turned(planted):
    """The corpus with its two classes in the other order."""
    splits = {
        name: tuple(replace(each, label=1 - each.label) for each in documents)
        for name, documents in planted.splits.items()
    }
    return replace(planted, classes=planted.classes[::-1], splits=splits)


@pytest.mark.parametrize("name", ["model", "bert"])
def test_the_same_names_in_another_order_are_put_in_order_and_said(name, planted, turned, request) -> None:
    model = request.getfixturevalue(name)
    with pytest.warns(
        UserWarning, match="has classes negative, positive, corpus 'planted' has positive, negative: the"
    ):
        reading = read(model, turned.test[:30], training=turned)
    other = reading.model
    assert other.classes == turned.classes
    own = read(model, planted.test[:30], training=planted)
    columns = ["document", "label", "predicted"]
    one, two = (pd.concat([part.about()[columns] for part in each.batches]) for each in (own, reading))
    assert one.equals(two) and (one["label"] == one["predicted"]).mean() > 0.6
    batch = model.batch(planted.test[:3])
    classes = model.run(batch).logits.argmax(-1)
    for asked in (lambda x, of: x.run(batch).logits.softmax(-1)[torch.arange(3), of],
                  lambda x, of: leave_one_out(x, batch, of).values,
                  lambda x, of: x.logits_under(batch, x.run(batch).weights[:, None])[torch.arange(3), 0, of],
                  lambda x, of: x.gradient_at_weights(batch, of)):  # fmt: skip
        torch.testing.assert_close(asked(other, 1 - classes), asked(model, classes), equal_nan=True)
    assert torch.equal(other.at(head=0).run(batch).logits, other.run(batch).logits)
    if name == "bert":
        first = other.at(site=other.sites[0].name)
        assert first.classes == turned.classes and torch.equal(first.run(batch).logits, other.run(batch).logits)
    again = with_classes_of(other, turned.classes, "the corpus")
    assert again is other


@pytest.mark.parametrize(
    ("own", "given", "result"),
    [
        (("LABEL_0", "LABEL_1"), ("neg", "pos"), ("neg", "pos")),
        (("0", "1"), ("neg", "pos"), ("neg", "pos")),
        (("neg", "pos"), ("0", "1"), ("neg", "pos")),
        (("NEG", " pos"), ("neg", "pos"), ("NEG", " pos")),
    ],
)
def test_classes_without_names_are_those_of_the_same_number(model, planted, own, given, result) -> None:
    found = with_classes_of(replace(model, classes=own), given, "the corpus")
    assert found.classes == result
    assert torch.equal(found.logits(planted.test[:3]), model.logits(planted.test[:3]))


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (("neg", "pos"), ("bad", "good")),
        (("neg", "pos"), ("neg", "neutral", "pos")),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("neg", "pos")),
        (("neg", "pos"), ("neg", "positive")),
    ],
)
def test_other_classes_are_refused_with_both_lists(model, planted, own, given) -> None:
    with pytest.raises(ValueError, match=f"has classes {', '.join(own)}, corpus 'x' has {', '.join(given)}; fine-tune"):
        with_classes_of(replace(model, classes=own), given, "corpus 'x'")


def test_documents_of_a_corpus_know_its_classes_and_a_part_of_them_too(model, turned) -> None:
    """Whole, cut or sampled: the logits are put in the order of the corpus, so a model that is right is right."""
    for documents in (turned.test, turned.test[:40], sample(turned.test, 40)):
        with pytest.warns(UserWarning, match="the corpus of the documents has .*: the same in another order"):
            found = read(model, documents)
        assert found.model.classes == turned.classes
        assert quality(found).summary().iloc[0]["estimate"] > 0.9
    again = pickle.loads(pickle.dumps(turned.test))
    assert again == turned.test and again.classes == turned.classes
    assert turned.test[3] is again[3] or turned.test[3] == again[3]


def test_without_the_names_of_the_corpus_quality_says_when_an_order_fits_better(model, turned) -> None:
    with pytest.warns(UserWarning, match=r"the accuracy is 0\.\d+, and would be .* training=corpus\) compares"):
        quality(read(model, list(turned.test)))


def test_a_label_that_is_none_of_the_classes_names_its_document(model, planted) -> None:
    wrong = replace(planted.test[3], label=2)
    with pytest.raises(ValueError, match=rf"'{wrong.id}': label 2 is none of the model's classes 0\.\.1 \(nega"):
        read(model, [*planted.test[:3], wrong])
    with pytest.raises(TypeError, match=r"got a Corpus, expected documents; name a split: read\(model, corpus.test"):
        read(model, planted)


def test_names_of_a_configuration() -> None:
    assert names_in({"1": "b", "0": "a"}, 2) == names_in({0: "a", 1: "b"}, 2) == ("a", "b")
    assert names_in({0: 0, 1: 1}, 2) == ("0", "1")
    for wrong in ({0: "a"}, {0: "a", 2: "b"}, {}):
        with pytest.raises(ValueError, match=r"config.id2label names the logits .*expected 0\.\.1; give classes="):
            names_in(wrong, 2)
    with pytest.raises(ValueError, match="the name 'a' stands for logit 0 and for logit 1; give each its own"):
        class_names(["a", "a"])
    with pytest.raises(TypeError, match=r"class 1 is 1, expected a name: classes=\['1', ...\]"):
        class_names(["a", 1])
