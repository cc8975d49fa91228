"""Which heads attend to the words that matter, and which heads matter?

For every head of every layer: does it rank words as gradients and leave-one-out do, does the output change when the
head is taken out, and when the word is deleted that it attends to most? One pass records all heads.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.gradient import gradient_x_input_detached
from attn_interp.attribution.leave_one_out import logits_without_each_word
from attn_interp.data.batch import Batch
from attn_interp.experiments.read_batch import OF_ANY_VIEW, ReadBatch, about_documents
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, rows_of
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import LN2, jsd
from attn_interp.measures.kendall import kendall_tau
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.every_head import HeadRows, rows_of_heads
from attn_interp.recording import replay
from attn_interp.recording.ablation import ablate
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.means import bootstrapped_means, interval_of

HOW = ("uniform", "zero")

COLUMNS = {
    **OF_ANY_VIEW,
    "site": Column("the attention that the head belongs to"),
    "layer": Column("number of the site, in the order in which sites run", "", 0),
    "head": Column("index of the head at its site", "", 0),
    "max_attention": Column("largest weight of the head on a word, its weights on words summing to 1", "", 0, 1),
    "word_mass": Column("share of the head's attention on words; the rest is on special tokens or a sink", "", 0, 1),
    "tau_gradient": Column("Kendall's tau-b with |gradient x input|, attention held constant", "", -1, 1),
    "tau_leave_one_out": Column("Kendall's tau-b with |leave-one-out|", "", -1, 1),
    "js_ablated": Column("JS divergence of the output when this head alone is taken out", "nats", 0, LN2),
    "decision_flip": Column("whether that changes the decision"),
    "js_most_attended": Column(
        "JS divergence of the output when the head's most attended word is deleted", "nats", 0, LN2
    ),
    "js_difference": Column("that minus the mean over the other words, each deleted alone", "nats", -LN2, LN2),
}
MEANS = ("tau_gradient", "tau_leave_one_out", "js_ablated", "js_difference", "word_mass")


def heads(reading: Reading, *, how: str = "uniform") -> Result:
    """Which heads attend to the words that matter, and which heads matter?

    A head is read at the query of the model's view, over words alone. Where several words share a head's largest weight
    the first is taken. A document of one word has no word to delete and no ranking, and a head without any attention on
    words has none either: NaN.

    Args:
        reading: A model's attention over documents, from `read`.
        how: What is put in the place of a head that is taken out: "uniform", equal weight on every position that it may
            attend to, or "zero", nothing.

    Returns:
        A result with one row per document and head: site, layer, head, max_attention, word_mass, tau_gradient,
        tau_leave_one_out, js_ablated (nats), decision_flip, js_most_attended, js_difference.

    Raises:
        ValueError: another `how`, or a site whose keys are not the positions of the documents.

    Reference: Michel, Levy & Neubig 2019, section 3.2 (one head taken out at a time).
    """
    if how not in HOW:
        raise ValueError(f"heads: got how={how!r}, expected one of {', '.join(HOW)}")
    model = reading.model
    frame = reading.in_order([_measured(model, each, how) for each in reading.each_batch("heads")])
    settings = {
        "documents": len(reading),
        "classes": list(model.classes),
        "query": model.view.query,
        "heads": sum(site.heads for site in model.sites),
        "taken_out": how,
        "gradient": model.embedding.why_not or "measured",
        "status": "measured",
        "seed": reading.seed,
    }
    return Result("heads", frame, settings, COLUMNS)


def one_head(reading: Reading) -> str:
    """What compares heads needs several."""
    count = sum(site.heads for site in reading.model.sites)
    return "" if count > 1 else "the model has one attention head; there is nothing to compare it with"


def _measured(model: AttentionModel, read: ReadBatch, how: str) -> pd.DataFrame:
    """The rows of one batch, heads of a document together."""
    batch = read.batch
    rows = rows_of_heads(model, batch)
    count, is_word = len(rows.places), rows.is_word.cpu()
    weights = rows.weights.double().cpu()  # (B, N, W)
    own = rows.logits.double().cpu().softmax(-1)  # (B, C)
    predicted = read.predicted
    without = deleted(model, batch).softmax(-1)  # (B, W, C)
    lost = (own[:, None] - without).gather(-1, predicted[:, None, None].expand(*without.shape[:2], 1))[..., 0].abs()
    ablated = _ablated(model, batch, rows, how).softmax(-1)  # (B, N, C)
    values = {
        "max_attention": weights.amax(-1),
        "word_mass": rows.word_mass.double().cpu().clamp(max=1),
        "tau_gradient": torch.full(weights.shape[:2], torch.nan, dtype=torch.float64),
        "tau_leave_one_out": tau_of_heads(weights, lost, is_word),
        "js_ablated": jsd(ablated, own[:, None]),
        "decision_flip": ablated.argmax(-1) != predicted[:, None],
        **_deletion(weights, without, own, is_word),
    }
    if model.embedding.why_not is None:
        gradient = gradient_x_input_detached(model, batch, predicted.to(model.device)).values.abs()
        values["tau_gradient"] = tau_of_heads(weights, gradient.double().cpu(), is_word)
    about = about_documents(model.classes, batch.documents, predicted)
    frame = about.loc[about.index.repeat(count)].reset_index(drop=True)
    for name in ("site", "layer", "head"):
        frame[name] = [getattr(place, name) for place in rows.places] * len(batch)
    return frame.assign(**{name: value.flatten().numpy() for name, value in values.items()})


def deleted(model: AttentionModel, batch: Batch) -> torch.Tensor:
    """(B, W, C) float64 logits without each word, on the CPU; NaN for a document of one word."""
    return logits_without_each_word(model, batch)[1].double().cpu()


def tau_of_heads(weights: torch.Tensor, values: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """(B, N) Kendall's tau-b of each head's weights (B, N, W) with the values (B, W) of the words."""
    count = weights.shape[1]
    every = values.repeat_interleave(count, 0), is_word.repeat_interleave(count, 0)
    return kendall_tau(weights.flatten(0, 1), *every)[0].unflatten(0, (-1, count))


def _ablated(model: AttentionModel, batch: Batch, rows: HeadRows, how: str) -> torch.Tensor:
    """(B, N, C) float64 logits with one head taken out; what ran before its layer is not run again."""
    outputs = []
    for site in model.sites:
        kept = replay(model.module, site, *model.inputs(batch))
        for head in range(site.heads):
            (change,) = ablate({site: [head]}, how).values()
            with torch.no_grad():
                outputs.append(model.logits_of(kept.under(change, unnormalised=how == "zero")).double().cpu())
    return torch.stack(outputs, 1)


def _deletion(
    weights: torch.Tensor, without: torch.Tensor, own: torch.Tensor, is_word: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What deleting each head's most attended word does, beside the mean over the other words."""
    defined = is_word & ~without.isnan().any(-1)
    effect = torch.where(defined, jsd(without.nan_to_num(), own[:, None]), 0.0)  # (B, W)
    top = weights.nan_to_num().argmax(-1)  # (B, N)
    most = effect.gather(1, top)
    words = is_word.sum(-1, keepdim=True)
    others = (effect.sum(-1, keepdim=True) - most) / (words - 1)
    usable = (words > 1) & ~weights.isnan().any(-1)
    return {
        "js_most_attended": torch.where(usable, most, torch.nan),
        "js_difference": torch.where(usable, most - others, torch.nan),
    }


def summarise(result: Result) -> pd.DataFrame:
    """By head: the mean of each measure and the share of decisions changed, with intervals and n."""
    frame = rows_of(result)
    by, seed = ["layer", "head", "site"], int(result.settings["seed"])
    flips = summarise_columns(frame, by, ["decision_flip"], ("share",), seed)
    frame = frame.sort_values(["document", *by])
    places = list(frame[by].drop_duplicates().itertuples(index=False, name=None))
    rows = []
    for quantity in MEANS:  # all heads on the same resamples: many intervals at the price of one
        values = frame[quantity].to_numpy(dtype=np.float64).reshape(-1, len(places))  # (documents, N)
        means, counts = bootstrapped_means(values, seed), (~np.isnan(values)).sum(0)
        for place, column, n in zip(places, means.T, counts):
            rows.append((*place, quantity, "mean", *interval_of(column), n, len(values) - n))
    return pd.concat([pd.DataFrame(rows, columns=flips.columns), flips], ignore_index=True)


EXPERIMENT = Experiment(
    heads,
    "reading",
    Card(
        "Which heads attend to the words that matter, and which heads matter?",
        "Heads that rank words as gradients and leave-one-out do are those that the output needs.",
        "One head is taken out at a time; the others may make up for it.",
        "How each head ranks the words, and what the output loses without it.",
        "That a head without effect is unused: another may do the same.",
    ),
    summarise,
    why_not=one_head,
)
