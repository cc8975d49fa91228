"""Do attention, attributions and people mark the same words? Plausibility: whether an explanation looks right.

The scores of the words of a document are held against the words that people marked, beside baselines that know nothing
of the model and beside people held against people. That a score is plausible does not say that the model used those
words: faithfulness is another question, and no number here answers it.

Reference: DeYoung et al. 2020, ERASER, section 4.1; Sen et al. 2020, Human attention maps for text classification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attn_interp.attribution.methods import METHODS
from attn_interp.experiments.people.parts.annotators import PEOPLE, PERSON, comparisons
from attn_interp.experiments.people.parts.matching import (
    EACH,
    MEASURE_COLUMNS,
    MEASURES,
    Target,
    measure,
    targets,
    why_undefined,
)
from attn_interp.experiments.people.parts.word_baselines import FROM_END, POSITION, Baseline
from attn_interp.experiments.people.parts.word_scores import HUMAN, WordScores, word_scores
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement, grouped
from attn_interp.experiments.result import Result
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.means import bootstrapped_means, interval_of

NORMALISED = ("auroc", "average_precision", "token_f1", "iou_f1")

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "prediction": Column("correct or wrong"),
    "scorer": Column(
        "what scores the words: attention, an attribution of the predicted class, a baseline that knows no model, "
        f"{PERSON} (mean over the other annotators, one by one) or {PEOPLE} (their mean map)"
    ),
    "kind": Column("attention, attribution, baseline or human"),
    "annotator": Column("whose marked words are to be found: the number of an annotator, or the view of several"),
    "annotators": Column("people who marked the document", "people", 0),
    "marked": Column("words to be found; people in a view of the others: their mean number", "words", 0),
    **MEASURE_COLUMNS,
    "reason": Column("why the measures are NaN; empty where they are not"),
}


def plausibility(
    reading: Reading,
    *,
    methods: Methods = METHODS,
    baselines: Mapping[str, Baseline] | None = None,
    rationale: str = EACH,
    signed: bool = False,
) -> Result:
    """Do attention, attributions and people mark the same words?

    The words of a rationale are those with a value of at least .5. A rationale that is empty or full has no measures
    and a reason. People stand in the rows of kind "human", by the same measures and told the same number of words:
    against an annotator the others one by one, and their mean map; against a view each one, the view being taken
    without that annotator (so it is not quite the view that the other scorers are held against).

    Args:
        reading: A model's attention over documents that people marked, from `read`.
        methods: Names of attributions, or a mapping of names of your own to functions.
        baselines: Scores that know no model, by name; None: those that the training documents of the reading allow.
        rationale: "each" annotator for itself, or one view of all: "consensus", "mean" or "union".
        signed: Rank attributions by value instead of absolute value.

    Returns:
        A result with one row per document, scorer and annotator or view: auroc, average_precision, token_f1, iou_f1 and
        more, each in [0, 1], and why they are undefined.

    Raises:
        ValueError: no document has a rationale, a view of the attention over sentences, or two scorers of one name.

    Reference: DeYoung et al. 2020, section 4.1; Sen et al. 2020.
    """
    seed = reading.seed
    targets(reading.documents, rationale)  # what is wrong with the documents is said before the model runs
    scored = word_scores(reading, methods, baselines, signed)
    if not any(document.rationales for document in scored.documents):
        raise ValueError("the model attends to other units than the words that people marked; give a view over words")
    wanted = targets(scored.documents, rationale)
    frames = [_rows_of(scored, name, wanted, seed) for name in scored.scores]
    frames += _people(scored, wanted, rationale, seed)
    rows = pd.concat(frames, ignore_index=True)
    about = scored.about.assign(
        prediction=np.where(scored.about["label"] == scored.about["predicted"], "correct", "wrong"),
        annotators=[len(document.rationales) for document in scored.documents],
    )
    frame = rows.join(about, on="row").sort_values("row", kind="stable")[list(COLUMNS)].reset_index(drop=True)
    settings = {
        **scored.settings,
        "says": "plausibility: agreement with people's rationales. Not faithfulness",
        "status": "measured",
        "rationale": rationale,
        "scorers": list(dict.fromkeys(frame["scorer"])),
        "prior": POSITION if POSITION in scored.scores else FROM_END,
        "ceiling": PERSON,
    }
    return Result("plausibility", frame, settings, COLUMNS)


def _rows_of(scored: WordScores, name: str, wanted: Sequence[Target], seed: int) -> pd.DataFrame:
    ids = [scored.documents[target.row].id for target in wanted]
    scores = [scored.scores[name][target.row] for target in wanted]
    found = measure(scores, [target.marked for target in wanted], ids, seed)
    undefined = found["auroc"].isna()
    return found.assign(
        row=[target.row for target in wanted],
        annotator=[target.annotator for target in wanted],
        marked=[float(target.marked.sum()) for target in wanted],
        reason=[t.reason or "undefined score" * missing for t, missing in zip(wanted, undefined)],
        scorer=name,
        kind=scored.kinds[name],
    )


def _people(scored: WordScores, wanted: Sequence[Target], rationale: str, seed: int) -> list[pd.DataFrame]:
    """The rows of people, as many as any scorer has: the comparisons of one target are averaged."""
    found = comparisons(scored.documents, rationale)
    place = {(target.row, target.annotator): index for index, target in enumerate(wanted)}
    frames = []
    for scorer in (PERSON, PEOPLE) if rationale == EACH else (PERSON,):
        own = [each for each in found if (each.judge == PEOPLE) == (scorer == PEOPLE)]
        ids = [scored.documents[each.row].id for each in own]
        values = measure([each.scores for each in own], [each.marked for each in own], ids, seed)
        values["marked"] = np.array([each.marked.sum() for each in own], dtype=np.float64)
        at = np.array([place[each.row, each.target] for each in own], dtype=np.int64)
        means = values.groupby(at).mean().reindex(range(len(wanted)))
        # A view without one annotator may be empty, and without another not: the mean is of those that are not.
        compared = {int(index): why_undefined(each.marked) for index, each in zip(at, own)}
        reasons = [
            "" if defined else compared.get(index) or target.reason or "one annotator"
            for index, (target, defined) in enumerate(zip(wanted, means["auroc"].notna()))
        ]
        means["row"] = [target.row for target in wanted]
        means["annotator"] = [target.annotator for target in wanted]
        frames.append(means.assign(reason=reasons, scorer=scorer, kind=HUMAN))
    return frames


def per_document(result: Result) -> pd.DataFrame:
    """One row per document and scorer, the measures averaged over the annotators for whom they are defined."""
    keys = ["document", "prediction", "words", "scorer", "kind"]
    return result.frame.groupby(keys, sort=False)[list(MEASURES)].mean().reset_index()


def _by_scorer(documents: pd.DataFrame) -> tuple[list[str], Floats]:
    """The rows of `per_document` as the names of the S scorers and values (documents, S, measures)."""
    row, names = pd.factorize(documents["document"])
    column, scorers = pd.factorize(documents["scorer"])
    values = np.full((len(names), len(scorers), len(MEASURES)), np.nan)
    values[row, column] = documents[list(MEASURES)].to_numpy()
    return list(scorers), values


def summarise(result: Result) -> pd.DataFrame:
    """Plausibility of each scorer, over all documents and by whether the prediction is correct.

    Columns: scorer, kind, grouping, group, quantity, statistic, estimate, low, high, n, undefined (documents), remark.
    Statistics:

    - mean: over documents, each being its mean over annotators; bootstrap intervals over documents. The token F1 is so
      the ERASER scorer's instance macro F1, the mean of the F1 of each document.
    - F1 of means: of the quantity iou_f1, the F1 of mean precision and mean recall: the ERASER scorer's macro average
      of span matches (its other one; the mean of F1 stands beside it).
    - normalised: (m - prior) / (people - prior) over documents where all scorers are defined, paired; the prior is a
      baseline by position, without which there are no such rows, and the ceiling `PERSON`, see settings. NaN where the
      interval of people - prior reaches 0.
    - rows: how many rows have no measure for the quantity's reason, of n.
    """
    documents = per_document(result)
    seed = int(result.settings["seed"])
    parts = []
    for frame in grouped(documents, ("all", "prediction")):
        for group, own in frame.groupby("group", sort=True):
            parts.append(_means(own, seed).assign(grouping=frame["grouping"].iloc[0], group=group))
    scorers, values = _by_scorer(documents)
    for quantity in NORMALISED if result.settings["prior"] in scorers else ():
        of_scorers = pd.DataFrame(values[:, :, MEASURES.index(quantity)], columns=scorers)
        rows = normalised(of_scorers, result.settings["prior"], result.settings["ceiling"], seed)
        parts.append(rows.assign(quantity=quantity, grouping="all", group="all"))
    parts.append(_left_out(result.frame))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    kinds = dict(zip(documents["scorer"], documents["kind"]))
    names = ["scorer", "kind", "grouping", "group", "quantity", "statistic", "estimate", "low", "high"]
    return table.assign(kind=table["scorer"].map(kinds))[[*names, "n", "undefined", "remark"]]


def _means(documents: pd.DataFrame, seed: int) -> pd.DataFrame:
    scorers, values = _by_scorer(documents)
    size = len(values)
    drawn = bootstrapped_means(values.reshape(size, -1), seed).reshape(-1, *values.shape[1:])
    defined = (~np.isnan(values)).sum(0)
    precision_at, recall_at = MEASURES.index("iou_precision"), MEASURES.index("iou_recall")
    rows = []
    for place, scorer in enumerate(scorers):
        for number, quantity in enumerate(MEASURES):
            n = int(defined[place, number])
            rows.append((scorer, quantity, "mean", *interval_of(drawn[:, place, number]), n, size - n, ""))
        precision, recall = drawn[:, place, precision_at], drawn[:, place, recall_at]
        either = precision + recall
        f1 = np.where(either == 0, 0.0, 2 * precision * recall / np.where(either == 0, 1.0, either))
        n = int(defined[place, precision_at])
        rows.append((scorer, "iou_f1", "F1 of means", *interval_of(f1), n, size - n, ""))
    names = ["scorer", "quantity", "statistic", "estimate", "low", "high", "n", "undefined", "remark"]
    return pd.DataFrame(rows, columns=names)


def normalised(table: pd.DataFrame, prior: str, ceiling: str, seed: int = 0) -> pd.DataFrame:
    """(m - m_prior) / (m_ceiling - m_prior) of every other column of a table of documents by scorers.

    0 at the prior, 1 at the ceiling, and outside where a scorer is below or above them. Means and resamples are over
    the documents where every scorer is defined. NaN with a remark where the 95 % interval of the denominator reaches 0
    or below: the quotient would be anything. Near 0 the quotient is unstable, which its interval shows.
    """
    if missing := {prior, ceiling} - set(table.columns):
        raise ValueError(f"normalised: no scorer {', '.join(sorted(missing))}; there are {', '.join(table.columns)}")
    known = table.dropna(axis="columns", how="all")
    whole = known.dropna()
    n, undefined = len(whole), len(table) - len(whole)
    drawn = dict(zip(known.columns, bootstrapped_means(whole.to_numpy(), seed).T))
    remark = "no document in which people can be compared" if ceiling not in drawn or not n else ""
    if not remark:
        room = drawn[ceiling] - drawn[prior]
        estimate, low, high = interval_of(room)
        if not low > 0:
            remark = f"people - prior is {estimate:.3f} [{low:.3f}, {high:.3f}]: too near to 0 to divide by"
    rows = []
    for scorer in table.columns:
        if scorer in (prior, ceiling):
            continue
        found = (np.nan, np.nan, np.nan)
        if not remark and scorer in drawn:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = interval_of((drawn[scorer] - drawn[prior]) / room)
        rows.append((scorer, "normalised", *found, n, undefined, remark))
    return pd.DataFrame(rows, columns=["scorer", "statistic", "estimate", "low", "high", "n", "undefined", "remark"])


def _left_out(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for scorer, own in frame.groupby("scorer", sort=False):
        for reason, count in own["reason"].value_counts().sort_index().items():
            if reason:
                rows.append((scorer, f"left out: {reason}", "rows", float(count), np.nan, np.nan, len(own), 0, ""))
    names = ["scorer", "quantity", "statistic", "estimate", "low", "high", "n", "undefined", "remark"]
    return pd.DataFrame(rows, columns=names).assign(grouping="all", group="all")


def why_not(reading: Reading) -> str:
    """Words that people marked are needed, in a view over words."""
    if not any(document.rationales for document in reading.documents):
        return "no document has a rationale; give documents that people marked"
    return "" if reading.model.words_are_positions else "this view weighs sentences; people marked words"


EXPERIMENT = Experiment(
    plausibility,
    "reading",
    Card(
        "Do attention and people mark the same words?",
        "The words that people marked have the higher scores.",
        "The marks are people's reasons for the label.",
        "Plausibility: whether an explanation looks right to a reader; .5 by chance.",
        "That the model used those words. Plausible is not faithful.",
    ),
    summarise,
    statements=(Statement("AUROC, {scorer}", "auroc", in_overview=False),),
    decided_by=("methods",),
    why_not=why_not,
    of_answers=True,
)
