"""Gradients averaged over points drawn around the embeddings, or on the way to them: SmoothGrad and Gradient SHAP.

captum's own classes draw for a whole batch from the global generators of torch and numpy. Here each document's points
are drawn from (seed, document id), and captum takes the gradients of many documents at once. Given the same draws, the
values are those of captum's NoiseTunnel and GradientShap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.attribution.probability import Probability, captum_methods, probability_at, rows_at_once, zero_words
from attn_interp.data.batch import Batch
from attn_interp.data.draws import generator
from attn_interp.models.attention_model import AttentionModel

SAMPLES = 50  # points per document: Smilkov et al. 2017 (section 3) see little change beyond
NOISE = 0.15  # standard deviation over the range of the embeddings; the same authors find .1 to .2 to serve best


def smoothgrad(
    model: AttentionModel,
    batch: Batch,
    classes: torch.Tensor,
    seed: int = 0,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> Attribution:
    """sum_d e_wd times the mean of dp/de_wd over noisy copies of the document, with the full gradient. Sampled.

    Gaussian noise is added to the embeddings of the words; special tokens keep theirs. Its standard deviation is
    `noise` times the difference between the largest and the smallest number in the embeddings of the document's words.
    Without noise this is gradient x input. Drawn from (seed, document id).

    Raises:
        ValueError: fewer than one sample, or negative noise.

    Reference: Smilkov et al. 2017, section 2.
    """
    _check(samples, noise)
    probability = probability_at(model, batch, classes)
    embeddings = model.embeddings(batch)  # (B, T, D)
    spread = noise * _range(model, batch, embeddings)  # (B, 1, 1, 1)
    values = embeddings.new_zeros(embeddings.shape[:2])
    for rows in _groups(batch, samples):
        points = embeddings[rows, None] + spread[rows] * drawn_noise(model, batch, embeddings, rows, samples, seed)
        gradient = _gradients(probability, points, rows, rows_at_once(batch)).mean(1)  # (R, T, D)
        values[rows] = (embeddings[rows] * gradient).sum(-1)
    return Attribution(model.sum_over_words(batch, values))


def gradient_shap(
    model: AttentionModel,
    batch: Batch,
    classes: torch.Tensor,
    seed: int = 0,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> Attribution:
    """Mean of (e - b) times the gradient of p_class at b + u (e - b), over drawn baselines b and u in [0, 1]. Sampled.

    These are integrated gradients averaged over baselines. A baseline has a zero vector plus Gaussian noise, as wide as
    that of `smoothgrad`, for every word, and keeps the special tokens. The u of the n-th point is uniform in the n-th
    of N equal parts of [0, 1], which leaves the expectation as it is and takes most of the variance. The values are
    expected to sum to p_class(document) minus the mean of p_class(b); the completeness gap is what they miss of it (sum
    minus difference) for the baselines that were drawn. Drawn from (seed, document id).

    Raises:
        ValueError: fewer than one sample, or negative noise.

    Reference: Lundberg & Lee 2017 (GradientExplainer in their code); Erion et al. 2021, section 2 (expected gradients).
    """
    _check(samples, noise)
    probability = probability_at(model, batch, classes)
    embeddings = model.embeddings(batch)  # (B, T, D)
    spread = noise * _range(model, batch, embeddings)  # (B, 1, 1, 1)
    zero = zero_words(model, batch, embeddings)
    values = embeddings.new_zeros(embeddings.shape[:2])
    change = torch.zeros(len(batch), dtype=torch.promote_types(values.dtype, torch.float32), device=values.device)
    for rows in _groups(batch, samples):
        baselines = zero[rows, None] + spread[rows] * drawn_noise(model, batch, embeddings, rows, samples, seed)
        along = torch.stack([drawn_fractions(batch.documents[row].id, samples, seed) for row in rows.tolist()])
        difference = embeddings[rows, None] - baselines  # (R, N, T, D)
        points = baselines + along.to(embeddings)[..., None, None] * difference
        values[rows] = (difference * _gradients(probability, points, rows, rows_at_once(batch))).mean(1).sum(-1)
        with torch.no_grad():
            own = probability(embeddings[rows], rows)
            others = [probability(*part) for part in _passes(baselines, rows, rows_at_once(batch))]
        change[rows] = own - torch.cat(others).unflatten(0, (-1, samples)).mean(1)
    summed = model.sum_over_words(batch, values)
    return Attribution(summed, summed.sum(-1) - change)


def drawn_noise(
    model: AttentionModel, batch: Batch, embeddings: torch.Tensor, rows: torch.Tensor, samples: int, seed: int
) -> torch.Tensor:
    """Standard normal numbers (R, N, T, D) at the positions of words, 0 elsewhere: document by document, so that
    neither the batch nor its padding changes what a document gets."""
    result = embeddings.new_zeros(len(rows), samples, *embeddings.shape[1:])
    positions = model.unit_of(batch) >= 0  # (B, T)
    for index, row in enumerate(rows.tolist()):
        shape = (samples, int(positions[row].sum()), embeddings.shape[2])
        drawn = generator(seed, f"noise {batch.documents[row].id}").standard_normal(shape, dtype=np.float32)
        result[index, :, positions[row]] = torch.from_numpy(drawn).to(result)
    return result


def drawn_fractions(document_id: str, samples: int, seed: int) -> torch.Tensor:
    """(N,) the n-th uniform in [n / N, (n + 1) / N)."""
    uniform = generator(seed, f"fractions {document_id}").random(samples)
    return torch.from_numpy((np.arange(samples) + uniform) / samples)


def _range(model: AttentionModel, batch: Batch, embeddings: torch.Tensor) -> torch.Tensor:
    """(B, 1, 1, 1) largest minus smallest number in the embeddings of the words."""
    outside = (model.unit_of(batch) < 0)[..., None]
    largest = embeddings.masked_fill(outside, -torch.inf).amax((1, 2))
    smallest = embeddings.masked_fill(outside, torch.inf).amin((1, 2))
    return (largest - smallest)[:, None, None, None]


def _groups(batch: Batch, samples: int) -> Iterator[torch.Tensor]:
    """The rows of a batch, as many at a time as keep the model at about `rows_at_once`."""
    yield from torch.arange(len(batch), device=batch.ids.device).split(max(1, rows_at_once(batch) // samples))


def _passes(points: torch.Tensor, rows: torch.Tensor, at_once: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The points (R, N, T, D) and the document rows[r] of each, at most `at_once` together."""
    yield from zip(points.flatten(0, 1).split(at_once), rows.repeat_interleave(points.shape[1]).split(at_once))


def _gradients(probability: Probability, points: torch.Tensor, rows: torch.Tensor, at_once: int) -> torch.Tensor:
    """The gradient of p_class at the points (R, N, T, D), each of the document rows[r], by captum."""
    saliency = captum_methods().Saliency(probability)
    parts = [
        saliency.attribute(part.requires_grad_(), abs=False, additional_forward_args=(whose,)).detach()
        for part, whose in _passes(points, rows, at_once)
    ]
    return torch.cat(parts).unflatten(0, points.shape[:2])


def _check(samples: int, noise: float) -> None:
    if samples < 1:
        raise ValueError(f"samples: got {samples}, expected at least 1 point per document")
    if not noise >= 0:
        raise ValueError(f"noise: got {noise}, expected a standard deviation of at least 0, over the embeddings' range")
