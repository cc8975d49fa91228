"""Which sources does a decision rest on, and which score tells? Words or sentences are the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from attn_interp.data.draws import digest, generator
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.experiments.sources.ablations import Effects, log_probabilities, subsets
from attn_interp.experiments.sources.learned import Heads, datamodelling_score, sparse_surrogate
from attn_interp.experiments.sources.scores import ALL_HEADS, ATTENTION, ONE, Scored, scored
from attn_interp.measures.rationale_scores import average_precision
from attn_interp.models.every_head import HeadPlace, heads_of
from attn_interp.models.progress import progress_bar

LEAVE_ONE_OUT, SURROGATE, RANDOM = "leave-one-out", "sparse surrogate", "random scores"
LEARNED, BEST_HEAD = "all heads, learned", "best head, learned"
ORDER = (
    *(LEAVE_ONE_OUT, SURROGATE, LEARNED, BEST_HEAD, ATTENTION, ALL_HEADS),
    *("shares of attention, all heads", "attention rollout", "attention x value norm, all heads"),
    *("attention x gradient, all heads", "gradient x input (detached)", "gradient x input", RANDOM),
)
"""The scores in the order in which they are told."""

TOO_FEW = "too few other documents to learn from"
ABLATIONS = 64
FEWEST_ABLATIONS = 8
PASSES = {LEAVE_ONE_OUT: "1 for each source", SURROGATE: "1 for each ablation", RANDOM: "0"}
FOLDS = 5
TOP = (1, 3)
MOST = 50  # documents that `ask` puts it to: each takes about 130 runs of the model

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "answer": Column("answer that is explained; empty where it is a class"),
    "log_probability": Column("of the decision on the whole document", "nats", None, 0),
    "score": Column("what scores the sources"),
    "lds": Column("linear datamodelling score: rank correlation, over ablations, of told and real effect", "", -1, 1),
    "lds_gain": Column("lds minus that of attention (mean over all heads, or the view where there is one)", "", -2, 2),
    **{f"fall_{k}": Column(f"fall of the log-probability without the {k} sources scored highest", "nats") for k in TOP},
    "average_precision": Column("of the marked sources, where the truth is known", "", 0, 1),
    "marked_first": Column("whether the source scored highest is marked", "", 0, 1),
    "passes": Column("forward passes of the document that the score costs"),
    "reason": Column("why there is no score; empty where there is one"),
}
VALUES = ("lds", "lds_gain", *(f"fall_{k}" for k in TOP), "average_precision", "marked_first")


@dataclass
class _Read:
    """One document: what the model gives, its ablations and what is known of it."""

    about: dict[str, object]
    scored: Scored
    effects: Effects
    fitted: np.ndarray  # (M, S) kept sources of the ablations that scores are learned from
    measured: np.ndarray  # (M, S) and of those that scores are held against
    marked: np.ndarray  # (S,) sources that are known to decide


def sources(reading: Reading, *, ablations: int = ABLATIONS, heads: bool = False) -> Result:
    """Which sources does a decision rest on, and which score tells?

    The sources are the words of the documents: with units="sentence" their sentences. An ablation keeps each source
    with chance 1/2 and deletes the others (one that would keep none is drawn again; of few sources every part is taken
    once); its effect is log p of the decision, in nats. A score tells the effect of an ablation as the sum over what is
    kept, and the linear datamodelling score is the rank correlation of told and real effects over ablations that
    nothing was learned from. The fall is log p on the whole minus log p without the sources scored highest.

    Scores: leave-one-out; a sparse linear surrogate, learned from as many other ablations of the same document; a ridge
    regression of the attention of all heads, and the one head that tells best, learned from the ablations of other
    documents in five folds; attention of the view, and of all heads, as it is and as shares of the sources; gradients;
    random scores, which know nothing of the model, and tell how much is kept. For answers (`answering`) attention is
    the mean over the steps of the answer, and further scores are attention rollout, attention x value norm, and
    attention x gradient, the projection of what each head adds on the direction of the answer, to first order.

    Args:
        reading: A model's attention over documents, from `read`.
        ablations: Of each document, for learning and for measuring each.
        heads: Whether every layer (the mean over its heads) and every head is a score too; of these no falls are run.

    Returns:
        A result with one row per document and score: words (how many sources), log_probability, lds, lds_gain, fall_1,
        fall_3, average_precision and marked_first where sources are marked (the first rationale of a document), passes,
        reason. lds is NaN where all ablations have one effect, or are told one; a fall, where no source would be left.

    Raises:
        ValueError: fewer than 8 ablations, or no document has two sources.

    >>> import attn_interp as ai
    >>> corpus = ai.load("planted")
    >>> model = ai.train(corpus, encoder="average", epochs=1)
    >>> result = ai.sources(ai.read(model, corpus.test[:4]), ablations=16)
    >>> bool(result.frame.query("score == 'leave-one-out'")["lds"].mean() > 0.9)
    True

    Reference: Cohen-Wang et al. 2024 (ContextCite), sections 2 to 4; Cohen-Wang et al. 2025, section 3, for what is
    learned from the heads; Park et al. 2023, section 2, for the score.
    """
    if ablations < FEWEST_ABLATIONS:
        raise ValueError(
            f"sources: ablations is {ablations}, expected at least {FEWEST_ABLATIONS}, of which effects are learned"
        )
    if all(len(document) < 2 for document in reading.documents):
        raise ValueError("sources: no document has two sources; nothing can be left out; read it in words")
    documents = _read(reading, ablations)
    learned = _learned(documents, reading.seed)
    places = heads_of(reading.model)
    alone = _by_head(places) if heads else {}
    frames = [_of_document(each, learned[place], alone, reading.seed) for place, each in enumerate(documents)]
    settings = {
        **reading.about_view,
        "ablations": ablations,
        "heads_in_all": len(places),
        "status": f"measured; ablations sampled, at most {ablations} a document",
        "seed": reading.seed,
    }
    return Result("sources", reading.in_order(frames)[list(COLUMNS)], settings, COLUMNS)


def _read(reading: Reading, ablations: int) -> list[_Read]:
    """What the model says of every document, and of its parts."""
    read, seed = [], reading.seed
    for batch in reading.each_batch("attention of the sources"):
        about = batch.about().to_dict("records")
        whole = log_probabilities(batch.logits).gather(1, batch.predicted[:, None])[:, 0]
        for row, given in enumerate(scored(batch)):
            document = batch.batch.documents[row]
            effects = Effects(reading.model, document, int(batch.predicted[row]), float(whole[row]))
            names = {str(name): value for name, value in about[row].items()}
            names |= {"answer": getattr(document, "answer", None) or "", "log_probability": effects.whole}
            marked = np.array(document.rationales[0] if document.rationales else [0.0] * len(document)) > 0
            fitted, measured = (subsets(document, ablations, seed, name) for name in ("learned from", "measured on"))
            read.append(_Read(names, given, effects, fitted, measured, marked))
    with progress_bar("ablations", len(read), reading.progress) as step:
        for each in read:
            reading.check_unchanged()
            each.effects.of(np.concatenate([each.fitted, each.measured, ~np.eye(len(each.marked), dtype=bool)]))
            step("")
    return read


def _learned(documents: Sequence[_Read], seed: int) -> list[dict[str, np.ndarray | None]]:
    """Of each document what is learned of its heads from others: name -> (S,), None where too few others teach."""
    if documents[0].scored.heads.shape[0] == 1:
        return [{} for _ in documents]
    order = sorted(
        range(len(documents)), key=lambda place: digest(seed, f"fold {documents[place].effects.document.id}")
    )
    fold = np.empty(len(documents), dtype=int)
    fold[order] = np.arange(len(documents)) % FOLDS
    heads = Heads(
        [each.scored.heads for each in documents],
        [each.fitted for each in documents],
        [each.effects.of(each.fitted) for each in documents],
    )
    ridge, best = heads.of_others(fold.tolist())
    return [{LEARNED: own, BEST_HEAD: one} for own, one in zip(ridge, best)]


def _by_head(places: Sequence[HeadPlace]) -> dict[str, list[int]]:
    """Name of every layer and head -> which heads its score is the mean of."""
    layers: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        layers.setdefault(f"layer {place.layer}", []).append(index)
    return {**layers, **{f"layer {each.layer}, head {each.head}": [index] for index, each in enumerate(places)}}


def _of_document(
    read: _Read, learned: Mapping[str, np.ndarray | None], alone: Mapping[str, list[int]], seed: int
) -> pd.DataFrame:
    """One row for each score."""
    sources, effects = len(read.marked), read.effects
    draw = generator(seed, f"random scores {effects.document.id}")
    scores: dict[str, np.ndarray | None] = {
        **read.scored.scores,
        **learned,
        LEAVE_ONE_OUT: effects.without_each(),
        SURROGATE: sparse_surrogate(read.fitted, effects.of(read.fitted)),
        RANDOM: draw.permutation(sources).astype(float),
        **{name: read.scored.heads[own].mean(0) for name, own in alone.items()},
    }
    passes = {**PASSES, **read.scored.passes, **dict.fromkeys(learned, "1, and the ablations of other documents")}
    passes |= dict.fromkeys(alone, ONE)
    real = effects.of(read.measured)
    rows = []
    for name in (each for each in (*ORDER, *alone) if each in scores):
        own = scores[name]
        row: dict[str, object] = {"score": name, "passes": passes[name], "reason": TOO_FEW if own is None else ""}
        if sources < 2:
            row["reason"] = "it has one source"
        elif own is not None:
            row["lds"] = datamodelling_score(own, read.measured, real)
            row |= {} if name in alone else {f"fall_{k}": effects.fall(own, k) for k in TOP}
            if read.marked.any() and not read.marked.all():
                row |= _found(own, read.marked)
        rows.append(row)
    frame = pd.DataFrame(
        [read.about | row for row in rows], columns=[*read.about, "score", "passes", "reason", *VALUES]
    )
    plain = frame.loc[frame["score"] == (ALL_HEADS if ALL_HEADS in scores else ATTENTION), "lds"].iloc[0]
    return frame.assign(lds_gain=frame["lds"] - plain)


def _found(scores: np.ndarray, marked: np.ndarray) -> dict[str, float]:
    """How well the scores (S,) find the sources that are marked (S,)."""
    every = torch.ones(1, len(marked), dtype=torch.bool)
    found = average_precision(torch.from_numpy(scores)[None], torch.from_numpy(marked)[None], every)
    return {"average_precision": float(found), "marked_first": float(marked[scores == scores.max()].mean())}


def why_not(reading: Reading) -> str:
    """There must be something to leave out."""
    return "" if any(len(document) > 1 for document in reading.documents) else "no document has two sources"


def _statement(name: str, question: str = "") -> Statement:
    return Statement(f"linear datamodelling score, {name}", "lds", "sampled", question, where={"score": name})


ALONE = _statement(LEAVE_ONE_OUT)
OF_VIEW = _statement(ATTENTION)
GAIN = Statement(
    "linear datamodelling score, learned heads - mean attention",
    "lds_gain",
    "sampled",
    "Do heads that are learned on other documents tell more than mean attention?",
    where={"score": LEARNED},
)

EXPERIMENT = Experiment(
    sources,
    "reading",
    Card(
        "Which sources does a decision rest on, and which score tells?",
        "Attention tells what taking sources away does to the log-probability of the decision.",
        "Deleting sources asks what they do; effects of several are told as a sum.",
        "How well each score ranks random ablations by their effect, and what falls without its first sources.",
        "That a text without some of its sources is one that the model was trained on.",
    ),
    Summary(dict.fromkeys(VALUES, ("mean",)), ("score",), groupings=("all",), in_order=True),
    statements=(ALONE, OF_VIEW, GAIN),
    rules=(
        Rule(
            OF_VIEW,
            0.5,
            "attention tells what taking sources away does (above .5)",
            "attention tells little of what taking sources away does (below .5)",
        ),
        Rule(
            GAIN,
            0.0,
            "heads that are learned on other documents tell more than mean attention",
            "heads that are learned on other documents tell less than mean attention",
            "heads that are learned on other documents tell no more than mean attention, as far as can be told",
        ),
    ),
    decided_by=("ablations", "heads"),
    why_not=why_not,
    pooling=Pooling(VALUES, by=("score",)),
    documents=lambda reading: MOST,
    by_name="it takes about 130 runs of the model for each document",
    of_answers=True,
)
