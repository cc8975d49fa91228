"""Imitators: a second model of the same make that keeps the outputs of a trained one and attends elsewhere."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from attn_interp.data.batch import Batch, batches_by_length, collate
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.frozen_attention import attention_pooling, reading_scores
from attn_interp.models.classifiers.settings import TrainingSettings, require_option
from attn_interp.models.classifiers.trained import Epoch, Trained
from attn_interp.models.predicting import evaluating
from attn_interp.models.training.fitting import fit, seeded

ATTENTION, ATTENTION_AND_HEAD, FULL = "attention", "attention and head", "full"
FREE: Mapping[str, Callable[[Classifier], Sequence[nn.Module]]] = {
    ATTENTION: lambda module: [module.pooling],
    ATTENTION_AND_HEAD: lambda module: [module.pooling, *module.after_attention()],
    FULL: lambda module: [module],
}
"""Which parts an imitator may learn, from the fewest to all."""

MOST_STATES = 2**30
"""Bytes of encoder states that are held at a time; a corpus with more of them is encoded again in every epoch."""


@dataclass(frozen=True)
class BaseOutputs:
    """What a base model says of the training and dev documents.

    Attributes:
        said: Id of a document -> the base model's probabilities (C,) and logarithms of attention (T words,).
        states: Id of a document -> the states (T words, D) of its encoder; None where they are more than `MOST_STATES`.
    """

    said: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    states: Mapping[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class Outputs:
    """What a classifier says of a batch: probabilities (B, C) and the logarithms of its attention (B, T), 0 where no
    word is."""

    probabilities: torch.Tensor  # (B, C)
    log_attention: torch.Tensor  # (B, T)

    @classmethod
    def of(cls, module: Classifier, batch: Batch) -> Outputs:
        """The outputs of a classifier with one attention head; gradients reach both."""
        return cls.of_states(module, batch, module.states(batch.ids, batch.is_token))

    @classmethod
    def of_states(cls, module: Classifier, batch: Batch, states: torch.Tensor) -> Outputs:
        """The same from the states (B, T, D) of the encoder."""
        with reading_scores(module) as scores:
            logits = module.of_states(states, *batch.inputs[1:])
        logarithms = scores[0][:, 0].masked_fill(~batch.is_word, -torch.inf).log_softmax(-1)
        return cls(logits.softmax(-1), logarithms.masked_fill(~batch.is_word, 0.0))


@dataclass(frozen=True)
class Imitation:
    """TVD(p_imitator, p_base) - strength KL(attention of the imitator || attention of the base), mean over documents.

    TVD is half the sum of |p - q| over all classes, so for two classes |p_1 - q_1|; the authors' code has half of that,
    and their strength is half of ours. The best epoch has the lowest such loss on the dev split.

    Attributes:
        base: What it imitates; where it has states, they are taken for those of the imitator's encoder, which then
            must be the base model's and not learn.
        strength: Of the divergence against the output, at least 0.

    Reference: Wiegreffe & Pinter 2019, section 4.
    """

    base: BaseOutputs
    strength: float

    def losses(self, module: Classifier, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss (B,) of each document, and (B,) whether its decision is the base model's."""
        if self.base.states is None:
            own = Outputs.of(module, batch)
        else:
            states = [self.base.states[document.id] for document in batch.documents]
            own = Outputs.of_states(module, batch, _at_words(states, batch))
        given = self._given(batch)
        distance = (own.probabilities - given.probabilities).abs().sum(-1) / 2
        weights = own.log_attention.exp() * batch.is_word
        divergence = (weights * (own.log_attention - given.log_attention)).sum(-1)
        same = own.probabilities.argmax(-1) == given.probabilities.argmax(-1)
        return distance - self.strength * divergence, same

    def _given(self, batch: Batch) -> Outputs:
        probabilities, logarithms = zip(*(self.base.said[document.id] for document in batch.documents), strict=True)
        return Outputs(torch.stack(probabilities), _at_words(logarithms, batch))

    def loss(self, module: Classifier, batch: Batch) -> torch.Tensor:
        return self.losses(module, batch)[0].mean()

    def judge(self, module: Classifier, vocabulary: Vocabulary, documents: Sequence[Document]) -> tuple[float, float]:
        """Mean loss, and the share of documents that are decided as the base model does."""
        losses, same = [], []
        with evaluating(module):
            for batch in _batches(vocabulary, documents, module.head.weight.device):
                loss, agrees = self.losses(module, batch)
                losses.append(loss.double())
                same.append(agrees.double())
        return float(torch.cat(losses).mean()), float(torch.cat(same).mean())

    def merit(self, epoch: Epoch) -> tuple[float, int]:
        """Higher is better: a low dev loss, then an early epoch."""
        return -epoch.dev_loss, -epoch.epoch


@dataclass(frozen=True)
class Imitator:
    """A trained imitator, the parts of it that were free to learn (a key of `FREE`), and the strength it has."""

    trained: Trained
    free: str
    strength: float


def imitate(
    base: Trained,
    corpus: Corpus,
    strength: float,
    free: str = FULL,
    training: TrainingSettings | None = None,
    seed: int = 0,
    start: Trained | None = None,
    progress: bool = True,
    outputs: BaseOutputs | None = None,
    resume: Path | None = None,
) -> Imitator:
    """A model that imitates the outputs of `base` on the training documents with different attention.

    It starts with the weights of the base, its attention parameters drawn anew (at equal attention the divergence has
    no slope), or where `start` ended. It learns without dropout, which would blur the outputs that it is to match.

    Args:
        base: What it imitates; pools by attention with one head.
        corpus: The one the base was trained on; its labels are not read.
        strength: Of the divergence against the output, see `Imitation`.
        free: What may learn, a key of `FREE`.
        training: None: the base's.
        seed: Draws the attention's first parameters and the order of the documents.
        start: An imitator to go on from, that of a higher strength.
        outputs: what `base_outputs` returned for the same base and corpus, to save running it again.
        resume: File that keeps the state after every epoch, as for `fit_classifier`.

    Raises:
        TypeError: the base has no attention.
        ValueError: it has several heads; an unknown `free`; a strength below 0; a file to resume
            from that is damaged or of another training.
    """
    require_option("free", free, tuple(FREE))
    if not strength >= 0:
        raise ValueError(f"strength: got {strength!r}, expected at least 0")
    training = training or base.training
    settings = replace(base.settings, dropout=0.0)
    device = base.module.head.weight.device
    outputs = outputs or base_outputs(base, corpus)
    with seeded(seed, device):
        module = copy.deepcopy((start or base).module)
        module.dropout.p = 0.0
        if start is None:
            module.pooling = module.fresh_pooling().to(device)
        module.requires_grad_(False)
        for part in FREE[free](module):
            part.requires_grad_(True)
        if free == FULL or not _same_states(module, base.module):
            outputs = replace(outputs, states=None)
        objective = Imitation(outputs, strength)
        history = fit(module, corpus, base.vocabulary, training, objective, seed, progress, resume)
    best = max(history, key=objective.merit)
    trained = replace(
        base,
        module=module.requires_grad_(True).eval(),
        settings=settings,
        training=training,
        seed=seed,
        history=tuple(history),
        best_epoch=best.epoch,
    )
    return Imitator(trained, free, strength)


def sweep(
    base: Trained,
    corpus: Corpus,
    strengths: Sequence[float],
    free: str = FULL,
    training: TrainingSettings | None = None,
    seed: int = 0,
    progress: bool = True,
) -> list[Imitator]:
    """Imitators of falling strength, each going on from the one before; arguments as for `imitate`.

    Falling, because the base's own attention is a local optimum at every strength (there the divergence has no slope
    and the distance of the outputs a kink): a sweep that rises from it would stay there.
    """
    outputs = base_outputs(base, corpus)
    found: list[Imitator] = []
    for strength in sorted(strengths, reverse=True):
        start = found[-1].trained if found else None
        found.append(imitate(base, corpus, strength, free, training, seed, start, progress, outputs))
    return found


def base_outputs(base: Trained, corpus: Corpus, most_states: int = MOST_STATES) -> BaseOutputs:
    """What the base says of the training and dev documents; raises as `imitate` does.

    Args:
        most_states: The states of the encoder are kept if they are at most this many bytes.
    """
    attention_pooling(base.module)
    if base.settings.heads != 1:
        raise ValueError(f"imitate: the base has {base.settings.heads} attention heads, expected one")
    documents = corpus.train + corpus.dev
    words = sum(len(document) for document in documents)
    keeps_states = words * base.settings.state_width * base.module.head.weight.element_size() <= most_states
    said: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    kept: dict[str, torch.Tensor] = {}
    with evaluating(base.module):
        for batch in _batches(base.vocabulary, documents, base.module.head.weight.device):
            states = base.module.states(batch.ids, batch.is_token)
            outputs = Outputs.of_states(base.module, batch, states)
            rows = zip(
                batch.documents, outputs.probabilities, outputs.log_attention, states, batch.is_word, strict=True
            )
            for document, probabilities, logarithms, own, is_word in rows:
                said[document.id] = (probabilities, logarithms[is_word])
                if keeps_states:
                    kept[document.id] = own[is_word]
    return BaseOutputs(said, kept if keeps_states else None)


def _same_states(one: Classifier, other: Classifier) -> bool:
    """Whether both encode alike, without dropout."""
    for first, second in ((one.embedding, other.embedding), (one.encoder, other.encoder)):
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            if not torch.equal(a, b):
                return False
    return True


def _at_words(rows: Sequence[torch.Tensor], batch: Batch) -> torch.Tensor:
    """Values (T words, ...) of each document -> (B, T, ...) at the words of the batch, 0 elsewhere."""
    placed = rows[0].new_zeros(*batch.is_word.shape, *rows[0].shape[1:])
    placed[batch.is_word] = torch.cat(list(rows))
    return placed


def _batches(vocabulary: Vocabulary, documents: Sequence[Document], device: torch.device) -> Iterator[Batch]:
    for group in batches_by_length([len(document) for document in documents], 64):
        yield collate([documents[row] for row in group], vocabulary).to(device)
