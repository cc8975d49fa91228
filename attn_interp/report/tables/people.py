"""The tables of comparisons with people: plausibility, faithfulness and both side by side, data from outside, shift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from attn_interp.experiments.people.faithfulness import AOPC, ATTENTION, HUMAN, OPTIMUM, PERCENT, RANDOM, per_document
from attn_interp.experiments.people.shift import ALONE, ERASED
from attn_interp.experiments.result import Result
from attn_interp.report.tables.wide import in_order, stacked, wide
from attn_interp.statistics.over_methods import correlation_over_methods

Labelled = Iterable[tuple[Mapping[str, Any], Result]]

PLAUSIBILITY = {
    "AUROC": {"quantity": "auroc", "statistic": "mean"},
    "average precision": {"quantity": "average_precision", "statistic": "mean"},
    "token F1": {"quantity": "token_f1", "statistic": "mean"},
    "IOU F1": {"quantity": "iou_f1", "statistic": "F1 of means"},
    "AUROC normalised": {"quantity": "auroc", "statistic": "normalised"},
    "AP normalised": {"quantity": "average_precision", "statistic": "normalised"},
}
AGREEMENT = {
    "AUROC": {"quantity": "auroc", "statistic": "mean over pairs"},
    "AUROC by document": {"quantity": "auroc", "statistic": "mean"},
    "F1": {"quantity": "f1", "statistic": "mean"},
    "Cohen's kappa": {"quantity": "kappa", "statistic": "mean over pairs"},
    "Fleiss' kappa": {"quantity": "fleiss_kappa", "statistic": "pooled"},
}
EXTERNAL = {"tau": {"quantity": "tau"}, "rho": {"quantity": "spearman"}, "partial rho": {"quantity": "partial"}}
PLAUSIBLE, COMPREHENSIVE, SUFFICIENT = "plausibility", "comprehensiveness", "sufficiency"
UNSEEN, MORE_ERASED, MORE_ALONE = "unseen before", "more when erased", "more when alone"
SHIFT = {
    UNSEEN: {"side": ERASED, "quantity": "unseen_before"},
    MORE_ERASED: {"side": ERASED, "quantity": "shift"},
    MORE_ALONE: {"side": ALONE, "quantity": "shift"},
    "TVD, random": {"side": RANDOM, "quantity": "tvd"},
    "TVD, attention": {"side": ATTENTION, "quantity": "tvd"},
}


def plausibility_table(models: Labelled) -> pd.DataFrame:
    """One row per model and scorer, from results of `plausibility`: labels, scorer, kind, for each of `PLAUSIBILITY`
    its estimate, low and high, n and undefined (documents). NaN: a score has no value or cannot be normalised."""

    def of(result: Result) -> pd.DataFrame:
        table = wide(_all(result), ["scorer", "kind"], PLAUSIBILITY, "AUROC")
        return in_order(table, "scorer", result.settings["scorers"])

    return stacked((labels, of(result)) for labels, result in models)


def human_agreement_table(corpora: Labelled) -> pd.DataFrame:
    """One row per corpus: labels, for each of `AGREEMENT` its estimate with low and high, n and undefined (documents),
    of one annotator held against another, from results of `human_agreement`."""

    def of(result: Result) -> pd.DataFrame:
        summary = result.summary().replace({"judge": {"all annotators": "another person"}})
        own = summary[summary["judge"] == "another person"]
        return wide(own, ["judge"], AGREEMENT, "AUROC").drop(columns="judge")

    return stacked((labels, of(result)) for labels, result in corpora)


def external_table(models: Labelled) -> pd.DataFrame:
    """One row per model, signal and scorer, from results of `external`.

    Returns:
        The labels; signal (which says where it is a context-free proxy), coverage (share of running words with a
        value), scorer, given (the controls); tau, rho and partial rho (means over documents), each with low, high (95 %
        interval), n and undefined (documents without a value); status.
    """

    def of(result: Result) -> pd.DataFrame:
        summary = _all(result)
        covered = {signal["title"]: signal["coverage"] for signal in result.settings["signals"]}
        table = wide(summary[summary["scorer"] != ""], ["signal", "scorer", "given"], EXTERNAL)
        table.insert(1, "coverage", table["signal"].map(covered))
        table = in_order(table, "scorer", [ATTENTION, *result.settings["methods"]])
        return in_order(table, "signal", list(covered)).assign(status=result.settings["status"])

    return stacked((labels, of(result)) for labels, result in models)


def side_by_side(
    plausibility: pd.DataFrame, faithfulness: pd.DataFrame, quantity: str = "average_precision"
) -> pd.DataFrame:
    """One row per method: plausibility, comprehensiveness and sufficiency (AOPC), each with low, high, n and undefined.

    Methods stand by falling comprehensiveness, the references (optimum, human rationale, random) under them. A method
    that one of the experiments did not measure has NaN there and n = 0.

    Args:
        plausibility, faithfulness: what `summary()` of their results returns.
        quantity: the measure of plausibility.

    Raises:
        ValueError: the summary has no means of the quantity; the message lists those it has.
    """
    plain = plausibility.query("grouping == 'all' and statistic == 'mean'").rename(columns={"scorer": "method"})
    if quantity not in set(plain["quantity"]):
        raise ValueError(
            f"no measure {quantity!r} of plausibility; choose from {', '.join(sorted(set(plain.quantity)))}"
        )
    areas = faithfulness[(faithfulness["grouping"] == "all") & (faithfulness["size"] == AOPC)]
    columns = {PLAUSIBLE: quantity, COMPREHENSIVE: COMPREHENSIVE, SUFFICIENT: SUFFICIENT}
    both = pd.concat([plain[plain["quantity"] == quantity], areas])
    table = wide(both, ["method"], {heading: {"quantity": name} for heading, name in columns.items()})
    by_loss = table.sort_values(COMPREHENSIVE, ascending=False, kind="stable")["method"]
    measured = set(areas["method"])
    references = [name for name in (OPTIMUM, HUMAN, RANDOM) if name in measured]
    order = [name for name in by_loss if name in measured and name not in references] + references
    return in_order(table, "method", [*order, *(name for name in table["method"] if name not in measured)])


def correlations(plausibility: Result, faithfulness: Result, quantity: str = "average_precision") -> pd.DataFrame:
    """Spearman's rho over the methods between plausibility and each side of faithfulness, one row each.

    Columns: plausibility, faithfulness, rho, low, high (over documents), p_value, exact, methods, documents, left_out:
    see `OverMethods`. Sufficiency enters with its sign turned, so that rho > 0 always says: the more plausible method
    is the more faithful one. The methods are attention and the attributions; references and baselines explain no model.
    Each result ranks attributions by value or by absolute value, as its setting `attributions_ranked_by` says; measure
    both with the same `signed`.

    Raises:
        ValueError: as `correlation_over_methods`; KeyError: the quantity is not a measure of plausibility.
    """
    methods = [ATTENTION, *faithfulness.settings["methods"]]
    # A document's plausibility is its mean over the annotators.
    marked = plausibility.frame.pivot_table(index="document", columns="scorer", values=quantity, dropna=False)
    areas = per_document(faithfulness)
    areas = areas[areas["size"] == AOPC]
    rows = []
    for side, sign in ((COMPREHENSIVE, 1.0), (SUFFICIENT, -1.0)):
        carried = sign * areas.pivot_table(index="document", columns="method", values=side, dropna=False)
        found = correlation_over_methods(
            marked[[name for name in methods if name in marked]],
            carried[[name for name in methods if name in carried]],
            int(faithfulness.settings["seed"]),
        )
        rows.append({PLAUSIBLE: quantity, "faithfulness": side if sign > 0 else f"minus {side}", **vars(found)})
    return pd.DataFrame(rows)


def shift_table(shifted: pd.DataFrame, faithful: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What an erasure does beside erasing: one row per operator and share of the words (size), with the columns of
    `SHIFT`, each with low and high, n (documents), undefined.

    Where random words move the output as far as the first ones do, it is the operator that is measured.

    Args:
        shifted: what `summary()` of a result of shift returns.
        faithful: operator -> the same of faithfulness, on the same documents under the same seed.

    Raises:
        KeyError: an operator of the shift has no summary of faithfulness.
    """
    outputs = [
        faithful[operator].query("grouping == 'all'").assign(operator=operator, side=lambda rows: rows["method"])
        for operator in dict.fromkeys(shifted["operator"])
    ]
    both = pd.concat([shifted, *outputs])
    table = wide(both[both["size"].isin([f"{percent} %" for percent in PERCENT])], ["operator", "size"], SHIFT)
    fewest = table[[f"{heading} n" for heading in SHIFT]].to_numpy().argmin(axis=1)
    counts = {
        count: [table[f"{list(SHIFT)[place]} {count}"][row] for row, place in enumerate(fewest)]
        for count in ("n", "undefined")
    }
    return table.drop(columns=[f"{heading} {count}" for heading in SHIFT for count in counts]).assign(**counts)


def _all(result: Result) -> pd.DataFrame:
    return result.summary().query("grouping == 'all'")
