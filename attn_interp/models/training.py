"""Training a classifier: the seed decides everything, and the dev split, never the test split, chooses the epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.optim import Optimizer

from attn_interp.data.batch import Batch, batches_by_length, collate
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifier import Classifier
from attn_interp.models.frozen import Attention
from attn_interp.models.hierarchical import build_classifier
from attn_interp.models.objectives import Classification, Objective
from attn_interp.models.optimisers import build_optimisers
from attn_interp.models.progress import progress_bar
from attn_interp.models.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.threads import one_thread
from attn_interp.models.trained import Epoch, Trained


def train(
    corpus: Corpus,
    settings: ClassifierSettings | None = None,
    training: TrainingSettings | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: bool = True,
    embeddings: torch.Tensor | None = None,
    attention: Attention | None = None,
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

    Raises:
        ValueError: the embeddings have another shape than vocabulary and settings ask for, or are not finite.
        FloatingPointError: the loss became infinite or NaN; names epoch and batch.
    """
    settings = settings or ClassifierSettings()
    training = training or TrainingSettings()
    device = torch.device(device)
    vocabulary = Vocabulary.build(corpus.train, training.least_count)
    objective = Classification(class_weights(corpus.train, len(corpus.classes), training), attention)
    with seeded(seed, device):
        module = build_classifier(settings, vocabulary, len(corpus.classes), embeddings).to(device)
        history = fit(module, corpus, vocabulary, training, objective, seed, progress)
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
    """The seed's random numbers on one thread inside; the caller's random state and threads again afterwards."""
    accelerators = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with torch.random.fork_rng(accelerators), one_thread():
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
) -> list[Epoch]:
    """Trains the module in place on the objective and leaves it with the weights of its best epoch."""
    order = torch.Generator().manual_seed(seed)
    optimisers = build_optimisers(module, training)
    steps = -(-len(corpus.train) // training.batch_size)
    history: list[Epoch] = []
    best_state: dict[str, torch.Tensor] = {}
    with progress_bar(f"training on {corpus.name}", training.epochs * steps, progress) as step:
        for number in range(1, training.epochs + 1):
            batches = batches_in_random_order(corpus.train, vocabulary, training.batch_size, order)
            train_loss = _pass(module, batches, optimisers, objective, number, step)
            dev_loss, accuracy = objective.judge(module, vocabulary, corpus.dev)
            history.append(Epoch(number, train_loss, _finite(dev_loss, f"epoch {number}, dev split"), accuracy))
            best = max(history, key=objective.merit)
            if best.epoch == number:
                best_state = copy.deepcopy(module.state_dict())
            elif number - best.epoch >= training.patience:
                break
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
        losses.append(_finite(loss.detach().item(), f"epoch {number}, batch {index}"))
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        step(f"epoch {number}")
    return sum(losses) / len(losses)


def batches_in_random_order(
    documents: Sequence[Document], vocabulary: Vocabulary, size: int, generator: torch.Generator
) -> Iterator[Batch]:
    """All documents once, in batches of similar length; the generator decides who meets whom, and in which order."""
    shuffled = torch.randperm(len(documents), generator=generator).tolist()
    groups = list(batches_by_length([len(documents[index]) for index in shuffled], size))
    for group in torch.randperm(len(groups), generator=generator).tolist():
        yield collate([documents[shuffled[position]] for position in groups[group]], vocabulary)


def class_weights(documents: Sequence[Document], class_count: int, training: TrainingSettings) -> torch.Tensor:
    """(C,) weight of each class in the loss: 1, or N / (C n_c) if balanced; 1 for a class without documents."""
    if training.class_weights == "none":
        return torch.ones(class_count)
    counts = torch.bincount(torch.tensor([document.label for document in documents]), minlength=class_count)  # (C,)
    return torch.where(counts > 0, len(documents) / (class_count * counts.clamp(min=1)), 1.0)


def _finite(loss: float, where: str) -> float:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{where}: the loss is {loss}; lower the learning rate or look for very large values among the embeddings"
        )
    return loss
