"""Verdicts: what the rules of a card decide, from the intervals of its statements alone."""

from __future__ import annotations

import pandas as pd

from attn_interp.report.cards import Card, Rule


def verdicts(card: Card, statements: pd.DataFrame) -> list[str]:
    """What the rules of the card decide of one model, from its `statements`; one text for each interval in question."""
    found = []
    for rule in card.rules:
        for row in _asked(rule, statements).to_dict("records"):
            low, high = _threshold(rule, statements)
            if rule.above and row["low"] > high:
                found.append(rule.above)
            elif rule.below and row["high"] < low:
                found.append(rule.below)
            elif rule.between:
                found.append(rule.between)
    return found


def _asked(rule: Rule, statements: pd.DataFrame) -> pd.DataFrame:
    chosen = statements["question"].str.startswith(rule.question)
    if isinstance(rule.against, str):
        chosen &= statements["statistic"] == rule.statistic
    else:
        chosen &= statements["statistic"].str.startswith(rule.statistic)
    return statements[chosen & (statements["status"].isin(rule.kinds) if rule.kinds else True)]


def _threshold(rule: Rule, statements: pd.DataFrame) -> tuple[float, float]:
    """The threshold twice, or the interval of the statement to hold against; NaN, so never decided, without one."""
    if not isinstance(rule.against, str):
        return rule.against, rule.against
    held = statements["question"].str.startswith(rule.against) | (statements["statistic"] == rule.against)
    if not held.any():
        return float("nan"), float("nan")
    row = statements[held].iloc[0]
    return float(row["low"]), float(row["high"])
