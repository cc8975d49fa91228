"""The table of Jain & Wallace 2019 (their table 2) for any set of models, with intervals and the published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from attn_interp.experiments.jain_wallace.agreement import ATTENTION, GRADIENT, LEAVE_ONE_OUT
from attn_interp.experiments.result import Result
from attn_interp.report.tables.published import JAIN_WALLACE_TAU
from attn_interp.report.tables.wide import stacked
from attn_interp.statistics.clusters import SEED, summarise_crossed

COMPARED = {GRADIENT: "gradient", LEAVE_ONE_OUT: "leave-one-out"}
MODEL = ["corpus", "attention", "encoder"]


def agreement_table(models: Iterable[tuple[Mapping[str, str], Mapping[int, Result]]]) -> pd.DataFrame:
    """One row per model, predicted class and attribution that attention is compared with.

    Of several seeds, tau is the mean over seeds and over the documents that every seed puts into the class, with an
    interval over both; sd and the shares are means over the seeds of what each has for its own documents of the class.

    Args:
        models: for each its labels (corpus, encoder, attention), and seed -> its result of the experiment agreement.

    Returns:
        corpus, attention, encoder, class, compared_with, tau (mean over documents), low, high (95 % interval), sd,
        significant (share of p <= .05), significant_after_bh, seeds, n, undefined (documents without a tau, or not of
        the class under every seed), and published_tau, published_sd, published_significant: Jain & Wallace's figures
        where corpus and model are theirs.
    """
    return stacked(({name: labels[name] for name in MODEL}, _of_model(labels, found)) for labels, found in models)


def _of_model(labels: Mapping[str, str], results: Mapping[int, Result]) -> pd.DataFrame:
    parts = [each.summary().query("first == @ATTENTION and grouping == 'predicted'") for each in results.values()]
    summary = pd.concat([part[part["second"].isin(COMPARED)] for part in parts])
    means = summary.pivot_table(index=["second", "group"], columns=["quantity", "statistic"], values="estimate")
    tau = _tau(summary, results).set_index(["second", "group"])
    classes = next(iter(results.values())).settings["classes"]
    rows = []
    for second, compared in COMPARED.items():
        for place, name in enumerate(classes):
            if (second, name) in tau.index:
                own, found = tau.loc[(second, name)], means.loc[(second, name)]
                row = {"class": name, "compared_with": compared, "tau": own["estimate"]}
                row |= {"low": own["low"], "high": own["high"], "sd": found["tau", "std"]}
                row |= {share: found[share, "share"] for share in ("significant", "significant_after_bh")}
                row |= {count: int(own[count]) for count in ("seeds", "n", "undefined")}
                rows.append({**row, **_published(labels, compared, place)})
    return pd.DataFrame(rows)


def _tau(summary: pd.DataFrame, results: Mapping[int, Result]) -> pd.DataFrame:
    """Mean tau by second and group, over documents, or over seeds and documents."""
    if len(results) == 1:
        return summary[(summary["quantity"] == "tau") & (summary["statistic"] == "mean")].assign(seeds=1)
    frame = pd.concat([result.frame.assign(**{SEED: seed}) for seed, result in results.items()])
    frame = frame[(frame["first"] == ATTENTION) & frame["second"].isin(COMPARED)].rename(columns={"predicted": "group"})
    found = summarise_crossed(frame, ["second", "group"], ["tau"])
    return found.assign(low=found["low"].clip(lower=-1), high=found["high"].clip(upper=1))


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
