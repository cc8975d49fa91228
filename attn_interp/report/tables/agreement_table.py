"""The table of Jain & Wallace 2019 (their table 2) for any set of models, with intervals and the published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from attn_interp.experiments.result import Result
from attn_interp.report.tables.published import JAIN_WALLACE_TAU

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
    """The table to be read: a row per model and predicted class with, for gradient and leave-one-out, mean ± standard
    deviation, 95 % interval of the mean and share of p <= .05; under it the published figures, where there are some.
    Text; the numbers are in `agreement_table`.
    """
    rows = []
    for keys, part in table.groupby(["attention", "encoder", "class"], sort=False):
        found = {row["compared_with"]: row for _, row in part.iterrows()}
        n = next(iter(found.values()))["n"]
        start = {name: str(key) for name, key in zip(("attention", "encoder", "class"), keys)}
        rows.append({**start, "figures": "ours", **_cells(found, "", with_interval=True), "n": str(n)})
        known = {name: row for name, row in found.items() if not np.isnan(row["published_tau"])}
        if known:
            rows.append({**start, "figures": "published", **_cells(known, "published_", with_interval=False)})
    return pd.DataFrame(rows).fillna("")


def _cells(found: Mapping[str, pd.Series[Any]], prefix: str, with_interval: bool) -> dict[str, str]:
    cells = {}
    for name, row in found.items():
        sd = row[f"{prefix}sd"]
        cells[f"{name} τ"] = f"{row[f'{prefix}tau']:.2f}" + ("" if np.isnan(sd) else f" ± {sd:.2f}")
        cells[f"{name} 95 %"] = f"[{row['low']:.2f}, {row['high']:.2f}]" if with_interval else ""
        cells[f"{name} sig."] = f"{row[f'{prefix}significant']:.2f}"
    return cells
