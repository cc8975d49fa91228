"""The record of an experiment: everything that the rest of the library knows of one question, in one constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from attn_interp.experiments.record.pooling import Pooling
from attn_interp.experiments.record.rule import Rule
from attn_interp.experiments.record.statement import Statement

if TYPE_CHECKING:
    from attn_interp.experiments.reading import Reading
    from attn_interp.experiments.result import Result

Subject = Literal["reading", "models", "documents", "results", "plan"]
SUBJECTS: dict[Subject, str] = {
    "reading": "f(reading, ...): one model and documents, as `read` gives them",
    "models": "f({condition: {seed: model}}, documents, ...): several models; only their classes and logits are used",
    "documents": "f(documents, ...): what people marked",
    "results": "f({seed: results}): results of other experiments",
    "plan": "an analysis that makes its own models: see analyses/",
}
"""What an experiment is asked of -> how it is called."""


def applies(reading: Reading) -> str:
    """Nothing stands against it."""
    return ""


@dataclass(frozen=True)
class Card:
    """The words of an experiment.

    Attributes:
        question: What is asked, in one sentence.
        claim: What is tested.
        assumption: What has to hold for the numbers to mean what they say.
        means: What the numbers say.
        means_not: What they do not say.
    """

    question: str
    claim: str
    assumption: str
    means: str
    means_not: str


@dataclass(frozen=True)
class Experiment:
    """One question: how it is computed, what it is called, and how it is told.

    It stands as the constant EXPERIMENT in the module of its function, and its figure in the module of the same name in
    the room of figures. One line in `attn_interp.experiments.EXPERIMENTS` offers it everywhere.

    Attributes:
        function: What computes it; its name is that of the experiment.
        subject: What it is asked of, one of `SUBJECTS`.
        card: Its words.
        summarise: Result -> its statistics with intervals.
        statements: The rows of the summary that answer the question.
        rules: How these become verdicts.
        decided_by: Options of the function that decide its numbers beside the reading; a study keeps them as settings.
        why_not: Reading -> why the experiment does not apply to it, or "" where it does.
        pooling: How results of several seeds become one summary; None: they do not.
        documents: Reading -> at most how many of its documents `ask` puts the question to, where a document takes about
            a second; None: all.
        by_name: Why `ask` puts the question only where it is named, or "" where it always does.
        example: What a person types, for those that `ask` does not put.
        of_answers: Whether it is asked of an answer from a context too. What measures the probabilities of classes, or
            when their order changes, is not: most answers, and all long ones, have a probability near 0 whatever is
            done.
        shown_apart: Whether a report shows it outside the list of answers, as it does the documents to look at.
    """

    function: Callable[..., Result]
    subject: Subject
    card: Card
    summarise: Callable[[Result], pd.DataFrame]
    statements: tuple[Statement, ...] = ()
    rules: tuple[Rule, ...] = ()
    decided_by: tuple[str, ...] = ()
    why_not: Callable[[Reading], str] = applies
    pooling: Pooling | None = None
    documents: Callable[[Reading], int | None] = lambda reading: None
    by_name: str = ""
    example: str = ""
    of_answers: bool = False
    shown_apart: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__
