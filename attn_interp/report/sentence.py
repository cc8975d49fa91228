"""One sentence from the answers about a model: is its attention an explanation of its single decisions?

The rules, all of them. What decides is the whole 95 % interval against the threshold of the experiment's own `Rule`.

1. Every clause has the number that decides it, with its interval. Where the interval decides nothing the clause says
   "not decided"; an experiment that was not run has no clause.
2. Where the model is not shown to be better than the majority class (quality), the sentence begins with that: there is
   little to explain. What follows is said all the same.
3. Attention IS NOT an explanation of single decisions where quite another attention gives the same output (adversary),
   or it hardly matters which word gets which weight (permutation), or no attention changes most decisions (reach).
4. NOTHING SPEAKS AGAINST it where all three were asked and all of them decide the other way (reach, which needs an
   affine readout, may be left out). This is no proof: an explanation may fail in ways that were not asked.
5. Otherwise it IS NOT DECIDED; where none of the three was asked, that is said.
6. agreement, erasure, single_erasure, sink and seeds add their clauses and change nothing of 3 to 5: a ranking may be
   right in the mean and wrong of one document. A tau is held against 0, which is chance, and against the ceiling: what
   gradients and leave-one-out have with each other.
7. plausibility is told as plausible, never as faithful: its AUROC is held against .5, which is chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.rule import Rule
from attn_interp.experiments.result import Result
from attn_interp.report.html import with_interval

ABOVE, BELOW = "above", "below"
AGAINST = {"adversary": ABOVE, "permutation": BELOW, "reach": ABOVE}
"""What of each of the three speaks against attention: the side of the threshold."""
CLAUSES = {
    "adversary": ("quite another attention gives the same output", "no attention that is quite another gives it"),
    "permutation": (
        "it matters which word gets which weight",
        "it hardly matters which word gets which weight",
    ),
    "reach": ("no attention changes most decisions", "attention has a say in more than a quarter of the decisions"),
    "agreement": ("", ""),
    "erasure": (
        "erasing the words by attention changes decisions sooner than at random",
        "erasing the words by attention changes decisions hardly sooner than at random",
    ),
    "single_erasure": (
        "the most attended word moves the output more than another",
        "the most attended word moves the output hardly more than another",
    ),
    "sink": ("most of the attention lies outside the words", "most of the attention lies on the words"),
    "seeds": ("attention changes with the seed of training", "attention hardly changes with the seed of training"),
    "plausibility": ("", ""),
}
"""Experiment -> what is said above and below its threshold; where neither, whether the first holds is not decided."""


def sentence(results: Mapping[str, Result], subject: str = "this model") -> str:
    """Whether attention explains the single decisions of a model, by the rules of this module.

    Args:
        results: Name of the experiment -> its result, as `Answers` has them.
        subject: What is spoken of.

    Returns:
        One sentence, or two; "" where nothing was asked that has a clause.
    """
    clauses = [text for name in CLAUSES if name in results for text in _clauses(name, results[name])]
    begin = _nothing_to_explain(results["quality"]) if "quality" in results else ""
    if not clauses:
        return begin
    return f"{begin}{' ' if begin else ''}For {subject} {_head(results)}: {'; '.join(clauses)}."


def halves(text: str) -> tuple[str, str]:
    """What the sentence says, and the clauses why."""
    middle = text.find(": ", text.find("For ")) + 1
    return text[:middle], text[middle:]


def _head(results: Mapping[str, Result]) -> str:
    sides = {name: _side(results[name])[0] for name in AGAINST if name in results}
    if any(side == AGAINST[name] for name, side in sides.items()):
        return "attention is not an explanation of single decisions"
    if {"adversary", "permutation"} <= set(sides) and all(sides.values()):
        return "nothing that was asked speaks against attention as an explanation of single decisions"
    return f"it {'is not decided' if sides else 'was not asked'} whether attention explains single decisions"


def _nothing_to_explain(quality: Result) -> str:
    """What is said of a model that is not shown to be better than the majority class; "" of another."""
    rule = experiment_of("quality").rules[0]
    for row in rule.statement.rows(quality.summary()).to_dict("records"):
        if rule.decides(row) != rule.above:
            number = _number(row, rule, {})
            return (
                f"There is little to explain: the model is not shown to be better than the majority class ({number})."
            )
    return ""


def _clauses(name: str, result: Result) -> Iterator[str]:
    if name == "agreement":
        yield from _agreement(result)
    elif name == "plausibility":
        yield from _plausibility(result)
    else:
        side, number = _side(result)
        above, below = CLAUSES[name]
        if number:
            said = {ABOVE: above, BELOW: below}.get(side, f"whether {above} is not decided")
            yield f"{said} ({number})"


def _side(result: Result) -> tuple[str, str]:
    """The side of the threshold, "" where it is not decided, and the number; both "" where there is no number."""
    summary, numbers = result.summary(), []
    for rule in experiment_of(result.experiment).rules:
        for row in rule.statement.rows(summary).to_dict("records"):
            number = _number(row, rule, result.settings)
            if decided := rule.decides(row):
                return (ABOVE if decided == rule.above else BELOW), number
            numbers.append(number)
    return "", " and ".join(numbers)


def _number(row: Mapping[Any, Any], rule: Rule, settings: Mapping[str, Any]) -> str:
    statistic = rule.statement.statistic.format(**{**settings, **{str(name): value for name, value in row.items()}})
    return f"{statistic}: {_interval(row)}"


def _interval(row: Mapping[Any, Any]) -> str:
    return with_interval(row["estimate"], row["low"], row["high"])


def _against(row: Mapping[Any, Any], threshold: float, above: str, below: str, neither: str) -> str:
    return above if row["low"] > threshold else below if row["high"] < threshold else neither


def _agreement(result: Result) -> Iterator[str]:
    """One clause for both attributions where the same holds with them, otherwise one for each."""
    summary = result.summary()
    told: dict[tuple[str, str], list[str]] = {}
    for rule in experiment_of("agreement").rules:
        assert rule.of is not None  # each is a difference from the ceiling
        own, ceiling, minus = (each.rows(summary).to_dict("records") for each in (*rule.of, rule.statement))
        for tau, limit, difference in zip(own, ceiling, minus):
            ranks = "it ranks the words better than chance"
            chance = _against(
                tau, 0.0, ranks, "it ranks the words worse than chance", f"whether {ranks} is not decided"
            )
            two = f"gradients and leave-one-out agree with each other ({_interval(limit)})"
            held = _against(
                difference,
                0.0,
                f"better than {two}",
                f"less well than {two}",
                f"whether as well as {two} is not decided",
            )
            told.setdefault((chance, held), []).append(f"{_interval(tau)} with {tau['second'].partition(' (')[0]}")
    for (chance, held), numbers in told.items():
        yield f"{chance} (tau {', '.join(numbers)}) and {held}"


def _plausibility(result: Result) -> Iterator[str]:
    summary = result.summary()
    rows = summary.query("scorer == 'attention' and quantity == 'auroc' and statistic == 'mean' and grouping == 'all'")
    for row in rows.to_dict("records"):
        marks = "it marks the words that people marked better than chance"
        said = _against(
            row,
            0.5,
            f"{marks}, which is plausible and not yet faithful",
            "it marks the words that people marked worse than chance",
            f"whether {marks} is not decided",
        )
        yield f"{said} (AUROC {_interval(row)})"
