"""Training: the seed decides everything, the dev split chooses, what is planted is learned and what is not is not."""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from itertools import count

import pytest
import torch
from torch.nn import functional

from attn_interp.data.batch import batch_count, token_ids
from attn_interp.data.corpora.planted import load_planted
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict_logits
from attn_interp.models.training import fitting as under_test
from attn_interp.models.training.fitting import batches_in_random_order, class_weights, fit_classifier
from attn_interp.models.training.objectives import Classification

SMALL = ClassifierSettings(embedding_width=16, hidden=8, dropout=0.2)
QUICK = TrainingSettings(epochs=3, learning_rate=0.02)
CORPUS = load_planted(300, most_length=9)
EPOCH = 8  # batches


@lru_cache(maxsize=1)
def trained() -> Trained:
    return fit_classifier(CORPUS, SMALL, QUICK, seed=11, progress=False)


def equal_weights(first: Trained, second: Trained) -> bool:
    one, two = first.module.state_dict(), second.module.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def accuracy(model: Trained, documents: tuple[Document, ...]) -> float:
    labels = torch.tensor([document.label for document in documents])
    return float((model.logits(documents).argmax(1) == labels).double().mean())


@pytest.mark.parametrize("encoder", ["lstm", "cnn", "average"])
def test_planted_evidence_is_learned(encoder: str) -> None:
    model = fit_classifier(CORPUS, replace(SMALL, encoder=encoder), replace(QUICK, epochs=6), seed=1, progress=False)
    assert accuracy(model, CORPUS.test) == 1.0


def test_shuffled_labels_are_not_learned() -> None:
    corpus = load_planted(1000, most_length=9, shuffled_labels=True)
    model = fit_classifier(corpus, SMALL, QUICK, seed=1, progress=False)
    assert abs(accuracy(model, corpus.test) - 0.5) < 3 * 0.5 / len(corpus.test) ** 0.5


def test_the_same_seed_gives_the_same_weights_whatever_the_state_of_the_caller() -> None:
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(12)
        torch.set_num_threads(threads + 1)
        try:
            again = fit_classifier(CORPUS, SMALL, QUICK, seed=11, progress=False)
        finally:
            torch.set_num_threads(threads)
    assert equal_weights(trained(), again)
    assert again.history == trained().history


def test_another_seed_gives_other_weights() -> None:
    assert not equal_weights(trained(), fit_classifier(CORPUS, SMALL, QUICK, seed=12, progress=False))


def test_random_state_and_threads_are_left_alone() -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fit_classifier(CORPUS.first(9), SMALL, replace(QUICK, epochs=1), progress=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_the_test_split_is_not_read() -> None:
    wrong = tuple(
        Document(id=document.id, words=("nonsense",) * 40, label=1 - document.label) for document in CORPUS.test
    )
    spoiled = replace(CORPUS, splits={**CORPUS.splits, "test": wrong})
    assert equal_weights(trained(), fit_classifier(spoiled, SMALL, QUICK, seed=11, progress=False))


def test_the_dev_split_chooses_the_epoch_and_its_weights() -> None:
    # Training on planted evidence gets better and better; a dev split that says the opposite prefers the first epoch.
    opposite = tuple(replace(document, label=1 - document.label) for document in CORPUS.dev)
    corpus = replace(CORPUS, splits={**CORPUS.splits, "dev": opposite})
    slow = replace(QUICK, epochs=4, patience=4, learning_rate=0.003)
    against = fit_classifier(corpus, SMALL, slow, seed=2, progress=False)
    along = fit_classifier(CORPUS, SMALL, slow, seed=2, progress=False)
    assert against.best_epoch < along.best_epoch
    for model, documents in ((against, opposite), (along, CORPUS.dev)):
        assert len(model.history) == 4
        chosen = model.history[model.best_epoch - 1]
        assert chosen == max(model.history, key=Classification(class_weights(CORPUS.train, 2, QUICK)).merit)
        assert accuracy(model, documents) == chosen.dev_accuracy
        labels = torch.tensor([document.label for document in documents])
        logits = predict_logits(model.module, model.vocabulary, documents).double()
        assert float(functional.cross_entropy(logits, labels)) == pytest.approx(chosen.dev_loss, abs=1e-6)


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (EPOCH, 1), (EPOCH + 1, 2), (2 * EPOCH, 2), (99 * EPOCH, 3)])
def test_steps_end_training_after_a_whole_epoch(steps: int, epochs: int) -> None:
    assert batch_count([len(document) for document in CORPUS.train], QUICK.batch_size) == EPOCH
    training = replace(QUICK, epochs=3, patience=3, steps=steps)
    shorter = fit_classifier(CORPUS, SMALL, training, seed=3, progress=False)
    plain = fit_classifier(CORPUS, SMALL, replace(training, steps=None, epochs=epochs), seed=3, progress=False)
    assert shorter.history == plain.history and len(plain.history) == epochs


def test_training_stops_when_patience_is_at_an_end() -> None:
    model = fit_classifier(
        CORPUS, SMALL, replace(QUICK, epochs=50, patience=3, learning_rate=0.1), seed=3, progress=False
    )
    assert len(model.history) == model.best_epoch + 3
    assert [row.epoch for row in model.history] == list(range(1, len(model.history) + 1))


def test_a_loss_that_is_not_finite_says_where() -> None:
    huge = torch.full((len(Vocabulary.build(CORPUS.train, 2)), 16), 1e38)
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 0: the loss is (nan|inf); lower the learning rate"):
        fit_classifier(CORPUS, replace(SMALL, encoder="cnn", pooling="mean"), QUICK, progress=False, embeddings=huge)


def test_pretrained_vectors_are_fine_tuned_and_belong_to_the_vocabulary() -> None:
    vocabulary = Vocabulary.build(CORPUS.train, QUICK.least_count)
    start = torch.randn(len(vocabulary), 16, generator=torch.Generator().manual_seed(13))
    still = replace(QUICK, epochs=1, learning_rate=1e-9)
    model = fit_classifier(CORPUS, SMALL, still, progress=False, embeddings=start)
    assert model.vocabulary == vocabulary
    assert (model.module.embedding.weight[1:] - start[1:]).abs().max() < 1e-6
    assert not torch.equal(model.module.embedding.weight[1:], start[1:])
    with pytest.raises(ValueError, match="embeddings: got shape"):
        fit_classifier(CORPUS, SMALL, QUICK, progress=False, embeddings=start[1:])


def test_what_comes_out_is_ready_for_use() -> None:
    model = trained()
    assert not model.module.training
    assert not model.module.embedding.sparse
    assert model.classes == CORPUS.classes
    assert (model.settings, model.training, model.seed) == (SMALL, QUICK, 11)
    assert torch.equal(model.module.embedding.weight[0], torch.zeros(16))


def test_an_epoch_has_every_document_once_in_batches_of_similar_length() -> None:
    rows = token_ids(CORPUS.train, Vocabulary.build(CORPUS.train))
    generator = torch.Generator().manual_seed(14)
    epochs = [list(batches_in_random_order(CORPUS.train, rows, 32, generator)) for _ in range(2)]
    for batches in epochs:
        seen = Counter(document.id for batch in batches for document in batch.documents)
        assert seen == Counter(document.id for document in CORPUS.train)
        assert sum(int((~batch.is_token).sum()) for batch in batches) < 0.1 * sum(
            batch.ids.numel() for batch in batches
        )
    first, second = ([{document.id for document in batch.documents} for batch in batches] for batches in epochs)
    assert not any(group in second for group in first)


def test_balanced_classes_have_the_same_say() -> None:
    labels = [0] * 6 + [1] * 2
    documents = [Document(id=str(n), words=("word",), label=label) for n, label in zip(count(), labels)]
    weights = class_weights(documents, 3, TrainingSettings(class_weights="balanced"))
    torch.testing.assert_close(weights, torch.tensor([8 / 18, 8 / 6, 1.0]))
    assert weights[0] * 6 == pytest.approx(float(weights[1] * 2))
    assert torch.equal(class_weights(documents, 3, TrainingSettings()), torch.ones(3))


def test_progress_counts_every_step_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, bool]] = []
    steps: list[str] = []
    threads: list[int] = []

    class Bar:
        def __init__(self, label: str, total: int, shown: bool) -> None:
            seen.append((label, total, shown))
            threads.append(torch.get_num_threads())

        def __enter__(self):  # type: ignore[no-untyped-def]
            return steps.append

        def __exit__(self, *details: object) -> None:
            return None

    monkeypatch.setattr(under_test, "progress_bar", Bar)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit_classifier(CORPUS.first(70), SMALL, replace(QUICK, epochs=2), progress=True)
    finally:
        torch.set_num_threads(before)
    assert seen == [("training on planted", 2 * 3, True)]
    assert threads == [1]
    assert steps == ["epoch 1"] * 3 + ["epoch 2"] * 3
