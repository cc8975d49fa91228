"""Every script in analyses/ says how it is called, runs on a tiny corpus, and stands in the README with its files."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.jsonlines import save_jsonlines
from attn_interp.data.load import load
from attn_interp.experiments.result import Result
from attn_interp.figures.draw import files
from attn_interp.report.page import write_report
from attn_interp.statistics import bootstrap
from attn_interp.studies import run
from attn_interp.studies.pairs.tasks import TASKS

FOLDER = Path(__file__).parents[1] / "analyses"
SCRIPTS = sorted(FOLDER.glob("*.py"))
SMALLER = {"--documents": "4", "--width": "6", "--seeds": "2", "--jobs": "1", "--train": "24", "--epochs": "1"}
SMALLER |= {"--encoders": "lstm", "--recurrent": "lstm", "--poolings": "last,attention", "--lengths": "20"}
"""Given where a script has them: fewer documents, vectors, seeds, processes and encoders, little training."""
FEWER = {
    "human_rationales": {"--seeds": "1"},
    "what_helps": {"--remedies": "tied states,supervised", "--documents": "9"},
    "roar": {"--methods": "attention,random"},
    "answers_from_context": {"--model": "language-model", "--ablations": "8", "--seeds": "3"},
    "language_models": {"--seeds": "1", "--model": "language-model", "--answers": "negative= awful,positive= good"},
}
"""Two encoders are run under each seed there, and a seed is one more row of what is compared. The language model is a
tiny one, made here; about a corpus it is asked once, so that only the default number of seeds is taken."""
FEWER["language_models"] |= {"--beside": "bilstm", "--few": "2", "--fewest": "1"}


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Script and arguments -> what it printed."""

    def call(script: Path, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as stopped:
            assert not stopped.code
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_says_how_it_is_called(script, run_script) -> None:
    text = run_script(script, "--help")
    assert f"python analyses/{script.name}" in text
    assert "--corpus" in text
    assert "--results" in text
    assert "--seed " in text
    assert "--seeds" in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_is_constants_a_parser_and_a_call(script) -> None:
    lines = script.read_text("utf-8").splitlines()
    assert len(lines) <= 60
    (function,) = [node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.FunctionDef)]
    assert function.name == "main"
    assert not [node for node in ast.walk(function) if isinstance(node, ast.If | ast.For | ast.While | ast.Try)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_seeds_are_refused(script, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "--seeds", "0"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name="__main__")
    assert stopped.value.code == 2
    assert "--seeds: got 0, expected at least 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "given", "refused"),
    [
        ("roar", ["--learning-rate", "1e-4"], "--learning-rate: counts only with --model; give --model too"),
        ("roar", ["--model", "minilm", "--encoder", "lstm"], "--encoder: counts only without --model"),
        ("answers_from_context", ["--question", "Why?"], "--question: counts only with --corpus; give --corpus too"),
        ("answers_from_context", ["--corpus", "movies", "--steps", "9"], "--steps: counts only without --corpus"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(script, given, refused, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [script, *given])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(FOLDER / f"{script}.py"), run_name="__main__")
    assert stopped.value.code == 2
    assert refused in capsys.readouterr().err


@pytest.fixture
def drawn_once(monkeypatch) -> None:
    """Figures take most of the time and are tested by themselves: draw the first of a model and the first of all,
    and one of each name, as a coarse picture without its PDF."""
    drawn: set[bool] = set()
    draw = run.draw

    def once(result: Result, folder: Path) -> None:
        of_all = folder.parent.name == "results"
        if of_all not in drawn:
            drawn.add(of_all)
            draw(result, folder)

    save, saved = files.save_figure, dict[str, tuple[Path, ...]]()

    def save_or_copy(figure: Figure, path: Path, data: pd.DataFrame) -> tuple[Path, ...]:
        if path.name not in saved:
            saved[path.name] = save(figure, path, data)
            return saved[path.name]
        path.parent.mkdir(parents=True, exist_ok=True)
        return tuple(Path(shutil.copy(source, path.parent)) for source in saved[path.name])

    savefig = Figure.savefig

    def coarse(figure: Figure, file: BytesIO, format: str, **options: object) -> None:
        if format == "png":
            savefig(figure, file, format=format, dpi=40)
        else:
            file.write(b"%PDF")

    monkeypatch.setattr(Figure, "savefig", coarse)
    monkeypatch.setattr(run, "draw", once)
    monkeypatch.setattr(files, "save_figure", save_or_copy)
    monkeypatch.setattr("attn_interp.studies.people.rationales.SHOWN", (0.5,))


@pytest.fixture
def little_searched(monkeypatch) -> None:
    """Tested by themselves: a few steps of the search, two strengths of the sweep, ends of intervals without SciPy."""
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 5)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.HALVINGS", 2)
    monkeypatch.setattr("attn_interp.studies.retraining.kept_models.STRENGTHS", (0.1, 0.01))
    monkeypatch.setattr(bootstrap, "_ENDS", {})  # others find none of these
    monkeypatch.setattr(bootstrap, "_bootstrapped", lambda sample, *others: (float(sample.min()), float(sample.max())))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("drawn_once", "little_searched")
def test_it_writes_the_files_that_the_readme_names(script, run_script, typeset, tmp_path, request) -> None:
    words = ("film", "story", "scene", "actor", ".")
    corpus = load("planted", documents=50, least_length=5, most_length=12, fillers=words)
    save_jsonlines(twice_marked(corpus), tmp_path / "tiny.jsonl")
    if script.stem in ("language_models", "answers_from_context"):
        request.getfixturevalue("monkeypatch").chdir(tmp_path)
        request.getfixturevalue("causal")("llama", "CausalLM").save_pretrained("language-model")
        request.getfixturevalue("wordpiece").save_pretrained("language-model")
    known = run_script(script, "--help")
    smaller = SMALLER | FEWER.get(script.stem, {})
    arguments = [text for option, value in smaller.items() if option in known for text in (option, value)]
    run_script(script, "--corpus", str(tmp_path / "tiny.jsonl"), "--results", str(tmp_path / "results"), *arguments)
    (row,) = [line for line in readme_rows() if f"`{script.name}`" in line]
    files = re.findall(r"`([^`]+)`", row.split("|")[-2])
    assert files
    for name in files:
        found = list((tmp_path / "results").glob(name))
        assert found, f"{script.name} did not write {name}"
        assert all(path.stat().st_size for path in found)
    typeset((tmp_path / "results").glob("*.tex"))
    assert "<h1" in write_report(tmp_path / "results").read_text("utf-8")


@pytest.mark.usefixtures("drawn_once", "little_searched")
def test_a_task_on_two_texts_needs_no_files(run_script, tmp_path, monkeypatch) -> None:
    """Every question that is asked of the authors' tasks, of two tiny networks; their figures have a column."""
    few = replace(TASKS["facts-1"], options={"task": 1, "documents": 60, "most_sentences": 4})
    monkeypatch.setitem(TASKS, "facts-1", few)
    arguments = ["--task", "facts-1", "--encoders", "average", "--seeds", "1", "--epochs", "1", "--documents", "4"]
    run_script(FOLDER / "jain_wallace_2019.py", *arguments, "--jobs", "1", "--results", str(tmp_path))
    table = pd.read_csv(tmp_path / "overview.csv")
    assert set(table["attention"]) == {"additive", "scaled_dot"} and set(table["corpus"]) == {"facts-1"}
    assert table["statistic"].str.contains("another question").any() and "published" in table
    found = pd.read_csv(tmp_path / "evidence.csv")
    assert {"attention", "leave-one-out", "random"} <= set(found["scorer"]) and (found["n"] == 4).all()
    for cell in tmp_path.glob("facts-1-*"):
        assert (cell / "plausibility.parquet").exists() and (cell / "other_question.parquet").exists()


@pytest.mark.usefixtures("drawn_once", "little_searched")
def test_answers_from_made_up_stories_need_no_files(run_script, tmp_path) -> None:
    """Small readers that have learned next to nothing, half of them from answers that were dealt out anew."""
    arguments = ["--stories", "200", "--steps", "3", "--ablations", "8", "--documents", "6", "--seeds", "2"]
    run_script(FOLDER / "answers_from_context.py", *arguments, "--jobs", "1", "--results", str(tmp_path))
    scores = pd.read_csv(tmp_path / "sources.csv").set_index("score")
    assert (
        scores.index[0] == "leave-one-out"
        and scores["n"].max() > 1
        and scores.loc["leave-one-out", "average precision"] > 0
    )
    assert scores.loc["sparse surrogate", "passes"] == "1 for each ablation"
    verdicts = pd.read_csv(tmp_path / "validity.csv")
    assert set(verdicts["rate"]) == {"detection", "false alarm"} and (verdicts["n"] <= 2).all()
    assert (tmp_path / "figures" / "sources.png").exists()


def twice_marked(corpus: Corpus) -> Corpus:
    """A second annotator, who marks the first word too."""
    splits = {
        name: tuple(replace(each, rationales=(*each.rationales, (1.0, *each.rationales[0][1:]))) for each in documents)
        for name, documents in corpus.splits.items()
    }
    return replace(corpus, splits=splits)


def readme_rows() -> list[str]:
    lines = (FOLDER / "README.md").read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("|")][2:]


def test_the_readme_has_a_row_for_every_script_and_no_other() -> None:
    named = {name for line in readme_rows() for name in re.findall(r"`(\w+\.py)`", line)}
    assert named == {path.name for path in SCRIPTS}
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_mistake_is_one_line(script, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "--corpus", "moovies"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name="__main__")
    assert stopped.value.code == 2
    assert "'moovies' is unknown; options are" in capsys.readouterr().err
