"""What can several attention heads do to a decision, all together and each alone? From the votes of every head.

A single head is asked with the others held as they are. A decision that no head can change alone may well be changed by
all of them together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from attn_interp.experiments.deep.parts.head_reading import HeadBatch, read_heads
from attn_interp.experiments.read_batch import OF_ANY_VIEW, about_documents
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import MEAN
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.several_heads import fewest_weights, smallest_erasure_in_heads
from attn_interp.readout.logit_range import reachable, unflippable

ALL = "all heads"
TRIED = 20  # documents that tell whether the readout is affine in all heads

COLUMNS = {
    **OF_ANY_VIEW,
    "heads": Column("the heads that may attend otherwise: all heads, or one while the others hold"),
    "margin": Column("logit of the predicted class minus that of its strongest rival", "nats"),
    "margin_least": Column("smallest such margin over all attentions of these heads, same rival (exact)", "nats"),
    "margin_most": Column("largest such margin over all attentions of these heads, same rival (exact)", "nats"),
    "unflippable": Column("whether no attention of these heads changes the decision (exact)"),
    "spread_used": Column(
        "how far these heads move the margin from the mean of their votes, as a share of how far they could in that "
        "direction; NaN where all votes are equal (exact)",
        "",
        0,
        1,
    ),
    "fewest_weights": Column(
        "fewest weights of these heads whose erasure changes the decision; NaN where none does (exact)", "weights", 1
    ),
    "fewest_words_least": Column(
        "proved lower bound of the fewest words whose erasure from all these heads at once changes the decision; NaN "
        "where it is proved that none does",
        "words",
        1,
    ),
    "fewest_words_most": Column("size of such a set that was found; NaN where none was", "words", 1),
    "status": Column("of the fewest words: exact where the bounds meet, certified elsewhere"),
}


def head_reach(reading: Reading) -> Result:
    """What can several attention heads do to a decision, all together and each alone?

    The heads are those of the view's site. A head is asked with the others held as they are. Erased weights are set to
    0 and the rest of their head renormalised; every head keeps at least one.

    Args:
        reading: A model's attention over documents, from `read`.

    Returns:
        A result with one row per document and choice of heads: margin and its range (nats), unflippable, spread_used,
        fewest_weights, the bounds of the fewest words, status.

    Raises:
        ValueError: the readout is not affine in the attention of all heads.
    """
    model = reading.model
    found = read_heads(reading)
    if not found.affine:
        raise ValueError(
            f"head_reach: the logits are not affine in the attention of the heads at site {model.view.site!r} (gap "
            f"{found.affinity.gap:.2g} logits, votes spread over {found.affinity.spread:.2g}), so the votes do not "
            "determine them"
        )
    frames = [part for head_batch in found.batches for part in _parts(model, head_batch)]
    settings = {
        "documents": len(reading),
        "classes": list(model.classes),
        "site": model.view.site,
        "heads": model.site.heads,
        "query": model.view.query,
        "affine": True,
        "affinity_gap": found.affinity.gap,
        "affinity_spread": found.affinity.spread,
        "erasure": "weights are set to 0 and the rest of their head renormalised",
        "seed": reading.seed,
    }
    return Result("head_reach", reading.in_order(frames), settings, COLUMNS)


def why_not(reading: Reading) -> str:
    """Several heads at one query are needed, and logits that are affine in all of them, which some documents tell."""
    model = reading.model
    if model.site.heads < 2:
        return "the tested attention has one head; reach says what it can do"
    if model.view.query == MEAN and model.query_of is None:
        return "the view is a mean over queries; heads are taken at one"
    few = read_heads(reading.sample(TRIED))
    return "" if few.affine else "the readout is not affine in the attention of the heads"


def _parts(model: AttentionModel, head_batch: HeadBatch) -> list[pd.DataFrame]:
    """The rows of a batch for all heads, then for each one."""
    weights, votes, is_word = head_batch.weights, head_batch.votes, head_batch.is_word
    predicted = head_batch.logits.argmax(-1)
    about = about_documents(model.classes, head_batch.batch.documents, predicted)
    frames = [about.assign(heads=ALL, **_measured(weights, votes, head_batch))]
    added = (weights[..., None] * votes).sum(2)  # (B, H, C)
    for head in range(weights.shape[1]):
        others = added.sum(1) - added[:, head]  # what the others add to the logits
        alone = (votes[:, head] + others[:, None]) * is_word[..., None]
        frames.append(
            about.assign(heads=f"head {head}", **_measured(weights[:, head, None], alone[:, None], head_batch))
        )
    return frames


def _measured(weights: torch.Tensor, votes: torch.Tensor, head_batch: HeadBatch) -> dict[str, np.ndarray]:
    is_word, predicted = head_batch.is_word, head_batch.logits.argmax(-1)
    rival = head_batch.logits.topk(2).indices[:, 1:]
    lead = advantages(votes, predicted)  # (B, H, W, C)
    least, most = (end.gather(1, rival).squeeze(1) for end in reachable(lead, is_word))
    margin = (weights[..., None] * lead).sum((1, 2)).gather(1, rival).squeeze(1)
    mean = (lead.sum((1, 2)) / is_word.sum(-1, keepdim=True)).gather(1, rival).squeeze(1)
    selected = margin - mean
    room = torch.where(selected > 0, most - mean, mean - least)
    words = smallest_erasure_in_heads(weights, votes, is_word)
    values = {
        "margin": margin,
        "margin_least": least,
        "margin_most": most,
        "unflippable": unflippable(votes, predicted, is_word),
        "spread_used": torch.where(room > 0, (selected.abs() / room).clamp(0, 1), torch.nan),
        "fewest_weights": _or_nan(fewest_weights(weights, votes, is_word).size),
        "fewest_words_least": _or_nan(words.least),
        "fewest_words_most": _or_nan(words.most),
    }
    closed = (words.least == words.most).numpy()
    return {
        **{name: value.numpy() for name, value in values.items()},
        "status": np.where(closed, "exact", "certified").astype(object),
    }


def _or_nan(size: torch.Tensor) -> torch.Tensor:
    return torch.where(size.isinf(), torch.nan, size)


def with_fractions(result: Result) -> pd.DataFrame:
    """With the smallest fraction of the weights of the heads, and of the words (its two bounds), whose erasure changes
    the decision. A decision that never changes counts 1."""
    frame = result.frame
    several = frame["heads"].map(lambda heads: result.settings["heads"] if heads == ALL else 1)
    return frame.assign(
        unflippable=frame["unflippable"].astype(float),
        fraction_of_weights=(frame["fewest_weights"] / (several * frame["words"])).fillna(1.0),
        fraction_of_words_least=(frame["fewest_words_least"] / frame["words"]).fillna(1.0),
        fraction_of_words_most=(frame["fewest_words_most"] / frame["words"]).fillna(1.0),
    )


MEANS = ("spread_used", "fraction_of_weights", "fraction_of_words_least", "fraction_of_words_most")

EXPERIMENT = Experiment(
    head_reach,
    "reading",
    Card(
        "What can several heads do to a decision, together and each alone?",
        "What no head can change alone, all heads together can.",
        "The logits are affine in the attention of all heads, as was measured on this model.",
        "In how many documents some attention of these heads changes the decision.",
        "That a trained model would attend so.",
    ),
    Summary(
        {"unflippable": ("share",), **dict.fromkeys(MEANS, ("mean",))}, ("heads",), groupings=(), rows=with_fractions
    ),
    statements=(
        Statement("decisions that no attention of {heads} can change", "unflippable", "exact", in_overview=False),
    ),
    why_not=why_not,
)
