"""Does cross-attention look at the words that a word comes from?

Where it is known which words of two texts belong together, the attention of an encoder-decoder, with the true target
words given, is held against it: each target word is linked to the source word of most weight, and the links are scored
by the alignment error rate. Beside each site and head stands what links drawn at random would get, and an untrained
model is the null. High attention on the right word is alignment, and no proof that the word is read there.

Reference: Bahdanau, Cho & Bengio 2015, section 5.2.1 (the matrices); Och & Ney 2003, section 4.1 (the rate).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from attn_interp.data.batch import batches_by_length
from attn_interp.data.corpora.transduction import Transduction
from attn_interp.experiments.record import Card, Column, Experiment, Summary
from attn_interp.experiments.result import Result
from attn_interp.measures.link_error import alignment_error_rate, best_links, chance_error_rate, mass_on_links
from attn_interp.models.sequences.encoder_decoder import EncoderDecoder
from attn_interp.models.sequences.pair_batch import PairBatch, true_links

MEAN = "mean"

COLUMNS = {
    "pair": Column("id of the pair of texts"),
    "model": Column("which model"),
    "site": Column("the cross-attention"),
    "head": Column("index of the head, or the mean of all heads"),
    "source_words": Column("words of the source", "words", 1),
    "target_words": Column("words of the target", "words", 1),
    "unlinked": Column("target words that belong to no source word: left out", "words", 0),
    "error_rate": Column("alignment error rate of the most attended words; NaN where the truth has no link", "", 0, 1),
    "chance": Column("its expectation for source words drawn at random", "", 0, 1),
    "mass": Column("mean weight on the source words that a target word belongs to", "", 0, 1),
    "right_words": Column("share of target words that the model says right, given those before", "", 0, 1),
}
MEASURES = ("error_rate", "chance", "mass", "right_words")


def alignment(
    models: Mapping[str, EncoderDecoder], pairs: Sequence[Transduction], *, seed: int = 0, size: int = 128
) -> Result:
    """Alignment error rate of every cross-attention and head of each model. One row per pair, model, site and head; a
    site of several heads also has their mean.

    Args:
        models: Name -> model, among them an untrained one as the null.
        pairs: With their true links.
        seed: Of the intervals.
        size: Pairs in one pass.

    Raises:
        ValueError: there are no models or no pairs, or an id comes twice.
    """
    if not models or not pairs:
        raise ValueError(f"alignment: got {len(models)} models and {len(pairs)} pairs; give at least one of each")
    ids = [pair.id for pair in pairs]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise ValueError(f"alignment: the id {twice!r} comes twice; give each pair an id of its own")
    rows = []
    for name, model in models.items():
        for group in batches_by_length([len(pair.source) for pair in pairs], size):
            batch = model.collate([pairs[index] for index in group])
            for found in _of_batch(model, batch):
                rows.append(found.assign(model=name, place=group))
    frame = pd.concat(rows, ignore_index=True)
    order = {name: place for place, name in enumerate(models)}
    frame = frame.sort_values(["place"], kind="stable").sort_values("model", key=lambda x: x.map(order), kind="stable")
    settings = {"models": list(models), "pairs": len(pairs), "seed": seed}
    return Result("alignment", frame[list(COLUMNS)].reset_index(drop=True), settings, COLUMNS)


def matrices(model: EncoderDecoder, pair: Transduction) -> dict[str, np.ndarray]:
    """Name of the site -> the weights (heads, target words, source words) of one pair, to be shown as matrices."""
    return {name: weights[0].numpy() for name, weights in model.attention(model.collate([pair]))[0].items()}


def _of_batch(model: EncoderDecoder, batch: PairBatch) -> Iterator[pd.DataFrame]:
    attention, right = model.attention(batch)
    sure = true_links(batch)
    sources, targets = (torch.tensor([len(side) for side in sides]) for sides in _sides(batch))
    is_link = sure.any(-1)[..., None] & (torch.arange(sure.shape[2]) < sources[:, None])[:, None]  # (B, Q, K)
    said = (batch.target_word >= 0).sum(1)
    about: dict[str, Any] = {
        "pair": [pair.id for pair in batch.pairs],
        "source_words": sources.numpy(),
        "target_words": targets.numpy(),
        "unlinked": (targets - sure.any(-1).sum(1)).numpy(),
        "chance": chance_error_rate(is_link, sure).numpy(),
        "right_words": ((right & (batch.target_word >= 0)).sum(1) / said).double().numpy(),
    }
    for site, weights in attention.items():
        heads = {str(head): part for head, part in enumerate(weights.unbind(1))}
        if len(heads) > 1:
            heads[MEAN] = weights.mean(1)
        for head, part in heads.items():
            rate = alignment_error_rate(best_links(part, is_link), sure)
            scores = {"error_rate": rate.numpy(), "mass": mass_on_links(part, sure).numpy()}
            yield pd.DataFrame({**about, **scores, "site": site, "head": head})


def _sides(batch: PairBatch) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [pair.source for pair in batch.pairs], [pair.target for pair in batch.pairs]


EXPERIMENT = Experiment(
    alignment,
    "models",
    Card(
        "Does cross-attention look at the words that a word comes from?",
        "The most attended source word is the one that a target word belongs to.",
        "It is known which words of the two texts belong together.",
        "The alignment error rate beside that of links drawn at random, and of an untrained model.",
        "That the word is read there: attention on the right word is alignment, and no proof of use.",
    ),
    Summary(dict.fromkeys(MEASURES, ("mean",)), ("model", "site", "head"), groupings=(), in_order=True),
    example="notebooks/lecture.ipynb trains an encoder-decoder and asks it",
)
