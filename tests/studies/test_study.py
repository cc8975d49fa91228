"""A study: nothing computed twice, failures are rows, kills at random moments change no byte."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from attn_interp.cli import app
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import module_of
from attn_interp.experiments.result import Result
from attn_interp.statistics.clusters import crossed_mean
from attn_interp.studies import run as run_module
from attn_interp.studies import work as work_module
from attn_interp.studies.alone import LOCK, alone_in
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
    """Every file but pictures and the locks, which are empty, by what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK and path.suffix not in (".pdf", ".png")
    }


def draw_csv_alone(result: Result, folder: Path) -> None:
    """What is drawn, without drawing it, which takes most of the time."""
    drawn = module_of("figures", result.experiment).drawn(result)
    folder.mkdir(exist_ok=True)
    path = folder / f"{result.experiment}.csv"
    if not path.exists():
        replace_file(path, drawn.to_csv(index=False, lineterminator="\n").encode())


@pytest.fixture(autouse=True, scope="module")
def undrawn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run_module, "draw", draw_csv_alone)
        yield


@pytest.fixture(scope="module")
def undisturbed(undrawn: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    run_study(GRID, folder, progress=False)
    return folder


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Encoder and seed of every training that is begun."""
    begun: list[tuple[str, int]] = []
    train = work_module.fit_classifier

    def counted(corpus, settings, training, seed, **options):
        begun.append((settings.encoder, seed))
        return train(corpus, settings, training, seed=seed, **options)

    monkeypatch.setattr(work_module, "fit_classifier", counted)
    return begun


def test_every_cell_is_there_and_every_table(undisturbed) -> None:
    names = set(digests(undisturbed))
    assert len([name for name in names if name.endswith("permutation.parquet")]) == 4
    assert len([name for name in names if name.endswith("weights.safetensors")]) == 4
    assert {f"tables/{name}.csv" for name in ("cells", "quality", "permutation", "quality_by_seed")} <= names
    assert not [name for name in names if "/." in name or ".state" in name]
    cells = pd.read_csv(undisturbed / "tables" / "cells.csv")
    assert list(cells["step"]) == ["model", "quality", "permutation"] * 4
    assert set(cells["state"]) == {DONE}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_kills_at_random_moments_change_no_byte(undisturbed, tmp_path) -> None:
    """Killed up to three times, each time a little later or sooner, then left alone. An interrupt may be lost where it
    meets a callback, and the run then ends by itself; the first kill cannot be."""
    draw, ends = random.Random(5), []
    signals = [signal.SIGKILL, signal.SIGINT, signal.SIGKILL]
    folder = tmp_path / "study"
    while not ends or ends[-1] != 0:
        child = os.fork()
        if child == 0:
            try:
                run_study(GRID, folder, progress=False)
                os._exit(0)
            finally:
                os._exit(1)
        if len(ends) < len(signals):
            time.sleep(draw.uniform(0.1, 0.9))
            os.kill(child, signals[len(ends)])
        ends.append(os.waitpid(child, 0)[1])
    assert ends[0] == signal.SIGKILL
    assert digests(folder) == digests(undisturbed)


@pytest.fixture
def workers_forked_from_one() -> Iterator[None]:
    """Three workers are started: they are forked from a process that has imported what each needs."""
    dask = pytest.importorskip("dask")
    utils = pytest.importorskip("distributed.utils")
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        utils.get_mp_context().set_forkserver_preload(["distributed", work_module.__name__, run_module.__name__])
        yield


@pytest.mark.usefixtures("workers_forked_from_one")
def test_a_cluster_of_which_a_worker_is_killed_changes_no_byte(undisturbed, tmp_path) -> None:
    distributed = pytest.importorskip("distributed")
    folder, killed = tmp_path / "study", []

    class Undrawn(distributed.WorkerPlugin):
        def setup(self, worker) -> None:
            run_module.draw = draw_csv_alone

    def kill_one(workers: list[int]) -> None:
        while not list(folder.glob("*/quality.parquet")):
            time.sleep(0.01)
        killed.append(workers[0])
        os.kill(workers[0], signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, local_directory=tmp_path / "dask"
    ) as cluster:
        with distributed.Client(cluster) as client:
            client.register_plugin(Undrawn())
            workers = list(client.run(os.getpid).values())
        killer = threading.Thread(target=kill_one, args=(workers,))
        killer.start()
        run_study(GRID, folder, dask=cluster.scheduler_address, progress=False)
        killer.join()
    assert len(killed) == 1
    assert digests(folder) == digests(undisturbed)


def test_a_second_run_does_nothing(undisturbed, trainings, instead) -> None:
    before = digests(undisturbed)
    for name in GRID.experiments:
        instead(name, lambda reading: pytest.fail("computed again"))
    run_study(GRID, undisturbed, progress=False)
    assert trainings == []
    assert digests(undisturbed) == before


def test_cells_share_models_and_the_experiments_that_do_not_differ(tmp_path, trainings, instead) -> None:
    one = replace(GRID, encoders=("average",), seeds=(3,))
    run_study(one, tmp_path, progress=False)
    instead("quality", lambda reading: pytest.fail("computed again"))
    run_study(replace(one, draws=7), tmp_path, progress=False)
    assert trainings == [("average", 3)]
    first, second = (Result.load(path) for path in sorted(tmp_path.glob("*/permutation.parquet")))
    assert {first.settings["draws"], second.settings["draws"]} == {6, 7}
    one, two = (path.read_bytes() for path in tmp_path.glob("*/quality.parquet"))
    assert one == two


def test_more_seeds_and_experiments_later_cost_only_what_is_new(tmp_path, trainings) -> None:
    small = replace(GRID, encoders=("average",), seeds=(3,), experiments=("quality",))
    run_study(small, tmp_path, progress=False)
    run_study(replace(small, experiments=("quality", "reach")), tmp_path, progress=False)
    assert trainings == [("average", 3)]
    run_study(replace(small, seeds=(3, 1)), tmp_path, progress=False)
    assert trainings == [("average", 3), ("average", 1)]


def test_what_fails_is_a_row_and_the_others_go_on(tmp_path, monkeypatch, trainings) -> None:
    put, train = work_module.put, work_module.fit_classifier

    def failing(experiment, reading, options) -> Result:
        if experiment.name == "permutation" and reading.seed == 3:
            raise ZeroDivisionError("no\nway")
        return put(experiment, reading, options)

    def diverging(corpus, settings, *arguments, **options):
        if settings.encoder == "cnn":
            raise FloatingPointError("the loss is nan")
        return train(corpus, settings, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(work_module, "put", failing)
        patched.setattr(work_module, "fit_classifier", diverging)
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
    shutil.copytree(undisturbed, tmp_path / "mine")
    done = CliRunner().invoke(app, ["study", str(tmp_path / "mine.toml"), "--results", str(tmp_path)])
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


def test_a_failure_is_shown_and_is_the_exit_code(tmp_path, monkeypatch, instead) -> None:
    def failing(reading) -> Result:
        raise ZeroDivisionError("no way")

    instead("permutation", failing)
    (tmp_path / "mine.toml").write_text(TOML, "utf-8")
    monkeypatch.setenv("COLUMNS", "250")
    done = CliRunner().invoke(app, ["study", str(tmp_path / "mine.toml"), "--results", str(tmp_path)])
    assert done.exit_code == 1
    assert "permutation: ZeroDivisionError: no way" in " ".join(done.output.split())
    assert "4 steps failed" in done.output
    shown = CliRunner().invoke(app, ["study", "--status", "--results", str(tmp_path), "--name", "mine"]).output
    assert "0 of 4 cells are done" in shown


def test_a_damaged_result_is_a_row_until_it_is_deleted(undisturbed, tmp_path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    path = folder / read_plan(folder)[1].cell / "permutation.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    tables = run_study(GRID, folder, progress=False)
    (row,) = tables["cells"].query("state == @FAILED").to_dict("records")
    assert (row["encoder"], row["seed"], row["step"]) == ("average", 0, "permutation")
    assert "delete it and run again" in row["error"]
    assert set(tables["permutation"].query("encoder == 'average'")["seeds"]) == {1}
    path.unlink()
    run_study(GRID, folder, progress=False)
    assert digests(folder) == digests(undisturbed)


def test_what_a_kill_left_beside_the_tables_is_removed(undisturbed, tmp_path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    for place in (folder, folder / "tables", folder / "models" / read_plan(folder)[0].model):
        (place / f".begun.{'a1' * 16}").write_bytes(b"half")
    run_study(GRID, folder, progress=False)
    assert digests(folder) == digests(undisturbed)


def test_two_corpora_of_one_name_are_refused(tmp_path) -> None:
    both = replace(GRID, corpora=("planted", {"corpus": "planted", "documents": 50}))
    with pytest.raises(ValueError, match="two are called 'planted'"):
        run_study(both, tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()
