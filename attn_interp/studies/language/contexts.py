"""Answers from a context: what scores its sentences, for small readers with known truth and for any language model.

The small reader is trained here on made-up stories, of which one sentence gives the answer. Beside it stands one that
learned from the same stories with the answers dealt out anew, so that no sentence gives it: what is found there is a
false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.data.corpora.pairs.facts import load_facts
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator, sample
from attn_interp.data.load import load
from attn_interp.data.tokenise import tokenise
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.result import Result
from attn_interp.experiments.sources.sources import ABLATIONS, FEWEST_ABLATIONS, ORDER, RANDOM, sources
from attn_interp.experiments.validity import validity, verdict
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import require_at_least
from attn_interp.models.language.contexts.answering_door import PROMPT, answering
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.language.contexts.small_reader import STORY, ReaderSettings, as_asked, kept_reader, small_reader
from attn_interp.models.units.coarse import SENTENCE, sentences
from attn_interp.report.tables.power_table import power_layout
from attn_interp.report.tables.wide import in_order, wide
from attn_interp.statistics.bootstrap import interval
from attn_interp.studies.deep import fitting
from attn_interp.studies.run import CellRun, StudyCell, group_steps, name_of, run_cells
from attn_interp.studies.steps import Step, StudyWork

READER, SHUFFLED = "small reader", "small reader, answers dealt out anew"
MODEL = "smollm2"  # the language model that is asked about a corpus where none is named
QUESTION = "Did the reviewer like it?"
FEWEST_STORIES = 20  # of which there are enough for three splits
FEWEST = 3  # sentences of a context that is asked about
THRESHOLD = 0.1  # of the gain in average precision over random scores, above which a source is found


@dataclass(frozen=True)
class ContextStudy:
    """One model that answers from contexts.

    Attributes:
        model: A language model by name or folder, which is asked about the texts of a corpus; None: a small reader that
            is trained on made-up stories.
        question: What the language model is asked of a text that has no question of its own.
        prompt: How it is asked.
        shuffled: Whether the small reader learns from stories with the answers of others.
        stories: Made-up stories of one to `longest` sentences, most of which are learned from.
        reader: How the small reader is made and trained.
        documents: Contexts that are asked about, at most, each of three sentences or more.
        ablations: Of each context.
        seed: Of training and everything drawn; stories and contexts are the same for every seed.
    """

    model: str | None = None
    question: str = QUESTION
    prompt: str = PROMPT
    shuffled: bool = False
    stories: int = 12_000
    longest: int = 6
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    documents: int = 100
    ablations: int = ABLATIONS
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least("documents", self.documents, 1)
        require_at_least("ablations", self.ablations, FEWEST_ABLATIONS)
        require_at_least("stories", self.stories, FEWEST_STORIES)
        if not tokenise(self.question)[0]:
            raise ValueError(f"question: got {self.question!r}, expected a text with a word in it")

    def contexts(self, corpus: Corpus) -> tuple[Asked, ...]:
        """The test documents that are asked about, without an answer unless it is known.

        Raises:
            ValueError: none has three sentences.
        """
        long = [each for each in corpus.test if len(sentences(each)) >= FEWEST]
        if not long:
            raise ValueError(f"contexts: no test document of corpus {corpus.name!r} has {FEWEST} sentences or more")
        chosen = sample(long, self.documents, 0)
        if self.model is None:
            return as_asked(corpus, chosen)
        return tuple(self._question_of(each) for each in chosen)

    def _question_of(self, document: Document) -> Asked:
        second = self.question if document.second is None else document.second
        return Asked(document.text, words=document.words, spans=document.spans, id=document.id, second=second)


@dataclass(frozen=True)
class ContextCell(StudyCell):
    """One model and the corpus of its contexts."""

    study: ContextStudy

    @property
    def labels(self) -> dict[str, str]:
        own = SHUFFLED if self.study.shuffled else READER
        return {"corpus": self.corpus.name, "model": own if self.study.model is None else Path(self.study.model).name}

    def model_name(self) -> str:
        """Named by what decides the model, so that studies of other contexts share it."""
        about = self.about()
        decisive = {name: about["study"][name] for name in ("model", "prompt", "shuffled", "reader")}
        return name_of(self.labels, self.seed, {"study": decisive, "corpus": about["corpus"]["fingerprint"]})

    def work(self, models: Path, progress: bool) -> ContextWork:
        return ContextWork(self.study, self.corpus, models, progress)


@dataclass(frozen=True)
class ContextWork(StudyWork):
    """One model while it is asked."""

    study: ContextStudy

    @cached_property
    def model(self) -> AttentionModel:
        study = self.study
        if study.model is not None:
            return answering(study.model, prompt=study.prompt)
        stories = as_asked(self.corpus, self.corpus.train)
        if study.shuffled:
            order = generator(study.seed, "answers dealt out anew").permutation(len(stories))
            stories = tuple(replace(each, answer=stories[place].answer) for each, place in zip(stories, order))
        return answering(
            *kept_reader(
                self.models / "reader", lambda: small_reader(stories, study.reader, study.seed, self.progress)
            ),
            prompt=STORY,
        )

    @cached_property
    def reading(self) -> Reading:
        contexts = fitting(self.model, self.study.contexts(self.corpus), self.say)
        return read(self.model, contexts, self.study.seed, progress=self.progress, units=SENTENCE)

    def steps(self) -> Sequence[Step]:
        study = self.study
        decided = {"documents": study.documents, "ablations": study.ablations, "question": study.question}
        return [
            Step("sources", lambda: sources(self.reading, ablations=study.ablations, heads=True), decided_by=decided)
        ]


def run_contexts(
    study: ContextStudy,
    corpus: str | None,
    options: Mapping[str, Any],
    seeds: Sequence[int],
    results: Path,
    jobs: int = 1,
) -> dict[str, pd.DataFrame]:
    """The tables of the study's language model, asked about a corpus by name or path with the further arguments of
    `load` (`run_language_model`); or, without a corpus, of small readers (`run_readers`).

    Raises:
        ValueError: a language model and no corpus; or as `load`.
    """
    if corpus is None:
        if study.model is not None:
            raise ValueError(
                f"contexts: the model {study.model!r} is asked about the texts of a corpus, and none is named; give a "
                "corpus, as --corpus movies, or no model for small readers of made-up stories"
            )
        return run_readers(study, seeds, results, jobs)
    return run_language_model(
        replace(study, model=study.model or MODEL, seed=seeds[0]), load(corpus, **options), results
    )


def run_readers(study: ContextStudy, seeds: Sequence[int], results: Path, jobs: int = 1) -> dict[str, pd.DataFrame]:
    """Small readers of several seeds, each beside one whose answers were dealt out anew: the tables.

    Writes the results of each, and in the folder itself the scores over all seeds and how often a source is found.
    """
    corpus = load_facts(study.stories, least_sentences=1, most_sentences=study.longest)  # all are asked about the same
    cells = [
        ContextCell(replace(study, seed=seed, shuffled=shuffled), corpus)
        for seed in seeds
        for shuffled in (False, True)
    ]
    runs = run_cells(cells, results, jobs, progress=True)
    found = group_steps([Step("validity", lambda: _verdicts(runs))], results)["validity"]
    known = over_seeds({run.cell.seed: run.results["sources"] for run in runs if run.labels["model"] == READER})
    known.save_figure(results / "figures" / "sources")
    return {**score_tables(known, runs[0].results["sources"]), "validity": power_layout(found.summary())}


def run_language_model(study: ContextStudy, corpus: Corpus, results: Path) -> dict[str, pd.DataFrame]:
    """A language model that is asked about the texts of a corpus: the tables."""
    (run,) = run_cells([ContextCell(study, corpus)], results, progress=True)
    result = run.results["sources"]
    asked = result.frame.drop_duplicates("document")[["document", "words", "answer", "log_probability"]]
    return {
        **score_tables(result, result),
        "contexts": asked.rename(columns={"words": "sentences"}).reset_index(drop=True),
    }


def score_tables(result: Result, one: Result) -> dict[str, pd.DataFrame]:
    """sources: a row for each score, with its datamodelling score and that minus attention's, the falls of the
    log-probability, how well it finds marked sources, and its cost in passes; heads: the first of these of every layer
    and head.

    Args:
        result: Of one model, or of several seeds.
        one: That of one model, which knows the passes.
    """
    headings = {
        "datamodelling score": "lds",
        "minus attention's": "lds_gain",
        "fall, first": "fall_1",
        "fall, first 3": "fall_3",
        "average precision": "average_precision",
        "first is marked": "marked_first",
    }
    summary = result.summary()
    known = {"lds", *summary[summary["n"] > 0]["quantity"]}
    columns = {name: {"quantity": quantity} for name, quantity in headings.items() if quantity in known}
    every = wide(summary, ["score"], columns, "datamodelling score")
    table = in_order(every, "score", ORDER)
    found = [name for name in ("datamodelling score", "average precision") if name in columns]
    told = ["score", *(f"{name}{end}" for name in found for end in ("", " low", " high")), "n"]
    heads = every.loc[every["score"].str.startswith("layer "), told].reset_index(drop=True)
    passes = one.frame.drop_duplicates("score").set_index("score")["passes"]
    return {"sources": table.assign(passes=table["score"].map(passes)), "heads": heads}


def _verdicts(runs: Sequence[CellRun]) -> Result:
    """For every score and reader, whether it finds the source: average precision above that of random scores."""
    rows = []
    for run in runs:
        study = run.cell.about()["study"]
        frame = run.results["sources"].frame
        found = {str(name): own["average_precision"].to_numpy() for name, own in frame.groupby("score")}
        for score in (name for name in ORDER if name in found and name != RANDOM):
            about = {
                "claim": f"{score} finds the source",
                "measure": "average precision, score - random scores",
                "case": run.labels["model"],
                "truth": not study["shuffled"],
                "seed": run.cell.seed,
            }
            gain = interval(found[score] - found[RANDOM], seed=run.cell.seed)
            rows.append(verdict(about, THRESHOLD, gain))
    rows.sort(key=lambda row: [f"{name} finds the source" for name in ORDER].index(str(row["claim"])))
    settings: Mapping[str, object] = {"cells": [run.cell.about() for run in runs], "status": "measured"}
    return validity(rows, settings)


CAPTIONS = {
    "sources": "What scores the sentences of a context as sources of the answer: rank correlation of told and real "
    "effect over random ablations, fall of the log-probability (nats) without the sentences scored highest, and how "
    "well marked sentences are found; means with 95 % intervals over contexts (and seeds).",
    "validity": "Rate at which a score is found to find the source, where a sentence gives the answer (detection) and "
    "where none does (false alarm), with Wilson's 95 % intervals over n readers; it is found where the 95 % interval "
    "of the gain in average precision over contexts lies above 0.1.",
    "contexts": "What the model answers, and the log-probability (nats) of that answer.",
}
