"""The consistency ladder: how different attention can be, and at what cost in output, the more a rival must be a model.

From an adversary that chooses attention document by document, over one that must keep its shape and imitators that
learn more or less of a model, down to another seed and uniform attention: each rung is a curve or a point in the plane
of divergence (across) and output distance (up). What the adversary has over a rung at the same output distance is
that rung's consistency gap: the part of the divergence that needs a free choice for every document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attn_interp.experiments.record import Card, Column, Experiment, Statement
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.compared import RANGES as COMPARED_RANGES
from attn_interp.measures.divergence import LN2
from attn_interp.models.training.imitating import FREE
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.clusters import crossed_mean, seed_by_document

ADVERSARY, SAME_SHAPE, SEEDS, UNIFORM = "adversary", "same-shape adversary", "other seeds", "uniform attention"
IMITATORS = {free: f"imitator, {free}" for free in FREE}
RUNGS = (ADVERSARY, SAME_SHAPE, *IMITATORS.values(), SEEDS, UNIFORM)
PRICES = (1000.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
GAP = "gap"
STATUSES = ("measured", "exact", "certified", "search")  # what is claimed of an optimum, the weakest last
RANGES = {**COMPARED_RANGES, GAP: (-LN2, LN2)}

COLUMNS = {
    "rung": Column(f"one of {', '.join(RUNGS)}"),
    "status": Column(
        "exact: no attention over the base model's states has a larger jsd - price tvd at a measured tolerance; "
        "certified: that lies in a proved interval; search: the best that was found; measured: no optimum is claimed"
    ),
    "setting": Column("adversaries: price of TVD in nats; imitators: strength; NaN where there is none", "", 0),
    "seed": Column("seed of the base model"),
    "document": Column("id of the document"),
    "jsd": Column("Jensen-Shannon divergence of the attention from the base model's", "nats", 0, LN2),
    "tvd": Column("total variation distance of the output from the base model's", "", 0, 1),
}


@dataclass(frozen=True)
class Rungs:
    """What was measured on one base model, all on the same documents; a rung that was not measured is empty or None.

    Attributes:
        adversary_curve: The adversary at several tolerances.
        same_shape: Adversaries of the same shape at several tolerances.
        imitation: Imitators.
        seeds: The model with other seeds.
        uniform: The model trained under uniform attention, compared as if it were another seed.
    """

    adversary_curve: Result
    same_shape: Sequence[Result] = ()
    imitation: Result | None = None
    seeds: Result | None = None
    uniform: Result | None = None


def ladder(runs: Mapping[int, Rungs], *, prices: Sequence[float] = PRICES) -> Result:
    """The rungs of one or more base models. One row per rung, setting, seed of the base model and document.

    An adversary at price m takes in each document the tolerance at which jsd - m tvd is largest (0 allowed), which
    makes its mean divergence the largest at its mean output distance, among the tolerances that were measured. An
    imitator minimises the same kind of sum over the same documents, so the two are compared at equal mean TVD. Of
    several other seeds a document has the mean.

    Args:
        runs: Seed of the base model -> what was measured on it.
        prices: Nats of divergence per unit of TVD, each above 0.

    Raises:
        ValueError: no runs, a price <= 0, or rungs and seeds that do not have the same documents.
    """
    if not isinstance(runs, Mapping):
        raise TypeError(f"ladder: got a {type(runs).__name__}, expected {{seed of the base model: Rungs(...)}}")
    if not runs:
        raise ValueError("ladder: no runs were given; give at least one base model")
    if not all(price > 0 for price in prices):
        raise ValueError(f"ladder: prices must be above 0, got {list(prices)}")
    frames = [rung.assign(seed=seed) for seed, run in runs.items() for rung in _rungs(run, prices)]
    frame = pd.concat(frames, ignore_index=True)[list(COLUMNS)]
    documents = int(frame["document"].nunique())
    _check(frame, documents * len(runs))
    settings = {"seeds": sorted(runs), "prices": list(prices), "documents": documents, "seed": 0}
    return Result("ladder", frame, settings, COLUMNS)


def _rungs(run: Rungs, prices: Sequence[float]) -> list[pd.DataFrame]:
    curve = run.adversary_curve.frame
    found = [_priced(curve, prices).assign(rung=ADVERSARY, status=_weakest(curve))]
    if run.same_shape:
        tolerances = pd.concat([result.frame for result in run.same_shape], ignore_index=True)
        found.append(_priced(tolerances, prices).assign(rung=SAME_SHAPE, status=_weakest(tolerances)))
    if run.imitation is not None:
        frame = run.imitation.frame
        found.append(frame.assign(rung=frame["free"].map(IMITATORS), setting=frame["strength"], status="search"))
    for name, result in ((SEEDS, run.seeds), (UNIFORM, run.uniform)):
        if result is not None:
            means = result.frame.groupby("document", sort=False, as_index=False)[["jsd", "tvd"]].mean()
            found.append(means.assign(rung=name, setting=np.nan, status="measured"))
    return found


def _weakest(frame: pd.DataFrame) -> str:
    return max(frame["status"], key=STATUSES.index)


def _priced(frame: pd.DataFrame, prices: Sequence[float]) -> pd.DataFrame:
    """Per price and document the row with the largest jsd - price tvd, the model's own attention being among them."""
    rows = frame[["document", "jsd", "tvd"]]
    own = pd.DataFrame({"document": frame["document"].unique(), "jsd": 0.0, "tvd": 0.0})
    rows = pd.concat([own, rows], ignore_index=True)
    chosen = []
    for price in prices:
        worth = rows["jsd"] - price * rows["tvd"]
        chosen.append(rows.loc[worth.groupby(rows["document"], sort=False).idxmax()].assign(setting=price))
    return pd.concat(chosen, ignore_index=True)


def _check(frame: pd.DataFrame, expected: int) -> None:
    for (rung, setting), own in frame.groupby(["rung", "setting"], dropna=False):
        if len(own) != expected:
            raise ValueError(
                f"ladder: rung {rung!r} at {setting:g} has {len(own)} rows, expected {expected}: every rung needs "
                "every document under every seed"
            )


def summarise(result: Result) -> pd.DataFrame:
    """Mean jsd, tvd and consistency gap of every rung and setting, with 95 % intervals over seeds and documents.

    The gap is the adversary's divergence at the mean TVD of the rung, interpolated between its prices (a mixture
    of two prices attains that; from the model's own attention at TVD 0, level beyond its last), minus the rung's own.
    Negative where a rung does better than any attention over the base model's own states could.

    Intervals are Student's with Satterthwaite's degrees of freedom (`crossed_mean`), so they are wide where seeds are
    few, and cut off where the quantity cannot be; those of the gap hold to first order in the means (the delta method).
    With two seeds they still hold the truth a little less often than they say; with one they are over documents alone.

    Returns:
        rung, status, setting, quantity ("jsd", "tvd" or "gap"), statistic "mean", estimate, low, high, seeds, n,
        undefined; the rungs from the adversary down.
    """
    groups = dict(iter(result.frame.groupby(["rung", "setting"], dropna=False)))
    keys = sorted(groups, key=lambda key: RUNGS.index(key[0]))
    values = np.stack([[seed_by_document(groups[key], name) for name in ("jsd", "tvd")] for key in keys])
    curve = np.concatenate(
        [np.zeros_like(values[:1]), values[[rung == ADVERSARY for rung, _ in keys]]]
    )  # (P + 1, 2, S, D)
    curve = curve[curve[:, 1].mean((1, 2)).argsort(kind="stable")]
    rows = []
    for (rung, setting), own in zip(keys, values, strict=True):
        status = _weakest(groups[rung, setting])
        measured = {"jsd": own[0], "tvd": own[1]} | ({} if rung == ADVERSARY else {GAP: _gap_values(own, curve)})
        for quantity, each in measured.items():
            found = crossed_mean(each)
            low, high = np.clip(found.interval(), *RANGES[quantity])
            count = (found.seeds, found.documents, 0)
            rows.append((rung, status, setting, quantity, "mean", found.estimate, low, high, *count))
    columns = ["quantity", "statistic", "estimate", "low", "high", "seeds", "n", "undefined"]
    return pd.DataFrame(rows, columns=["rung", "status", "setting", *columns])


def _gap_values(own: Floats, curve: Floats) -> Floats:
    """jsd and tvd of a rung (2, S, D) and on the curve (P, 2, S, D), tvd rising -> (S, D) values whose mean is
    the gap of the means, and whose spread is its sampling spread to first order."""
    means, distance = curve.mean((2, 3)), own[1].mean()  # (P, 2)
    after = int(np.searchsorted(means[:, 1], distance, side="right"))
    if after == len(curve):  # beyond the last price: level
        return np.asarray(curve[-1, 0] - own[0])
    (jsd_before, tvd_before), (jsd_after, tvd_after) = means[after - 1 : after + 1]
    share = (distance - tvd_before) / (tvd_after - tvd_before)
    mixed = (1 - share) * curve[after - 1] + share * curve[after]  # (2, S, D), of the same mean tvd as the rung
    slope = (jsd_after - jsd_before) / (tvd_after - tvd_before)
    return np.asarray(mixed[0] - own[0] + slope * (own[1] - mixed[1]))


EXPERIMENT = Experiment(
    ladder,
    "results",
    Card(
        "How different can attention be, and at what cost in output?",
        "What an adversary does document by document, a model can do too.",
        "The rungs differ in how far a rival must be a model.",
        "How much of the adversary's divergence needs a free choice for every document.",
        "That the rungs are the only models there could be.",
    ),
    summarise,
    statements=(Statement("mean {quantity}, {rung}, {setting}", kind=None),),
    example="analyses/wiegreffe_pinter_2019.py measures the rungs",
)
