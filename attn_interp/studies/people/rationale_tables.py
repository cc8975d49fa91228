"""Several comparisons of models with people as tables and figures of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from attn_interp.experiments.people.parts.edited import DELETE
from attn_interp.experiments.people.parts.word_scores import ATTENTION
from attn_interp.experiments.people.plausibility import PERSON
from attn_interp.experiments.result import Result
from attn_interp.report.tables.erasure_tables import readable
from attn_interp.report.tables.external_table import external_table
from attn_interp.report.tables.faithfulness_table import correlations, side_by_side
from attn_interp.report.tables.plausibility_table import agreement_table, plausibility_table
from attn_interp.report.tables.shift_table import shift_table
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
    """The tables by name, in the order of `CAPTIONS`; without human_agreement where no document has two annotators."""

    def labelled(name: str) -> list[tuple[dict[str, str], Result]]:
        return [(each.labels, each.results[name]) for each in compared if name in each.results]

    found = {
        "quality": _beside(compared, [each.results["quality"].summary() for each in compared]),
        "plausibility": plausibility_table(labelled("plausibility")),
        "plausible_and_faithful": _beside(compared, [_side_by_side(each) for each in compared]),
        "correlations": _beside(
            compared, [correlations(each.results["plausibility"], each.faithful[DELETE], MEASURE) for each in compared]
        ),
        "external": external_table(labelled("external")),
        "shift": _beside(
            compared, [shift_table(each.results["shift"].summary(), _summaries(each)) for each in compared]
        ),
    }
    if agreed := labelled("human_agreement"):
        found["human_agreement"] = agreement_table(agreed)
    return {**found, "left_out": left_out(compared)}


def _summaries(compared: Compared) -> dict[str, pd.DataFrame]:
    return {operator: result.summary() for operator, result in compared.faithful.items()}


def _beside(compared: Sequence[Compared], parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables under one another, each with the labels of its comparison in front."""
    labelled = []
    for each, table in zip(compared, parts, strict=True):
        front = pd.DataFrame([each.labels] * len(table), index=table.index)
        labelled.append(pd.concat([front, table], axis=1))
    return pd.concat(labelled, ignore_index=True)


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
    return shown.drop(columns=many).replace("nan [nan, nan]", "--")


def left_out(compared: Sequence[Compared]) -> pd.DataFrame:
    """How many documents, rationales and spans were left out of each comparison, by part and reason; in the rows
    without a reason (see `COMPARED`) those that were compared."""
    rows = []
    for each in compared:
        for part, reason in dict.fromkeys((item.part, item.reason) for item in each.marked.left_out):
            count = sum((item.part, item.reason) == (part, reason) for item in each.marked.left_out)
            rows.append({**each.labels, "part": part, "reason": reason, "count": count})
        frame = each.results["plausibility"].frame
        own = frame[frame["scorer"] == ATTENTION]
        counts = {
            "compared": int((own["reason"] == "").sum()),
            **own["reason"].value_counts().drop("", errors="ignore"),
        }
        rows += [{**each.labels, "part": "rationale", "reason": reason, "count": n} for reason, n in counts.items()]
    return pd.DataFrame(rows)


def draw_together(compared: Sequence[Compared], folder: Path) -> None:
    """Plausibility by length and annotator over all comparisons of one corpus, such as the lengths of YELP-HAT."""
    from attn_interp.figures.draw.files import save_figure
    from attn_interp.figures.people import plausibility_groups

    for name in dict.fromkeys((each.marked.corpus.name, each.labels["encoder"]) for each in compared):
        own = [each for each in compared if (each.marked.corpus.name, each.labels["encoder"]) == name]
        first = own[0].results["plausibility"]
        if len(own) > 1:
            frames = [each.results["plausibility"].frame for each in own]
            found = replace(first, frame=pd.concat(frames, ignore_index=True))
            path = folder / f"plausibility_groups-{'-'.join(name)}"
            save_figure(plausibility_groups.figure(found), path, plausibility_groups.drawn(found))
