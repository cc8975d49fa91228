"""Imitators: a second model of the same make that keeps the outputs of a trained one and attends elsewhere."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from attn_interp.data.batch import Batch, batches_by_length, collate
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.attention import build_attention
from attn_interp.models.classifier import Classifier
from attn_interp.models.frozen import attention_pooling, reading_scores
from attn_interp.models.predicting import evaluating
from attn_interp.models.settings import TrainingSettings, require_option
from attn_interp.models.trained import Epoch, Trained
from attn_interp.models.training import fit, seeded

ATTENTION, ATTENTION_AND_HEAD, FULL = "attention", "attention and head", "full"
FREE: Mapping[str, Callable[[Classifier], Sequence[nn.Module]]] = {
    ATTENTION: lambda module: [module.pooling],
    ATTENTION_AND_HEAD: lambda module: [module.pooling, module.head],
    FULL: lambda module: [module],
}
"""Which parts an imitator may learn, from the fewest to all."""

BaseOutputs = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""Id of a document -> the base model's probabilities (C,) and logarithms of attention (T words,)."""


@dataclass(frozen=True)
class Outputs:
    """What a classifier says of a batch: probabilities (B, C) and the logarithms of its attention (B, T), 0 where no
    word is."""

    probabilities: torch.Tensor  # (B, C)
    log_attention: torch.Tensor  # (B, T)

    @classmethod
    def of(cls, module: Classifier, batch: Batch) -> Outputs:
        """The outputs of a classifier with one attention head; gradients reach both."""
        with reading_scores(module) as scores:
            logits = module(batch.ids, batch.is_token, batch.is_word)
        logarithms = scores[0][:, 0].masked_fill(~batch.is_word, -torch.inf).log_softmax(-1)
        return cls(logits.softmax(-1), logarithms.masked_fill(~batch.is_word, 0.0))


@dataclass(frozen=True)
class Imitation:
    """TVD(p_imitator, p_base) - strength KL(attention of the imitator || attention of the base), mean over documents.

    TVD is half the sum of |p - q| over all classes, so for two classes |p_1 - q_1|; the authors' code has half of that,
    and their strength is half of ours. The best epoch has the lowest such loss on the dev split.

    Attributes:
        base: Id of a document -> the base model's probabilities (C,) and logarithms of attention (T words,).
        strength: Of the divergence against the output, at least 0.

    Reference: Wiegreffe & Pinter 2019, section 4.
    """

    base: BaseOutputs
    strength: float

    def losses(self, module: Classifier, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss (B,) of each document, and (B,) whether its decision is the base model's."""
        own, given = Outputs.of(module, batch), self._given(batch)
        distance = (own.probabilities - given.probabilities).abs().sum(-1) / 2
        weights = own.log_attention.exp() * batch.is_word
        divergence = (weights * (own.log_attention - given.log_attention)).sum(-1)
        same = own.probabilities.argmax(-1) == given.probabilities.argmax(-1)
        return distance - self.strength * divergence, same

    def _given(self, batch: Batch) -> Outputs:
        probabilities, logarithms = zip(*(self.base[document.id] for document in batch.documents), strict=True)
        at_words = torch.zeros(batch.is_word.shape, device=batch.is_word.device)
        at_words[batch.is_word] = torch.cat(logarithms).to(at_words)
        return Outputs(torch.stack(probabilities).to(at_words), at_words)

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

    Raises:
        TypeError: the base has no attention.
        ValueError: it has several heads; an unknown `free`; a strength below 0.
    """
    require_option("free", free, tuple(FREE))
    if not strength >= 0:
        raise ValueError(f"strength: got {strength!r}, expected at least 0")
    training = training or base.training
    settings = replace(base.settings, dropout=0.0)
    device = base.module.head.weight.device
    objective = Imitation(base_outputs(base, corpus) if outputs is None else outputs, strength)
    with seeded(seed, device):
        module = copy.deepcopy((start or base).module)
        module.dropout.p = 0.0
        if start is None:
            module.pooling = build_attention(settings.state_width, settings.attention, settings.heads).to(device)
        module.requires_grad_(False)
        for part in FREE[free](module):
            part.requires_grad_(True)
        history = fit(module, corpus, base.vocabulary, training, objective, seed, progress)
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


def base_outputs(base: Trained, corpus: Corpus) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """What the base says of the training and dev documents, by id; raises as `imitate` does."""
    attention_pooling(base.module)
    if base.settings.heads != 1:
        raise ValueError(f"imitate: the base has {base.settings.heads} attention heads, expected one")
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    with evaluating(base.module):
        for batch in _batches(base.vocabulary, [*corpus.train, *corpus.dev], base.module.head.weight.device):
            outputs = Outputs.of(base.module, batch)
            rows = zip(batch.documents, outputs.probabilities, outputs.log_attention, batch.is_word, strict=True)
            for document, probabilities, logarithms, is_word in rows:
                found[document.id] = (probabilities, logarithms[is_word])
    return found


def _batches(vocabulary: Vocabulary, documents: Sequence[Document], device: torch.device) -> list[Batch]:
    groups = batches_by_length([len(document) for document in documents], 64)
    return [collate([documents[row] for row in group], vocabulary).to(device) for group in groups]
