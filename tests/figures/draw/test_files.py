from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.figures.draw.files import save_figure

DATA = pd.DataFrame({"word": ["a,b", "é"], "weight": [1 / 3, 2 / 3]})


def drawing() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_three_files_of_one_name(tmp_path: Path) -> None:
    written = save_figure(drawing(), tmp_path / "new" / "tau.v2", DATA)
    assert [path.name for path in written] == ["tau.v2.pdf", "tau.v2.png", "tau.v2.csv"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in written)
    assert written[0].read_bytes().startswith(b"%PDF")
    assert written[1].read_bytes().startswith(b"\x89PNG")
    pd.testing.assert_frame_equal(pd.read_csv(written[2]), DATA, check_exact=True)


def test_the_png_has_300_dots_per_inch(tmp_path: Path) -> None:
    png = save_figure(drawing(), tmp_path / "tau", DATA)[1].read_bytes()
    assert int.from_bytes(png[16:20]) == 600
    assert int.from_bytes(png[20:24]) == 300


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in save_figure(drawing(), tmp_path / "a", DATA)]
    second = [path.read_bytes() for path in save_figure(drawing(), tmp_path / "b", DATA)]
    assert first == second
    assert b"CreationDate" not in first[0]


def unclosed(renderer: object) -> None:
    raise ValueError("unclosed")


def test_a_figure_that_cannot_be_drawn_leaves_nothing(tmp_path: Path) -> None:
    figure = drawing()
    figure.axes[0].set_title("a").draw = unclosed
    with pytest.raises(ValueError, match="unclosed"):
        save_figure(figure, tmp_path / "room" / "tau", DATA)
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"without its suffix '\.pdf'"):
        save_figure(drawing(), tmp_path / "tau.pdf", DATA)


@pytest.mark.parametrize("layout", ["none", "tight", "constrained"])
def test_the_figure_is_left_as_it_was(tmp_path: Path, layout: str) -> None:
    figure = plt.figure(layout=layout, dpi=90, facecolor="black")
    figure.subplots().plot([1, 2], animated=True, linewidth=30, color="red")
    resized: list[object] = []
    figure.canvas.manager.resize = lambda *size: resized.append(size)
    before = figure.canvas, figure.dpi, figure.get_layout_engine(), figure.get_facecolor()
    png = save_figure(figure, tmp_path / layout, DATA)[1]
    assert (figure.canvas, figure.dpi, figure.get_layout_engine(), figure.get_facecolor()) == before
    assert not resized
    pixels = plt.imread(png)
    assert (pixels[0, 0] == 1).all()  # paper is white
    assert ((pixels[..., 0] > 0.9) & (pixels[..., 1] < 0.1)).mean() > 0.02  # and what is drawn is on it
    plt.close(figure)
