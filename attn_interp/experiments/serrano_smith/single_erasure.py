"""Does the word with the largest weight matter more than another? One weight is erased, the rest renormalised.

Serrano & Smith 2019, section 4: the effect of erasing the most attended word i* is set against that of another
word r. The paper draws one r per document; here every r is tried and the mean over all of them is exact.
"""

from __future__ import annotations

import numpy as np
import torch

from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.parts.keeping import logits_of_each
from attn_interp.measures.divergence import LN2, jsd
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import erased_logits

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "weight_difference": Column("weight of the most attended word minus another's, mean over the others", "", 0, 1),
    "js_difference": Column(
        "JS divergence of the output when the most attended word is erased minus when another is, mean over the others",
        "nats",
        -LN2,
        LN2,
    ),
    "js_most_attended": Column("JS divergence of the output when the most attended word is erased", "nats", 0, LN2),
    "js_other": Column("JS divergence of the output when another word is erased, mean over the others", "nats", 0, LN2),
    "other_has_more_effect": Column("share of the other words whose erasure moves the output more", "", 0, 1),
    "flip_both": Column("chance that both erasures change the decision, the other word drawn at random", "", 0, 1),
    "flip_only_most_attended": Column("chance that only the erasure of the most attended word does", "", 0, 1),
    "flip_only_other": Column("chance that only the erasure of the other word does", "", 0, 1),
    "flip_neither": Column("chance that neither does", "", 0, 1),
}


def single_erasure(reading: Reading) -> Result:
    """Does the most attended word matter more than another?

    The weight of one word is set to 0 and the rest renormalised: the effect of erasing the most attended word against
    that of every other one. Where several words share the largest weight the first is taken. A document of one word has
    no other: its values are NaN. A document with all attention on one word has nothing left without it: NaN too.

    Args:
        reading: A model's attention over documents, from `read`.

    Returns:
        A result with one row per document: weight_difference, js_difference (nats), the effects themselves, and the
        chances of the four outcomes of the decision, the other word drawn at random.

    Reference: Serrano & Smith 2019, section 4.
    """
    frames = []
    for batch in reading.each_batch("erasure of one word"):
        logits = _erased(reading, batch)  # (B, W, C), NaN where undefined
        own = batch.logits.softmax(-1)[:, None]
        defined = ~logits.isnan().any(-1)
        divergence = torch.where(defined, jsd(logits.nan_to_num().softmax(-1), own), torch.nan)  # (B, W)
        lead = advantages(logits, batch.predicted)
        flips = torch.where(defined, (lead < 0).any(-1).double(), torch.nan)
        frames.append(batch.about(**_compared(batch, divergence, flips)))
    settings = {
        **reading.settings,
        "erasure": "the weight is set to 0 and the rest renormalised",
        "status": "exact" if reading.affine else "every erasure run through the model",
    }
    return Result("single_erasure", reading.in_order(frames), settings, COLUMNS)


def _erased(reading: Reading, batch: ReadBatch) -> torch.Tensor:
    """(B, W, C) logits with the weight of word w erased; NaN where there is no word or nothing is left."""
    if reading.affine:
        return erased_logits(batch.weights, batch.votes, batch.is_word)
    rows, words = batch.is_word.shape

    def others(erased: torch.Tensor) -> torch.Tensor:
        return (torch.arange(words) != erased[:, None]).expand(rows, -1, -1)

    logits = logits_of_each(reading, batch, words, others)
    return torch.where(batch.is_word[..., None], logits, torch.nan)


def _compared(batch: ReadBatch, divergence: torch.Tensor, flips: torch.Tensor) -> dict[str, np.ndarray]:
    weights, is_word = batch.weights, batch.is_word
    top = weights.argmax(-1, keepdim=True)
    other = is_word.scatter(-1, top, False)
    count = other.sum(-1)

    def mean_over_others(values: torch.Tensor) -> torch.Tensor:
        total = torch.where(other, values, 0.0).sum(-1)
        return torch.where(count > 0, total / count, torch.nan)

    top_divergence, top_flip = divergence.gather(1, top).squeeze(1), flips.gather(1, top).squeeze(1)
    # Where nothing is left without the most attended word the comparison has one side only: undefined.
    usable = (count > 0) & ~top_divergence.isnan()
    share = mean_over_others(flips)
    values = {
        "weight_difference": weights.amax(-1) - mean_over_others(weights),
        "js_difference": top_divergence - mean_over_others(divergence),
        "js_most_attended": top_divergence,
        "js_other": mean_over_others(divergence),
        "other_has_more_effect": mean_over_others((divergence > top_divergence[:, None]).double()),
        "flip_both": top_flip * share,
        "flip_only_most_attended": top_flip * (1 - share),
        "flip_only_other": (1 - top_flip) * share,
        "flip_neither": (1 - top_flip) * (1 - share),
    }
    return {name: torch.where(usable, value, torch.nan).numpy() for name, value in values.items()}


VALUES = tuple(COLUMNS)[len(DOCUMENT_COLUMNS) :]
MORE = Statement("mean difference of JS divergences", "js_difference", in_overview=False)

EXPERIMENT = Experiment(
    single_erasure,
    "reading",
    Card(
        "Does the most attended word matter more than another?",
        "Erasing the most attended word moves the output more than erasing another.",
        "Erasing is setting the weight (of a hierarchical model: of a sentence) to 0 and renormalising.",
        "Effect of the most attended word less the mean effect of all others (Jensen-Shannon, nats).",
        "That a word without effect is unused: another may say the same.",
    ),
    Summary(dict.fromkeys(VALUES, ("mean",))),
    statements=(
        MORE,
        *(
            Statement(f"changes the decision: {who}", f"flip_{column}", in_overview=False)
            for who, column in (
                ("only the most attended", "only_most_attended"),
                ("only the other", "only_other"),
                ("neither", "neither"),
            )
        ),
    ),
    rules=(
        Rule(
            MORE,
            0.02,
            "it moves the output more (by more than 0.02)",
            "it moves the output more by less than 0.02, or not",
        ),
    ),
    pooling=Pooling(VALUES),
)
