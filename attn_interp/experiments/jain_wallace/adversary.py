"""How different can attention be while the output stays? The largest divergence within eps, document by document.

Jain & Wallace 2019, section 4.2.2, search for it. Where the readout is affine the optimum has a closed form for two
classes and a certified interval for more; elsewhere a search gives a lower bound and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.groupings import BY_EITHER_CLASS, grouped
from attn_interp.experiments.jain_wallace.parts.linearised import linearised_votes
from attn_interp.experiments.jain_wallace.parts.search import search_adversary
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import (
    DOCUMENT_COLUMNS,
    ReadBatch,
    Reading,
    document_frame,
    in_order,
    logits_under,
    many_under,
    read,
    reading_settings,
)
from attn_interp.experiments.result import Column, Result
from attn_interp.measures.divergence import LN2, jsd, tvd
from attn_interp.models.attention_model import AttentionModel
from attn_interp.readout.adversary.many_classes import certified_adversary
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.statistics.bootstrap import summarise as summarise_columns

EXACT, CERTIFIED, SEARCH = "exact", "certified", "search"
METHODS = ("best", "both", "search")

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
    """The adversarial attention of one batch, what it is (`EXACT`, `CERTIFIED` or `SEARCH`) and the bound above it.

    `upper` (B,) is the proved upper bound of the divergence, NaN for a search.
    """

    weights: torch.Tensor  # (B, W)
    status: str
    upper: torch.Tensor  # (B,)


def adversary(
    model: AttentionModel,
    documents: Sequence[Document],
    eps: float = 0.01,
    method: str = "best",
    seed: int = 0,
    reading: Reading | None = None,
    progress: bool = False,
) -> Result:
    """The eps-max divergence of each document: one row per document (and per status with method="both").

    Args:
        eps: The output may move by at most this total variation distance, in (0, 1); the paper's is .01.
        method: "best" is exact where it can be (affine readout, two classes), certified for more classes, and for a
            readout that is not affine a search that also starts from the optimum of the linearised readout; "search"
            is always the paper's; "both" gives the two beside each other.
        reading: what `read` returned for the same model and documents, to save reading them again.

    Raises:
        ValueError: another method, or eps outside (0, 1).
    """
    if method not in METHODS:
        raise ValueError(f"adversary: got method={method!r}, expected one of {', '.join(METHODS)}")
    check_eps("adversary", eps)
    reading = reading or read(model, documents, seed)
    frames = []
    for read_batch in track(reading.batches, "adversary", progress):
        about = document_frame(model, read_batch)
        found = find_adversaries(model, reading, read_batch, eps, method, seed)
        frames += [about.assign(eps=eps, **columns) for columns in measured(model, read_batch, found)]
    settings = {**reading_settings(model, reading, seed), "eps": eps, "method": method}
    return Result("adversary", in_order(frames, reading), settings, COLUMNS)


def check_eps(experiment: str, eps: float) -> None:
    """Refuse a tolerance outside (0, 1)."""
    if not 0 < eps < 1:
        raise ValueError(f"{experiment}: eps must lie in (0, 1), got {eps}")


def measured(model: AttentionModel, read_batch: ReadBatch, found: Sequence[Adversaries]) -> list[dict[str, Any]]:
    """The columns from `status` on for each adversary: divergence, its bound, and the output by the model itself."""
    weightings = torch.stack([each.weights for each in found], 1).to(model.device, torch.float32)
    with torch.no_grad():
        logits = model.logits_under(read_batch.batch, weightings).double().cpu()  # (B, K, C)
    rows = []
    for each, output in zip(found, logits.unbind(1)):
        divergence = jsd(each.weights, read_batch.weights)
        rows.append(
            {
                "status": each.status,
                "jsd": divergence.numpy(),
                "jsd_upper": torch.maximum(each.upper, divergence).numpy(),
                "tvd": tvd(output.softmax(-1), read_batch.logits.softmax(-1)).numpy(),
                "decision_flip": (output.argmax(-1) != read_batch.predicted).numpy(),
            }
        )
    return rows


def find_adversaries(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, eps: float, method: str, seed: int
) -> list[Adversaries]:
    """The adversarial attention of each document of a batch, by the method or the methods asked for."""
    found = []
    if method != "search" and reading.affine:
        found.append(_solved(read_batch.weights, read_batch.votes, read_batch.is_word, eps))
    if method != "best" or not reading.affine:
        further = None
        if method != "search" and not reading.affine:
            votes = linearised_votes(model, reading, read_batch)
            further = _solved(read_batch.weights, votes, read_batch.is_word, eps).weights[:, None]
        weights, _ = search_adversary(
            lambda weightings: logits_under(model, reading, read_batch, weightings),
            read_batch.batch.documents,
            read_batch.weights,
            read_batch.logits,
            read_batch.is_word,
            eps,
            seed,
            further,
            partial(many_under, model, reading, read_batch),
        )
        found.append(Adversaries(weights, SEARCH, torch.full((len(weights),), torch.nan, dtype=weights.dtype)))
    return found


def _solved(weights: torch.Tensor, votes: torch.Tensor, is_word: torch.Tensor, eps: float) -> Adversaries:
    if votes.shape[-1] == 2:
        exact = exact_adversary(weights, votes, is_word, eps)
        return Adversaries(exact.weights, EXACT, exact.jsd)
    certified = certified_adversary(weights, votes, is_word, eps)
    return Adversaries(certified.weights, CERTIFIED, certified.jsd_upper)


def summarise(result: Result) -> pd.DataFrame:
    """Mean and median of the divergence with intervals, the mean of its upper bound, and the share of decisions
    flipped, by status: over all documents and by predicted and gold class."""
    frame = result.frame.assign(decision_flip=result.frame["decision_flip"].astype(float))
    seed = int(result.settings["seed"])
    tables = []
    for rows in grouped(frame, BY_EITHER_CLASS):
        by = ["status", "grouping", "group"]
        tables.append(summarise_columns(rows, by, ["jsd"], ("mean", "median"), seed))
        tables.append(summarise_columns(rows, by, ["jsd_upper"], ("mean",), seed))
        tables.append(summarise_columns(rows, by, ["decision_flip"], ("share",), seed))
    return pd.concat(tables, ignore_index=True)
