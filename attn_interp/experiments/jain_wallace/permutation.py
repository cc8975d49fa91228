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
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.readout.affine import advantages
from attn_interp.readout.permutation import permuted_logits

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


def permutation(reading: Reading, *, draws: int = DRAWS) -> Result:
    """Does it matter which word gets which weight?

    The attention weights of a document are dealt out to its words at random, `draws` times, while the states stay as
    they are. The rival of the margin is the class with the second highest logit under the model's own weights. For one
    word every permutation is the identity: no change, standard deviation 0.

    Args:
        reading: A model's attention over documents, from `read`.
        draws: Random permutations per document, at least 1.

    Returns:
        A result with one row per document: median_tvd in [0, 1], flip_share, margin (nats), and the exact mean,
        standard deviation and range of the margin over all permutations, NaN unless the readout is affine.

    Raises:
        ValueError: draws below 1.

    Reference: Jain & Wallace 2019, section 4.2.1.
    """
    if draws < 1:
        raise ValueError(f"permutation: draws must be at least 1, got {draws}")
    frames = []
    for batch in reading.each_batch("permutation"):
        median_tvd, flip_share = sampled_changes(reading, batch, draws)
        top = batch.logits.topk(2)
        margin = (top.values[:, 0] - top.values[:, 1]).numpy()
        exact = dict.fromkeys(("margin_mean", "margin_sd", "margin_least", "margin_most"), np.full(len(margin), np.nan))
        if reading.affine:
            margins = permuted_logits(batch.weights, advantages(batch.votes, batch.predicted), batch.is_word)
            rival = top.indices[:, 1:]  # (B, 1)
            exact = {name: value.gather(1, rival).squeeze(1).numpy() for name, value in zip(exact, margins)}
        frames.append(batch.about(median_tvd=median_tvd, flip_share=flip_share, margin=margin, **exact))
    return Result("permutation", reading.in_order(frames), {**reading.settings, "draws": draws}, COLUMNS)


def sampled_changes(reading: Reading, batch: ReadBatch, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Per document (B,): the median over random permutations of the TVD of the output, and the share that flips it."""
    permuted = _permuted(batch.weights, batch.batch.documents, draws, reading.seed)  # (B, K, W)
    with torch.no_grad():
        # Classes before draws: reducing an innermost axis of two is many times slower.
        logits = reading.logits_under(batch, permuted).transpose(1, 2)  # (B, C, K)
    unchanged = batch.logits[..., None].softmax(1)  # along the same axis, so that the identity changes nothing
    change = (logits.softmax(1) - unchanged).abs().sum(1) / 2  # (B, K) TVD
    own = logits[torch.arange(len(logits)), batch.predicted]  # (B, K)
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


def attention_bin(max_attention: pd.Series) -> pd.Series:
    """The paper's four bins of the maximum attention weight, as text: [0, .25), [.25, .5), [.5, .75), [.75, 1]."""
    labels = ["[0, .25)", "[.25, .5)", "[.5, .75)", "[.75, 1]"]
    index = np.clip((max_attention.to_numpy() * 4).astype(int), 0, 3)
    return pd.Series([labels[i] for i in index], index=max_attention.index)


VALUES = ("median_tvd", "flip_share", "margin_sd")
EFFECT = Statement("mean of median TVD, permuted", "median_tvd", "sampled")

EXPERIMENT = Experiment(
    permutation,
    "reading",
    Card(
        "Does it matter which word gets which weight?",
        "Permuting the weights over the words moves the output.",
        "The states of the words are held as they are.",
        "How far the output moves (total variation) when the weights are dealt out anew.",
        "That attention is unimportant where it moves little: the words of a document may all say the same.",
    ),
    Summary(
        dict.fromkeys(VALUES, ("mean", "median")),
        groupings=("all", "predicted", "label", "max_attention_bin"),
        rows=lambda result: result.frame.assign(max_attention_bin=attention_bin(result.frame["max_attention"])),
    ),
    statements=(EFFECT,),
    rules=(
        Rule(
            EFFECT,
            0.1,
            "it matters which word gets which weight (above 0.1)",
            "it hardly matters which word gets which weight (below 0.1)",
        ),
    ),
    decided_by=("draws",),
    pooling=Pooling(VALUES),
)
