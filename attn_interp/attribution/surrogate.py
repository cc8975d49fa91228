"""A linear model of what keeping or dropping each word does to the probability of a class: LIME and KernelSHAP.

A word is dropped by a zero vector in the place of its embedding, the baseline of integrated gradients, and not by
deletion: the other words keep their places. captum perturbs, runs the model and fits; which words are kept is given to
it, drawn from (seed, document id) where it is drawn at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import comb
from typing import Any, NamedTuple

import numpy as np
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.probability import captum_methods, probability_at, rows_at_once, zero_words
from attn_interp.data.batch import Batch
from attn_interp.data.draws import generator
from attn_interp.models.attention_model import AttentionModel

# Subsets of a document: twice as many as unknowns, one per word, and enough where there are few words. A document of 8
# words has 256 subsets, so that up to there all of them are dearer than none drawn.
BASE_SUBSETS = 256
SUBSETS_PER_WORD = 2
KERNEL_WIDTH = 0.25  # of the cosine distance: 25 for distances of 0 to 100 in the authors' code for texts
PENALTY = 1 / 5000  # for each subset: the authors' code has a ridge penalty of 1 for its 5,000 subsets
ENDS_WEIGHT = 1e6  # captum's stand-in for the infinite weight of all words and of none


class Subsets(NamedTuple):
    """Sets of words that are kept, and how much each counts in the fit.

    Attributes:
        kept: (N, W) 1 where a word is kept, 0 where it is dropped.
        weights: (N,) above 0.
    """

    kept: np.ndarray
    weights: np.ndarray


Chosen = Callable[[int, str, int], Subsets]
"""(number of words, document id, seed) -> the subsets that are run."""


def lime(model: AttentionModel, batch: Batch, classes: torch.Tensor, seed: int = 0) -> Attribution:
    """The slopes of a ridge regression of p_class on which words are kept, near the document. Sampled.

    256 + 2W subsets of a document of W words: the document itself, and others from which a number of words is dropped
    that is uniform in 1..W. A subset that keeps k words counts by exp(-d^2 / (2 * .25^2)), d = 1 - sqrt(k / W) its
    cosine distance to the document. The penalty draws slopes towards 0, by much in documents of one or two words, whose
    other sets are all far from them. Drawn from (seed, document id).

    Reference: Ribeiro, Singh & Guestrin 2016, section 3 (kernel, draws and penalty as in their code for texts).
    """
    ridge = _linear_model("SkLearnRidge")
    return Attribution(_slopes(model, batch, classes, seed, near_subsets, lambda n: ridge(alpha=n * PENALTY)))


def kernel_shap(model: AttentionModel, batch: Batch, classes: torch.Tensor, seed: int = 0) -> Attribution:
    """Shapley values of the words for p_class. Exact for documents of up to 8 words, sampled beyond.

    The value of a set of words is p_class of the document with all others dropped. Up to 8 words every set is run.
    Beyond, 256 + 2W are drawn with the probabilities of the Shapley kernel, each together with its complement, which
    takes much of the variance. The values sum to p_class(document) - p_class(no word); the completeness gap is what
    they miss of it (sum minus difference), a rounding error. Drawn from (seed, document id).

    Reference: Lundberg & Lee 2017, section 4.1; Covert & Lee 2021, section 4 (pairs of complements).
    """
    regression = _linear_model("SkLearnLinearRegression")
    values = _slopes(model, batch, classes, seed, shapley_subsets, lambda n: regression())
    probability = probability_at(model, batch, classes)
    embeddings = model.embeddings(batch)
    rows = torch.arange(len(batch), device=embeddings.device)
    with torch.no_grad():
        change = probability(embeddings, rows) - probability(zero_words(model, batch, embeddings), rows)
    return Attribution(values, values.sum(-1) - change)


def near_subsets(words: int, document_id: str, seed: int) -> Subsets:
    """What LIME runs: the document, then sets with a uniform number of words dropped; weights by distance to it."""
    random = generator(seed, f"LIME {document_id}")
    count = BASE_SUBSETS + SUBSETS_PER_WORD * words
    kept = words - np.concatenate([[0], random.integers(1, words + 1, count - 1)])
    distance = 1 - np.sqrt(kept / words)
    return Subsets(_sets_of(kept, words, random), np.exp(-(distance**2) / (2 * KERNEL_WIDTH**2)))


def shapley_subsets(words: int, document_id: str, seed: int) -> Subsets:
    """What KernelSHAP runs: all words, none, and every other set with its weight, or pairs drawn by it."""
    sizes = np.arange(1, words)
    by_size = 1 / (sizes * (words - sizes))  # the Shapley kernel, summed over the sets of a size, up to a factor
    ends = np.array([np.ones(words, dtype=int), np.zeros(words, dtype=int)])
    if 2**words <= BASE_SUBSETS:
        others = np.array([set_of_bits(number, words) for number in range(1, 2**words - 1)], dtype=int)
        others = others.reshape(-1, words)
        size = others.sum(1)
        weights = np.array([by_size[k - 1] / comb(words, k) for k in size.tolist()])
        weights = weights / weights.max(initial=0)
    else:
        random = generator(seed, f"KernelSHAP {document_id}")
        half = (BASE_SUBSETS + SUBSETS_PER_WORD * words - 2) // 2
        drawn = _sets_of(random.choice(sizes, half, p=by_size / by_size.sum()), words, random)
        others = np.concatenate([drawn, 1 - drawn])
        weights = np.ones(len(others))
    return Subsets(np.concatenate([ends, others]), np.concatenate([[ENDS_WEIGHT, ENDS_WEIGHT], weights]))


def set_of_bits(number: int, words: int) -> list[int]:
    """The bits of a number as a set of words, the first word first.

    >>> set_of_bits(5, 4)
    [1, 0, 1, 0]
    """
    return [number >> word & 1 for word in range(words)]


def _sets_of(sizes: np.ndarray, words: int, random: np.random.Generator) -> np.ndarray:
    """(N, W) sets of the given sizes (N,), all sets of a size equally likely."""
    ranks = random.random((len(sizes), words)).argsort(1).argsort(1)
    return (ranks < sizes[:, None]).astype(int)


def _slopes(
    model: AttentionModel,
    batch: Batch,
    classes: torch.Tensor,
    seed: int,
    chosen: Chosen,
    regression: Callable[[int], Any],
) -> torch.Tensor:
    """(B, W) the slopes that captum's Lime fits to the chosen subsets of each document, one document after the other:
    the subsets of one fill a pass of the model, and all are of one length."""
    embeddings = model.embeddings(batch)  # (B, T, D)
    baselines = zero_words(model, batch, embeddings)
    unit = model.unit_of(batch).clamp(min=0)  # (B, T); other positions do not change, so they may go with any word
    probability = probability_at(model, batch, classes)
    values = embeddings.new_zeros(len(batch), int(unit.max()) + 1)
    for row, document in enumerate(batch.documents):
        subsets = chosen(len(document), document.id, seed)
        explainer = captum_methods().Lime(
            probability,
            interpretable_model=regression(len(subsets.kept)),
            similarity_func=_in_turn(subsets.weights),
            perturb_func=_perturbations(subsets.kept),
        )
        slopes = explainer.attribute(
            embeddings[row : row + 1],
            baselines=baselines[row : row + 1],
            additional_forward_args=(torch.tensor([row], device=embeddings.device),),
            feature_mask=unit[row : row + 1, :, None],
            n_samples=len(subsets.kept),
            perturbations_per_eval=rows_at_once(batch),
            return_input_shape=False,
        )
        values[row, : len(document)] = slopes.flatten().to(values)
    return values


def _perturbations(kept: np.ndarray) -> Callable[..., Iterator[torch.Tensor]]:
    def perturbations(original: torch.Tensor, **_: object) -> Iterator[torch.Tensor]:
        yield from torch.from_numpy(kept).to(original.device)[:, None]

    return perturbations


def _in_turn(weights: np.ndarray) -> Callable[..., torch.Tensor]:
    left = iter(torch.from_numpy(weights))
    return lambda *_, **__: next(left)


def _linear_model(name: str) -> Any:
    captum_methods()
    from captum._utils.models import linear_model

    return getattr(linear_model, name)
