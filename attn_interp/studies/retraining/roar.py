"""Recursive ROAR: train, rank the words under that model, remove the first, train again, and so on by method.

Madsen et al. 2022. The experiment `roar` says what comes of it; here the models are trained, kept and asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from attn_interp.attribution.methods import named
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.edit import replace_words
from attn_interp.experiments.people.roar import ATTENTION, COLUMNS, MINUS_RANDOM, RANDOM, roar
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import decisions
from attn_interp.models.attention_model import AttentionModel
from attn_interp.report.run_directory import as_name
from attn_interp.studies.deep import DeepCell, DeepStudy, classifier, fitting
from attn_interp.studies.run import group_steps, name_of, run_cells
from attn_interp.studies.steps import Step, say_aloud

SHARES = (0.1, 0.2, 0.4, 0.6, 0.8)
METHODS = (ATTENTION, "gradient x input", "leave-one-out", RANDOM)

Fit = Callable[[Corpus, str], AttentionModel]
"""A corpus and a name of the model -> a model that is trained on the corpus from its beginning."""

Scored = Callable[[AttentionModel, Sequence[Document]], Sequence[torch.Tensor]]
"""A model and documents -> a score (T,) for each word of each document; the highest are removed first."""


def removed_and_retrained(
    corpus: Corpus, fit: Fit, scored: Scored, shares: Sequence[float] = SHARES, seed: int = 0
) -> pd.DataFrame:
    """The decisions on the test documents at every share of words that are removed, rising, with 0 and 1 before and
    behind.

    A share s of T words are ceil(s T) words. From the words of a document that are left, in any split, those are
    removed next that have the highest scores under the model that was trained without the words that are gone; equal
    scores stand in an order that is drawn from (seed, document id). A word is removed by writing the model's word for a
    hidden one in its place, so that texts keep their length. At 1 no word is left.

    Args:
        corpus: Its documents fit the model.
        fit: Trains a model; under the names "share 0", "share 0.1" and so on.
        scored: Ranks the words.
        shares: Some between 0 and 1.
        seed: Of ties, and what the rows name.

    Returns:
        The columns of `COLUMNS` but for the method.

    Raises:
        ValueError: shares that are not between 0 and 1, or a model that knows no word for a hidden one, or weighs
            sentences.

    Reference: Madsen et al. 2022, section 3.2.
    """
    _check(shares)
    model, left, gone = fit(corpus, _at(0)), corpus, dict[str, frozenset[int]]()
    if model.mask_word is None or not model.words_are_positions:
        raise ValueError(
            "roar: removes words by hiding them, and this model has no mask or unknown token or weighs sentences; give "
            "another model or another view of it"
        )
    frames = [decisions(model, left.test, seed).assign(share=0.0, removed=0)]
    for share in (*sorted(shares), 1.0):
        if share < 1:
            gone = _more_gone(left, gone, scored, model, share, seed)
        else:
            gone = {each.id: frozenset(range(len(each))) for own in corpus.splits.values() for each in own}
        left = _without(corpus, gone, str(model.mask_word))
        model = fit(left, _at(share))
        counts = [len(gone[document.id]) for document in left.test]
        frames.append(decisions(model, left.test, seed).assign(share=share, removed=counts))
    return pd.concat(frames, ignore_index=True)[[name for name in COLUMNS if name != "method"]]


def _check(shares: Sequence[float]) -> None:
    if not shares or not all(0 < share < 1 for share in shares):
        raise ValueError(f"roar: got shares {list(shares)}, expected some between 0 and 1, which are asked anyway")


def _at(share: float) -> str:
    return f"share {share:g}"


def _more_gone(
    left: Corpus, gone: Mapping[str, frozenset[int]], scored: Scored, model: AttentionModel, share: float, seed: int
) -> dict[str, frozenset[int]]:
    """Document id -> the positions that are removed at this share, with those that were before."""
    found = {}
    for documents in left.splits.values():
        for document, scores in zip(documents, scored(model, documents)):
            before = gone.get(document.id, frozenset())
            drawn = generator(seed, f"roar {document.id}").random(len(document))
            values = scores.nan_to_num(-math.inf).tolist()
            order = sorted(range(len(document)), key=lambda place: (-values[place], drawn[place]))
            count = math.ceil(round(share * len(document), 9))  # 0.7 * 10 is 7, not 7.000000000000001
            found[document.id] = before.union([place for place in order if place not in before][: count - len(before)])
    return found


def _without(corpus: Corpus, gone: Mapping[str, frozenset[int]], word: str) -> Corpus:
    splits = {
        split: tuple(replace_words(each, gone[each.id], word) for each in documents)
        for split, documents in corpus.splits.items()
    }
    return replace(corpus, splits=splits)


def ranking(method: str, seed: int = 0) -> Scored:
    """How a method scores words: attention by its weights, attributions by their absolute value for the predicted
    class, since a word that speaks against it is evidence too; "random" scores all words equally.

    Raises:
        ValueError: there is no such method; the message lists them.
    """
    if method == RANDOM:
        return lambda model, documents: [torch.zeros(len(document)) for document in documents]
    attribute = None if method == ATTENTION else named(method, seed=seed)[method]

    def scored(model: AttentionModel, documents: Sequence[Document]) -> list[torch.Tensor]:
        found: dict[int, torch.Tensor] = {}
        for rows, batch in model.batches(documents):
            own = ReadBatch(model, rows, batch)
            values = own.weights if attribute is None else own.attribution(method, attribute).values.abs()
            found |= {row: each[: len(documents[row])] for row, each in zip(rows, values)}
        return [found[row] for row in range(len(documents))]

    return scored


@dataclass(frozen=True)
class RoarCell(DeepCell):
    """One classifier under one seed, its words removed by every method.

    Attributes:
        methods: Names of attributions, "attention" and "random".
        shares: Of the words, as `removed_and_retrained` takes them.
    """

    methods: tuple[str, ...] = METHODS
    shares: tuple[float, ...] = SHARES

    def __post_init__(self) -> None:
        _check(self.shares)
        for method in self.methods:
            ranking(method)

    def about(self) -> dict[str, Any]:
        return {**super().about(), "methods": list(self.methods), "shares": list(self.shares)}

    def model_name(self) -> str:
        """Named by what decides the models; a study of further methods shares those that are there."""
        return f"roar-{name_of(self.labels, self.seed, [super().model_name(), self.shares])}"

    def work(self, models: Path, progress: bool) -> RoarWork:  # type: ignore[override]
        return RoarWork(self, models)


@dataclass(frozen=True)
class RoarWork:
    """One seed while it runs. Models are kept by method and share; the first and the last are those of all methods."""

    cell: RoarCell
    folder: Path

    def prepare(self) -> None:
        self.fit("", self.cell.corpus, _at(0))

    def steps(self) -> Sequence[Step]:
        return [Step(f"roar, {name}", partial(self.of_method, name), drawn=False) for name in self.cell.methods]

    def fit(self, method: str, corpus: Corpus, name: str) -> AttentionModel:
        own = name if name in (_at(0), _at(1)) else f"{method}, {name}"
        return classifier(self.cell.study, corpus, self.folder / as_name(own))

    def of_method(self, method: str) -> Result:
        cell, given = self.cell, self.cell.corpus
        model = self.fit(method, given, _at(0))
        splits = {split: fitting(model, documents, say_aloud) for split, documents in given.splits.items()}
        corpus = replace(given, splits=splits)
        frame = removed_and_retrained(
            corpus, partial(self.fit, method), ranking(method, cell.seed), cell.shares, cell.seed
        )
        return roar(frame.assign(method=method), self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.cell.about(), "status": "measured", "seed": self.cell.seed}


def run_roar(
    study: DeepStudy,
    corpus: Corpus,
    seeds: Sequence[int],
    results: Path,
    methods: Sequence[str] = METHODS,
    shares: Sequence[float] = SHARES,
    jobs: int = 1,
) -> Result:
    """The experiment `roar` on models that are trained here: of every seed one for each method and share.

    Each model stands in the folder of the results once it is trained, so that a killed run goes on from there.

    Args:
        study: What is trained: a classifier of ours (`own`, `training`), or a named model as it is `fine_tuned`.
        corpus: Its training split trains, its dev split chooses, and the test documents are decided.
        seeds: Of training, ties and sampled attributions.
        results: Folder of models, rows, summary and figures.
        methods: Names of attributions, "attention" and "random".
        shares: Some between 0 and 1.
        jobs: Seeds at the same time.

    Raises:
        ValueError: an unknown method, shares that are not between 0 and 1, or a named model that is not fine-tuned.
        RuntimeError: a method failed; the others are done.
    """
    if study.model is not None and study.fine_tuned is None:
        raise ValueError(f"roar: {study.model} is trained again and again; say how it is fine-tuned: fine_tuned=...")
    cells = [RoarCell(replace(study, seed=seed), corpus, tuple(methods), tuple(shares)) for seed in seeds]
    runs = run_cells(cells, results, jobs)
    frame = pd.concat([run.results[f"roar, {name}"].frame for name in methods for run in runs], ignore_index=True)
    settings = {**runs[0].results[f"roar, {methods[0]}"].settings, "seeds": list(seeds)}
    return group_steps([Step("roar", lambda: roar(frame, settings))], results)["roar"]


def tables(result: Result) -> dict[str, pd.DataFrame]:
    """areas: area and racu of each method; accuracy: that of each method and share, and its difference to random
    removal."""
    summary = result.summary().drop(columns=["statistic", "sd_seeds", "undefined"])
    by_share = summary["quantity"].isin(["correct", MINUS_RANDOM])
    areas = summary[summary["share"].isna()].drop(columns="share")
    return {"areas": areas.reset_index(drop=True), "accuracy": summary[by_share].reset_index(drop=True)}
