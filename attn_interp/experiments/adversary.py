"""How different can attention be while the output stays? The largest divergence within eps, document by document.

Jain & Wallace 2019, section 4.2.2, search for it. Where the readout is affine and there are two classes the optimum
has a closed form (readout/adversary), so the answer is exact; elsewhere the search gives a lower bound and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from attn_interp.data.document import Document
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
from attn_interp.experiments.search import search_adversary
from attn_interp.measures.divergence import jsd, tvd
from attn_interp.models.wrapper import AttentionModel
from attn_interp.readout.adversary import adversary as exact_adversary
from attn_interp.statistics.bootstrap import summarise as summarise_columns

EXACT, SEARCH = "exact", "search"
METHODS = ("best", "both", "search")
LN2 = 0.6931471805599453

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "eps": Column("largest total variation distance allowed between the outputs", "", 0, 1),
    "status": Column("exact: the optimum; search: a lower bound found by gradient descent"),
    "jsd": Column("Jensen-Shannon divergence of the adversarial attention from the model's own", "nats", 0, LN2),
    "tvd": Column("total variation distance of the output under it, recomputed by the model itself", "", 0, 1),
    "decision_flip": Column("whether another class is predicted under it"),
}


@dataclass(frozen=True)
class Adversaries:
    """The adversarial attention (B, W) of one batch and what it is: `EXACT` or `SEARCH`."""

    weights: torch.Tensor  # (B, W)
    status: str


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
        method: "best" is exact where it can be (affine readout, two classes) and the search elsewhere; "search" is
            always the paper's; "both" gives the two beside each other.
        reading: what `read` returned for the same model and documents, to save reading them again.

    Raises:
        ValueError: another method, or eps outside (0, 1).
    """
    if method not in METHODS:
        raise ValueError(f"adversary: got method={method!r}, expected one of {', '.join(METHODS)}")
    if not 0 < eps < 1:
        raise ValueError(f"adversary: eps must lie in (0, 1), got {eps}")
    reading = reading or read(model, documents, seed)
    frames = []
    for read_batch in track(reading.batches, "adversary", progress):
        about = document_frame(model, read_batch)
        for found in find_adversaries(model, reading, read_batch, eps, method, seed):
            with torch.no_grad():
                weightings = found.weights[:, None].to(model.device, torch.float32)
                logits = model.logits_under(read_batch.batch, weightings)[:, 0].double().cpu()
            row = about.assign(
                eps=eps,
                status=found.status,
                jsd=jsd(found.weights, read_batch.weights).numpy(),
                tvd=tvd(logits.softmax(-1), read_batch.logits.softmax(-1)).numpy(),
                decision_flip=(logits.argmax(-1) != read_batch.predicted).numpy(),
            )
            frames.append(row)
    settings = {**reading_settings(model, reading, seed), "eps": eps, "method": method}
    return Result("adversary", in_order(frames, reading), settings, COLUMNS)


def find_adversaries(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, eps: float, method: str, seed: int
) -> list[Adversaries]:
    """The adversarial attention of each document of a batch, by the method or the methods asked for."""
    exact = reading.affine and len(model.classes) == 2
    found = []
    if exact and method != "search":
        weights = exact_adversary(read_batch.weights, read_batch.votes, read_batch.is_word, eps).weights
        found.append(Adversaries(weights, EXACT))
    if not exact or method != "best":
        weights, _ = search_adversary(
            lambda weightings: logits_under(model, reading, read_batch, weightings),
            read_batch.batch.documents,
            read_batch.weights,
            read_batch.logits,
            read_batch.is_word,
            eps,
            seed,
        )
        found.append(Adversaries(weights, SEARCH))
    return found


def summarise(result: Result) -> pd.DataFrame:
    """Mean and median of the divergence with intervals, and the share of decisions flipped, by status: over all
    documents and by predicted and gold class."""
    frame = result.frame.assign(decision_flip=result.frame["decision_flip"].astype(float))
    seed = int(result.settings["seed"])
    tables = []
    for grouping in ("all", "predicted", "label"):
        grouped = frame.assign(grouping=grouping, group="all" if grouping == "all" else frame[grouping])
        by = ["status", "grouping", "group"]
        tables.append(summarise_columns(grouped, by, ["jsd"], ("mean", "median"), seed))
        tables.append(summarise_columns(grouped, by, ["decision_flip"], ("share",), seed))
    return pd.concat(tables, ignore_index=True)
