"""The tables of a study: each experiment over all models, with intervals over seeds and documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from attn_interp.experiments.jain_wallace.adversary import CERTIFIED, EXACT, SEARCH
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import per_document
from attn_interp.report.overview import overview
from attn_interp.statistics.clusters import SEED, summarise_crossed
from attn_interp.statistics.scores import auroc_values, f1_values
from attn_interp.studies.run import CellRun

ANSWERED = ("quality", "agreement", "permutation", "adversary", "erasure")
"""What the overview needs; the other experiments have rows in it where they were run."""
LEVEL = 0.05


def _plain(result: Result) -> pd.DataFrame:
    return result.frame


def _scored(result: Result) -> pd.DataFrame:
    """With values of each document whose means are accuracy, macro F1 and AUROC."""
    probabilities = {f"probability {name}": name for name in result.settings["classes"]}
    parts = []
    for _, own in result.frame.groupby("predictor", sort=False):
        scores = {
            "accuracy": own["correct"].to_numpy(float),
            "macro F1": f1_values(own["label"], own["predicted"]),
            "AUROC": auroc_values(own["label"], own[list(probabilities)].rename(columns=probabilities)),
        }
        parts.append(own.assign(**scores))
    return pd.concat(parts)


def _with_significance(result: Result) -> pd.DataFrame:
    p_value = result.frame["p_value"]
    return result.frame.assign(significant=(p_value <= LEVEL).astype(float).where(p_value.notna()))


def _by_proof(result: Result) -> pd.DataFrame:
    """With one status for all that is proved, exact if all of it is: models differ in the documents that are exact."""
    status = result.frame["status"]
    degree = EXACT if set(status) <= {EXACT, SEARCH} else CERTIFIED
    return result.frame.assign(status=status.where(status == SEARCH, degree))


@dataclass(frozen=True)
class Pooling:
    """How the results of an experiment on several seeds become one summary.

    Attributes:
        values: Columns whose means are reported.
        by: Columns that part several rows of a document.
        rows: Result of one seed -> one row per document and `by`.
    """

    values: tuple[str, ...]
    by: tuple[str, ...] = ()
    rows: Callable[[Result], pd.DataFrame] = _plain


RANKED = ("tau", "weighted_tau", "spearman", "top_k_overlap", "rank_biased_overlap", "significant")
ERASED = (
    *("weight_difference", "js_difference", "js_most_attended", "js_other", "other_has_more_effect", "flip_both"),
    *("flip_only_most_attended", "flip_only_other", "flip_neither"),
)
DIVERGENCES = ("jsd", "jsd_upper", "decision_flip")

POOLINGS: Mapping[str, Pooling] = {
    "quality": Pooling(("accuracy", "macro F1", "AUROC"), ("predictor",), _scored),
    "agreement": Pooling(RANKED, ("first", "second"), _with_significance),
    "permutation": Pooling(("median_tvd", "flip_share", "margin_sd")),
    "adversary": Pooling(DIVERGENCES, ("status",), _by_proof),
    "adversary_curve": Pooling(("jsd", "jsd_upper"), ("eps",)),
    "same_shape": Pooling(DIVERGENCES),
    "reach": Pooling(("unflippable", "never_erasable", "spread_used", "interval_width")),
    "single_erasure": Pooling(ERASED),
    "erasure": Pooling(("fraction", "never", "minus_attention", "regret"), ("ordering",), per_document),
}
"""The experiments that have a table over seeds; examples are for the eye."""

MADE: Mapping[str, Column] = {
    SEED: Column("seed of the model"),
    "accuracy": Column("whether the prediction is the gold class", "", 0, 1),
    "macro F1": Column("the document's value in the macro F1 (`f1_values`), which may lie outside that of the mean"),
    "AUROC": Column("the document's value in the AUROC (`auroc_values`), which may lie outside that of the mean"),
    "significant": Column(f"whether the p-value of tau is at most {LEVEL}", "", 0, 1),
    "decision_flip": Column("whether another class is predicted", "", 0, 1),
    "unflippable": Column("whether no attention whatever changes the decision", "", 0, 1),
    "never_erasable": Column("whether no erasure of attended words changes the decision", "", 0, 1),
    "never": Column("whether the decision never changes", "", 0, 1),
    "minus_attention": Column("fraction minus that of attention", "", -1, 1),
}
"""The columns that are made here, or whose truth values become shares."""


@dataclass(frozen=True)
class OverSeeds(Result):
    """The results of one experiment on models that differ in nothing but the seed, one below the other."""

    pooling: Pooling = field(default_factory=lambda: Pooling(()))

    def summary(self) -> pd.DataFrame:
        """Means with 95 % intervals over seeds and documents, in the columns of `summarise_crossed`; with few seeds
        an interval is wide, and cut off where the quantity cannot be."""
        table = summarise_crossed(self.frame, self.pooling.by, self.pooling.values)
        ranges = [self.columns[name] for name in table["quantity"]]
        low = table["low"].clip(lower=pd.Series([each.low for each in ranges], dtype=float))
        high = table["high"].clip(upper=pd.Series([each.high for each in ranges], dtype=float))
        return table.assign(low=low, high=high, grouping="all")


def over_seeds(results: Mapping[int, Result]) -> OverSeeds:
    """Seed -> result of the same experiment, as one."""
    first = results[min(results)]
    known = {**first.columns, **MADE}
    pooling = POOLINGS[first.experiment]
    parts = [pooling.rows(result).assign(**{SEED: seed}) for seed, result in sorted(results.items())]
    names = [*pooling.by, "document", *pooling.values, SEED]
    frame = pd.concat(parts, ignore_index=True)[names]
    if "status" in pooling.by:  # what one seed has certified is not exact for all
        frame = _by_proof(Result(first.experiment, frame, {}, dict.fromkeys(names, Column(""))))
    return OverSeeds(first.experiment, frame, first.settings, {name: known[name] for name in names}, pooling)


def study_tables(runs: Sequence[CellRun]) -> dict[str, pd.DataFrame]:
    """Name -> table: `overview` and each experiment over seeds; <experiment>_by_seed with the summaries of each run.

    Every table begins with corpus, encoder and attention. Estimates over seeds are means over seeds and documents with
    95 % intervals over both (`crossed_mean`), over documents alone where there is one seed; sd_seeds is the standard
    deviation between seeds. Models of which a seed is not there yet are in the tables with the others.
    """
    models: dict[tuple[str, ...], dict[int, CellRun]] = {}
    for run in runs:
        models.setdefault(tuple(run.labels.values()), {})[run.cell.seed] = run
    tables: dict[str, list[pd.DataFrame]] = {}
    for seeds in models.values():
        labels = next(iter(seeds.values())).labels
        pooled: dict[str, Result] = {}
        for name in POOLINGS:
            found = {seed: run.results[name] for seed, run in seeds.items() if name in run.results}
            if found:
                pooled[name] = over_seeds(found)
                tables.setdefault(name, []).append(_labelled(pooled[name].summary().drop(columns="grouping"), labels))
        if all(name in pooled for name in ANSWERED):
            answers = overview(pooled).assign(seeds=pooled["quality"].frame[SEED].nunique())
            tables.setdefault("overview", []).append(_labelled(answers, labels))
    for run in runs:
        for name in POOLINGS:
            if name in run.results:
                labels = {**run.labels, SEED: str(run.cell.seed)}
                tables.setdefault(f"{name}_by_seed", []).append(_labelled(run.results[name].summary(), labels))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _labelled(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame(labels, index=table.index), table], axis=1)
