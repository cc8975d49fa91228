"""Tables of plausibility for any set of models, and of people's agreement for any set of corpora."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.report.tables.erasure_tables import readable

Labelled = Iterable[tuple[Mapping[str, str], Result]]

QUANTITIES = {
    "AUROC": ("auroc", "mean"),
    "average precision": ("average_precision", "mean"),
    "token F1": ("token_f1", "mean"),
    "IOU F1": ("iou_f1", "F1 of means"),
    "AUROC normalised": ("auroc", "normalised"),
    "AP normalised": ("average_precision", "normalised"),
}
"""Heading -> quantity and statistic of the summary."""

MEANINGS = {
    "AUROC": "plausibility: chance that a word people marked scores above another; .5 by chance. Not faithfulness",
    "average precision": "mean over documents of the average precision",
    "token F1": "of the highest words, as many as people marked, mean over documents",
    "IOU F1": "of the spans of these words, hits at IOU >= .5; F1 of mean precision and mean recall",
    "AUROC normalised": "0 at the prior by position, 1 where one person held against another is; undefined where the "
    "two are not apart",
    "AP normalised": "the same of the average precision",
}
"""For the legend of a table."""

AGREEMENT = {
    "AUROC": ("auroc", "mean over pairs"),
    "AUROC by document": ("auroc", "mean"),
    "F1": ("f1", "mean"),
    "Cohen's kappa": ("kappa", "mean over pairs"),
    "Fleiss' kappa": ("fleiss_kappa", "pooled"),
}


def plausibility_table(models: Labelled) -> pd.DataFrame:
    """One row per model and scorer, from results of `plausibility`: labels, scorer, kind, for each of `QUANTITIES` its
    estimate, low and high, n and undefined (documents). NaN where a score has no value or cannot be normalised."""
    rows = []
    for labels, result in models:
        summary = result.summary().query("grouping == 'all'").set_index(["scorer", "quantity", "statistic"])
        for scorer in result.settings["scorers"]:
            first = summary.reindex([(scorer, "auroc", "mean")]).iloc[0]
            row: dict[str, object] = {**labels, "scorer": scorer, "kind": first["kind"]}
            row |= _numbers(summary, scorer, QUANTITIES)
            rows.append({**row, "n": int(first["n"]), "undefined": int(first["undefined"])})
    return pd.DataFrame(rows)


def paper_layout(table: pd.DataFrame) -> pd.DataFrame:
    """Either table to be read: each estimate and its interval in one cell of text, "--" where there is none."""
    return readable(table).replace("nan [nan, nan]", "--")


def agreement_table(corpora: Labelled) -> pd.DataFrame:
    """One row per corpus: labels, for each of `AGREEMENT` its estimate with low and high, n and undefined (documents),
    of one annotator held against another, from results of `human_agreement`."""
    rows = []
    for labels, result in corpora:
        summary = result.summary().replace({"judge": {"all annotators": "another person"}})
        summary = summary.set_index(["judge", "quantity", "statistic"])
        first = summary.reindex([("another person", "auroc", "mean")]).iloc[0]
        row = {**labels, **_numbers(summary, "another person", AGREEMENT)}
        rows.append({**row, "n": int(first["n"]), "undefined": int(first["undefined"])})
    return pd.DataFrame(rows)


def _numbers(summary: pd.DataFrame, who: str, wanted: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for heading, (quantity, statistic) in wanted.items():
        own = summary.reindex([(who, quantity, statistic)]).iloc[0]  # the prior and the ceiling are not normalised
        found |= {heading: own["estimate"], f"{heading} low": own["low"], f"{heading} high": own["high"]}
    return found
