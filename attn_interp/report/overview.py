"""The answer of a study in one table: each question with its statistic, interval, n and status."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments.adversary import CERTIFIED, EXACT
from attn_interp.experiments.erasure import ATTENTION, OPTIMUM, PRODUCT, RANDOM
from attn_interp.experiments.result import Result

GRADIENT, LEAVE_ONE_OUT = "gradient x input (detached)", "leave-one-out"


def overview(results: Mapping[str, Result]) -> pd.DataFrame:
    """One row per statement: question, statistic, estimate, low, high (95 % interval), n and status.

    Status is what kind of number it is: measured (an average over documents of something computed without search or
    sampling), sampled, exact (a closed form or a proved optimum for every document), certified (an end of an interval
    that contains the optimum) or search (a lower bound).
    """
    rows: list[tuple[object, ...]] = []

    def add(question: str, shown: str, table: pd.DataFrame, kind: str, **where: str) -> None:
        for column, value in where.items():
            table = table[table[column] == value]
        rows.extend((question, shown, *row, kind) for row in table[["estimate", "low", "high", "n"]].to_numpy())

    quality = results["quality"].summary()
    question = "Does the model classify?"
    add(question, "accuracy", quality, "measured", predictor="model", quantity="accuracy")
    add(question, "accuracy, bag of words", quality, "measured", predictor="bag of words", quantity="accuracy")
    add(question, "accuracy, majority class", quality, "measured", predictor="majority", quantity="accuracy")
    add(question, "macro F1", quality, "measured", predictor="model", quantity="macro F1")
    add(question, "AUROC", quality, "measured", predictor="model", quantity="AUROC")
    agreement = results["agreement"].summary()
    everything = {"grouping": "all", "quantity": "tau", "statistic": "mean"}
    pairs = {
        ("attention", GRADIENT): "Does attention rank words as gradients do?",
        ("attention", LEAVE_ONE_OUT): "Does attention rank words as leave-one-out does?",
        (GRADIENT, LEAVE_ONE_OUT): "Do those two agree with each other (the ceiling)?",
    }
    for (first, second), question in pairs.items():
        add(question, "mean Kendall's tau", agreement, "measured", first=first, second=second, **everything)
    permutation = results["permutation"].summary()
    drawn = {"grouping": "all", "quantity": "median_tvd", "statistic": "mean"}
    add("Does it matter which word gets the weight?", "mean of median TVD, permuted", permutation, "sampled", **drawn)
    adversary = results["adversary"].summary()
    eps = results["adversary"].settings["eps"]
    for status in sorted(adversary["status"].unique()):
        chosen = {"grouping": "all", "quantity": "jsd", "statistic": "mean", "status": status}
        add("Can attention be another at the same output?", f"mean eps-max JSD, eps {eps}", adversary, status, **chosen)
        if status == CERTIFIED:
            chosen["quantity"] = "jsd_upper"
            add("Can attention be another at the same output?", "its proved upper bound", adversary, status, **chosen)
    if "same_shape" in results:
        question = "And with its weights only permuted?"
        shape = results["same_shape"].summary()
        everything = {"grouping": "all", "statistic": "mean"}
        add(question, "mean eps-max JSD, attained", shape, CERTIFIED, quantity="jsd", **everything)
        add(question, "mean eps-max JSD, upper bound", shape, CERTIFIED, quantity="jsd_upper", **everything)
    if "reach" in results:
        reach = results["reach"].summary()
        question = "What can attention do to a decision?"
        add(question, "decisions that no attention can change", reach, EXACT, grouping="all", quantity="unflippable")
        add(question, "share of the votes' spread it uses", reach, EXACT, grouping="all", quantity="spread_used")
    erasure = results["erasure"].summary()
    question = "How many words until the decision changes?"
    for ordering in (ATTENTION, PRODUCT, RANDOM, OPTIMUM):
        chosen = {"grouping": "all", "quantity": "fraction", "ordering": ordering}
        add(question, f"fraction erased, {ordering}", erasure, EXACT if ordering == OPTIMUM else "measured", **chosen)
    return pd.DataFrame(rows, columns=["question", "statistic", "estimate", "low", "high", "n", "status"])
