"""How much of the attention lies outside the words, layer by layer?

What a language model attends to beside the text: the first token, on which attention rests that has nowhere to go (the
sink), the prompt and special tokens. An explanation by attention over words speaks of the rest alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.experiments.read_batch import OF_ANY_VIEW, ReadBatch, about_documents
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.every_head import mass_of_layers
from attn_interp.models.language.asked import log_odds_reached

TESTED = "tested view"

COLUMNS = {
    **OF_ANY_VIEW,
    "layer": Column(f"the layer, as a mean over its heads, or {TESTED!r}"),
    "site": Column("the attention of the layer"),
    "outside": Column("share of the attention outside the words: on special tokens, a prompt or a sink", "", 0, 1),
    "first_token": Column("share of the attention on the first token of what the model reads", "", 0, 1),
    "log_odds_reached": Column(
        "share of the log-odds of the decision against its strongest rival that this attention reaches; NaN beside the "
        f"{TESTED}, and where the two are alike"
    ),
}


def sink(reading: Reading) -> Result:
    """How much of the attention lies outside the words, layer by layer?

    Every layer is read from the query of the model's view, as the mean over its heads. Of an answer of several tokens
    the attention of the last layer, at the position before the first token in which the answers differ, reaches that
    token alone: log_odds_reached is what that token adds to the log-odds of the decision against its strongest rival,
    as a share of all (before calibration). It is 1 for an answer of one token, for a view in a lower layer, whose
    change later tokens see, and for a classifier. It lies above 1 where later tokens speak for the rival, and below 0
    where the first one does.

    Args:
        reading: A model's attention over documents, from `read`.

    Returns:
        A result with one row per document and layer, and one for the view: layer, site, outside, first_token (shares in
        [0, 1]), log_odds_reached.

    Raises:
        ValueError: a site whose keys are not the positions of the documents.

    Reference: Xiao et al. 2024, section 3.1 (attention sinks).
    """
    frame = reading.in_order([_of_batch(reading.model, each) for each in reading.each_batch("sink")])
    return Result("sink", frame[list(COLUMNS)], {**reading.settings, "status": "measured"}, COLUMNS)


def why_not(reading: Reading) -> str:
    """A classifier that attends in one place, to words alone, has nothing outside."""
    alone = len(reading.model.sites) == 1 and bool((reading.batches[0].run.word_mass == 1).all())
    return "the model attends to words alone" if alone else ""


def _of_batch(model: AttentionModel, read: ReadBatch) -> pd.DataFrame:
    read.check()
    mass = mass_of_layers(model, read.batch)
    about = about_documents(model.classes, read.batch.documents, read.predicted)
    own = read.about()["outside"].to_numpy()
    frames = [
        about.assign(
            layer=TESTED,
            site=model.view.site,
            outside=own,
            first_token=mass.first_of_view.double().cpu().numpy(),
            log_odds_reached=log_odds_reached(model, read.batch, read.logits).numpy(),
        )
    ]
    for index, site in enumerate(model.sites):
        values = {"outside": mass.outside[:, index], "first_token": mass.first[:, index]}
        numbers = {name: value.double().cpu().clamp(0, 1).numpy() for name, value in values.items()}
        frames.append(about.assign(layer=f"layer {index}", site=site.name, **numbers, log_odds_reached=np.nan))
    return pd.concat(frames, ignore_index=True)


OUTSIDE = Statement(
    "share of the attention outside the words", "outside", where={"layer": TESTED}, question="Where does attention lie?"
)
FIRST = Statement(
    "share of it on the first token", "first_token", where={"layer": TESTED}, question="Where does attention lie?"
)

EXPERIMENT = Experiment(
    sink,
    "reading",
    Card(
        "How much of the attention lies outside the words?",
        "Attention over the words is a small part of what the model attends to.",
        "None: the weights are read as the model gives them.",
        "The share of special tokens, of a prompt and of a sink, in the tested view and in every layer.",
        "That what lies outside has no effect: the values there are read too.",
    ),
    Summary(
        {"outside": ("mean",), "first_token": ("mean",), "log_odds_reached": ("mean", "median")},
        ("layer", "site"),
        groupings=(),
        in_order=True,
    ),
    statements=(OUTSIDE, FIRST),
    rules=(
        Rule(
            OUTSIDE,
            0.5,
            "most of the attention lies outside the words",
            "most of the attention lies on the words",
        ),
    ),
    why_not=why_not,
    of_answers=True,
)
