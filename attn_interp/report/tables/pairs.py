"""The overview of tasks on two texts, with the figures that Jain & Wallace 2019 released beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from attn_interp.experiments.jain_wallace.agreement import AS_GRADIENTS, AS_LEAVE_ONE_OUT, CEILING
from attn_interp.experiments.result import Result
from attn_interp.report.tables.published import JAIN_WALLACE_PAIRS
from attn_interp.report.tables.wide import stacked

ACCURACY = "accuracy"
EVIDENCE = ("auroc", "average_precision", "all_found")
TAUS = (AS_GRADIENTS.question, AS_LEAVE_ONE_OUT.question, CEILING.question)


def beside_published(overview: pd.DataFrame) -> pd.DataFrame:
    """The overview of models with the columns published and published_sd: the mean and standard deviation over
    documents that the authors released for the task, encoder and attention; NaN where there are none.

    Args:
        overview: As `study_tables` makes it: corpus, encoder, attention, question, statistic and more.
    """
    found = []
    for row in overview.to_dict("records"):
        figures = JAIN_WALLACE_PAIRS.get((row["corpus"], row["encoder"], row["attention"]))
        one: tuple[float, ...] = (np.nan, np.nan)
        if figures is not None and row["question"] in TAUS:
            place = 1 + 2 * TAUS.index(row["question"])
            one = figures[place : place + 2]
        elif figures is not None and row["statistic"] == ACCURACY:
            one = (figures.accuracy, np.nan)
        found.append(one)
    return overview.assign(**dict(zip(("published", "published_sd"), np.array(found).reshape(-1, 2).T)))


def evidence_table(models: Iterable[tuple[Mapping[str, Any], Result]]) -> pd.DataFrame:
    """Does attention mark the supporting facts? Of each model the mean AUROC and average precision over documents of
    attention, of the attributions and of baselines against the words of the facts, or their sentences, and how often
    the highest are exactly these, with 95 % intervals.

    Args:
        models: The labels of each, and its result of the experiment plausibility.

    Returns:
        The labels, unit, scorer, kind, quantity, estimate, low, high, n, undefined.
    """
    parts = []
    for labels, result in models:
        summary = result.summary().query("grouping == 'all' and statistic == 'mean' and kind != 'human'")
        shown = summary[summary["quantity"].isin(EVIDENCE)]
        of_unit = {**labels, "unit": result.settings["unit"]}
        parts.append((of_unit, shown[["scorer", "kind", "quantity", "estimate", "low", "high", "n", "undefined"]]))
    return stacked(parts)
