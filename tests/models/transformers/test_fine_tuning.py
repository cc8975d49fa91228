"""Fine-tuning a tiny BERT: it learns, the seed decides everything, and what is saved is what was trained."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.edit import replace_words
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.trained import Epoch
from attn_interp.models.transformers import fine_tuning as under_test
from attn_interp.models.transformers.fine_tuning import (
    FineTuningSettings,
    fine_tune,
    load_to_fine_tune,
    merit,
    rate_at,
    save_fine_tuned,
)
from attn_interp.models.wrap import wrap

transformers = pytest.importorskip("transformers")

QUICK = FineTuningSettings(epochs=5, batch_size=16, learning_rate=5e-3)


@pytest.fixture(scope="module")
def small(planted: Corpus) -> Corpus:
    return replace(planted, splits={"train": planted.train[:160], "dev": planted.dev[:32], "test": planted.test[:8]})


def fresh(corpus: Corpus, wordpiece: Any, positions: int = 40) -> AttentionModel:
    settings = {"vocab_size": len(wordpiece), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    settings |= {"intermediate_size": 24, "max_position_embeddings": positions, "initializer_range": 0.15}
    config = transformers.BertConfig(**settings, id2label=dict(enumerate(corpus.classes)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wrap(transformers.BertForSequenceClassification(config), wordpiece)


def test_the_rate_rises_and_falls() -> None:
    """Ten steps, a fifth of them warm-up: 1/3, 2/3, then 1 at step 2 and down to 1/8 at the last."""
    rates = [rate_at(step, 10, 0.2) for step in range(10)]
    assert rates == pytest.approx([1 / 3, 2 / 3, *(part / 8 for part in range(8, 0, -1))])
    assert rate_at(0, 1, 0.0) == 1 and rate_at(10, 10, 0.2) == 0


def test_matrices_alone_decay(small, wordpiece) -> None:
    optimiser = under_test._optimiser(fresh(small, wordpiece), QUICK)
    matrices, rest = optimiser.param_groups
    assert matrices["weight_decay"] == 0.01 and rest["weight_decay"] == 0
    assert all(each.ndim == 2 for each in matrices["params"]) and all(each.ndim == 1 for each in rest["params"])


@pytest.fixture(scope="module")
def learned(small, wordpiece):
    model = fresh(small, wordpiece)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        before = torch.get_rng_state()
        tuned = fine_tune(model, small, QUICK, seed=1, progress=False)
        assert torch.equal(torch.get_rng_state(), before)
    return model, tuned


def test_it_learns_and_takes_the_best_epoch(learned, small) -> None:
    model, tuned = learned
    assert not model.module.training
    assert len(tuned.history) == 5 and tuned.words_cut == {}
    best = max(tuned.history, key=merit)
    assert tuned.best_epoch == best.epoch
    logits = model.logits(small.dev)
    labels = torch.tensor([document.label for document in small.dev])
    assert float((logits.argmax(1) == labels).double().mean()) == best.dev_accuracy >= 0.8
    assert float(torch.nn.functional.cross_entropy(logits.double(), labels)) == pytest.approx(best.dev_loss)


def test_a_tie_goes_to_the_lower_loss_then_to_the_earlier_epoch() -> None:
    epochs = [Epoch(1, 0.5, 0.4, 0.8), Epoch(2, 0.4, 0.3, 0.8), Epoch(3, 0.3, 0.3, 0.8), Epoch(4, 0.1, 0.2, 0.7)]
    assert max(epochs, key=merit).epoch == 2


def test_the_seed_decides_everything(learned, small, wordpiece) -> None:
    once = replace(QUICK, epochs=1)
    weights = []
    for seed in (1, 1, 2):
        model = fresh(small, wordpiece)
        fine_tune(model, small, once, seed, progress=False)
        weights.append(torch.cat([each.flatten() for each in model.module.parameters()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_what_is_saved_is_what_was_trained(learned, small, tmp_path) -> None:
    model, tuned = learned
    save_fine_tuned(model, tuned, tmp_path / "bert")
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]
    assert (tmp_path / "bert" / "model.safetensors").exists()
    again = wrap(tmp_path / "bert")
    assert again.classes == small.classes
    assert torch.equal(again.logits(small.test), model.logits(small.test))
    facts = json.loads((tmp_path / "bert" / "fine_tuning.json").read_text())
    assert facts["best_epoch"] == tuned.best_epoch and facts["settings"]["learning_rate"] == 5e-3
    with pytest.raises(FileExistsError, match="is there already"):
        save_fine_tuned(model, tuned, tmp_path / "bert")
    three = ("no", "maybe", "yes")
    heads = [load_to_fine_tune(tmp_path / "bert", three, seed)[0] for seed in (0, 0, 1)]
    first, same, other = (head.classifier.weight for head in heads)
    assert first.shape == (3, 16) and torch.equal(first, same) and not torch.equal(first, other)
    body = heads[0].bert.state_dict()
    assert all(torch.equal(body[name], each) for name, each in model.module.bert.state_dict().items())


def test_documents_longer_than_the_model_are_cut_and_counted(small, wordpiece) -> None:
    long = Document(id="long", words=("the", "film") * 20, label=0)
    corpus = replace(small, splits={**small.splits, "train": (*small.train[:20], long)})
    tuned = fine_tune(fresh(corpus, wordpiece), corpus, replace(QUICK, epochs=1), progress=False)
    assert tuned.words_cut == {"long": 2}


def test_wrong_use_is_named(learned, small, trained) -> None:
    model, tuned = learned
    other = replace(small, classes=("bad", "good"))
    with pytest.raises(ValueError, match=r"the model has classes .* corpus 'planted' has bad, good"):
        fine_tune(model, other, QUICK)
    with pytest.raises(TypeError, match="use save_checkpoint"):
        save_fine_tuned(wrap(trained), tuned, "nowhere")
    with pytest.raises(ValueError, match=r"warm_up: got 1.0, expected 0 <= warm_up < 1"):
        FineTuningSettings(warm_up=1.0)
    with pytest.raises(ValueError, match="clip: got 0, expected a number above 0"):
        FineTuningSettings(clip=0)
    with pytest.raises(FloatingPointError, match="epoch 1, batch"):
        fine_tune(fresh_copy(model), small, replace(QUICK, learning_rate=1e30), progress=False)


def fresh_copy(model: AttentionModel) -> AttentionModel:
    import copy

    module = copy.deepcopy(model.module)
    return wrap(module, model.collate.tokenizer)  # type: ignore[attr-defined]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(learned, tmp_path, monkeypatch) -> None:
    model, _ = learned

    def full(folder, **options) -> None:
        (folder / "tokenizer.json").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(model.collate.tokenizer, "save_pretrained", full)
    with pytest.raises(OSError, match=r"mine: the disk is full; make room and run again"):
        model.save(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_masked_fine_tuning_hides_whole_words_and_makes_masked_texts_familiar(
    bert, small, wordpiece, monkeypatch
) -> None:
    """To begin with the mask reads as a keyword. A model that goes on without masked texts takes it for one still; one
    that meets them is right on texts that have the keyword (of two pieces) and masks alone."""
    masked = replace(QUICK, remedy="masked", epochs=3)
    given: list[Document] = []
    models = [fresh(small, wordpiece), fresh(small, wordpiece)]
    hide = under_test.documents_with_hidden_words

    def seen(documents, word):
        found = hide(documents, word)
        given.extend(found)
        return found

    monkeypatch.setattr(under_test, "documents_with_hidden_words", seen)
    for model, settings in zip(models, (masked, replace(masked, remedy="none"))):
        model.module.load_state_dict(bert.module.state_dict())
        table = model.module.get_input_embeddings().weight.data
        table[wordpiece.mask_token_id] = table[wordpiece.convert_tokens_to_ids("wonder")]
        fine_tune(model, small, settings, seed=1, progress=False)
    words = {each.id: each.words for each in small.train}
    assert len(given) == 3 * len(small.train)  # never a dev document
    for each in given:
        assert len(each) == len(words[each.id])
        assert all(new in ("[MASK]", old) for new, old in zip(each.words, words[each.id]))
    assert 0.3 < sum("[MASK]" in each.words for each in given) / len(given) < 0.6
    texts = [
        replace_words(each, [place for place, marked in enumerate(each.rationales[0]) if not marked], "[MASK]")
        for each in small.train
    ]
    labels = torch.tensor([each.label for each in texts])
    taught, plain = (float((each.logits(texts).argmax(1) == labels).double().mean()) for each in models)
    assert taught > 0.95 and plain < 0.8, (taught, plain)


def test_without_a_word_for_hidden_words_nothing_is_masked(small, wordpiece) -> None:
    model = replace(fresh(small, wordpiece), mask_word=None)
    with pytest.raises(ValueError, match="remedy 'masked' needs a mask token or an unknown token"):
        fine_tune(model, small, replace(QUICK, remedy="masked"))
    with pytest.raises(ValueError, match="remedy: got 'tied', expected one of 'masked', 'none'"):
        FineTuningSettings(remedy="tied")
