"""The table of Jain & Wallace 2019 (their table 2) for any set of models, with intervals and the published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.report.published import JAIN_WALLACE_TAU

COMPARED = {"gradient": "gradient x input (detached)", "leave-one-out": "leave-one-out"}


def agreement_table(models: Iterable[tuple[Mapping[str, str], Result]]) -> pd.DataFrame:
    """One row per model, predicted class and attribution that attention is compared with.

    Args:
        models: for each its labels (corpus, encoder, attention) and its result of the experiment agreement.

    Returns:
        corpus, attention, encoder, class, compared_with, tau (mean over documents), low, high (95 % interval), sd,
        significant (share of p <= .05), significant_after_bh, n, undefined (documents whose tau has no value), and
        published_tau, published_sd, published_significant: Jain & Wallace's figures where corpus and model are theirs.
    """
    rows = []
    for labels, result in models:
        summary = result.summary().query("first == 'attention' and grouping == 'predicted'")
        classes = [name for name in result.settings["classes"] if name in set(summary["group"])]
        for compared, second in COMPARED.items():
            for group in classes:
                part = summary[(summary["second"] == second) & (summary["group"] == group)]
                part = part.set_index(["quantity", "statistic"])
                tau, spread = part.loc[("tau", "mean")], part.loc[("tau", "std")]
                row = {
                    "corpus": labels["corpus"],
                    "attention": labels["attention"],
                    "encoder": labels["encoder"],
                    "class": group,
                    "compared_with": compared,
                    "tau": tau["estimate"],
                    "low": tau["low"],
                    "high": tau["high"],
                    "sd": spread["estimate"],
                    "significant": part.loc[("significant", "share")]["estimate"],
                    "significant_after_bh": part.loc[("significant_after_bh", "share")]["estimate"],
                    "n": int(tau["n"]),
                    "undefined": int(tau["undefined"]),
                }
                k = result.settings["classes"].index(group)
                rows.append({**row, **_published(labels, compared, k)})
    return pd.DataFrame(rows)


def _published(labels: Mapping[str, str], compared: str, k: int) -> dict[str, float]:
    names = ("published_tau", "published_sd", "published_significant")
    figures = JAIN_WALLACE_TAU.get((labels["corpus"], labels["encoder"], compared))
    if figures is None or labels["attention"] != "additive" or k >= len(figures):
        return dict.fromkeys(names, np.nan)
    found = figures[k]
    return dict(zip(names, (found.mean, np.nan if found.sd is None else found.sd, found.significant)))


def paper_layout(table: pd.DataFrame) -> pd.DataFrame:
    """The table as the paper prints it: a row per class, for each attribution and encoder a cell with mean, standard
    deviation, 95 % interval and, in parentheses, the share of p <= .05; below it the published figures, where there are
    some. Text, for reading and LaTeX; the numbers are in `agreement_table`.
    """
    rows = []
    for (corpus, attention, group), part in table.groupby(["corpus", "attention", "class"], sort=False):
        start = {"corpus": corpus, "attention": attention, "class": group}
        cells = {_heading(row): _cell(row) for _, row in part.iterrows()}
        rows.append({**start, "figures": "ours", **cells})
        known = part[part["published_tau"].notna()]
        if len(known):
            published = {_heading(row): _published_cell(row) for _, row in known.iterrows()}
            rows.append({**start, "figures": "published", **published})
    return pd.DataFrame(rows).fillna("")


def _heading(row: pd.Series[Any]) -> str:
    return f"{row['compared_with']}, {row['encoder']}"


def _cell(row: pd.Series[Any]) -> str:
    return (
        f"{row['tau']:.2f} ± {row['sd']:.2f} [{row['low']:.2f}, {row['high']:.2f}] ({row['significant']:.2f}), "
        f"n = {row['n']}"
    )


def _published_cell(row: pd.Series[Any]) -> str:
    spread = "" if np.isnan(row["published_sd"]) else f" ± {row['published_sd']:.2f}"
    return f"{row['published_tau']:.2f}{spread} ({row['published_significant']:.2f})"
