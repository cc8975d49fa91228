"""A new experiment is its module, its figure and one line: this one is found everywhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from attn_interp import door, experiments
from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.reading import read
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.record.overview import overview
from attn_interp.experiments.result import Result
from attn_interp.studies.ask import ask, compare
from attn_interp.studies.questions import default_names, list_experiments
from attn_interp.studies.tables import pooled_names

EXPERIMENT = """
from attn_interp.experiments.read_batch import DOCUMENT_COLUMNS
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.experiment import Card, Experiment
from attn_interp.experiments.record.pooling import Pooling
from attn_interp.experiments.record.rule import Rule
from attn_interp.experiments.record.statement import Statement
from attn_interp.experiments.record.summary import Summary
from attn_interp.experiments.result import Result

COLUMNS = {**DOCUMENT_COLUMNS, "long": Column("1 for more words than that", "", 0, 1)}


def toy(reading: Reading, *, most: int = 5) -> Result:
    frames = [batch.about().assign(long=lambda rows: (rows["words"] > most).astype(float)) for batch in reading.batches]
    return Result("toy", reading.in_order(frames), {**reading.settings, "most": most}, COLUMNS)


LONG = Statement("share of more than {most} words", "long")
EXPERIMENT = Experiment(
    toy,
    "reading",
    Card("Is a toy found everywhere?", "It is.", "One line.", "What it says.", "Anything else."),
    Summary({"long": ("mean",)}),
    statements=(LONG,),
    rules=(Rule(LONG, 0.5, "most toys are long", "most toys are short"),),
    decided_by=("most",),
    pooling=Pooling(("long",)),
)
"""
FIGURE = """
from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import marks, stack


def plot(result, ax=None):
    with style.axes_or_new(ax) as axes:
        axes.plot(drawn(result).x, [0], "o")
    return axes


def figure(result):
    with style.paper():
        page = style.new_figure()
        plot(result, page.subplots())
    return page


def drawn(result):
    return stack([marks("toy", "estimate", "long", x=result.frame["long"].mean())])


def caption(result):
    return "The share of long toys."
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room, source in (("experiments", EXPERIMENT), ("figures", FIGURE)):
        path, name = tmp_path / f"{room}.py", f"attn_interp.{room}.toy"
        path.write_text(source)
        specification = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(sys.modules, name, module)
        specification.loader.exec_module(module)
    monkeypatch.setattr(experiments, "EXPERIMENTS", (*experiments.EXPERIMENTS, "toy"))


def test_before_the_line_there_is_no_toy() -> None:
    with pytest.raises(ValueError, match="experiment 'toy' is unknown"):
        experiment_of("toy")
    with pytest.raises(AttributeError, match="no attribute 'toy'"):
        door.offered("toy")


def test_a_new_experiment_is_found_everywhere(toy, reading, model, planted, tmp_path) -> None:
    assert names()[-1] == "toy" == default_names()[-1] == pooled_names()[-1]
    question = experiment_of("toy").card.question
    listed = list_experiments().set_index("experiment")
    assert listed.loc["toy", ["question", "asked"]].tolist() == [question, "where it applies"]

    result = door.offered("toy")(reading, most=2)
    assert result.frame["long"].tolist() == [1.0] * len(reading)
    assert result.verdict() == ["most toys are long"]
    with pytest.raises(TypeError, match="toy has no option 'least'; options are most"):
        door.offered("toy")(reading, least=3)
    with pytest.raises(TypeError, match=r"toy takes a reading, got a AttentionModel: type ai.toy\(ai.read"):
        door.offered("toy")(model)
    assert Result.load(result.save(tmp_path / "saved")).summary().equals(result.summary())
    with pytest.raises(AttributeError, match=r"type attn_interp.toy\(\.\.\.\)"):
        _ = experiments.toy

    answers = ask(reading, ["toy"], most=2)
    assert answers["toy"].frame.equals(result.frame)
    (row,) = answers.overview().to_dict("records")
    assert (row["question"], row["statistic"], row["estimate"]) == (question, "share of more than 2 words", 1.0)
    assert overview({"toy": result})["n"].tolist() == [len(reading)]
    pooled = over_seeds({0: result, 1: result})
    assert pooled.summary()[["estimate", "seeds"]].to_numpy().tolist() == [[1.0, 2]]
    other = ask(read(model, planted.test, seed=1), ["toy"], most=99)
    assert compare({"one": answers, "other": other})["estimate"].tolist() == [-1.0]

    page = answers.report(tmp_path / "page.html").read_text()
    for told in (question, "share of more than 2 words", "most toys are long", "The share of long toys."):
        assert told in page
