"""Does a model that is trained again miss the words that a method ranks first? Remove, retrain, rank again.

Madsen et al. 2022, Recursive ROAR. Erasing words from a trained model asks it about texts that it never met. Here the
texts on which a model is asked are like those that it was trained on: a share of the words is replaced by the word that
stands for a hidden one, in all splits, and a new model is trained on what is left. What it can no longer tell was in
the words that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from attn_interp.experiments.record import Card, Column, Experiment, Rule, Statement
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import COLUMNS as DECIDED
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.clusters import crossed_mean, resampled_means, seed_by_document, summarise_crossed

ATTENTION, RANDOM = "attention", "random"
AREA, RACU, RATIO = "area", "racu", "ratio"
MINUS_RANDOM = "correct_minus_random"

COLUMNS = {
    "method": Column("what ranks the words: attention, an attribution (absolute value), or random"),
    "share": Column("share of the words of every document that are removed, rounded up to whole words", "", 0, 1),
    "removed": Column("how many words of the document that is", "words", 0),
    **DECIDED,
}


def roar(frame: pd.DataFrame, settings: Mapping[str, object]) -> Result:
    """Does a model that is trained again miss the words that a method ranks first?

    The models are trained by `studies.retraining.roar`. The summary has, over seeds and documents: the accuracy
    (`correct`) and the probability of the gold class by method and share; and, where random removal is among the
    methods, what a method's accuracy is above that of random removal of as many words (`correct_minus_random`), the
    `area` between both curves, and `racu`, that area as a share of the area between random removal and the accuracy
    without any words (the last share, 1). An area above 0 says that the model misses the words more than random ones;
    racu is 1 where they are all that the task needs. Its interval is a bootstrap, of which a resample without anything
    to lose counts as infinite; it is NaN where these reach its upper end.

    Args:
        frame: One row per method, share, seed and document: the columns of `COLUMNS`. Every method has the same shares,
            seeds and documents; the first share is 0 and the last 1.
        settings: Everything that decides the models, as plain JSON values.

    Raises:
        ValueError: a column is missing, a row stands there twice, a method lacks rows that others have, or shares do
            not run from 0 to 1.

    Reference: Madsen et al. 2022, Evaluating the faithfulness of importance measures in NLP by recursively masking
    allegedly important tokens and retraining, sections 3 and 4.
    """
    if missing := [name for name in COLUMNS if name not in frame]:
        raise ValueError(f"roar: the frame has no column {missing[0]!r}; give {', '.join(COLUMNS)}")
    keys = ["share", "seed", "document"]
    if (twice := frame.duplicated(["method", *keys])).any():
        row = frame[twice].iloc[0]
        about = f"method {row['method']!r}, share {row['share']}, seed {row['seed']}"
        raise ValueError(f"roar: document {row['document']!r} stands twice under {about}; give one row for each")
    rows = {name: set(own[keys].itertuples(index=False, name=None)) for name, own in frame.groupby("method")}
    most = set().union(*rows.values())
    for name, own in rows.items():
        if own != most:
            share, seed, document = min(most - own)
            raise ValueError(f"roar: method {name!r} has no row of share {share}, seed {seed}, document {document!r}")
    if not rows or min(frame["share"]) != 0 or max(frame["share"]) != 1:
        raise ValueError(f"roar: shares are {sorted(set(frame['share']))}, expected some from 0 to 1 with both ends")
    return Result("roar", frame[list(COLUMNS)].reset_index(drop=True), dict(settings), COLUMNS)


def summarise(result: Result) -> pd.DataFrame:
    """Accuracy by method and share, and what lies between a method and random removal: see `roar`.

    Returns:
        method, share (NaN for area and racu), quantity, statistic (mean, or ratio for racu), estimate, low, high (95 %
        interval over seeds and documents; over documents alone of one seed), sd_seeds, seeds, n, undefined.
    """
    frame, by = result.frame, ["method", "share"]
    tables = [summarise_crossed(frame, by, ["correct", "probability_label"])]
    methods = [name for name in frame["method"].unique() if name != RANDOM]
    if len(methods) < frame["method"].nunique():
        keys = ["share", "seed", "document"]
        correct = frame.assign(correct=frame["correct"].astype(float)).set_index(["method", *keys])["correct"]
        random = correct.loc[RANDOM]
        for name in methods:
            above = (correct.loc[name] - random).rename(MINUS_RANDOM).reset_index().assign(method=name)
            tables.append(summarise_crossed(above, by, [MINUS_RANDOM]))
            tables.append(_areas(name, -_curves(above, MINUS_RANDOM), _curves(random.reset_index(), "correct"), frame))
    table = pd.concat(tables, ignore_index=True)
    least = np.where(table["quantity"].isin(("correct", "probability_label")), 0.0, -1.0)
    cut = table.assign(low=table["low"].clip(lower=least), high=table["high"].clip(upper=1.0))  # Student's may pass
    return cut.where(table["quantity"] != RACU, table)


def _curves(frame: pd.DataFrame, value: str) -> Floats:
    """(S, D, K) of S seeds, D documents and K rising shares."""
    return np.stack([seed_by_document(own, value).to_numpy() for _, own in frame.groupby("share")], -1)


def _areas(name: str, below: Floats, random: Floats, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of area and racu, from how far the method is below random removal and from random removal (S, D, K)."""
    shares = np.sort(frame["share"].unique())
    area = trapezoid(below, shares)  # (S, D)
    most = trapezoid(random - random[..., -1:], shares)
    found = crossed_mean(area)
    low, high = found.interval()
    rows = [(AREA, "mean", found.estimate, low, high, found.sd_seeds)]
    resampled = resampled_means(np.stack([area, most]), int(frame["seed"].min()))  # (R, 2)
    ratios = np.full(len(resampled), np.inf)
    np.divide(resampled[:, 0], resampled[:, 1], out=ratios, where=resampled[:, 1] > 0)
    ends = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    ends = ends if np.isfinite(ends).all() else np.full(2, np.nan)
    ratio = float(area.mean() / most.mean()) if most.mean() > 0 else np.nan
    rows.append((RACU, RATIO, ratio, *ends, np.nan))
    table = pd.DataFrame(rows, columns=["quantity", "statistic", "estimate", "low", "high", "sd_seeds"])
    return table.assign(method=name, share=np.nan, seeds=found.seeds, n=found.documents, undefined=0)


MISSED = Statement(
    "area between the curves of random removal and attention", AREA, where={"method": ATTENTION, "statistic": "mean"}
)

EXPERIMENT = Experiment(
    roar,
    "plan",
    Card(
        "Does a model that is trained again miss the words that a method ranks first?",
        "A model that is trained without these words is worse than one trained without as many random ones.",
        "What is learned anew from the words that are left is learned as well as before.",
        "How much of what the task needs was in the words that a method ranks first.",
        "That the first model uses these words: other words may say the same, and the length of a text and the places "
        "of what is hidden stay to be read.",
    ),
    summarise,
    statements=(MISSED, Statement("racu, {method}", RACU, where={"statistic": RATIO})),
    rules=(
        Rule(
            MISSED,
            0.0,
            "a model misses the words that attention ranks first more than random ones",
            "a model misses the words that attention ranks first less than random ones",
        ),
    ),
    example="analyses/roar.py trains the models",
)
