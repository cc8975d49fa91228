"""What the README shows is what runs."""

from __future__ import annotations

import re
from pathlib import Path

from attn_interp.figures.draw.style import SETTINGS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SETTINGS, "pdf.fonttype", 3)  # a font of type 42 is cut to its letters, which takes longer
    assert len(code.splitlines()) <= 12
    exec(compile(code.replace('load("movies")', 'load("planted", documents=120)'), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "leave-one-out" in printed and "the ceiling with leave-one-out" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"tau.pdf", "tau.png", "tau.csv", "results"}
    assert "unflippable" in (tmp_path / "results" / "mine" / "reach.summary.csv").read_text("utf-8")
    assert (tmp_path / "results" / "mine" / "quality.parquet").exists()


def test_every_file_of_the_readme_is_there() -> None:
    named = re.findall(r"`((?:analyses|notebooks|docs)/[\w./]+)`|\((docs/[\w./]+)\)|python ([\w/]+\.py)", README)
    paths = [path for found in named for path in found if path]
    assert len(paths) >= 5
    for path in paths:
        assert (Path(__file__).parent.parent / path).exists(), path


def test_it_is_a_page() -> None:
    assert len(README.splitlines()) <= 120


def test_the_rooms_of_the_house_are_the_rooms() -> None:
    house = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = set(re.findall(r"^\| `(\w+)/` \|", house, flags=re.MULTILINE))
    package = Path(__file__).parent.parent / "attn_interp"
    assert rooms == {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
