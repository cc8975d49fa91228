"""The figure of outside data: what is drawn is the summary, the scale is the measure's, n and proxies are stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.people.external import COLUMNS
from attn_interp.experiments.result import Result
from attn_interp.figures.people import external as figures

PROXY = "lexicon strength (context-free proxy)"
SIGNALS = {PROXY: False, "relative position": True, "log frequency": True}
SCORERS = ("attention", "leave-one-out", "gradient x input")


def made_up(documents: int = 23, proxy: str = PROXY) -> Result:
    """Attention has no partial correlation with the proxy in the first documents, and the proxy misses some more."""
    random, frames = np.random.default_rng(0), []
    titles = {(proxy if title == PROXY else title): control for title, control in SIGNALS.items()}
    for title in titles:
        for scorer in SCORERS:
            rho = random.uniform(-0.2, 0.6, documents)
            partial = rho - 0.1
            if title == proxy:
                rho[: documents // 3] = np.nan
                partial[: documents // 2 if scorer == "attention" else documents // 3] = np.nan
            frame = pd.DataFrame({"document": [f"d{k}" for k in range(documents)], "scorer": scorer, "signal": title})
            frame = frame.assign(
                label="a", predicted="b", words=9, max_attention=0.3, outside=0.0, coverage=0.1, compared=5
            )
            frame = frame.assign(given="some", tau=rho / 2, spearman=rho, partial=partial, change=partial - rho)
            frames.append(frame.assign(undefined="", partial_undefined="")[list(COLUMNS)])
    described = [
        {"title": title, "about": "", "context_free": not control, "control": control, "coverage": 0.1}
        for title, control in titles.items()
    ]
    settings = {"seed": 0, "documents": documents, "methods": list(SCORERS[1:]), "signals": described}
    return Result("external", pd.concat(frames, ignore_index=True), settings, COLUMNS)


@pytest.fixture(scope="module")
def result() -> Result:
    return made_up()


def test_what_is_drawn_is_the_summary(result) -> None:
    rows, summary = figures.drawn(result), result.summary().query("grouping == 'all'")
    assert len(rows) == 2 * len(SIGNALS) * len(SCORERS)
    for row in rows.to_dict("records"):
        found = summary.query(
            "signal == @row['group'] and scorer == @row['series'] and quantity == @row['panel']"
        ).iloc[0]
        assert [row[name] for name in ("x", "low", "high", "n", "undefined")] == [
            found[name] for name in ("estimate", "low", "high", "n", "undefined")
        ]


@pytest.mark.parametrize("value", ["spearman", "partial"])
def test_the_artists_show_the_drawn_frame(result, value) -> None:
    axes, rows = figures.plot(result, value=value), figures.drawn(result)
    rows = rows[rows.panel == value]
    points = [line for line in axes.lines if line.get_marker() in figures.MARKERS]
    for line, (_, own) in zip(points, rows.groupby("series", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), own.x)
    ends = [segment[:, 0] for lines in axes.collections for segment in lines.get_segments()]
    expected = np.concatenate([own[["low", "high"]] for _, own in rows.groupby("series", sort=False)])
    np.testing.assert_array_equal(np.array(ends), expected)


def test_scale_n_coverage_and_proxies_are_stated(result) -> None:
    axes = figures.plot(result, value="partial")
    assert axes.get_xlim() == (-1, 1)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(SCORERS)
    assert "n = 12–16\n(7–11 undef.)" in {text.get_text() for text in axes.texts}
    (label, *_) = [tick.get_text() for tick in axes.get_yticklabels()]
    assert label.replace("\n", " ") == f"{PROXY} covers 10 % of words"
    caption = figures.caption(result)
    assert "n = 23 documents" in caption and "context-free proxy" in caption and "not faithfulness" in caption
    assert "(relative position, log frequency; a control is not given itself)" in caption


def test_a_signal_without_any_value_is_drawn_as_none() -> None:
    whole = made_up()
    nothing = whole.frame["signal"] == PROXY
    frame = whole.frame.assign(**{name: whole.frame[name].mask(nothing) for name in ("tau", "spearman", "partial")})
    axes = figures.plot(Result("external", frame, whole.settings, whole.columns))
    axes.figure.draw_without_rendering()
    assert "n = 0\n(23 undef.)" in {text.get_text() for text in axes.texts}


def test_one_document_and_long_names_are_drawn() -> None:
    result = made_up(1, "a " + "very " * 30 + "long $x_1$ name (context-free proxy)")
    page = figures.figure(result)
    page.draw_without_rendering()
    label = page.axes[0].get_yticklabels()[0].get_text()
    assert label.count("\n") == 3 and label.split("\n")[1:3] == ["very very very very very …", "(context-free proxy)"]
    assert page.axes[0].get_yticklabels()[0].get_parse_math() is False


def test_the_given_axes_are_drawn_on_and_a_wrong_value_is_named(result) -> None:
    axes = Figure().subplots()
    assert figures.plot(result, axes) is axes
    assert len(figures.figure(result).axes) == 2
    with pytest.raises(ValueError, match="value 'rho' is unknown; options are partial, spearman"):
        figures.plot(result, value="rho")
