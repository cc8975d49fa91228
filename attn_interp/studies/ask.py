"""Every question that applies, put to one reading: in memory, by the steps that a study in folders runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from attn_interp.by_name import named
from attn_interp.data.document import shortened
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record.overview import overview
from attn_interp.experiments.result import Result
from attn_interp.models.progress import progress_bar
from attn_interp.report.folder import read_folder
from attn_interp.report.paper import write_paper
from attn_interp.report.run_directory import MODEL, left_out, place_of, settle
from attn_interp.report.sentence import sentence
from attn_interp.statistics.bootstrap import summarise
from attn_interp.studies.questions import asked_by_default, put, why_not
from attn_interp.studies.run import draw

LEFT_OUT = "left out"


@dataclass(frozen=True, repr=False)
class Answers(Mapping[str, Result]):
    """Results by name, and the questions that were not put with the reason of each.

    Attributes:
        results: Name of the experiment -> its result, in the order of the questions.
        reasons: Name of the experiment -> why it was not put.
        about: What was asked: plain values.
    """

    results: Mapping[str, Result]
    reasons: Mapping[str, str]
    about: Mapping[str, Any]

    def __getitem__(self, name: str) -> Result:
        if name not in self.results:
            reason = self.reasons.get(name, f"it was not asked; there are {', '.join(self.results)}")
            raise KeyError(f"no result of {name!r}: {reason}")
        return self.results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def overview(self) -> pd.DataFrame:
        """The answers in one table, and a row for each question that was not put, with the reason as its statistic.

        Returns:
            question, statistic, estimate, low, high (95 % interval), n, status.
        """
        rows = [
            {"question": experiment_of(name).card.question, "statistic": reason, "n": 0, "status": LEFT_OUT}
            for name, reason in self.reasons.items()
        ]
        answered = overview(self.results)
        return (
            pd.concat([answered, pd.DataFrame(rows, columns=answered.columns)], ignore_index=True) if rows else answered
        )

    def verdicts(self) -> dict[str, list[str]]:
        """Name of the experiment -> what its intervals decide."""
        return {name: result.verdict() for name, result in self.results.items()}

    def sentence(self) -> str:
        """Whether attention explains the single decisions of this model, in one sentence with the numbers that decide
        it; its rules stand in `attn_interp.report.sentence`."""
        return sentence(self.results)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the results, their figures, the overview and the settings into a folder, and return its path.

        Raises:
            ValueError: the folder holds other results.
        """
        folder = Path(folder)
        settle(folder, {"reading": dict(self.about), MODEL: "", "steps": {name: {} for name in self.results}})
        for name, result in self.results.items():
            result.save(place_of(name, folder))
            draw(result, place_of(name, folder) / "figures")
        for name, reason in self.reasons.items():
            replace_file(left_out(folder, name), f"{reason}\n".encode())
        replace_file(folder / "overview.csv", self.overview().to_csv(index=False, lineterminator="\n").encode())
        return folder

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write everything as one HTML page and return its path."""
        path = Path(path)
        with TemporaryDirectory() as room:
            return named("report.page.write_report")(self.save(Path(room) / path.stem), path)

    def paper(self, folder: str | os.PathLike[str]) -> Path:
        """Write everything for a paper, figures as PDF, tables and captions as LaTeX and a main.tex that sets them, and
        return the path of main.tex."""
        folder = Path(folder)
        with TemporaryDirectory() as room:
            return write_paper(read_folder(self.save(Path(room) / folder.name)), folder)

    def __repr__(self) -> str:
        return (
            f"Answers to {len(self.results)} questions, {len(self.reasons)} not put. {shortened(self.sentence(), 400)}"
        )

    def _repr_html_(self) -> str:
        return named("report.card.answers_html")(self)


def ask(reading: Reading, questions: Sequence[str] | None = None, **options: Any) -> Answers:
    """Every question that applies to a model, put to its reading.

    Args:
        reading: A model's attention over documents, from `read`.
        questions: Names of experiments, as `list_experiments` lists them; None: all that can be asked of a reading, but
            for those that cost minutes. What does not apply is left out with its reason.
        options: Of the experiments that have them, such as eps=0.05.

    Raises:
        TypeError: the reading is none, or an option that no experiment asked has.
        ValueError: a question that there is not.

    >>> import attn_interp as ai
    >>> corpus = ai.load("planted")
    >>> reading = ai.read(ai.train(corpus, encoder="average", epochs=1), corpus.test[:9])
    >>> list(ai.ask(reading, ["reach", "permutation"]))
    ['permutation', 'reach']
    """
    if not isinstance(reading, Reading):
        raise TypeError(f"ask: got a {type(reading).__name__}; type ask(read(model, documents))")
    wanted = _known(questions)
    if unknown := sorted(set(options) - {each for name in wanted for each in experiment_of(name).decided_by}):
        raise TypeError(f"ask: no experiment that is asked has the option {unknown[0]!r}")
    results: dict[str, Result] = {}
    reasons: dict[str, str] = {}
    with progress_bar("questions", len(wanted), reading.progress) as step:
        for name in wanted:
            experiment = experiment_of(name)
            unasked = questions is None and not asked_by_default(experiment, reading)
            reason = f"asked by name alone: {experiment.by_name}" if unasked else ""
            if reason := reason or why_not(experiment, reading):
                reasons[name] = reason
            else:
                own = {each: options[each] for each in experiment.decided_by if each in options}
                results[name] = put(experiment, reading, own)
            step(name)
    return Answers(results, reasons, reading.settings)


def _known(questions: Sequence[str] | None) -> list[str]:
    """The names in the order of the experiments."""
    everything = names()
    if questions is None:
        return list(everything)
    if not isinstance(questions, Iterable):
        raise TypeError(f"questions: got {shortened(repr(questions), 60)}, expected names of experiments")
    questions = (questions,) if isinstance(questions, str) else tuple(questions)
    for name in questions:
        if not isinstance(name, str):
            raise TypeError(f"questions: got {shortened(repr(name), 60)}, expected the name of an experiment")
        if name not in everything:
            near = get_close_matches(name, everything, 1)
            guess = f"; did you mean {near[0]!r}?" if near else "."
            raise ValueError(f"question {name!r} is unknown{guess} There are {', '.join(sorted(everything))}")
    return [name for name in everything if name in questions]


def compare(answers: Mapping[str, Answers]) -> pd.DataFrame:
    """Two or more models beside each other: paired differences on the documents that they have in common.

    Args:
        answers: Name of the model -> its answers; the first is what the others are held against.

    Returns:
        One row per experiment, what parts its rows, quantity and further model: experiment, rows, quantity, model,
        against, first and other (means over the common documents), estimate (other - first), low, high (95 % bootstrap
        interval over documents), n, undefined.

    Raises:
        TypeError: no mapping of answers.
        ValueError: fewer than two models, or no experiment that both were asked.

    >>> import attn_interp as ai
    >>> corpus = ai.load("planted")
    >>> readings = [ai.read(ai.train(corpus, encoder="average", epochs=1, seed=s), corpus.test[:9]) for s in (0, 1)]
    >>> table = ai.compare({str(r.model.trained.seed): ai.ask(r, ["reach"]) for r in readings})
    >>> table["n"].iloc[0]
    9
    """
    if not isinstance(answers, Mapping) or not all(isinstance(each, Answers) for each in answers.values()):
        raise TypeError("compare: give what ask returns of each model, as {name: ask(reading)}")
    if len(answers) < 2:
        raise ValueError(f"compare: got {len(answers)} models; give at least two, as {{name: answers}}")
    (base, first), *others = answers.items()
    tables = []
    for name, other in others:
        for experiment in (each for each in first if each in other and experiment_of(each).pooling is not None):
            tables.append(_differences(first[experiment], other[experiment]).assign(model=name, against=base))
    if not tables:
        raise ValueError(f"compare: {', '.join(answers)} were asked no common question that has values by document")
    table = pd.concat(tables, ignore_index=True)
    front = ["experiment", "rows", "quantity", "model", "against"]
    return table[[*front, *(name for name in table.columns if name not in front)]]


def _differences(first: Result, other: Result) -> pd.DataFrame:
    pooling = experiment_of(first.experiment).pooling
    assert pooling is not None  # as the caller saw
    keys = [*pooling.by, "document"]
    one, two = pooling.rows(first), pooling.rows(other)
    if "status" in pooling.by and set(one["status"]) != set(two["status"]):  # what is exact is certified too
        one, two = (each.assign(status=each["status"].replace("exact", "certified")) for each in (one, two))
    both = one.merge(two, on=keys, suffixes=(" first", " other"))
    if both.empty:
        raise ValueError(f"compare: the results of {first.experiment} have no document in common; ask both of the same")
    parts = []
    for value in pooling.values:
        pair = both[[f"{value} first", f"{value} other"]].astype(float)
        pair = pair.where(pair.notna().all(axis=1))
        # Named as no experiment names what parts its rows: agreement has a column "first".
        compared = {"of first": pair.iloc[:, 0], "of other": pair.iloc[:, 1]}
        rows = both[keys].assign(**compared, difference=pair.iloc[:, 1] - pair.iloc[:, 0])
        quantities = [*compared, "difference"]
        table = summarise(rows, pooling.by, quantities, ("mean",), int(first.settings["seed"]))
        means = {name: table[table["quantity"] == name].reset_index(drop=True) for name in quantities}
        told = [
            ", ".join(map(str, key)) for key in means["difference"][list(pooling.by)].itertuples(index=False, name=None)
        ]
        shown = (
            means["difference"]
            .drop(columns=list(pooling.by))
            .assign(rows=told, quantity=value, first=means["of first"]["estimate"], other=means["of other"]["estimate"])
        )
        parts.append(shown[["rows", "quantity", "first", "other", "estimate", "low", "high", "n", "undefined"]])
    return pd.concat(parts, ignore_index=True).assign(experiment=first.experiment)
