"""What can attention do to a decision at all? Every answer is exact, from the votes alone; no attention is tried.

A decision is unflippable when every word votes for it: no attention whatever changes it. Where it can be changed, the
attention margin says how far (KL) the attention would have to move, and the smallest erasure how many words it would
have to lose. The spread of the votes is what attention has to work with; how much of it the model's own attention uses
says whether attention selects or merely averages.
"""

from __future__ import annotations

import numpy as np
import torch

from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.readout.affine import advantages
from attn_interp.readout.erasure.erased_words import smallest_erasure
from attn_interp.readout.identifiability import equivalent_dimension, weight_interval
from attn_interp.readout.logit_range import reachable, unflippable
from attn_interp.readout.margin import attention_margin

DELTA = 0.1

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "margin": Column("logit of the predicted class minus that of its strongest rival", "nats"),
    "margin_least": Column("smallest such margin over all attentions, same rival", "nats"),
    "margin_most": Column("largest such margin over all attentions, same rival", "nats"),
    "unflippable": Column("whether no attention whatever changes the decision"),
    "never_erasable": Column("whether no erasure of attended words changes the decision"),
    "smallest_erasure": Column("fewest words whose erasure changes the decision; NaN where none does", "words", 1),
    "kl_margin": Column("smallest KL(q || attention) at which a rival draws level; NaN where none can", "nats", 0),
    "spread_used": Column(
        "how far attention moves the margin from the mean of the votes, as a share of how far it could in that "
        "direction; NaN where all votes are equal",
        "",
        0,
        1,
    ),
    "equivalent_dimension": Column("dimension of the set of attentions with the same output", "", 0),
    "interval_width": Column(
        f"mean width of a weight's interval over the attentions that move no logit difference by more than {DELTA}",
        "",
        0,
        1,
    ),
}


def reach(reading: Reading) -> Result:
    """What can attention do to a decision at all?

    A word's vote is the logits with all attention on that word. Where the readout is affine the logits are the mean of
    the votes under the attention, so the votes alone say which outputs some attention reaches.

    Args:
        reading: A model's attention over documents, from `read`.

    Returns:
        A result with one row per document: the margin of the decision and its range over all attentions (nats),
        unflippable, never_erasable, smallest_erasure (words), kl_margin (nats), spread_used, equivalent_dimension,
        interval_width.

    Raises:
        ValueError: the readout is not affine, so that votes do not determine the output.
    """
    if not reading.affine:
        raise ValueError(
            f"reach: the logits are not affine in the attention at site {reading.model.view.site!r} (gap "
            f"{reading.affinity.gap:.2g} logits, votes spread over {reading.affinity.spread:.2g}), so the votes do not "
            "determine them; adversary, permutation and erasure search instead"
        )
    frames = [batch.about(**_measured(batch)) for batch in reading.each_batch("reach")]
    settings = {**reading.settings, "delta": DELTA, "status": "exact"}
    return Result("reach", reading.in_order(frames), settings, COLUMNS)


def why_not(reading: Reading) -> str:
    """Votes determine the output of an affine readout alone."""
    return "" if reading.affine else "the readout is not affine in the attention"


def _measured(batch: ReadBatch) -> dict[str, np.ndarray]:
    weights, votes, is_word = batch.weights, batch.votes, batch.is_word
    lead = advantages(votes, batch.predicted)  # (B, W, C)
    rival = batch.logits.topk(2).indices[:, 1:]
    ends = reachable(lead, is_word)
    margin = (weights[..., None] * lead).sum(1).gather(1, rival).squeeze(1)
    mean = (lead.sum(1) / is_word.sum(-1, keepdim=True)).gather(1, rival).squeeze(1)
    least, most = (end.gather(1, rival).squeeze(1) for end in ends)
    selected = margin - mean
    room = torch.where(selected > 0, most - mean, mean - least)
    erased = smallest_erasure(weights, votes, is_word).size
    kl = attention_margin(weights, votes, is_word).kl
    interval = weight_interval(weights, votes, is_word, DELTA)
    width = ((interval.most - interval.least) * is_word).sum(-1) / is_word.sum(-1)
    values = {
        "margin": margin,
        "margin_least": least,
        "margin_most": most,
        "unflippable": unflippable(votes, batch.predicted, is_word),
        "never_erasable": erased.isinf(),
        "smallest_erasure": torch.where(erased.isinf(), torch.nan, erased),
        "kl_margin": torch.where(kl.isinf(), torch.nan, kl),
        "spread_used": torch.where(room > 0, (selected.abs() / room).clamp(0, 1), torch.nan),
        "equivalent_dimension": equivalent_dimension(votes.float(), is_word),
        "interval_width": width,
    }
    return {name: value.numpy() for name, value in values.items()}


VALUES = {
    **dict.fromkeys(("unflippable", "never_erasable"), ("share",)),
    **dict.fromkeys(("spread_used", "interval_width"), ("mean",)),
    # over the documents that have a KL margin or an erasure; the others are counted as undefined
    **dict.fromkeys(("kl_margin", "smallest_erasure"), ("median",)),
}
POWERLESS = Statement("decisions that no attention can change", "unflippable", "exact")

EXPERIMENT = Experiment(
    reach,
    "reading",
    Card(
        "What can attention do to a decision at all?",
        "No attention whatever changes most decisions.",
        "The logits are affine in the attention, as was measured on this model.",
        "In how many documents every word votes for the decision, so that attention is powerless.",
        "That attention is useless: it may still set how sure the model is.",
    ),
    Summary(VALUES),
    statements=(POWERLESS, Statement("how much of the possible change attention uses", "spread_used", "exact")),
    rules=(
        Rule(
            POWERLESS,
            0.75,
            "no attention changes most decisions (above 0.75)",
            "attention has a say in more than a quarter of the decisions",
        ),
    ),
    why_not=why_not,
    pooling=Pooling(
        ("unflippable", "never_erasable", "spread_used", "interval_width"),
        made={
            "unflippable": Column("whether no attention whatever changes the decision", "", 0, 1),
            "never_erasable": Column("whether no erasure of attended words changes the decision", "", 0, 1),
        },
    ),
)
