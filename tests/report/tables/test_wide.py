"""A summary put side by side: the numbers stay where they belong, and what is written can be read back."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from attn_interp.report.tables.wide import in_order, stacked, wide
from attn_interp.report.tables.written import write_tables


def summary() -> pd.DataFrame:
    """Two orders and two quantities, of which the second order has one alone."""
    rows = [("random", "fraction", 0.9, 7, 1), ("attention", "fraction", 0.5, 8, 0), ("random", "never", 0.2, 6, 2)]
    table = pd.DataFrame(rows, columns=["order", "quantity", "estimate", "n", "undefined"])
    return table.assign(low=table["estimate"] - 0.1, high=table["estimate"] + 0.1)


COLUMNS = {"erased": {"quantity": "fraction"}, "never": {"quantity": "never"}}


def test_each_estimate_stands_under_its_heading() -> None:
    table = wide(summary(), ["order"], COLUMNS)
    assert table["order"].tolist() == ["random", "attention"]
    assert table["erased"].tolist() == [0.9, 0.5]
    assert table["never high"].tolist()[0] == pytest.approx(0.3)
    assert math.isnan(table["never"][1])
    assert table["never n"].tolist() == [6, 0]
    assert table["never undefined"].tolist() == [2, 0]


def test_one_count_for_all_where_it_is_named() -> None:
    table = wide(summary(), ["order"], COLUMNS, "erased")
    assert list(table) == [
        *("order", "erased", "erased low", "erased high", "never", "never low", "never high"),
        *("n", "undefined"),
    ]
    assert table[["n", "undefined"]].to_numpy().tolist() == [[7, 1], [8, 0]]


def test_two_estimates_in_one_cell_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'erased' of \{'order': 'random'\} is in several rows of the summary"):
        wide(summary(), ["order"], {"erased": {}})


def test_rows_are_put_in_order_and_models_under_one_another() -> None:
    table = in_order(wide(summary(), ["order"], COLUMNS), "order", ["optimum", "attention", "random"])
    assert table["order"].tolist() == ["attention", "random"]
    both = stacked([({"seed": 0}, table), ({"seed": 1}, table.iloc[1:])])
    assert both[["seed", "order"]].to_numpy().tolist() == [[0, "attention"], [0, "random"], [1, "random"]]


def test_what_is_written_has_every_number_and_what_is_printed_a_caption(tmp_path, capsys) -> None:
    table = wide(summary(), ["order"], COLUMNS, "erased")
    write_tables({"sets": table, "raw": table}, tmp_path, {"sets": "Fraction erased."})
    assert pd.read_csv(tmp_path / "sets.csv").equals(pd.read_csv(tmp_path / "raw.csv"))
    assert pd.read_csv(tmp_path / "raw.csv")["never high"][0] == pytest.approx(0.3)
    assert "Fraction erased." in (tmp_path / "sets.tex").read_text("utf-8")
    assert not (tmp_path / "raw.tex").exists()
    printed = capsys.readouterr().out
    assert "Fraction erased." in printed and "0.90 [0.80, 1.00]" in printed and "raw.csv" in printed
