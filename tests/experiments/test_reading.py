"""What is read of a model: votes, whether the readout is affine; each thing when first asked for, and once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.document import Document
from attn_interp.experiments import reading as module
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read


def test_votes_reproduce_the_logits(reading) -> None:
    assert reading.affine
    for part in reading.batches:
        logits = torch.einsum("bw,bwc->bc", part.weights, part.votes)
        assert torch.allclose(logits, part.logits, atol=1e-5)
        assert (part.votes[~part.is_word] == 0).all()


def test_votes_are_the_logits_of_one_hot_attention(model, reading) -> None:
    """By hand for our affine head: W h_t + b."""
    part = reading.batches[0]
    module = model.module
    with torch.no_grad():
        states = module.encoder(module.embedding(part.batch.ids), part.batch.is_token)
        votes = module.head(states)
    for row in range(len(part.rows)):
        own = votes[row, part.batch.is_word[row]].double()
        assert torch.allclose(part.votes[row, : len(own)], own, atol=1e-5)


def test_reading_is_the_same_for_any_order_and_subset(model, planted, reading) -> None:
    documents = planted.test[::-1][:15]
    other = read(model, documents)
    known = {part.batch.documents[i].id: part.weights[i, : len(part.batch.documents[i])]
             for part in reading.batches for i in range(len(part.rows))}  # fmt: skip
    for part in other.batches:
        for i, document in enumerate(part.batch.documents):
            assert torch.allclose(part.weights[i, : len(document)], known[document.id], atol=1e-6)


def test_a_hidden_layer_is_found_out(not_affine, planted) -> None:
    reading = read(not_affine, planted.test[:20])
    assert not reading.affine
    part = reading.batches[0]
    with torch.no_grad():
        own = reading.logits_under(part, part.weights[:, None])[:, 0]
    assert torch.allclose(own, part.logits, atol=1e-5)  # through the model, where votes would be wrong


def test_nothing_to_read_is_an_error(model) -> None:
    with pytest.raises(ValueError, match="no documents"):
        read(model, [])


def test_one_word_documents_alone_prove_nothing(model) -> None:
    reading = read(model, [Document(id="one", words=("film",), label=0)])
    assert reading.affinity.documents == 0


@pytest.fixture
def passes(model) -> Iterator[list[int]]:
    """The number of documents in each pass through the embeddings of the model while the test runs."""
    seen: list[int] = []
    handle = model.module.embedding.register_forward_hook(lambda module, given, output: seen.append(len(output)))
    yield seen
    handle.remove()


def test_weights_that_change_after_the_reading_are_not_mixed_in(not_affine, planted) -> None:
    model = replace(not_affine, module=copy.deepcopy(not_affine.module))
    reading = read(model, planted.test[:8])
    before = [part.weights for part in reading.batches]
    changes = (
        lambda module: torch.nn.init.normal_(next(module.parameters())),
        lambda module: module.double(),
        lambda module: module.load_state_dict(not_affine.module.state_dict()),
    )
    for change in changes:
        change(model.module)
        for ask in (
            lambda reading=reading: permutation(reading),
            lambda reading=reading: reading.logits_under((part := reading.batches[0]), part.weights[:, None]),
            lambda reading=reading: next(reading.only(reading.documents[:3]).each_batch("")),
            lambda reading=reading: next(reading.attributions(["gradient x input"])),
        ):
            with pytest.raises(RuntimeError, match=r"have changed since it was read .*: read\(model, documents"):
                ask()
        reading = read(model, planted.test[:8])
        assert permutation(reading).frame["median_tvd"].notna().all()
    again = [part.weights for part in reading.batches]
    assert all(torch.allclose(one, two, atol=1e-6) for one, two in zip(before, again))


def test_everything_is_read_when_it_is_first_asked_for_and_then_kept(model, planted, passes) -> None:
    reading = read(model, planted.test)
    assert len(reading) == len(planted.test) and "Reading" in repr(reading)
    part, *_ = reading.batches
    assert passes == []
    assert part.weights.shape == part.is_word.shape
    assert passes == [len(part.rows)]  # its own documents, once
    assert part.about()["max_attention"].tolist() == part.weights.amax(-1).tolist()
    assert passes == [len(part.rows)]
    reading.probabilities()
    assert sum(passes) == len(planted.test)
    for each in (lambda: part.votes, lambda: reading.affinity, lambda: list(reading.attributions("leave-one-out"))):
        before = len(passes)
        each()
        after = len(passes)
        assert after > before
        each()
        assert len(passes) == after


def test_a_part_shares_what_was_read_of_the_whole(model, planted, passes) -> None:
    reading = read(model, planted.test[:50])
    names = ["leave-one-out", "gradient x input"]
    whole = {}
    for each, found in reading.attributions(names):
        for row, document in enumerate(each.batch.documents):
            values = [
                each.weights[row],
                each.votes[row],
                each.logits[row],
                *(found[name].values[row] for name in names),
            ]
            whole[document.id] = (len(document), values)
    assert reading.affinity.documents > 0
    passes.clear()
    chosen = planted.test[40:3:-4]
    part = reading.only(chosen)
    assert part.documents == tuple(chosen)
    seen = []
    for each, found in part.attributions(names):
        for row, document in enumerate(each.batch.documents):
            assert part.documents[each.rows[row]] is document
            length, expected = whole[document.id]
            values = [
                each.weights[row],
                each.votes[row],
                each.logits[row],
                *(found[name].values[row] for name in names),
            ]
            for place, (own, other) in enumerate(zip(values, expected, strict=True)):
                assert torch.equal(own, other) if place == 2 else torch.equal(own[:length], other[:length])
            seen.append(document.id)
    assert sorted(seen) == sorted(document.id for document in chosen)
    assert part.affinity is reading.affinity
    rows = [reading.documents.index(document) for document in chosen]
    assert (part.probabilities() == reading.probabilities()[rows]).all()
    assert passes == []
    assert reading.only(reading.documents) is reading
    assert part.only(chosen[:2]).affinity is reading.affinity


def test_an_attribution_is_computed_once_for_each_name(model, planted) -> None:
    reading = read(model, planted.test[:20])
    asked = []

    def method(model, batch, classes) -> Attribution:
        asked.append(len(batch))
        return Attribution(model.run(batch).weights)

    first, second = (list(reading.attributions({"own": method})) for _ in range(2))
    assert sum(asked) == 20
    assert all(one["own"] is other["own"] for (_, one), (_, other) in zip(first, second, strict=True))
    list(reading.attributions({"another": method}))
    assert sum(asked) == 40
    list(reading.attributions({"own": lambda *given: method(*given)}))  # another function under the name
    assert sum(asked) == 60
    with pytest.raises(ValueError, match=r"limee.*LIME"):
        list(reading.attributions(["limee"]))


def test_affinity_is_measured_on_a_sample_that_the_seed_draws(model, planted, monkeypatch) -> None:
    monkeypatch.setattr(module, "PROBED", 7)
    one, turned = read(model, planted.test, seed=3), read(model, planted.test[::-1], seed=3)
    assert one.affinity.documents == turned.affinity.documents == 7
    assert one.affinity.spread == pytest.approx(turned.affinity.spread, abs=1e-5)
    assert one.affinity.spread != pytest.approx(read(model, planted.test, seed=4).affinity.spread, abs=1e-5)


def test_texts_are_taken_and_what_has_no_label_has_none_in_frames(model, planted) -> None:
    reading = read(model, ["an awful film", "a wonderful story", "an awful film"])
    assert [document.words for document in reading.documents][1] == ("a", "wonderful", "story")
    assert len({document.id for document in reading.documents}) == 3
    frame = permutation(reading, draws=2).frame
    assert frame["label"].isna().all() and frame["predicted"].isin(model.classes).all()
    mixed = read(model, [planted.test[0], "an awful film"])
    assert permutation(mixed, draws=2).frame["label"].isna().tolist() == [False, True]
    assert len(read(model, "a wonderful film")) == 1


def test_training_documents_are_those_of_a_corpus_or_given(model, planted) -> None:
    assert read(model, planted.test, training=planted).training == tuple(planted.train)
    assert read(model, planted.test, training=planted.train[:3]).only(planted.test[:2]).training == tuple(
        planted.train[:3]
    )
    assert read(model, planted.test).training is None


def test_wrong_input_is_named(model, trained, planted, reading) -> None:
    with pytest.raises(TypeError, match="read: got a Trained, expected a model as train or wrap return it"):
        read(trained, planted.test)
    with pytest.raises(ValueError, match=f"document '{planted.train[0].id}' is not in this reading of"):
        reading.only(planted.train[:1])
    with pytest.raises(ValueError, match="at least one document, got none"):
        reading.only([])
