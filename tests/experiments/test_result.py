"""A result says what it holds, and comes back from disk as it was."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import _SUMMARIES, Result
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
        _SUMMARIES.clear()  # found anew from the file
        pd.testing.assert_frame_equal(loaded.summary(), result.summary(), check_exact=True)
    assert {file.name for file in tmp_path.iterdir()} == {"permutation.parquet", "permutation.summary.csv"}


def test_what_one_process_writes_and_reads_it_summarises_once(result, tmp_path, monkeypatch) -> None:
    path = replace(result, settings={**result.settings, "seed": 1}).save(tmp_path)
    other = replace(result, settings={**result.settings, "seed": 2})
    monkeypatch.setattr("attn_interp.experiments.result.experiment_of", lambda name: Counted)
    once = Result.load(path).summary()
    once.loc[0, "estimate"] = 9.0  # in a copy of its own
    assert Result.load(path).summary().loc[0, "estimate"] != 9.0
    with pytest.raises(AssertionError, match="again"):
        other.summary()
    _SUMMARIES.clear()
    with pytest.raises(AssertionError, match="again"):
        Result.load(path).summary()


class Counted:
    @staticmethod
    def summarise(result: Result) -> pd.DataFrame:
        raise AssertionError("again")


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


def test_no_flipped_bit_gives_other_numbers(result, tmp_path) -> None:
    path = result.save(tmp_path)
    whole, draw, counts = path.read_bytes(), random.Random(0), Counter[str]()
    for place in draw.sample(range(8 * len(whole)), 300):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            loaded = Result.load(path)
        except ValueError as error:
            counts["refused"] += 1
            assert str(path) in str(error)
        else:
            counts["equal"] += 1  # the bit says nothing that is read, such as the statistics of a page
            pd.testing.assert_frame_equal(loaded.frame, result.frame, check_exact=True)
            assert (loaded.settings, loaded.columns) == (result.settings, result.columns)
    assert counts["refused"] > 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment": "../x"}, "experiment '../x' is unknown"),
        ({"experiment": 3}, "at experiment: got 3, expected a text"),
        ({"format": True}, "saved in format True"),
        ({"settings": []}, r"at settings: got \[\], expected an object"),
        ({"columns": {}}, "described are"),
        ({"columns": {"document": {"meaning": 3}}}, "at columns.document.meaning: got 3, expected a text"),
        ({"more": 1}, "'more' is unknown"),
    ],
)
def test_what_a_file_says_of_its_frame_is_held_to_a_schema(result, tmp_path, change, message) -> None:
    table = pq.read_table(result.save(tmp_path))
    for facts, refused in (
        (table.schema.metadata, False),
        ({b"attn_interp": b"{"}, True),
        ({b"attn_interp": b""}, True),
    ):
        old = {key: value for key, value in {**table.schema.metadata, **facts}.items() if b"sha256" not in key}
        if not refused:
            old[b"attn_interp"] = json.dumps({**json.loads(old[b"attn_interp"]), **change}).encode()
        pq.write_table(table.replace_schema_metadata(old), tmp_path / "permutation.parquet")
        with pytest.raises(ValueError, match=r"permutation\.parquet: .*" + ("not JSON" if refused else message)):
            Result.load(tmp_path)


def test_a_file_without_a_checksum_is_read(result, tmp_path) -> None:
    """As those were that were saved before there was one."""
    table = pq.read_table(result.save(tmp_path))
    old = {key: value for key, value in table.schema.metadata.items() if b"sha256" not in key}
    pq.write_table(table.replace_schema_metadata(old), tmp_path / "permutation.parquet")
    pd.testing.assert_frame_equal(Result.load(tmp_path).frame, result.frame, check_exact=True)


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
