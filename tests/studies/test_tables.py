"""What several seeds say together: the scores of each are averaged, with an interval over seeds and documents."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.result import Result
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.tables import study_tables

LABEL = np.array(["bad", "good", "good"] * 20)


def quality(seed: int) -> Result:
    rng = np.random.default_rng(seed)
    good = np.clip(rng.normal(0.35 + 0.3 * (LABEL == "good"), 0.2), 0, 1)
    columns = {
        "document": [f"d{index:02d}" for index in range(len(LABEL))],
        "predictor": "model",
        "label": LABEL,
        "predicted": np.where(good > 0.5, "good", "bad"),
        "correct": (good > 0.5) == (LABEL == "good"),
        "probability bad": 1 - good,
        "probability good": good,
    }
    settings = {"classes": ["bad", "good"], "seed": seed}
    return Result("quality", pd.DataFrame(columns), settings, {name: Column("") for name in columns})


def test_the_scores_of_the_seeds_are_averaged_with_an_interval_over_both() -> None:
    results = {seed: quality(seed) for seed in (0, 1, 2)}
    table = over_seeds(results).summary().set_index("quantity")
    frames = [result.frame for result in results.values()]
    expected = {
        "accuracy": np.mean([frame["correct"].mean() for frame in frames]),
        "macro F1": np.mean([f1_score(frame["label"], frame["predicted"], average="macro") for frame in frames]),
        "AUROC": np.mean([roc_auc_score(LABEL == "good", frame["probability good"]) for frame in frames]),
    }
    assert dict(table["estimate"]) == pytest.approx(expected)
    assert (table["low"] < table["estimate"]).all() and (table["estimate"] < table["high"]).all()
    assert (table[["seeds", "n"]] == [3, len(LABEL)]).all(axis=None)


def test_every_table_is_set_by_latex(first_run, typeset, tmp_path) -> None:
    for name, result in first_run.results.items():
        result.to_latex(tmp_path / f"result_{name}.tex")
    tables = study_tables([first_run])
    write_tables(tables, tmp_path, dict.fromkeys(tables, "A table."), shown=())
    typeset(tmp_path.glob("*.tex"))
