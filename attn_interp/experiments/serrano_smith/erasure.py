"""How many words must be erased, in which order, until the decision changes?

Serrano & Smith 2019, section 5: weights are set to 0 in the order of attention, of the gradient at the attention, of
their product, or at random, the rest renormalised, until another class is predicted. An order that finds the words
that matter needs few. Beside them stands the optimum: no order needs fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.methods import METHODS
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.attributed import Attributed, attribute
from attn_interp.experiments.groupings import grouped
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import (
    DOCUMENT_COLUMNS,
    ReadBatch,
    Reading,
    document_frame,
    in_order,
    logits_under,
    read,
    reading_settings,
)
from attn_interp.experiments.result import Column, Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import smallest_erasure
from attn_interp.statistics.bootstrap import summarise as summarise_columns

RANDOM_DRAWS = 10
ATTENTION, GRADIENT, PRODUCT, RANDOM, OPTIMUM = "attention", "gradient", "attention x gradient", "random", "optimum"
ATTRIBUTIONS = ("leave-one-out", "integrated gradients")

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "ordering": Column(
        "what orders the words: attention; gradient (signed, of the decision's probability at the attention weights); "
        "their product; leave-one-out or integrated gradients (signed); random; optimum (smallest set, exact)"
    ),
    "draw": Column("number of the random order, 0 for the others", "", 0),
    "removed": Column("words erased when the decision changes; NaN where it never does", "words", 1),
    "fraction": Column(
        "removed / words; 1 where the decision never changes (censored); NaN for one word, which cannot be erased",
        "",
        0,
        1,
    ),
    "flipped": Column("whether the decision changes before nothing is left"),
    "regret": Column("fraction minus that of the optimum; NaN unless affine", "", 0, 1),
}


def erasure(
    model: AttentionModel,
    documents: Sequence[Document],
    seed: int = 0,
    reading: Reading | None = None,
    attributed: Attributed | None = None,
    progress: bool = False,
) -> Result:
    """Words erased until the decision changes, by ordering. One row per document and ordering (ten random ones).

    The decision changes when a rival's logit exceeds its own. What cannot be changed by erasing in an order stays in
    the sample, censored at fraction 1; the last words, whose erasure would leave no attention, are never erased. So
    there is nothing to erase in a document of one word: its values are NaN and counted.

    Args:
        reading: what `read` returned for the same model and documents, to save reading them again.
        attributed: what `attribute` returned for this reading, to save computing it again.
    """
    reading = reading or read(model, documents, seed)
    attributed = attributed or attribute(model, reading, {name: METHODS[name] for name in ATTRIBUTIONS}, progress)
    frames = []
    for read_batch, found in track(list(zip(reading.batches, attributed.batches)), "erasure of sets", progress):
        gradient = model.gradient_at_weights(read_batch.batch, read_batch.predicted.to(model.device)).double().cpu()
        scores = {
            ATTENTION: read_batch.weights,
            GRADIENT: gradient,
            PRODUCT: read_batch.weights * gradient,
            **{name: found[name].values for name in ATTRIBUTIONS if name in found},
        }
        about = document_frame(model, read_batch)
        optimum = np.full(len(about), np.nan)
        if reading.affine:
            size = smallest_erasure(read_batch.weights, read_batch.votes, read_batch.is_word).size.numpy()
            optimum = _fractions(size, about)
            frames.append(_rows(about, OPTIMUM, 0, size, optimum))
        for name, score in scores.items():
            frames.append(_rows(about, name, 0, _until_flip(model, reading, read_batch, score), optimum))
        for draw, score in enumerate(_random_scores(read_batch, seed)):
            frames.append(_rows(about, RANDOM, draw, _until_flip(model, reading, read_batch, score), optimum))
    settings = {
        **reading_settings(model, reading, seed),
        "erasure": "weights are set to 0 and the rest renormalised",
        "random_draws": RANDOM_DRAWS,
        "optimum": _known(reading),
    }
    return Result("erasure", in_order(frames, reading), settings, COLUMNS)


def _known(reading: Reading) -> str:
    """What the optimum is, or why there is none."""
    if reading.affine:
        return "exact"
    if reading.affinity.documents == 0:
        return "not known: no document is long enough to tell whether the readout is affine"
    return "not known: the readout is not affine"


def _until_flip(model: AttentionModel, reading: Reading, read_batch: ReadBatch, scores: torch.Tensor) -> np.ndarray:
    """(B,) words erased by falling score when the decision first changes; infinite where it never does."""
    order = scores.nan_to_num(-torch.inf).masked_fill(~read_batch.is_word, -torch.inf)
    order = order.argsort(stable=True, dim=-1, descending=True)  # padding goes last: erasing it changes nothing
    weights = read_batch.weights.gather(1, order)
    if reading.affine:
        votes = read_batch.votes.gather(1, order[..., None].expand_as(read_batch.votes))
        terms = weights[..., None] * advantages(votes, read_batch.predicted)
        # What is kept after n erasures, added up from the small end; n = 0 is no erasure.
        lead = terms.flip(1).cumsum(1).flip(1)[:, 1:].amin(-1)  # (B, W - 1)
    else:
        lead = _lead_through_model(model, reading, read_batch, weights, order)
    flips = lead < 0
    first = flips.to(torch.uint8).argmax(-1) + 1 if flips.shape[1] else torch.zeros(len(flips))
    return torch.where(flips.any(-1), first.double(), torch.inf).numpy()


def _lead_through_model(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, weights: torch.Tensor, order: torch.Tensor
) -> torch.Tensor:
    """(B, W - 1) least lead of the decision over a rival after 1, 2, ... erasures; 0 where nothing is left."""
    width = weights.shape[1]
    kept = weights[:, None] * torch.ones(width, width, dtype=weights.dtype).triu()[1:]  # (B, W - 1, W) in erasing order
    left = kept.sum(-1, keepdim=True)
    kept = torch.where(left > 0, kept / left, weights[:, None])
    placed = torch.zeros_like(kept).scatter(-1, order[:, None].expand_as(kept), kept)
    if width == 1:
        return placed.sum(-1)
    with torch.no_grad():
        logits = logits_under(model, reading, read_batch, placed)
    return torch.where(left[..., 0] > 0, advantages(logits, read_batch.predicted).amin(-1), 0.0)


def _random_scores(read_batch: ReadBatch, seed: int) -> torch.Tensor:
    """(draws, B, W) uniform numbers, drawn from (seed, document id)."""
    scores = torch.zeros(RANDOM_DRAWS, *read_batch.weights.shape, dtype=torch.float64)
    for row, document in enumerate(read_batch.batch.documents):
        drawn = generator(seed, f"erasure {document.id}").random((RANDOM_DRAWS, len(document)))
        scores[:, row, : len(document)] = torch.as_tensor(drawn)
    return scores


def _fractions(removed: np.ndarray, about: pd.DataFrame) -> np.ndarray:
    words = about["words"].to_numpy()
    return np.where(words == 1, np.nan, np.where(np.isfinite(removed), removed / words, 1.0))


def _rows(about: pd.DataFrame, ordering: str, draw: int, removed: np.ndarray, optimum: np.ndarray) -> pd.DataFrame:
    fraction = _fractions(removed, about)
    flipped = np.isfinite(removed)
    return about.assign(
        ordering=ordering,
        draw=draw,
        removed=np.where(flipped, removed, np.nan),
        fraction=fraction,
        flipped=flipped,
        regret=fraction - optimum,
    )


def per_document(result: Result) -> pd.DataFrame:
    """One row per document and ordering: random orders averaged over their draws; and the difference to attention. NaN
    where there is nothing to erase."""
    keys = [*DOCUMENT_COLUMNS, "ordering"]
    never = (~result.frame["flipped"]).astype(float).where(result.frame["fraction"].notna())
    frame = result.frame.assign(never=never)
    means = frame.groupby(keys, sort=False)[["fraction", "never", "regret"]].mean().reset_index()
    attention = means[means["ordering"] == ATTENTION].set_index("document")["fraction"]
    return means.assign(minus_attention=means["fraction"] - means["document"].map(attention))


def summarise(result: Result) -> pd.DataFrame:
    """By ordering: restricted mean of the fraction erased (a decision that never changes counts 1), share of documents
    never flipped, paired difference to attention and regret against the optimum, each with its interval."""
    frame = per_document(result)
    seed = int(result.settings["seed"])
    tables = []
    for rows in grouped(frame):
        values = ["fraction", "never", "minus_attention", "regret"]
        tables.append(summarise_columns(rows, ["ordering", "grouping", "group"], values, ("mean",), seed))
    return pd.concat(tables, ignore_index=True)
