"""How different can attention be while the output stays? The largest divergence within eps, document by document.

Jain & Wallace 2019, section 4.2.2, search for it. Where the readout is affine the optimum has a closed form for two
classes and a certified interval for more; elsewhere the model itself is asked, which certifies an interval too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from attn_interp.experiments.jain_wallace.parts.candidates import balanced_pairs, least_word
from attn_interp.experiments.jain_wallace.parts.search import search_adversary
from attn_interp.experiments.jain_wallace.parts.through_tanh import through_tanh
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import (
    HALF_LN2,
    Card,
    Column,
    Experiment,
    Pooling,
    Rule,
    Statement,
    Summary,
    rows_of,
)
from attn_interp.experiments.result import Result
from attn_interp.experiments.tangent import tangent_votes
from attn_interp.measures.divergence import LN2, jsd, tvd
from attn_interp.readout.adversary.many_classes import certified_adversary
from attn_interp.readout.adversary.two_classes import exact_adversary

METHODS = ("best", "both", "search")
SEARCHED = 100  # documents, where there is no closed form: up to a second each

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "eps": Column("largest total variation distance allowed between the outputs", "", 0, 1),
    "status": Column(
        "exact: jsd is the optimum; certified: the optimum lies between jsd and jsd_upper; search: jsd is a lower bound"
    ),
    "jsd": Column("Jensen-Shannon divergence of the adversarial attention from the model's own", "nats", 0, LN2),
    "jsd_upper": Column("proved upper bound of jsd; equal to it where exact, NaN for a search", "nats", 0, LN2),
    "tvd": Column("total variation distance of the output under it, recomputed by the model itself", "", 0, 1),
    "decision_flip": Column("whether another class is predicted under it"),
}


@dataclass(frozen=True)
class Adversaries:
    """The adversarial attention of one batch, what it is (exact, certified or search) and the bound above it.

    `upper` (B,) is the proved upper bound of the divergence, NaN for a search.
    """

    weights: torch.Tensor  # (B, W)
    status: str
    upper: torch.Tensor  # (B,)


def adversary(reading: Reading, *, eps: float = 0.01, method: str = "best") -> Result:
    """Can attention be quite another at the same output?

    The eps-max divergence of a document: the largest Jensen-Shannon divergence from the model's own attention that an
    attention has which moves the output by at most eps in total variation.

    Args:
        reading: A model's attention over documents, from `read`.
        eps: The output may move by at most this total variation distance, in (0, 1); the paper's is .01.
        method: "best" is exact where it can be (affine readout, two classes), certified for more classes, and for a
            readout that is not affine: corners, pairs of words and a search, never below the paper's, under the
            divergence that no attention exceeds, or under a nearer bound where tanh alone stands between. "search" is
            always the paper's; "both" gives the two beside each other.

    Returns:
        A result with one row per document (and per status with method="both"): status, jsd and jsd_upper in [0, ln 2],
        tvd, decision_flip.

    Raises:
        ValueError: another method, or eps outside (0, 1).

    Reference: Jain & Wallace 2019, section 4.2.2.
    """
    if method not in METHODS:
        raise ValueError(f"adversary: got method={method!r}, expected one of {', '.join(METHODS)}")
    check_eps("adversary", eps)
    frames = []
    for batch in reading.each_batch("adversary"):
        found = [] if method == "search" else [best(reading, batch, eps)]
        if method != "best":
            found.append(searched(reading, batch, eps))
        frames += [batch.about(eps=eps, **columns) for columns in measured(batch, found)]
    settings = {**reading.settings, "eps": eps, "method": method}
    return Result("adversary", reading.in_order(frames), settings, COLUMNS)


def check_eps(experiment: str, eps: float) -> None:
    """Refuse a tolerance outside (0, 1)."""
    if not 0 < eps < 1:
        raise ValueError(f"{experiment}: eps must lie in (0, 1), got {eps}")


def best(reading: Reading, batch: ReadBatch, eps: float) -> Adversaries:
    """The best that is known for this readout: exact or certified from its votes, or else by asking the model."""
    if reading.affine:
        return solved(batch, batch.votes, eps)
    found = asked(reading, batch, eps)
    if batch.model.inside_tanh is None:
        return found
    weights, upper = through_tanh(batch, found.weights, found.upper, eps)
    return Adversaries(weights, found.status, upper)


def asked(reading: Reading, batch: ReadBatch, eps: float) -> Adversaries:
    """Of a readout that is not affine, by asking the model itself.

    First all attention on the word of least weight: nothing diverges more, so where the output allows it, it is the
    optimum. For the other documents the optimum of the readout linearised at the model's weights and between its words,
    pairs of words that balance, and the paper's search, started from the best of these too. So no document is below the
    paper's search, and what no attention exceeds is the upper bound.
    """
    corner, upper = least_word(batch)
    weights = _farthest(batch, corner[:, None], eps)
    left = [batch.batch.documents[row] for row in (jsd(weights, batch.weights) < upper).nonzero().flatten().tolist()]
    if left:
        place = {document.id: row for row, document in enumerate(batch.batch.documents)}
        part = reading.only(left)
        for each in part.batches:
            rows = torch.tensor([place[document.id] for document in each.batch.documents])
            weights[rows, : each.is_word.shape[1]] = _searched_far(part, each, eps)
    return Adversaries(weights, "certified", upper)


def _searched_far(reading: Reading, batch: ReadBatch, eps: float) -> torch.Tensor:
    tangent = tangent_votes(batch.under, batch.weights, batch.is_word)
    tried = torch.stack([solved(batch, votes, eps).weights for votes in (tangent, batch.votes)], 1)
    if batch.votes.shape[-1] == 2:
        tried = torch.cat([tried, balanced_pairs(batch, eps)], 1)
    start = _farthest(batch, tried, eps)
    found = searched(reading, batch, eps, torch.cat([tried[:, :1], start[:, None]], 1)).weights
    # Both were within eps when they were tried; asked again, rounding could refuse what the search has found.
    farther = jsd(found, batch.weights) >= jsd(start, batch.weights)
    return torch.where(farther[:, None], found, start)


def _farthest(batch: ReadBatch, tried: torch.Tensor, eps: float) -> torch.Tensor:
    """(B, W) of attentions (B, S, W) and the model's own, that of largest divergence whose output is within eps."""
    own = batch.logits.softmax(-1)[:, None]
    divergence = jsd(tried, batch.weights[:, None].expand_as(tried))  # (B, S)
    allowed = tvd(batch.under(tried).softmax(-1), own.expand(-1, tried.shape[1], -1)) <= eps
    value, which = divergence.masked_fill(~allowed, -1.0).max(-1)
    chosen = tried[torch.arange(len(tried)), which]
    return torch.where((value > 0)[:, None], chosen, batch.weights)


def solved(batch: ReadBatch, votes: torch.Tensor, eps: float) -> Adversaries:
    """The optimum of an affine readout with these votes: exact for two classes, certified for more."""
    if votes.shape[-1] == 2:
        exact = exact_adversary(batch.weights, votes, batch.is_word, eps)
        return Adversaries(exact.weights, "exact", exact.jsd)
    certified = certified_adversary(batch.weights, votes, batch.is_word, eps)
    return Adversaries(certified.weights, "certified", certified.jsd_upper)


def searched(reading: Reading, batch: ReadBatch, eps: float, further: torch.Tensor | None = None) -> Adversaries:
    """What gradient descent finds, as the paper has it, and from `further` starts (B, S, W) where they are given."""
    weights, _ = search_adversary(reading, batch, eps, further)
    return Adversaries(weights, "search", torch.full((len(weights),), torch.nan, dtype=weights.dtype))


def measured(batch: ReadBatch, found: Sequence[Adversaries]) -> Iterator[dict[str, Any]]:
    """The columns from `status` on for each adversary: divergence, its bound, and the output by the model itself."""
    weightings = torch.stack([each.weights for each in found], 1).float()
    for each, output in zip(found, batch.under(weightings).unbind(1)):
        divergence = jsd(each.weights, batch.weights)
        yield {
            "status": each.status,
            "jsd": divergence.numpy(),
            "jsd_upper": torch.maximum(each.upper, divergence).numpy(),
            "tvd": tvd(output.softmax(-1), batch.logits.softmax(-1)).numpy(),
            "decision_flip": (output.argmax(-1) != batch.predicted).numpy(),
        }


def by_proof(frame: pd.DataFrame) -> pd.DataFrame:
    """With one status for all that is proved, exact if all of it is: seeds differ in the documents that are exact."""
    status = frame["status"]
    degree = "exact" if set(status) <= {"exact", "search"} else "certified"
    return frame.assign(status=status.where(status == "search", degree))


def with_width(result: Result) -> pd.DataFrame:
    """The rows with the width of each interval [jsd, jsd_upper]: 0 where exact, NaN for a search."""
    rows = rows_of(result)
    return rows.assign(width=rows["jsd_upper"] - rows["jsd"])


FLIP = {"decision_flip": Column("whether another class is predicted under it", "", 0, 1)}
VALUES = {"jsd": ("mean", "median"), "jsd_upper": ("mean",), "decision_flip": ("share",)}
WIDTH = {"width": ("mean", "largest")}

JSD = "mean eps-max JSD, eps {eps}"
LOWER = Statement(JSD, "jsd", "certified", where={"status": "certified"})
UPPER = Statement("its proved upper bound", "jsd_upper", "certified", where={"status": "certified"})
OPTIMUM = Statement(JSD, "jsd", "exact", where={"status": "exact"})
FOUND = Statement(JSD, "jsd", "search", where={"status": "search"})
ANOTHER = "quite another attention gives the same output"
NONE = "no attention is quite another at this output"

EXPERIMENT = Experiment(
    adversary,
    "reading",
    Card(
        "Can attention be another at the same output?",
        "Quite another attention gives the same output.",
        "An attention may be chosen freely for each document; no model need attend so.",
        "How far (Jensen-Shannon, at most ln 2) attention can move while the output stays within eps.",
        "That the model could have learned that attention, or that its own is arbitrary for it.",
    ),
    Summary({**VALUES, **WIDTH}, ("status",), ("all", "predicted", "label"), with_width),
    statements=(LOWER, UPPER, OPTIMUM, FOUND),
    rules=(  # a search proves that there is another, and never that there is none
        Rule(LOWER, HALF_LN2, ANOTHER, ""),
        Rule(UPPER, HALF_LN2, "", NONE),
        Rule(OPTIMUM, HALF_LN2, ANOTHER, NONE),
        Rule(FOUND, HALF_LN2, ANOTHER, ""),
    ),
    decided_by=("eps", "method"),
    documents=lambda reading: None if reading.affine else SEARCHED,
    pooling=Pooling(tuple(VALUES), ("status",), made=FLIP, settled=by_proof),
)
