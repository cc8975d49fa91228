"""Attributions against closed forms, brute force and captum called one document at a time."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
import torch

from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.attribution.leave_one_out import (
    first_of_equal_neighbours,
    leave_one_out,
    leave_one_out_sampled,
    logits_without_each_word,
)
from attn_interp.attribution.methods import ALL_METHODS, METHODS, Registered, list_methods, named
from attn_interp.attribution.noise import smoothgrad
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.recording import record


def classes_of(model, batch) -> torch.Tensor:
    return model.run(batch).logits.argmax(-1)


def test_leave_one_out_is_plain_deletion(model, planted) -> None:
    documents = planted.test[:6]
    batch = model.batch(documents)
    classes = classes_of(model, batch)
    values = leave_one_out(model, batch, classes).values
    for row, document in enumerate(documents):
        own = model.logits([document]).softmax(-1)[0, classes[row]]
        for t in range(len(document)):
            without = model.logits([delete_words(document, {t})]).softmax(-1)[0, classes[row]]
            assert float(values[row, t]) == pytest.approx(float(own - without), abs=1e-6)
        assert (values[row, len(document) :] == 0).all()


def test_a_sample_of_leave_one_out_has_its_values_at_the_words_that_were_drawn(model, planted, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.attribution.leave_one_out.SAMPLED", 4)
    documents = [*planted.test[:9], Document("film")]
    batch, classes = model.batch(documents), torch.arange(10) % 2
    whole, found = leave_one_out(model, batch, classes).values, leave_one_out_sampled(model, batch, classes)
    assert found.asked is not None
    words = torch.tensor([len(document) for document in documents])
    assert torch.equal(found.asked.sum(-1), words.clamp(max=4))
    assert torch.allclose(found.values[found.asked], whole[found.asked], atol=1e-6, equal_nan=True)
    present = torch.arange(whole.shape[1]) < words[:, None]
    assert found.values[present & ~found.asked].isnan().all()
    assert (found.values[~present] == 0).all()
    alone = leave_one_out_sampled(model, model.batch(documents[2:3]), classes[2:3])
    assert torch.equal(alone.asked[0], found.asked[2, : words[2]])  # whatever else is in the batch
    assert not torch.equal(leave_one_out_sampled(model, batch, classes, seed=1).asked, found.asked)


def test_leave_one_out_of_one_word_is_undefined(model) -> None:
    batch = model.batch(
        [Document(id="one", words=("film",), label=0), Document(id="two", words=("film", "awful"), label=0)]
    )
    values = leave_one_out(model, batch, torch.tensor([0, 0])).values
    assert values[0].isnan().tolist() == [True, False]
    assert values[1].isfinite().all()


def test_integrated_gradients_sum_to_the_change(model, planted) -> None:
    batch = model.batch(planted.test[:9])
    classes = classes_of(model, batch)
    found = integrated_gradients(model, batch, classes)
    zeroed = model.embeddings(batch) * ~batch.is_word[..., None]
    with torch.no_grad():
        own = model.batch_logits(batch).softmax(-1).gather(1, classes[:, None])[:, 0]
        with model.embeddings_given(zeroed):
            base = model.batch_logits(batch).softmax(-1).gather(1, classes[:, None])[:, 0]
    assert (own - base).abs().max() > 0.1
    assert found.completeness_gap is not None
    assert found.completeness_gap.abs().max() < 5e-3
    assert torch.allclose(found.values.sum(-1) - (own - base), found.completeness_gap, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ALL_METHODS.keys() - {"AttnLRP"}))  # which refuses a BiLSTM
def test_a_batch_equals_one_by_one(model, mixed, classes, name) -> None:
    """Also in another order."""
    method = ALL_METHODS[name].method
    together = method(model, mixed, classes).values
    backwards = method(model, model.batch(mixed.documents[::-1]), classes.flip(0)).values.flip(0)
    assert torch.allclose(together, backwards, atol=1e-6, equal_nan=True)
    for row, document in enumerate(mixed.documents):
        alone = method(model, model.batch([document]), classes[row : row + 1]).values[0]
        assert torch.allclose(together[row, : len(document)], alone, atol=1e-6, equal_nan=True)


# Votes and pushed-back attention are of states, and those of a BiLSTM hold their neighbours' words too.
@pytest.mark.parametrize("name", sorted(ALL_METHODS.keys() - {"attention pushed back", "votes", "AttnLRP"}))
def test_every_method_finds_the_planted_word(model, planted, name) -> None:
    """A model may know one class by its keyword and the other by the lack of it; then deleting the latter's keyword
    changes nothing, and the method is right to say so. So the better of the two classes counts."""
    hits: dict[int, list[float]] = {0: [], 1: []}
    for document in planted.test[: 40 if name in METHODS else 12]:
        batch = model.batch([document])
        values = ALL_METHODS[name].method(model, batch, classes_of(model, batch)).values[0].abs()
        hits[document.label].append(document.rationales[0][int(values.argmax())])
    assert max(sum(found) / len(found) for found in hits.values()) > 0.9


def test_methods_by_name() -> None:
    assert list(named("LIME", "leave-one-out")) == ["LIME", "leave-one-out"]
    assert named("leave-one-out")["leave-one-out"] is leave_one_out
    assert named() == {}
    with pytest.raises(
        ValueError, match=r"attribution method 'lime' is not one of AttnLRP, KernelSHAP, LIME, .*smoothgrad"
    ):
        named("lime")
    with pytest.raises(ValueError, match=r"'limee' is not one of AttnLRP, .*; did you mean 'LIME'\?$"):
        named("limee")
    with pytest.raises(ValueError, match=r"'xyz' is not one of AttnLRP, .*, votes$"):
        named("xyz")


def test_a_seed_reaches_the_sampled_methods_alone(model, mixed, classes) -> None:
    found = named("smoothgrad", "leave-one-out", seed=3)
    assert found["leave-one-out"] is leave_one_out
    assert torch.equal(
        found["smoothgrad"](model, mixed, classes).values, smoothgrad(model, mixed, classes, seed=3).values
    )


def test_sampled_is_what_takes_a_seed() -> None:
    takes = {name for name, each in ALL_METHODS.items() if "seed" in inspect.signature(each.method).parameters}
    assert takes == {name for name, each in ALL_METHODS.items() if each.sampled}


def test_the_list_says_what_each_method_is(model, mixed, classes) -> None:
    found = list_methods()
    assert list(found.columns) == ["method", "about", "cost", "signed", "sampled"]
    assert list(found["method"]) == list(ALL_METHODS)
    assert found["about"].str.endswith(".").all() and found["about"].str.len().between(20, 200).all()
    assert found["about"].is_unique
    for name in found["method"][~found["signed"]]:
        assert ALL_METHODS[name].method(model, mixed, classes).values.nan_to_num(0).min() >= 0


def test_a_method_of_ones_own_is_one_line(monkeypatch) -> None:
    def first_word(model, batch, classes):
        """All of it is the first word's. Or so they say."""

    monkeypatch.setitem(ALL_METHODS, "first word", Registered(first_word, "nothing", signed=False))
    assert named("first word")["first word"] is first_word
    assert list(list_methods().iloc[-1]) == ["first word", "All of it is the first word's.", "nothing", False, False]


def test_effective_attention_is_the_smallest_that_mixes_the_states_alike(model, mixed, classes) -> None:
    """Of 13 words and two special tokens the states of width 12 let no more than 12 directions through."""
    found = ALL_METHODS["effective attention"].method(model, mixed, classes).values
    weights = model.run(mixed).weights
    with torch.no_grad():
        states = model.module.encoder(model.embeddings(mixed), mixed.is_token)
        with record(model.module, [model.site]) as recording:
            model.batch_logits(mixed)
    for row, document in enumerate(mixed.documents):
        words = len(document)
        own = recording[model.site][row, 0, 0, : words + 2].double()
        values = states[row, : words + 2].double()
        expected = own @ values @ torch.linalg.pinv(values, rtol=2e-6)
        assert torch.allclose(found[row, :words].double(), expected[1:-1], atol=1e-5)
    assert torch.allclose(found[3], weights[3], atol=1e-5) and (found[-1] - weights[-1]).abs().max() > 1e-4


def test_what_experiments_compute_by_default() -> None:
    """The further methods are dear: none of them is computed unless it is asked for."""
    expected = ["gradient x input (detached)", "gradient x input", "leave-one-out"]
    assert list(METHODS) == expected
    assert list(ALL_METHODS)[:3] == expected


@pytest.mark.parametrize("kind", ["lstm", "bert"])
def test_equal_neighbours_have_one_leave_one_out_value_whatever_else_is_read(kind, model, bert, request) -> None:
    """Without either of them the text is the same, so the number is, to the last bit; and it is that of the text."""
    asked = model if kind == "lstm" else bert
    words = ("the", "film", "was", "wonderful", "wonderful", "wonderful", "the", "awful", "awful")
    document = Document(id="d", words=words, label=1)
    values = {}
    for others in ((), (Document(id="o", words=("a",) * 15, label=0),), (Document(id="p", words=("awful",), label=0),)):
        batch = asked.batch([document, *others])
        found = leave_one_out(asked, batch, torch.ones(len(batch), dtype=torch.long)).values[0, : len(words)]
        assert found[3] == found[4] == found[5] and found[7] == found[8]
        values[len(values)] = found
    shorter = asked.logits([Document(id="s", words=(*words[:4], *words[5:]), label=1)]).double().softmax(-1)[0, 1]
    own = asked.logits([document]).double().softmax(-1)[0, 1]
    assert float(values[0][4]) == pytest.approx(float(own - shorter), abs=1e-6)
    for each in values.values():
        torch.testing.assert_close(each, values[0], atol=1e-6, rtol=0)


def test_neighbours_are_equal_as_the_model_is_given_them(model, bert) -> None:
    """Two unknown words are one id to a classifier of ours; another module may look at the words."""
    document = Document(id="d", words=("the", "zyzzyva", "qwertyuiop", "film", "film"), label=1)
    batch = model.batch([document])
    assert first_of_equal_neighbours(model, batch).tolist() == [[0, 1, 1, 3, 3]]
    assert first_of_equal_neighbours(replace(model, trained=None), batch).tolist() == [[0, 1, 2, 3, 3]]
    assert first_of_equal_neighbours(bert, bert.batch([document])).tolist() == [[0, 1, 2, 3, 3]]
    told = replace(model, without_each_word=lambda batch: (torch.zeros(1, 2), torch.randn(1, 5, 2)))
    _, without = logits_without_each_word(told, batch)
    assert torch.equal(without[0, 1], without[0, 2]) and torch.equal(without[0, 3], without[0, 4])
    assert not torch.equal(without[0, 0], without[0, 1])
