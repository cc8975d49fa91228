"""Does attention rank the words as data from outside the model do: a sentiment lexicon, word labels, frequency, place?

Per document the rank correlation of attention, and of the absolute value of every attribution, with each signal; and
the same given the controls, position and frequency, which attention and many signals follow. A correlation with human
ratings says that a ranking is plausible. It does not say that it is faithful to the model; and ratings of single words
are a context-free proxy for what people would say of the words in their sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.methods import METHODS
from attn_interp.data.signals import PROXY, Signal, log_frequency, relative_position
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS, ReadBatch
from attn_interp.experiments.reading import Methods, Reading
from attn_interp.experiments.record import Card, Column, Experiment, Statement, grouped
from attn_interp.experiments.result import Result
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.rank import spearman
from attn_interp.statistics.bootstrap import summarise as summarise_columns
from attn_interp.statistics.partial import LEAST_WORDS, partial_spearman

ATTENTION, NO_CONTROLS = "attention", "nothing"
TOO_FEW = f"fewer than {LEAST_WORDS} words with a value"
NO_SCORE = "a word without a score"
CONSTANT_SIGNAL, CONSTANT_SCORES = "constant signal", "constant scores"
TOO_FEW_GIVEN = "too few words for the controls"
DETERMINED = "signal or scores determined by the controls"
REASONS = (TOO_FEW, NO_SCORE, CONSTANT_SIGNAL, CONSTANT_SCORES, TOO_FEW_GIVEN, DETERMINED)

COLUMNS = {
    **DOCUMENT_COLUMNS,
    "scorer": Column("attention, or the attribution whose absolute value ranks the words"),
    "signal": Column(f"the signal from outside the model; ({PROXY}) where a word has one value in every sentence"),
    "given": Column("controls that the partial correlation is given"),
    "coverage": Column("share of the words that the signal has a value for", "", 0, 1),
    "compared": Column("words that are ranked: those with a value of signal and controls", "words", 0),
    "tau": Column("Kendall's tau-b between scorer and signal; NaN where undefined", "", -1, 1),
    "spearman": Column("Spearman's rho between scorer and signal; NaN where undefined", "", -1, 1),
    "partial": Column("partial Spearman correlation given the controls; NaN where undefined", "", -1, 1),
    "change": Column("partial less plain Spearman correlation, where both are defined", "", -2, 2),
    "undefined": Column(f"why tau and spearman are NaN: one of {'; '.join(REASONS[:4])}; empty where they are not"),
    "partial_undefined": Column(f"why partial is NaN: one of {'; '.join(REASONS)}; empty where it is not"),
}


def external(reading: Reading, *, signals: Sequence[Signal] | None = None, methods: Methods = METHODS) -> Result:
    """Does attention rank the words as data from outside the model do?

    Rank correlation of attention, and of the absolute value of each attribution of the predicted class, with each
    signal, plain and given the controls, over the words that have a value of the signal and of its controls. Fewer than
    3 such words, a constant side or a word without a score leave a row undefined, and so do, for the partial
    correlation, fewer than 3 words and one for each control, or controls that determine the ranks of a side. The row
    says why.

    Args:
        reading: A model's attention over documents, from `read`.
        signals: What to compare with. Those marked `control` are what the partial correlations of all the others are
            given; a control's own is given the other controls. None: the relative position of a word, and where the
            training documents are known the logarithm of its frequency in them.
        methods: Names of attributions, or a mapping of names of your own to functions.

    Returns:
        A result with one row per document, scorer and signal: coverage, compared (words), tau, spearman, partial,
        change, and why a value is undefined.

    Raises:
        ValueError: no signals, or two with one title; a document whose units of attention are not its words; a method
            called "attention".
    """
    if signals is None:
        signals = [*([log_frequency(reading.training)] if reading.training else []), relative_position()]
    titles = [signal.title for signal in signals]
    if not titles or len(set(titles)) < len(titles):
        raise ValueError(f"external: signals are {titles}; give at least one, each with a name of its own")
    frames, covered, words = [], np.zeros(len(signals)), 0
    names: list[str] = []
    for part, found in reading.attributions(methods, "external signals"):
        names = list(found)
        if ATTENTION in found:
            raise ValueError(f"external: a method is called {ATTENTION!r}, as the weights themselves are; rename it")
        scores = {ATTENTION: part.weights, **{name: each.values.abs() for name, each in found.items()}}
        raw = [_rows(signal, reading, part) for signal in signals]
        covered += [float((rows.isfinite() & part.is_word).sum()) for rows in raw]
        words += int(part.is_word.sum())
        values = [rows.nan_to_num(signal.absent) for rows, signal in zip(raw, signals)]
        about = part.about()
        for k, title in enumerate(titles):
            given = [j for j, other in enumerate(signals) if other.control and j != k]
            coverage = (raw[k].isfinite() & part.is_word).double().sum(-1) / part.is_word.sum(-1)
            controls = ", ".join(titles[j] for j in given) or NO_CONTROLS
            of_signal = about.assign(signal=title, given=controls, coverage=coverage.numpy())
            for name, score in scores.items():
                compared = _compare(score, values[k], [values[j] for j in given], part.is_word)
                frames.append(of_signal.assign(scorer=name, **compared)[list(COLUMNS)])
    described = [
        {
            "title": signal.title,
            "about": signal.about,
            "context_free": signal.context_free,
            "control": signal.control,
            "coverage": covered[k] / words,
        }
        for k, signal in enumerate(signals)
    ]
    settings = {**reading.settings, "methods": names, "signals": described, "status": "measured"}
    return Result("external", reading.in_order(frames), settings, COLUMNS)


def _rows(signal: Signal, reading: Reading, part: ReadBatch) -> torch.Tensor:
    """(B, W) values of the signal, NaN where a word has none and past the last word."""
    rows = torch.full(part.is_word.shape, math.nan, dtype=torch.float64)
    for row, index in enumerate(part.rows):
        document, units = reading.documents[index], int(part.is_word[row].sum())
        if units != len(document):
            raise ValueError(
                f"document {document.id!r}: the model attends to {units} units, the document has {len(document)} "
                "words; take a view over words"
            )
        rows[row, :units] = torch.tensor(signal.of(document), dtype=torch.float64)
    return rows


def _compare(
    scores: torch.Tensor, signal: torch.Tensor, controls: Sequence[torch.Tensor], is_word: torch.Tensor
) -> dict[str, np.ndarray]:
    """The columns from `compared` on, for (B, W) scores and values."""
    with_value = is_word & signal.isfinite()
    for control in controls:
        with_value = with_value & control.isfinite()
    compared = with_value.sum(-1).numpy()
    few = compared < LEAST_WORDS
    tau, rho = kendall_tau(scores, signal, with_value)[0].numpy(), spearman(scores, signal, with_value).numpy()
    rho = np.where(few, np.nan, rho)
    partial = partial_spearman(scores, signal, controls, with_value).numpy()
    plain_reasons = {
        TOO_FEW: few,
        NO_SCORE: (scores.isnan() & with_value).any(-1).numpy(),
        CONSTANT_SIGNAL: _constant(signal, with_value),
        CONSTANT_SCORES: _constant(scores, with_value),
    }
    partial_reasons = {TOO_FEW_GIVEN: compared < LEAST_WORDS + len(controls), DETERMINED: np.isnan(partial)}
    return {
        "compared": compared,
        "tau": np.where(few, np.nan, tau),
        "spearman": rho,
        "partial": partial,
        "change": partial - rho,
        "undefined": _first_reason(plain_reasons),
        "partial_undefined": _first_reason(plain_reasons | partial_reasons),
    }


def _first_reason(reasons: Mapping[str, np.ndarray]) -> np.ndarray:
    """(B,) the first reason that is true of a row, "" where none is."""
    names = np.array([*reasons, ""], dtype=object)
    true = np.stack([*reasons.values(), np.ones_like(next(iter(reasons.values())))])  # (reasons + 1, B)
    return names[true.argmax(0)]


def _constant(rows: torch.Tensor, among: torch.Tensor) -> np.ndarray:
    """(B,) whether a row has one value only among these words."""
    lowest = rows.masked_fill(~among, math.inf).amin(-1)
    highest = rows.masked_fill(~among, -math.inf).amax(-1)
    return (lowest == highest).numpy()


BY = ["scorer", "signal", "given", "grouping", "group"]
MEASURES = ("tau", "spearman", "partial", "change")


def summarise(result: Result) -> pd.DataFrame:
    """Mean and interval over documents of each correlation by scorer and signal, over all documents and by predicted
    class; the mean coverage of each signal (scorer empty); and the share of documents that each reason leaves out."""
    seed = int(result.settings["seed"])
    tables = [summarise_columns(frame, BY, MEASURES, ("mean",), seed) for frame in grouped(result.frame)]
    (everything,) = grouped(result.frame, ("all",))
    of_signals = everything.drop_duplicates(["document", "signal"]).assign(scorer="")
    tables.append(summarise_columns(of_signals, BY, ["coverage"], ("mean",), seed))
    for column, measure in (("undefined", "plain"), ("partial_undefined", "partial")):
        for reason in (name for name in REASONS if (everything[column] == name).any()):
            name = f"{measure} undefined: {reason}"
            left_out = everything.assign(**{name: everything[column] == reason})
            tables.append(summarise_columns(left_out, BY, [name], ("share",), seed))
    return pd.concat(tables, ignore_index=True)


EXPERIMENT = Experiment(
    external,
    "reading",
    Card(
        "Does attention rank words as outside data do?",
        "Attention follows signals from outside the model.",
        "Ratings of single words stand for what people would say of them in context.",
        "How plausible the ranking is.",
        "That it is faithful to the model.",
    ),
    summarise,
    statements=(Statement("mean Spearman, {signal}", "spearman", in_overview=False, where={"scorer": ATTENTION}),),
    why_not=lambda reading: (
        "" if reading.model.words_are_positions else "this view weighs sentences, signals are of words"
    ),
    by_name="it needs data from outside, as ai.external(reading, signals=[...])",
    of_answers=True,
)
