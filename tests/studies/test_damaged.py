"""A damaged file of a study is an error that names it, or is made anew; it is never passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attn_interp.report.run_directory import failures, read_settings, settle, write_failure
from attn_interp.studies.cell import Cell
from attn_interp.studies.grid import read_grid
from attn_interp.studies.status import plan, read_plan, states, write_plan


@pytest.fixture
def planned(cell: Cell, tmp_path: Path) -> Path:
    write_plan(plan([cell], ["quality"]), tmp_path)
    return tmp_path


def test_a_plan_comes_back(cell: Cell, planned: Path) -> None:
    assert read_plan(planned) == plan([cell], ["quality"])
    assert states(read_plan(planned), planned)["state"].tolist() == ["waiting", "waiting"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        *(("cell", name, "at 0.cell: got") for name in ("../x", "/x", "x\0", "x" * 300, "", "..", 3)),
        ("model", "../x", "at 0.model: got '../x', expected the name of a file or folder"),
        ("seed", True, "at 0.seed: got True, expected a whole number"),
        ("experiments", "quality", "at 0.experiments: got 'quality', expected a list"),
        ("colour", "blue", "at 0: 'colour' is unknown"),
    ],
)
def test_a_wrong_plan_is_told(planned: Path, key: str, value: object, message: str) -> None:
    (row,) = json.loads((planned / "study.json").read_text())
    (planned / "study.json").write_text(json.dumps([{**row, key: value}]))
    with pytest.raises(ValueError) as refused:
        read_plan(planned)
    assert message in str(refused.value) and "study.json: " in str(refused.value)


@pytest.mark.parametrize("content", ["", "{", "[]\x00", '{"a": 1}', "[3]", '[{"a": 1, "a": 2}]', "[" * 9_999])
def test_a_plan_that_is_none_is_told(planned: Path, content: str) -> None:
    (planned / "study.json").write_text(content)
    with pytest.raises(ValueError, match=r"study\.json: .*; delete the file and start the study again"):
        read_plan(planned)


@pytest.mark.parametrize("content", ["", "[]", '{"step": "a"}', '{"step": 1, "error": "x", "traceback": ""}'])
def test_a_damaged_failure_is_told(tmp_path: Path, content: str) -> None:
    write_failure(tmp_path, "quality", "ValueError: x")
    assert failures(tmp_path) == {"quality": "ValueError: x"}
    (tmp_path / "quality.failed.json").write_text(content)
    with pytest.raises(ValueError, match=r"quality\.failed\.json: .*; delete the file and run again"):
        failures(tmp_path)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "seed": (lambda content: content.update(seed=2.0), "at seed: got 2.0, expected a whole number"),
    "labels": (lambda content: content.update(labels=["a"]), r"at labels: got \['a'\], expected an object"),
    "steps": (lambda content: content["steps"].update(quality=3), "at steps.quality: got 3, expected an object"),
    "draws": (lambda content: content["cell"].pop("draws"), "at cell: 'draws' is missing"),
    "search": (lambda content: content["cell"].update(search="no"), "at cell.search: got 'no', expected true or false"),
    "documents": (lambda content: content["corpus"].update(documents=3), "at corpus.documents: got 3"),
    "format": (lambda content: content.update(format=True), "at format: got True, expected a whole number"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_wrong_settings_are_told(cell: Cell, tmp_path: Path, change: str) -> None:
    settle(tmp_path, {**cell.about(), "labels": cell.labels, "seed": 0, "model": "m", "steps": {"quality": {}}})
    content = json.loads((tmp_path / "settings.json").read_text())
    assert read_settings(tmp_path) == content
    CHANGES[change][0](content)
    (tmp_path / "settings.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"settings\.json: {CHANGES[change][1]}.*; damaged or of an older version"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = [2.0]", "at seeds.0: got 2.0, expected a whole number"),
        ("seeds = [-1]", "seed: got -1, expected at least 0"),
        (f"seeds = [{10**30}]", "seed: got 1000.*, expected at most"),
        ("search = 'no'", "at search: got 'no', expected true or false"),
        ("search = 1", "at search: got 1, expected true or false"),
        ("documents = true", "at documents: got True, expected a whole number"),
        ("draws = 3.0", "at draws: got 3.0, expected a whole number"),
        ("eps = true", "at eps: got True, expected a number"),
        ("eps = nan", "eps: got nan"),
        ("embeddings = 3", "at embeddings: got 3, expected a text"),
        ("corpora = [3]", "at corpora.0: got 3, expected a text or an object"),
        ("settings = { hidden = true }", "settings: at hidden: got True, expected a whole number"),
        ("settings = { hidden = 2.0 }", "settings: at hidden: got 2.0, expected a whole number"),
        ("settings = { bidirectional = 'no' }", "settings: at bidirectional: got 'no', expected true or false"),
        ("settings = { hidden = 1000000000 }", "settings: hidden: got 1000000000, expected at most 100,000"),
        ("settings = { layers = 1000000 }\nencoders = ['transformer']", "layers: got 1000000, expected at most 1,000"),
        ("settings = { kernels = 3 }", "settings: at kernels: got 3, expected a list"),
        ("training = { epochs = 2.0 }", "training: at epochs: got 2.0, expected a whole number"),
        ("training = { learning_rate = 'low' }", "training: at learning_rate: got 'low', expected a number"),
        ("training = [3]", "at training: got .3., expected an object"),
        ("seeds = [0]\nseeds = [1]", "is not TOML"),
        (f"seeds = [{'9' * 5000}]", "is not TOML"),
        (f"seeds = {'[' * 5000}", "is not TOML"),
        ("\0", "is not TOML"),
    ],
)
def test_a_grid_is_held_to_its_schema(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "grid.toml").write_text(text, "utf-8")
    with pytest.raises((ValueError, TypeError), match=rf"grid\.toml: .*{message}"):
        read_grid(tmp_path / "grid.toml")


def test_a_corpus_with_a_long_or_strange_name_has_a_folder(cell: Cell) -> None:
    for name in ("x" * 400, "é" * 300, "../..", "a/b\0c"):
        corpus = replace(cell.load_corpus(), name=name)
        object.__setattr__(named := replace(cell), "load_corpus", lambda corpus=corpus: corpus)
        folder = named.folder_name()
        assert len(folder.encode()) < 255 and not set(folder) & set("/\0") and folder not in (".", "..")
