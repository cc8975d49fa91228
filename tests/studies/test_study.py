"""A study: nothing computed twice, failures are rows, kills at random moments change no byte."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from attn_interp.cli import app
from attn_interp.experiments.result import Result
from attn_interp.statistics.clusters import crossed_mean
from attn_interp.studies import run as run_module
from attn_interp.studies import work as work_module
from attn_interp.studies.alone import LOCK
from attn_interp.studies.grid import Grid
from attn_interp.studies.status import DONE, FAILED, WAITING, by_cell, read_plan, states
from attn_interp.studies.study import run_study

GRID = Grid(
    corpora=({"corpus": "planted", "documents": 120, "least_length": 3, "most_length": 9},),
    encoders=("average", "cnn"),
    seeds=(3, 0),
    experiments=("quality", "permutation"),
    settings={"embedding_width": 7, "hidden": 4, "kernels": [1, 3]},
    training={"epochs": 3},
    documents=9,
    draws=6,
)
TOML = """
corpora = [{ corpus = "planted", documents = 120, least_length = 3, most_length = 9 }]
encoders = ["average", "cnn"]
seeds = [3, 0]
experiments = ["quality", "permutation"]
settings = { embedding_width = 7, hidden = 4, kernels = [1, 3] }
training = { epochs = 3 }
documents = 9
draws = 6
"""


def digests(folder: Path) -> dict[str, str]:
    """Every file but the locks, which are empty, by what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    run_study(GRID, folder, progress=False)
    return folder


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in the place of every figure: drawing takes most of the time."""

    def draw(result: Result, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{result.experiment}.csv").touch()

    monkeypatch.setattr(run_module, "draw", draw)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Encoder and seed of every training that is begun."""
    begun: list[tuple[str, int]] = []
    train = work_module.train

    def counted(corpus, settings, training, seed, **options):
        begun.append((settings.encoder, seed))
        return train(corpus, settings, training, seed=seed, **options)

    monkeypatch.setattr(work_module, "train", counted)
    return begun


def test_every_cell_is_there_and_every_table(undisturbed) -> None:
    names = set(digests(undisturbed))
    assert len([name for name in names if name.endswith("permutation.parquet")]) == 4
    assert len([name for name in names if name.endswith("weights.safetensors")]) == 4
    assert {f"tables/{name}.csv" for name in ("cells", "quality", "permutation", "quality_by_seed")} <= names
    assert not [name for name in names if "/." in name or "training.state" in name]
    cells = pd.read_csv(undisturbed / "tables" / "cells.csv")
    assert list(cells["step"]) == ["model", "quality", "permutation"] * 4
    assert set(cells["state"]) == {DONE}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_kills_at_random_moments_change_no_byte(undisturbed, tmp_path) -> None:
    """Killed three times or more, each time a little later or sooner, then left alone."""
    draw, kills = random.Random(5), 0
    folder = tmp_path / "study"
    while True:
        child = os.fork()
        if child == 0:
            try:
                run_study(GRID, folder, progress=False)
                os._exit(0)
            finally:
                os._exit(1)
        if kills < 3:
            time.sleep(draw.uniform(0.1, 0.9))
            os.kill(child, draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
            kills += 1
        if os.waitpid(child, 0)[1] == 0:
            break
    assert kills == 3
    assert digests(folder) == digests(undisturbed)


@pytest.mark.usefixtures("undrawn")
def test_a_second_run_does_nothing(undisturbed, trainings, monkeypatch) -> None:
    before = digests(undisturbed)
    for name in GRID.experiments:
        monkeypatch.setitem(work_module.STEPS, name, lambda work: pytest.fail("computed again"))
    run_study(GRID, undisturbed, progress=False)
    assert trainings == []
    assert digests(undisturbed) == before


@pytest.mark.usefixtures("undrawn")
def test_cells_share_models_and_the_experiments_that_do_not_differ(tmp_path, trainings, monkeypatch) -> None:
    one = replace(GRID, encoders=("average",), seeds=(3,))
    run_study(one, tmp_path, progress=False)
    monkeypatch.setitem(work_module.STEPS, "quality", lambda work: pytest.fail("computed again"))
    run_study(replace(one, draws=7), tmp_path, progress=False)
    assert trainings == [("average", 3)]
    first, second = (Result.load(path) for path in sorted(tmp_path.glob("*/permutation.parquet")))
    assert {first.settings["draws"], second.settings["draws"]} == {6, 7}
    one, two = (path.read_bytes() for path in tmp_path.glob("*/quality.parquet"))
    assert one == two


@pytest.mark.usefixtures("undrawn")
def test_more_seeds_and_experiments_later_cost_only_what_is_new(tmp_path, trainings) -> None:
    small = replace(GRID, encoders=("average",), seeds=(3,), experiments=("quality",))
    run_study(small, tmp_path, progress=False)
    run_study(replace(small, experiments=("quality", "reach")), tmp_path, progress=False)
    assert trainings == [("average", 3)]
    run_study(replace(small, seeds=(3, 1)), tmp_path, progress=False)
    assert trainings == [("average", 3), ("average", 1)]


@pytest.mark.usefixtures("undrawn")
def test_what_fails_is_a_row_and_the_others_go_on(tmp_path, monkeypatch, trainings) -> None:
    permutation, train = work_module.STEPS["permutation"], work_module.train

    def failing(work) -> Result:
        if work.cell.seed == 3:
            raise ZeroDivisionError("no\nway")
        return permutation(work)

    def diverging(corpus, settings, *arguments, **options):
        if settings.encoder == "cnn":
            raise FloatingPointError("the loss is nan")
        return train(corpus, settings, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setitem(work_module.STEPS, "permutation", failing)
        patched.setattr(work_module, "train", diverging)
        cells = run_study(GRID, tmp_path, progress=False)["cells"].set_index(["encoder", "seed", "step"])
    assert cells.loc[("average", 3, "permutation"), "state"] == FAILED
    assert cells.loc[("average", 3, "permutation"), "error"] == "ZeroDivisionError: no way"
    assert cells.loc[("average", 3, "quality"), "state"] == DONE
    assert cells.loc[("average", 0, "permutation"), "state"] == DONE
    assert cells.loc[("cnn", 0, "model"), "error"] == "FloatingPointError: the loss is nan"
    assert cells.loc[("cnn", 0, "quality"), "state"] == WAITING
    (file,) = tmp_path.glob("*/permutation.failed.json")
    assert "ZeroDivisionError" in json.loads(file.read_text())["traceback"]
    again = run_study(GRID, tmp_path, progress=False)["cells"]
    assert set(again["state"]) == {DONE}
    assert list(tmp_path.glob("*/*.failed.json")) == []
    assert trainings.count(("average", 3)) == 1


def test_where_it_stands_is_read_from_the_folder(undisturbed, tmp_path) -> None:
    import shutil

    shutil.copytree(undisturbed, tmp_path / "grid")
    planned = read_plan(tmp_path / "grid")
    (tmp_path / "grid" / planned[1].cell / "permutation.parquet").unlink()
    shutil.rmtree(tmp_path / "grid" / planned[2].cell)
    shutil.rmtree(tmp_path / "grid" / "models" / planned[2].model / "model")
    rows = by_cell(states(planned, tmp_path / "grid"))
    assert list(rows[DONE]) == [3, 2, 0, 3]
    assert list(rows[WAITING]) == [0, 1, 3, 0]
    output = CliRunner().invoke(app, ["study", "--status", "--results", str(tmp_path), "--name", "grid"]).output
    assert "2 of 4 cells are done" in output


def test_a_running_cell_says_so(undisturbed, tmp_path) -> None:
    import shutil

    from attn_interp.studies.alone import alone_in

    shutil.copytree(undisturbed, tmp_path / "grid")
    planned = read_plan(tmp_path / "grid")
    for path in (tmp_path / "grid").glob("*/permutation.parquet"):
        path.unlink()
    with alone_in(tmp_path / "grid" / "models" / planned[2].model, pytest.fail):
        seen: list[pd.DataFrame] = []
        thread = threading.Thread(target=lambda: seen.append(by_cell(states(planned, tmp_path / "grid"))))
        thread.start()
        thread.join()
    assert list(seen[0]["running"]) == ["", "", "permutation", ""]


def test_a_file_and_options_declare_the_same_study(undisturbed, tmp_path) -> None:
    (tmp_path / "mine.toml").write_text(TOML, "utf-8")
    import shutil

    shutil.copytree(undisturbed, tmp_path / "mine")
    done = CliRunner().invoke(app, ["study", str(tmp_path / "mine.toml"), "--results", str(tmp_path), "--jobs", "2"])
    assert done.exit_code == 0, done.output
    assert digests(tmp_path / "mine") == digests(undisturbed)


def test_tables_give_means_over_seeds_and_documents(undisturbed) -> None:
    table = pd.read_csv(undisturbed / "tables" / "permutation.csv")
    for encoder in GRID.encoders:
        paths = [each.cell for each in read_plan(undisturbed) if each.encoder == encoder]
        frames = [Result.load(undisturbed / name / "permutation.parquet").frame for name in paths]
        values = pd.concat([frame.set_index("document")["median_tvd"] for frame in frames], axis=1).to_numpy().T
        (row,) = table.query("encoder == @encoder and quantity == 'median_tvd'").to_dict("records")
        expected = crossed_mean(values)
        assert (row["seeds"], row["n"]) == values.shape == (2, 9)
        assert row["estimate"] == pytest.approx(values.mean(), abs=1e-15)
        assert row["low"] == pytest.approx(max(expected.interval()[0], 0), abs=1e-12)
        assert row["high"] == pytest.approx(min(expected.interval()[1], 1), abs=1e-12)


def test_two_corpora_of_one_name_are_refused(tmp_path) -> None:
    both = replace(GRID, corpora=("planted", {"corpus": "planted", "documents": 50}))
    with pytest.raises(ValueError, match="two are called 'planted'"):
        run_study(both, tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()
