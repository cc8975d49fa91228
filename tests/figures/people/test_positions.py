"""The figures of positions and of shift show their summaries, on fixed scales, and hold what is undefined."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from attn_interp.data.document import Document
from attn_interp.experiments.people import positions as module
from attn_interp.experiments.people.parts.word_scores import WordScores
from attn_interp.experiments.people.positions import PEOPLE
from attn_interp.experiments.people.shift import ALONE, shift
from attn_interp.experiments.reading import read
from attn_interp.figures.people import annotators
from attn_interp.figures.people import positions as figures
from attn_interp.figures.people import shift as shift_figures

LONG = "attention x gradient with the bias absorbed and more words than fit"


@pytest.fixture(scope="module")
def placed():
    random = np.random.default_rng(0)
    documents = [
        Document(id=f"d{k}", words=("w",) * (4 + k), label=0, rationales=((0.0, 1.0) + (0.0,) * (2 + k),))
        for k in range(8)
    ]
    documents.append(Document(id="none", words=("w", "v"), label=0))
    scores = {name: [random.random(len(document)) for document in documents] for name in ("attention", LONG)}
    kinds = {"attention": "attention", LONG: "attribution"}
    about = pd.DataFrame({"document": [document.id for document in documents]})
    scored = WordScores(tuple(documents), about, scores, kinds, {"seed": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "word_scores", lambda *given: scored)
        return module.positions(SimpleNamespace(documents=documents, seed=0))


def test_the_curves_are_the_summary(placed) -> None:
    axes = figures.plot(placed)
    summary = placed.summary().query("scorer == 'attention' and quantity == 'mass'")
    line = axes.lines[1]  # people come first
    np.testing.assert_allclose(line.get_ydata(), summary["estimate"])
    np.testing.assert_allclose(line.get_xdata(), np.arange(0.05, 1, 0.1))
    assert axes.get_xlim() == (0, 1) and axes.get_ylim()[1] in figures.SCALES
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0].startswith(PEOPLE) and labels[0].endswith("n = 8 (1 undefined)")
    assert "…" in labels[2]
    assert set(figures.drawn(placed)["series"]) == {PEOPLE, "attention", LONG}
    with pytest.raises(ValueError, match="no scorer 'votes'; there are attention"):
        figures.plot(placed, scorers=["votes"])


def test_shift_shows_every_operator_and_size(model, planted) -> None:
    result = shift(read(model, planted.test[:5], training=planted.train[:50]))
    rows = shift_figures.drawn(result)
    assert len(rows) == 2 * 4 * 5
    own = result.frame.query(f"operator == 'mask' and side == '{ALONE}' and size == '20 %'")
    (drawn,) = rows.query(f"panel == '{ALONE}' and series == 'mask' and group == '20 %'").to_dict("records")
    assert drawn["y"] == pytest.approx(own["shift"].mean())
    axes = shift_figures.plot(result)
    assert axes.get_ylim()[1] == 1
    assert "n = 5 documents" in axes.get_legend().get_title().get_text()
    with pytest.raises(ValueError, match="no side 'both'; choose from 'first words alone'"):
        shift_figures.plot(result, side="both")


def test_every_annotator_is_a_row() -> None:
    document = Document(id="d", words=("good", "film"), label=0, rationales=((1.0, 0.0), (1.0, 1.0)))
    scores = {"attention": np.array([0.9, 0.1]), "gradient": np.array([-2.0, 1.0])}
    rows = annotators.drawn(document, scores)
    assert list(rows["row"].unique()) == ["annotator 1", "annotator 2", "attention", "gradient"]
    assert rows.loc[rows["row"] == "gradient", "weight"].tolist() == [2.0, 1.0]
    page = annotators.figure(document, scores, "predicted positive")
    assert len(page.axes) == 1


def test_importing_them_loads_neither_matplotlib_nor_torch() -> None:
    code = (
        "import sys\nfrom attn_interp.figures.people import annotators, positions, shift\n"
        "print({'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
