"""A result says what it holds, and comes back from disk as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity


@pytest.fixture(scope="module")
def result(reading) -> Result:
    return permutation(reading, draws=5)


def test_saved_and_loaded_it_is_the_same(result, tmp_path) -> None:
    path = result.save(tmp_path)
    for place in (path, tmp_path):
        loaded = Result.load(place)
        pd.testing.assert_frame_equal(loaded.frame, result.frame, check_exact=True)
        assert loaded.settings == result.settings
        assert loaded.columns == result.columns
        pd.testing.assert_frame_equal(loaded.summary(), result.summary(), check_exact=True)
    assert {file.name for file in tmp_path.iterdir()} == {"permutation.parquet", "permutation.summary.csv"}


def test_undefined_values_are_kept_and_counted(result, tmp_path) -> None:
    frame = result.frame.copy()
    frame.loc[:2, "margin_sd"] = np.nan
    holed = Result("permutation", frame, result.settings, result.columns)
    holed.save(tmp_path)
    assert Result.load(tmp_path).frame["margin_sd"].isna().sum() == 3
    row = holed.summary().query("grouping == 'all' and quantity == 'margin_sd' and statistic == 'mean'").iloc[0]
    assert (row["n"], row["undefined"]) == (len(frame) - 3, 3)


def test_a_column_without_description_is_refused() -> None:
    with pytest.raises(ValueError, match="described are"):
        Result("permutation", pd.DataFrame({"a": [1]}), {}, {"b": Column("b")})


def test_a_value_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row 1: share is 1\.5, outside \[0, 1\]"):
        Result("permutation", pd.DataFrame({"share": [0.5, 1.5]}), {}, {"share": Column("a share", "", 0, 1)})


def test_damage_is_told_with_its_remedy(result, tmp_path) -> None:
    path = result.save(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        Result.load(path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="not a saved result"):
        Result.load(tmp_path / "other.parquet")
    with pytest.raises(FileNotFoundError, match=r"found other\.parquet, permutation\.parquet; name the file"):
        Result.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="run the experiment"):
        Result.load(tmp_path / "absent.parquet")


def test_another_format_is_refused(result, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.result.FORMAT_VERSION", 99)
    path = result.save(tmp_path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="saved in format 99"):
        Result.load(path)


def test_the_notebook_view_escapes(model, planted) -> None:
    html = necessity({"attention": {0: model}, "<b>&": {0: model}}, planted.test[:9])._repr_html_()
    assert "accuracy, &lt;b&gt;&amp;" in html
    assert "<td><b>" not in html
