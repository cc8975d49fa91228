"""Training a classifier: the seed decides everything, and the dev split, never the test split, chooses the epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch.optim import Optimizer

from attn_interp.data.batch import Batch, TokenIds, batch_count, batches_by_length, padded, token_ids
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.checks.device import require_device
from attn_interp.models.classifiers.classifier import Classifier, build_classifier
from attn_interp.models.classifiers.frozen_attention import Attention
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Epoch, Trained
from attn_interp.models.progress import progress_bar
from attn_interp.models.training.garbage import collected_seldom
from attn_interp.models.training.objectives import Classification, Objective
from attn_interp.models.training.optimisers import build_optimisers
from attn_interp.models.training.remedies import PENALTIES, why_no_remedy
from attn_interp.models.training.resuming import Progress, Resumable
from attn_interp.models.training.threads import one_thread


def fit_classifier(
    corpus: Corpus,
    settings: ClassifierSettings | None = None,
    training: TrainingSettings | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: bool = True,
    embeddings: torch.Tensor | None = None,
    attention: Attention | None = None,
    resume: Path | None = None,
) -> Trained:
    """A classifier trained on the corpus, with the weights of the epoch that did best on its dev split.

    Best is the highest dev accuracy, then the lowest dev loss, then the earliest epoch. On the CPU the same arguments
    give the same weights bit for bit, whatever the number of threads: training runs on one. Random state and thread
    count are left as they were.

    Args:
        corpus: Its training split trains, its dev split chooses; its test split is not read.
        settings: What the classifier is made of; None: the defaults.
        training: How it is trained; None: the defaults.
        seed: Decides the initial weights, the order of the documents and the dropout.
        device: Where it is trained, and where the module stays.
        progress: Whether to show a bar with the time left if training takes over two seconds.
        embeddings: Pretrained word vectors (V, E) to start from, row v for id v of
            Vocabulary.build(corpus.train, training.least_count).
        attention: What every document's attention is frozen to, in training and on the dev split; its own scores are
            then never learned, and the classifier is meaningless without: `predict` takes it too.
        resume: File that keeps the state after every epoch. Where it stands, the same training goes on from there and
            ends with the weights of an undisturbed one, bit for bit. It is left for the caller to delete.

    Raises:
        ValueError: the embeddings have another shape than vocabulary and settings ask for, or are not finite; the file
            to resume from is damaged or of another training.
        FloatingPointError: the loss became infinite or NaN; names epoch and batch.
    """
    settings = replace(settings or ClassifierSettings(), texts=2 if corpus.of_pairs else 1)
    training = training or TrainingSettings()
    device = require_device(device)
    vocabulary = Vocabulary.build(corpus.train, training.least_count)
    if reason := why_no_remedy(training, corpus.train, settings.state_width == settings.embedding_width):
        raise ValueError(f"remedy {training.remedy!r}: {reason}")
    if training.remedy in PENALTIES and (settings.pooling != "attention" or settings.heads != 1 or attention):
        raise ValueError(f"remedy {training.remedy!r}: needs attention of one head of its own that pools the states")
    objective = Classification(class_weights(corpus.train, len(corpus.classes), training), attention, training)
    with seeded(seed, device):
        module = build_classifier(settings, vocabulary, len(corpus.classes), embeddings).to(device)
        history = fit(module, corpus, vocabulary, training, objective, seed, progress, resume)
    best = max(history, key=objective.merit)
    return Trained(
        module=module.eval(),
        settings=settings,
        training=training,
        vocabulary=vocabulary,
        classes=corpus.classes,
        seed=seed,
        history=tuple(history),
        best_epoch=best.epoch,
    )


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The seed's random numbers on one thread inside, garbage looked for seldom; the caller's random state, threads and
    collector again afterwards."""
    accelerators = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with torch.random.fork_rng(accelerators), one_thread(), collected_seldom():
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed_all(seed)
        yield


def fit(
    module: Classifier,
    corpus: Corpus,
    vocabulary: Vocabulary,
    training: TrainingSettings,
    objective: Objective,
    seed: int,
    progress: bool,
    resume: Path | None = None,
) -> list[Epoch]:
    """Trains the module in place on the objective and leaves it with the weights of its best epoch; `resume` as for
    `fit_classifier`."""
    order = torch.Generator().manual_seed(seed)
    optimisers = build_optimisers(module, training)
    resumable = Resumable(resume, module, optimisers, order, training, seed)
    kept = resumable.restore()
    history, best_state = kept.history, kept.best
    rows = token_ids(corpus.train, vocabulary)
    lengths = [len(document) for document in corpus.train]
    steps = batch_count(lengths, training.batch_size)
    epochs = training.epochs if training.steps is None else min(training.epochs, -(-training.steps // steps))
    best = max(history, key=objective.merit, default=None)
    with progress_bar(f"training on {corpus.name}", (epochs - len(history)) * steps, progress) as step:
        for number in range(len(history) + 1, epochs + 1):
            if best is not None and number - 1 - best.epoch >= training.patience:
                break
            batches = batches_in_random_order(corpus.train, rows, training.batch_size, order)
            train_loss = _pass(module, batches, optimisers, objective, number, step)
            dev_loss, accuracy = objective.judge(module, vocabulary, corpus.dev)
            history.append(Epoch(number, train_loss, finite(dev_loss, f"epoch {number}, dev split"), accuracy))
            best = max(history, key=objective.merit)
            if best.epoch == number:
                best_state = copy.deepcopy(module.state_dict())
            resumable.keep(Progress(history, best_state))
    module.load_state_dict(best_state)
    module.embedding.sparse = False  # sparse gradients are for the lazy optimiser alone
    return history


def _pass(
    module: Classifier,
    batches: Iterator[Batch],
    optimisers: Sequence[Optimizer],
    objective: Objective,
    number: int,
    step: Callable[[str], None],
) -> float:
    """One pass over the training documents; the mean loss of its batches in nats."""
    device = module.head.weight.device
    losses: list[float] = []
    module.train()
    for index, batch in enumerate(batches):
        batch = batch.to(device)
        loss = objective.loss(module, batch)
        losses.append(finite(loss.detach().item(), f"epoch {number}, batch {index}"))
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        step(f"epoch {number}")
    return sum(losses) / len(losses)


def batches_in_random_order(
    documents: Sequence[Document], rows: Sequence[TokenIds], size: int, generator: torch.Generator
) -> Iterator[Batch]:
    """All documents once, in batches of similar length; the generator decides who meets whom, and in which order.

    `rows` are the `token_ids` of the documents, which stay the same over the epochs.
    """
    for group in groups_in_random_order([len(document) for document in documents], size, generator):
        yield padded([documents[index] for index in group], [rows[index] for index in group])


def groups_in_random_order(lengths: Sequence[int], size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """The indices of documents of these lengths, as `batches_in_random_order` takes them."""
    shuffled = torch.randperm(len(lengths), generator=generator).tolist()
    groups = list(batches_by_length([lengths[index] for index in shuffled], size))
    for group in torch.randperm(len(groups), generator=generator).tolist():
        yield [shuffled[position] for position in groups[group]]


def class_weights(documents: Sequence[Document], class_count: int, training: TrainingSettings) -> torch.Tensor:
    """(C,) weight of each class in the loss: 1, or N / (C n_c) if balanced; 1 for a class without documents."""
    if training.class_weights == "none":
        return torch.ones(class_count)
    counts = torch.bincount(torch.tensor(gold_labels(documents)), minlength=class_count)  # (C,)
    return torch.where(counts > 0, len(documents) / (class_count * counts.clamp(min=1)), 1.0)


def finite(loss: float, where: str) -> float:
    """The loss itself.

    Raises:
        FloatingPointError: it is infinite or NaN; `where` says when.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{where}: the loss is {loss}; lower the learning rate or look for very large values among the embeddings"
        )
    return loss
