"""The tables of erasure hold the summaries' own numbers, and what is read is what is measured."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.report.tables.serrano_smith import sets_table, single_table
from attn_interp.report.tables.wide import readable

LABELS = {"corpus": "planted", "encoder": "lstm", "attention": "additive"}


def test_the_four_outcomes_add_up(planted, reading) -> None:
    table = single_table([(LABELS, single_erasure(reading))])
    assert table["share"].sum() == pytest.approx(1)
    assert set(table["n"]) == {len(planted.test)}
    shown = readable(table)
    first = table.iloc[0]
    assert shown["share"][0] == f"{first['share']:.2f} [{first['share low']:.2f}, {first['share high']:.2f}]"
    assert not {"share low", "share high"} & set(shown.columns)


def test_the_orders_are_the_experiments(planted, reading) -> None:
    result = erasure(reading)
    table = sets_table([(LABELS, result)]).set_index("order")
    summary = result.summary().query("grouping == 'all'").set_index(["ordering", "quantity"])
    assert table.index[0] == "optimum"
    for order in table.index:
        assert table.loc[order, "fraction erased"] == summary.loc[(order, "fraction"), "estimate"]
        assert table.loc[order, "never changed high"] == summary.loc[(order, "never"), "high"]
    assert "fraction erased low" not in readable(table.reset_index()).columns
    assert set(table["unit"]) == {"word"}
    assert set(table["n"]) == {len(planted.test)}
    assert set(table["undefined"]) == {0}


def test_what_is_undefined_is_a_dash_and_zero_has_no_sign() -> None:
    table = pd.DataFrame({"x": [-0.001, math.nan], "x low": [-0.004, math.nan], "x high": [0.25, math.nan]})
    assert readable(table)["x"].tolist() == ["0.00 [0.00, 0.25]", "--"]
