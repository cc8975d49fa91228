"""Results as a paper: what is written, and that LaTeX sets it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from attn_interp.cli import main
from attn_interp.experiments.reading import read
from attn_interp.report.folder import read_folder
from attn_interp.report.latex import escape
from attn_interp.report.paper import write_paper
from attn_interp.studies.ask import Answers, ask


@pytest.fixture(scope="module")
def answers(model, planted) -> Answers:
    return ask(read(model, planted.test[:9], seed=3), ["permutation", "reach"])


def sets(main_file: Path) -> None:
    """pdflatex, where it is installed, sets the document with no reference or character missing."""
    if shutil.which("pdflatex") is None:
        return
    for _ in range(2):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", main_file.name]
        done = subprocess.run(command, cwd=main_file.parent, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-1000:]
    log = main_file.with_suffix(".log").read_text("utf-8", errors="replace")
    assert not re.search(r"Missing character|undefined references|Overfull \\hbox \([2-9]\d", log)


def test_everything_of_the_answers_stands_in_the_paper_and_is_set(answers: Answers, tmp_path: Path) -> None:
    path = answers.paper(tmp_path / "my $paper_1")
    assert path == tmp_path / "my $paper_1" / "main.tex"
    source = path.read_text("utf-8")
    assert escape(answers.sentence()) in source
    for name, result in answers.items():
        assert (path.parent / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert escape(result.caption()) in (path.parent / "figures" / f"{name}.tex").read_text("utf-8")
        table = (path.parent / "tables" / f"{name}.tex").read_text("utf-8")
        assert all(escape(statistic) in table for statistic in result.statements()["statistic"])
        assert rf"\input{{figures/{name}}}" in source and rf"\input{{tables/{name}}}" in source
        assert escape("; ".join(result.verdict())) in source
    sets(path)


def test_models_have_sections_of_their_own(answers: Answers, tmp_path: Path) -> None:
    study = tmp_path / "study"
    for place in ("one_50%", "two"):
        answers["permutation"].save(study / place)
    path = write_paper(read_folder(study), tmp_path / "paper")
    source = path.read_text("utf-8")
    assert [escape(name) in source for name in ("one_50%", "two")] == [True, True]
    assert source.count(r"\section{") == source.count(r"\paragraph{") == 2
    assert source.count(r"\subsection{") == 2 == len(list((tmp_path / "paper" / "figures").rglob("*.pdf")))
    sets(path)


def test_the_command_line_writes_the_page_and_the_paper(answers: Answers, tmp_path: Path, capsys) -> None:
    few = replace(answers, results={"reach": answers["reach"]})
    folder = few.save(tmp_path / "mine")
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(folder), "--paper", str(tmp_path / "paper")])
    assert not stopped.value.code
    assert capsys.readouterr().out.splitlines() == [
        f"written: {folder / 'report.html'}",
        f"written: {tmp_path / 'paper' / 'main.tex'}",
    ]
    assert (tmp_path / "paper" / "tables" / "reach.tex").exists()
