"""Do people mark the same words as each other? The ceiling of plausibility, and how sure its ground is.

One annotator is left out and held against the others: against each of them, and against all of them together. Nothing
here concerns a model.

Reference: Sen et al. 2020, Human attention maps for text classification, section 4; DeYoung et al. 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.people.parts.annotators import PEOPLE, PERSON, Comparison, comparisons
from attn_interp.experiments.people.parts.matching import LEAST_MARK, marked_words, padded, why_undefined
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement
from attn_interp.experiments.result import Result
from attn_interp.measures.annotators import cohen_kappa, fleiss_kappa, pair_agreement
from attn_interp.measures.rationale_scores import auroc, average_precision
from attn_interp.measures.spans import span_scores
from attn_interp.statistics.means import bootstrapped_means, interval_of

MEASURES = ("auroc", "average_precision", "precision", "recall", "f1", "iou_f1", "kappa")
FLEISS = ("pairs_agree", "marked_share", "fleiss_kappa")

COLUMNS = {
    "document": Column("id of the document"),
    "words": Column("length of the document", "words", 1),
    "annotators": Column("people who marked the document", "people", 0),
    "judge": Column(f"whose map is held against the target's: {PERSON}, or the {PEOPLE} against each"),
    "judge_annotator": Column("number of the judging annotator; empty for the mean of the others and where none is"),
    "annotator": Column("number of the annotator whose words are to be found, left out of the others; empty: none is"),
    "judge_marked": Column("words the judge marked (of the mean of the others: that half of them marked)", "words", 0),
    "marked": Column("words to be found", "words", 0),
    "auroc": Column("chance that a marked word has a higher value from the judge than another word", "", 0, 1),
    "average_precision": Column("average precision of the judge's values", "", 0, 1),
    "precision": Column("share of the judge's words that are marked", "", 0, 1),
    "recall": Column("share of the marked words that are the judge's", "", 0, 1),
    "f1": Column("token F1 of the two sets of words", "", 0, 1),
    "iou_f1": Column("F1 of spans that meet with IOU >= .5", "", 0, 1),
    "kappa": Column("Cohen's kappa of the two sets of words", "", -1, 1),
    "pairs_agree": Column("share of pairs of annotators that agree on a word, mean over the words", "", 0, 1),
    "marked_share": Column("share of all marks that the annotators could give", "", 0, 1),
    "fleiss_kappa": Column("Fleiss' kappa of all annotators of the document", "", -1, 1),
    "reason": Column("why a measure is NaN; empty where none is"),
}


def human_agreement(documents: Sequence[Document], *, seed: int = 0) -> Result:
    """Do people mark the same words as each other?

    Agreement of annotators by the measures of plausibility, and beyond chance.

    A word is marked where its value is at least .5. The F1 of two sets does not know the target's number of words,
    unlike the token F1 of the experiment plausibility. The AUROC of two sets is (sensitivity + specificity) / 2,
    less than a graded score of the same worth would have; it differs with who is the target, so both orders stand.

    Args:
        documents: Documents that people marked.
        seed: Of the intervals.

    Returns:
        A result with one row per document and ordered pair of annotators, and one per document and annotator with the
        mean of the others; a document with fewer than two annotators has one row without values.

    Raises:
        ValueError: no document has two annotators.
    """
    pairs = comparisons(documents)
    if not pairs:
        raise ValueError(f"none of the {len(documents)} documents has two annotators; agreement needs two people")
    about = pd.DataFrame([_about(document) for document in documents])
    frame = _measured(pairs).join(about, on="row")
    alone = about[about["annotators"] < 2].assign(judge=PERSON, judge_annotator="", annotator="")
    alone["row"] = alone.index
    alone["reason"] = alone["annotators"].map({0: "no rationale", 1: "one annotator"})
    frame = pd.concat([frame, alone.reindex(columns=frame.columns)], ignore_index=True) if len(alone) else frame
    frame = frame.sort_values("row", kind="stable")[list(COLUMNS)].reset_index(drop=True)
    settings = {
        "documents": len(documents),
        "says": "agreement of people with people: the ceiling of plausibility. Not faithfulness",
        "status": "measured",
        "marked_from": LEAST_MARK,
        "seed": seed,
    }
    return Result("human_agreement", frame, settings, COLUMNS)


def _about(document: Document) -> dict[str, object]:
    marks = np.array([marked_words(values) for values in document.rationales]).reshape(-1, len(document))
    agreement, share = pair_agreement(marks.sum(0), len(marks)), marks.mean() if len(marks) else np.nan
    return {
        "document": document.id,
        "words": len(document),
        "annotators": len(marks),
        "pairs_agree": agreement,
        "marked_share": share,
        "fleiss_kappa": float(fleiss_kappa(agreement, share)),
    }


def _measured(pairs: Sequence[Comparison]) -> pd.DataFrame:
    sets = [marked_words(each.scores) for each in pairs]
    judged, marked = padded(sets), padded([each.marked for each in pairs])
    scores = padded([each.scores for each in pairs])
    is_word = padded([np.ones(len(each.scores), dtype=bool) for each in pairs])
    both, of_judge, of_target = (rows.sum(-1).double() for rows in (judged & marked, judged, marked))
    values = {
        "auroc": auroc(scores, marked, is_word),
        "average_precision": average_precision(scores, marked, is_word),
        "precision": both / of_judge,
        "recall": both / of_target,
        "f1": 2 * both / (of_judge + of_target),
        "iou_f1": span_scores(judged, marked)[2],
        "kappa": cohen_kappa(judged, marked, is_word),
    }
    reasons = [why_undefined(each.marked) for each in pairs]
    undefined = torch.tensor([bool(reason) for reason in reasons])
    found = pd.DataFrame({name: column.masked_fill(undefined, torch.nan).numpy() for name, column in values.items()})
    # The mean of people who agree on nothing is marked nowhere: no precision, while the areas are defined.
    nothing = (of_judge == 0).tolist()
    return found.assign(
        row=[each.row for each in pairs],
        judge=[PEOPLE if each.judge == PEOPLE else PERSON for each in pairs],
        judge_annotator=["" if each.judge == PEOPLE else each.judge for each in pairs],
        annotator=[each.target for each in pairs],
        judge_marked=of_judge.numpy(),
        marked=of_target.numpy(),
        reason=[reason or "judge marked no word" * empty for reason, empty in zip(reasons, nothing)],
    )


def per_document(result: Result) -> pd.DataFrame:
    """One row per document and judge: the measures averaged over the pairs for which they are defined, and how many
    pairs have an AUROC."""
    frame = result.frame.assign(pairs=result.frame["auroc"].notna().astype(float))
    groups = frame.groupby(["document", "judge"], sort=False)
    return groups[[*MEASURES]].mean().join(groups["pairs"].sum()).join(groups[["words", *FLEISS]].first()).reset_index()


def summarise(result: Result) -> pd.DataFrame:
    """Agreement by judge. Columns: judge, quantity, statistic, estimate, low, high, n, undefined (documents).

    Statistics, each with a bootstrap interval over documents, whatever number of annotators they have:

    - mean: over documents, each being the mean over its pairs.
    - mean over pairs: every ordered pair counts the same, so documents with more annotators count more (of several
      annotators' AUROCs and kappas, the published figures are of this kind).
    - pooled: Fleiss' kappa of the words of all documents taken together; judge "all annotators", as the mean over
      documents of each one's own.
    - rows: how many rows lack a measure for the quantity's reason, of n.
    """
    documents = per_document(result)
    seed = int(result.settings["seed"])
    rows: list[tuple[object, ...]] = []
    for judge, own in documents.groupby("judge", sort=False):
        counts = own["pairs"].to_numpy(float)
        values = own[list(MEASURES)]
        both = np.column_stack([values, values.mul(counts, axis=0), np.where(counts > 0, counts, np.nan)])
        drawn = bootstrapped_means(both, seed).T
        for number, name in enumerate(MEASURES):
            n = int(values[name].notna().sum())
            rows.append((judge, name, "mean", *interval_of(drawn[number]), n, len(own) - n))
            if judge == PERSON and name in ("auroc", "kappa"):
                over_pairs = drawn[len(MEASURES) + number] / drawn[-1]
                rows.append((judge, name, "mean over pairs", *interval_of(over_pairs), n, len(own) - n))
    rows += _fleiss(documents[documents["judge"] == PERSON], seed)
    for judge, frame in result.frame.groupby("judge", sort=False):
        for reason, count in frame["reason"].value_counts().sort_index().items():
            if reason:
                rows.append((judge, f"left out: {reason}", "rows", float(count), np.nan, np.nan, len(frame), 0))
    return pd.DataFrame(rows, columns=["judge", "quantity", "statistic", "estimate", "low", "high", "n", "undefined"])


def _fleiss(documents: pd.DataFrame, seed: int) -> list[tuple[object, ...]]:
    """Mean of the documents' kappas, and the kappa of the words of all documents."""
    words = documents["words"].where(documents["pairs_agree"].notna())
    values = pd.DataFrame(
        {
            "kappa": documents["fleiss_kappa"],
            "agree": documents["pairs_agree"] * words,
            "share": documents["marked_share"].where(words.notna()) * words,
            "words": words,
        }
    )
    drawn = bootstrapped_means(values.to_numpy(float), seed).T
    pooled = fleiss_kappa(drawn[1] / drawn[3], drawn[2] / drawn[3])
    found: list[tuple[object, ...]] = []
    for statistic, samples, column in (("mean", drawn[0], "kappa"), ("pooled", pooled, "words")):
        n = int(values[column].notna().sum())
        numbers = (*interval_of(samples), n, len(values) - n)
        found.append(("all annotators", "fleiss_kappa", statistic, *numbers))
    return found


def why_not(reading: Reading) -> str:
    """Agreement needs two people."""
    two = any(len(document.rationales) > 1 for document in reading.documents)
    return "" if two else "no document has two annotators; agreement needs two people"


EXPERIMENT = Experiment(
    human_agreement,
    "documents",
    Card(
        "Do people mark the same words as each other?",
        "One annotator's marks are found by another's.",
        "Annotators were asked the same and did not confer.",
        "The ceiling of plausibility.",
        "Anything about a model.",
    ),
    summarise,
    statements=(Statement("AUROC, {judge}", "auroc", in_overview=False),),
    why_not=why_not,
    of_answers=True,
)
