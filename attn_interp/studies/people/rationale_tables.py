"""Several comparisons of models with people as tables and figures of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.experiments.people.parts.edited import DELETE
from attn_interp.experiments.people.parts.word_scores import ATTENTION
from attn_interp.experiments.people.plausibility import PERSON
from attn_interp.experiments.result import Result
from attn_interp.report.tables.people import (
    correlations,
    external_table,
    human_agreement_table,
    plausibility_table,
    shift_table,
    side_by_side,
)
from attn_interp.report.tables.wide import readable, stacked
from attn_interp.studies.people.rationales import Compared

MEASURE = "average_precision"
CAPTIONS = {
    "quality": "The models on the documents that people marked, with 95 % bootstrap intervals over documents.",
    "plausibility": "Plausibility: how well scores of words find the words that people marked, each annotator for "
    "itself; means over documents with 95 % bootstrap intervals. Attributions by absolute value. Normalised: 0 at a "
    "prior by position, 1 where one person held against another is. Not faithfulness.",
    "plausible_and_faithful": "Two questions side by side: plausibility (average precision against people) and "
    "faithfulness (loss of the decision's probability without, and with only, the first words; AOPC; words deleted). "
    "Means with 95 % bootstrap intervals over n documents, of which those of n edited are edited. Attributions by "
    "absolute value in both. Human rationale: plausibility of one person held against another, faithfulness of the "
    "mean map of all.",
    "correlations": "Do the more plausible methods lose more without their first words? Spearman's rho over the "
    "methods, attention and attributions; interval over documents, p over the orders of a handful of methods.",
    "external": "Rank correlation of attention and attributions (absolute values) with data from outside the model, "
    "plain and partial given the other controls (log frequency and position); means over documents with 95 % bootstrap "
    "intervals. Word-level ratings are context-free proxies.",
    "shift": "The shift that erasing causes: share of neighbouring pairs of tokens that no training document has, and "
    "its increase when random words are erased or left alone; beside it how far the output moves when the same random "
    "words, or those of the largest attention, are erased. Means with 95 % bootstrap intervals over documents. The "
    "attention mask leaves the text as it is: 0 by construction. A mask that also stands for rare words is known from "
    "training, and makes new pairs fewer. Pairs say nothing of what is further apart.",
    "human_agreement": "People held against people, in words: the ceiling of plausibility. 95 % bootstrap intervals "
    "over documents; AUROC and kappa over all ordered pairs of annotators, and the AUROC by document.",
    "left_out": "What was not compared, by reason: of the files, and rationales without any or with every word.",
}
COMPARED = "none: compared"
KINDS = ("attention", "attribution")


def tables(compared: Sequence[Compared]) -> dict[str, pd.DataFrame]:
    """The tables by name, in the order of `CAPTIONS`, with a column of the seed; without human_agreement where no
    document has two annotators."""

    def each(make: Callable[[Compared], pd.DataFrame]) -> pd.DataFrame:
        return stacked((labels_of(one), make(one)) for one in compared)

    def labelled(name: str) -> list[tuple[dict[str, Any], Result]]:
        return [(labels_of(one), one.results[name]) for one in compared if name in one.results]

    found = {
        "quality": each(lambda one: one.results["quality"].summary()),
        "plausibility": plausibility_table(labelled("plausibility")),
        "plausible_and_faithful": each(_side_by_side),
        "correlations": each(lambda one: correlations(one.results["plausibility"], one.faithful[DELETE], MEASURE)),
        "external": external_table(labelled("external")),
        "shift": each(lambda one: shift_table(one.results["shift"].summary(), _summaries(one))),
    }
    if agreed := labelled("human_agreement"):
        found["human_agreement"] = human_agreement_table(agreed)
    return {**found, "left_out": left_out(compared)}


def labels_of(compared: Compared) -> dict[str, Any]:
    """What tells a comparison from the others in a table."""
    return {**compared.labels, "seed": compared.run.cell.seed}


def _summaries(compared: Compared) -> dict[str, pd.DataFrame]:
    return {operator: result.summary() for operator, result in compared.faithful.items()}


def _side_by_side(compared: Compared) -> pd.DataFrame:
    summary = compared.results["plausibility"].summary()
    models = summary[summary["kind"].isin([*KINDS])]
    people = summary[summary["scorer"] == PERSON].assign(scorer="human rationale")
    random = summary[summary["scorer"] == "random"]
    return side_by_side(pd.concat([models, people, random]), _summaries(compared)[DELETE], MEASURE)


def brief(table: pd.DataFrame) -> pd.DataFrame:
    """A table to be read: each estimate and its interval in one cell; of several counts of documents the first as n,
    and as n edited that of the documents whose words were erased. The CSV has them all."""
    shown = readable(table).rename(columns={"plausibility n": "n", "comprehensiveness n": "n edited"})
    many = [name for name in map(str, shown) if name.endswith((" n", " undefined"))]
    return shown.drop(columns=many)


def left_out(compared: Sequence[Compared]) -> pd.DataFrame:
    """How many documents, rationales and spans were left out of each comparison, by part and reason; in the rows
    without a reason (see `COMPARED`) those that were compared."""
    rows = []
    for each in compared:
        for part, reason in dict.fromkeys((item.part, item.reason) for item in each.marked.left_out):
            count = sum((item.part, item.reason) == (part, reason) for item in each.marked.left_out)
            rows.append({**labels_of(each), "part": part, "reason": reason, "count": count})
        frame = each.results["plausibility"].frame
        own = frame[frame["scorer"] == ATTENTION]
        counts = {
            "compared": int((own["reason"] == "").sum()),
            **own["reason"].value_counts().drop("", errors="ignore"),
        }
        rows += [{**labels_of(each), "part": "rationale", "reason": reason, "count": n} for reason, n in counts.items()]
    return pd.DataFrame(rows)


def draw_together(compared: Sequence[Compared], folder: Path) -> None:
    """Plausibility by length and annotator over all comparisons of one corpus and model, such as the lengths of
    YELP-HAT."""
    from attn_interp.figures.draw.files import save_figure
    from attn_interp.figures.people import plausibility_groups

    models: dict[tuple[str, str, str], list[Compared]] = {}
    for each in compared:
        name = (each.marked.corpus.name, each.labels["encoder"], f"seed{each.run.cell.seed}")
        models.setdefault(name, []).append(each)
    for name, own in models.items():
        if len(own) > 1:
            frames = [each.results["plausibility"].frame for each in own]
            found = replace(own[0].results["plausibility"], frame=pd.concat(frames, ignore_index=True))
            path = folder / f"plausibility_groups-{'-'.join(name)}"
            save_figure(plausibility_groups.figure(found), path, plausibility_groups.drawn(found))
