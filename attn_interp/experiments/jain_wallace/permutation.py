"""Does it matter which word gets which weight? The weights are permuted over the words, the states held.

Jain & Wallace 2019, section 4.2.1, by sampling as the paper does; and, where the readout is affine, the exact mean,
standard deviation and range of the decision over all permutations (no sampling).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.groupings import BY_EITHER_CLASS, grouped
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
from attn_interp.readout.permutation import permuted_logits
from attn_interp.statistics.bootstrap import summarise as summarise_columns

DRAWS = 100

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "median_tvd": Column("median over the drawn permutations of the total variation distance to the output", "", 0, 1),
    "flip_share": Column("share of the drawn permutations under which another class is predicted", "", 0, 1),
    "margin": Column("logit of the predicted class minus that of its strongest rival", "nats"),
    "margin_mean": Column("exact mean of the margin over all permutations; NaN unless affine", "nats"),
    "margin_sd": Column("exact standard deviation of the margin over all permutations; NaN unless affine", "nats", 0),
    "margin_least": Column("exact smallest margin over all permutations; NaN unless affine", "nats"),
    "margin_most": Column("exact largest margin over all permutations; NaN unless affine", "nats"),
}


def permutation(
    model: AttentionModel,
    documents: Sequence[Document],
    draws: int = DRAWS,
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """Change of the output when the attention weights are permuted. One row per document.

    The rival of the margin is the class with the second highest logit under the model's own weights. For one word every
    permutation is the identity: no change, standard deviation 0.

    Args:
        draws: random permutations per document, at least 1.
        reading: what `read` returned for the same model and documents, to save reading them again.
    """
    if draws < 1:
        raise ValueError(f"permutation: draws must be at least 1, got {draws}")
    reading = reading or read(model, documents, seed)
    frames = []
    for read_batch in track(reading.batches, "permutation", progress):
        median_tvd, flip_share = sampled_changes(model, reading, read_batch, draws, seed)
        about = document_frame(model, read_batch).assign(median_tvd=median_tvd, flip_share=flip_share)
        top = read_batch.logits.topk(2).values
        about["margin"] = (top[:, 0] - top[:, 1]).numpy()
        exact = dict.fromkeys(("margin_mean", "margin_sd", "margin_least", "margin_most"), np.full(len(about), np.nan))
        if reading.affine:
            rival = read_batch.logits.topk(2).indices[:, 1:]  # (B, 1)
            margins = permuted_logits(
                read_batch.weights, advantages(read_batch.votes, read_batch.predicted), read_batch.is_word
            )
            exact = {name: value.gather(1, rival).squeeze(1).numpy() for name, value in zip(exact, margins)}
        frames.append(about.assign(**exact))
    settings = {**reading_settings(model, reading, seed), "draws": draws}
    return Result("permutation", in_order(frames, reading), settings, COLUMNS)


def sampled_changes(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per document (B,): the median over random permutations of the TVD of the output, and the share that flips it."""
    permuted = _permuted(read_batch.weights, read_batch.batch.documents, draws, seed)  # (B, K, W)
    with torch.no_grad():
        # Classes before draws: reducing an innermost axis of two is many times slower.
        logits = logits_under(model, reading, read_batch, permuted).transpose(1, 2)  # (B, C, K)
    unchanged = read_batch.logits[..., None].softmax(1)  # along the same axis, so that the identity changes nothing
    change = (logits.softmax(1) - unchanged).abs().sum(1) / 2  # (B, K) TVD
    own = logits[torch.arange(len(logits)), read_batch.predicted]  # (B, K)
    flips = logits.amax(1) > own
    return np.median(change.numpy(), axis=1), flips.double().mean(1).numpy()


def _permuted(weights: torch.Tensor, documents: Sequence[Document], draws: int, seed: int) -> torch.Tensor:
    """(B, K, W): each row's weights in K random orders of its words, drawn from (seed, document id)."""
    shape = (len(documents), draws, weights.shape[1])
    keys = np.full(shape, 2, np.float32)  # above every key of a word: padding stays last
    for row, document in enumerate(documents):
        drawn = generator(seed, f"permutation {document.id}").random((draws, len(document)), np.float32)
        keys[row, :, : len(document)] = drawn
    return weights[:, None].expand(-1, draws, -1).gather(-1, torch.from_numpy(keys.argsort(axis=-1)))


def summarise(result: Result) -> pd.DataFrame:
    """Means and medians with intervals, over all documents and by predicted class, gold class and bin of the maximum
    attention (the paper's four)."""
    frame = result.frame.assign(max_attention_bin=attention_bin(result.frame["max_attention"]))
    tables = []
    for rows in grouped(frame, (*BY_EITHER_CLASS, "max_attention_bin")):
        tables.append(
            summarise_columns(
                rows,
                by=["grouping", "group"],
                values=["median_tvd", "flip_share", "margin_sd"],
                statistics=("mean", "median"),
                seed=int(result.settings["seed"]),
            )
        )
    return pd.concat(tables, ignore_index=True)


def attention_bin(max_attention: pd.Series) -> pd.Series:
    """The paper's four bins of the maximum attention weight, as text: [0, .25), [.25, .5), [.5, .75), [.75, 1]."""
    labels = ["[0, .25)", "[.25, .5)", "[.5, .75)", "[.75, 1]"]
    index = np.clip((max_attention.to_numpy() * 4).astype(int), 0, 3)
    return pd.Series([labels[i] for i in index], index=max_attention.index)
