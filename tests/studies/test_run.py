"""Running a cell: every file whole, nothing done twice, a killed run taken up, and the same from any number of jobs."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import torch
from matplotlib.text import Text

from attn_interp.cli import mistakes_in_one_line
from attn_interp.experiments.result import Result
from attn_interp.report.run_directory import MODEL
from attn_interp.studies import work as work_module
from attn_interp.studies.run import CellRun, StepsFailed, run_cell, run_cells

FIGURE_SUFFIXES = (".csv", ".pdf", ".png")
STEPS = (
    *("quality", "agreement", "permutation", "adversary", "adversary_curve", "same_shape", "reach", "single_erasure"),
    *("erasure", "plausibility", "plausibility_curves", "positions", "examples"),
)
LEFT_OUT = ("other_question", "sink", "heads", "head_combination", "head_reach", "uniform_layers", "human_agreement")
"""What the cell does, and what does not apply to it: one text, words alone, one head, one annotator."""


def quiet(cell, results: Path) -> CellRun:
    return run_cell(cell, results, progress=False, say=lambda text: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def numbers(folder: Path) -> dict[str, bytes]:
    """Frames, summaries and weights: all that must not depend on where and how it was run."""
    kept = (".parquet", ".summary.csv", ".safetensors")
    return {name: content for name, content in contents(folder).items() if name.endswith(kept)}


def undrawn(cell, results: Path) -> Path:
    """The folder of the cell, with something in the place of every figure: drawing them takes most of the time."""
    figures = results / cell.folder_name() / "figures"
    figures.mkdir(parents=True)
    for step in STEPS:
        (figures / f"{step}.csv").touch()
    return figures.parent


def the_cell(results: Path) -> Path:
    """The folder of the only cell."""
    (folder,) = [path for path in results.iterdir() if path.name != "models"]
    return folder


def refuse_to_train(*arguments, **options):
    raise AssertionError("trained again")


def test_every_file_is_written(first_run) -> None:
    names = set(contents(first_run.folder))
    assert "settings.json" in names
    for step in STEPS:
        assert {f"{step}.parquet", f"{step}.summary.csv"} <= names
        assert {f"figures/{step}{suffix}" for suffix in FIGURE_SUFFIXES} <= names
    assert {name for name in names if name.endswith(".left_out.txt")} == {f"{step}.left_out.txt" for step in LEFT_OUT}
    assert not [name for name in names if "tmp" in name or name.startswith(".")]


def test_results_are_those_on_disk(first_run) -> None:
    assert list(first_run.results) == list(STEPS)
    for name, result in first_run.results.items():
        stored = Result.load(first_run.folder / f"{name}.parquet")
        pd.testing.assert_frame_equal(stored.frame, result.frame, check_exact=True)
        assert stored.settings == json.loads(json.dumps(dict(result.settings)))
    assert first_run.labels == {"corpus": "planted", "encoder": "average", "attention": "additive"}
    assert first_run.results["permutation"].frame["document"].nunique() == first_run.cell.documents


def test_settings_say_everything(first_run) -> None:
    settings = json.loads((first_run.folder / "settings.json").read_text())
    corpus = first_run.cell.load_corpus()
    assert settings["cell"] == first_run.cell.described()
    assert settings["key"] == first_run.cell.key()
    assert settings["corpus"]["fingerprint"] == corpus.fingerprint()
    assert settings["corpus"]["documents"] == {name: len(split) for name, split in corpus.splits.items()}
    assert settings["corpus"]["classes"] == list(corpus.classes)
    assert settings["corpus"]["licence"] == corpus.licence
    assert settings["versions"]["torch"] == version("torch")
    assert {"python", "attn-interp", "numpy", "scipy", "captum"} <= set(settings["versions"])


def test_a_second_run_trains_nothing_and_rewrites_nothing(cell, copied, monkeypatch) -> None:
    before = times(copied)
    monkeypatch.setattr(work_module, "fit_classifier", refuse_to_train)
    said: list[str] = []
    again = run_cell(cell, copied, progress=False, say=said.append)
    assert times(copied) == before
    assert said == []
    assert list(again.results) == list(STEPS)


def test_a_deleted_result_alone_is_computed_again(cell, copied, monkeypatch) -> None:
    folder = the_cell(copied)
    whole, before = contents(folder), times(folder)
    (folder / "permutation.parquet").unlink()
    monkeypatch.setattr(work_module, "fit_classifier", refuse_to_train)
    said: list[str] = []
    run_cell(cell, copied, progress=False, say=said.append)
    assert said == [f"{folder.name}: permutation"]
    assert contents(folder) == whole
    changed = {name for name, time in times(folder).items() if time != before[name]}
    assert changed == {"permutation.parquet", "permutation.summary.csv"}


@pytest.mark.parametrize("step", ["quality", "permutation", "examples"])
def test_a_killed_run_leaves_whole_files_and_is_taken_up(cell, first_run, tmp_path, monkeypatch, instead, step) -> None:
    def killed(reading) -> Result:
        raise KeyboardInterrupt

    folder = undrawn(cell, tmp_path)
    instead(step, killed)
    with pytest.raises(KeyboardInterrupt):
        quiet(cell, tmp_path)
    expected = contents(first_run.folder)
    left = contents(folder)
    done = list(STEPS)[: list(STEPS).index(step)]
    assert {name for name in left if name.endswith(".parquet")} == {f"{name}.parquet" for name in done}
    assert all(expected[name] == content for name, content in left.items() if name in numbers(folder))
    monkeypatch.undo()
    quiet(cell, tmp_path)
    assert numbers(folder) == numbers(first_run.folder)


def test_a_kill_while_a_file_is_written_leaves_the_file_out(cell, copied, monkeypatch) -> None:
    """The summary is written, the frame is not yet: the step counts as not done."""
    folder = the_cell(copied)
    whole = contents(folder)
    for path in folder.glob("agreement.*"):
        path.unlink()
    write = Path.write_bytes

    def killed(path: Path, content: bytes) -> int:
        if "agreement" in path.name and content.startswith(b"PAR1"):
            write(path, content[: len(content) // 2])
            raise KeyboardInterrupt
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        quiet(cell, copied)
    assert set(contents(folder)) == set(whole) - {"agreement.parquet"}
    monkeypatch.undo()
    quiet(cell, copied)
    assert contents(folder) == whole


@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary.json", "settings.json"])
def test_a_damaged_model_of_a_finished_cell_is_an_error(cell, copied: Path, name: str) -> None:
    (saved,) = (copied / "models").glob(f"*/model/{name}")
    whole = saved.read_bytes()
    saved.write_bytes(whole[:-3])
    with pytest.raises(ValueError, match=rf"{name}: is (damaged|not JSON)"):
        run_cell(cell, copied, progress=False, say=lambda text: None)
    saved.write_bytes(whole)
    run_cell(cell, copied, progress=False, say=lambda text: None)
    assert not list(copied.glob(f"*/{MODEL}.failed.json"))


def test_a_lost_figure_is_drawn_again(cell, copied) -> None:
    folder = the_cell(copied)
    whole = contents(folder)
    for suffix in FIGURE_SUFFIXES:
        (folder / "figures" / f"quality{suffix}").unlink()
    quiet(cell, copied)
    assert set(contents(folder)) == set(whole)
    assert (folder / "figures" / "quality.csv").read_bytes() == whole["figures/quality.csv"]


def test_two_jobs_give_the_bytes_of_one(cell, first_run, tmp_path) -> None:
    cells = [cell, replace(cell, seed=4)]
    threads = torch.get_num_threads()
    for each in cells:
        undrawn(each, tmp_path)
    runs = run_cells(cells, tmp_path, jobs=2)
    assert torch.get_num_threads() == threads
    assert [run.cell for run in runs] == cells
    assert runs[0].folder.name == first_run.folder.name
    assert numbers(runs[0].folder) == numbers(first_run.folder)
    assert numbers(runs[1].folder) != numbers(first_run.folder)


def test_what_fails_is_raised_when_the_others_are_done(cell, copied, monkeypatch, instead, capsys) -> None:
    folder = the_cell(copied)
    for name in ("quality", "permutation"):
        (folder / f"{name}.parquet").unlink()

    def failing(reading) -> Result:
        raise ZeroDivisionError("no way")

    instead("quality", failing)
    with pytest.raises(StepsFailed, match=r"1 steps failed.*\n.*: quality: ZeroDivisionError: no way"):
        run_cells([cell], copied)
    with pytest.raises(SystemExit) as stopped, mistakes_in_one_line():
        run_cells([cell], copied)
    assert stopped.value.code == 1
    told = capsys.readouterr().err
    assert "attn-interp: 1 steps failed" in told and "quality: ZeroDivisionError: no way" in told
    with pytest.raises(RuntimeError, match="of torch"), mistakes_in_one_line():
        raise RuntimeError("of torch")
    assert (folder / "permutation.parquet").exists()
    monkeypatch.undo()
    assert list(run_cells([cell], copied)[0].results) == list(STEPS)


def test_the_search_is_run_beside_the_exact_answer(cell, tmp_path) -> None:
    searched = replace(cell, search=True, documents=3)
    undrawn(searched, tmp_path)
    found = quiet(searched, tmp_path).results["adversary"].frame
    assert set(found["status"]) == {"exact", "search"}


def test_pretrained_vectors_are_put_in(cell, tmp_path) -> None:
    """Vectors that are all one and the same make every word alike; without them the model learns the keyword."""
    corpus = cell.load_corpus()
    words = sorted({word for document in corpus.train for word in document.words})
    file = tmp_path / "vectors.txt"
    file.write_text("".join(f"{word} {' '.join(['0.5'] * 7)}\n" for word in words), "utf-8")
    given = replace(cell, embeddings=str(file), training=replace(cell.training, epochs=1))
    undrawn(given, tmp_path)
    shown = quiet(given, tmp_path).results["examples"].frame
    spread = shown.groupby("document")["attention"].agg(lambda row: row.max() - row.min()).max()
    assert spread < 0.05


def test_vectors_of_another_width_are_refused_and_nothing_is_trained(cell, tmp_path, monkeypatch) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("film 0.5 0.5 0.5\nawful 0.1 0.2 0.3\n", "utf-8")
    monkeypatch.setattr(work_module, "fit_classifier", refuse_to_train)
    with pytest.raises(ValueError, match=r"vectors\.txt"):
        quiet(replace(cell, embeddings=str(file)), tmp_path / "results")
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_no_figure_collapses_under_long_names_of_classes_and_the_csv_has_them_whole(
    first_run, tmp_path, caplog
) -> None:
    for result in first_run.results.values():
        columns = [name for name in ("label", "predicted") if name in result.frame]
        if not columns or result.experiment in ("quality", "examples"):  # no class is named in their legends
            continue
        long = {name: result.frame[name].map(lambda name: "W" * 300 + name) for name in columns}
        named = replace(result, frame=result.frame.assign(**long))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = named.figure()
            figure.draw_without_rendering()
        assert all("W" * 40 not in text.get_text() for text in figure.findobj(Text))
        if result.experiment == "permutation":
            named.save_figure(tmp_path / "named")
    assert "W" * 300 in (tmp_path / "named.csv").read_text("utf-8")
    assert caplog.messages == []
