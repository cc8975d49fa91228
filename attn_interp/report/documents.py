"""All documents of a run in one table: what each experiment found in each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.statement import Statement
from attn_interp.experiments.result import Result

ABOUT = ("label", "predicted", "words", "max_attention", "margin")


def documents(results: Sequence[Result]) -> pd.DataFrame:
    """One row per document: what is known of it, and the value of each quantity that a board has of the results.

    Args:
        results: Of one model, each of another experiment.

    Returns:
        document, those of `ABOUT` that the results have, then "<experiment>: <quantity>"; NaN where an experiment did
        not look at the document. Empty where no result is of documents.
    """
    columns: dict[str, pd.Series] = {}
    order: dict[str, None] = {}
    for result in results:
        experiment = experiment_of(result.experiment)
        if experiment.shown_apart or "document" not in result.frame:
            continue
        rows = experiment.pooling.rows(result) if experiment.pooling else result.frame
        once = rows.drop_duplicates("document").set_index("document")
        order |= dict.fromkeys(once.index)
        for name in ABOUT:
            if name in once:
                columns[name] = columns[name].combine_first(once[name]) if name in columns else once[name]
        for statement in [each.of[0] if each.of else each.statement for each in experiment.rules]:
            own = _rows(statement, rows)
            if len(own) and own["document"].is_unique:
                where = [value for name, value in statement.where.items() if name != "status"][-1:]
                name = ", ".join([f"{result.experiment}: {statement.quantity}", *where])
                columns[name] = own.set_index("document")[statement.quantity]
    frame = pd.DataFrame(columns).reindex(list(order)).rename_axis("document").reset_index()
    front = [name for name in ("document", *ABOUT) if name in frame]
    whole = {name: "Int64" for name in frame.select_dtypes("number") if frame[name].dropna().mod(1).eq(0).all()}
    return frame.astype(whole)[[*front, *(name for name in frame if name not in front)]]


def _rows(statement: Statement, rows: pd.DataFrame) -> pd.DataFrame:
    if statement.quantity not in rows:
        return rows.iloc[:0]
    for column, value in statement.where.items():
        if column in rows:
            rows = rows[rows[column] == value]
    return rows
