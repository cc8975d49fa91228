import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.figures import quality as figures

PREDICTORS = ("model", "bag of words", "majority")


@pytest.fixture
def quality() -> Result:
    random = np.random.default_rng(0)
    label = random.choice(["negative", "positive"], 53)
    frames = []
    for predictor, skill in zip(PREDICTORS, (2.0, 1.0, 0.0)):
        probability = 1 / (1 + np.exp(-skill * (np.where(label == "positive", 1, -1) + random.normal(0, 1, 53))))
        predicted = np.where(probability >= 0.5, "positive", "negative")
        frames.append(
            pd.DataFrame(
                {
                    "document": [f"d{index}" for index in range(53)],
                    "predictor": predictor,
                    "label": label,
                    "predicted": predicted,
                    "correct": predicted == label,
                    "probability negative": 1 - probability,
                    "probability positive": probability,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    settings = {"classes": ["negative", "positive"], "seed": 0}
    return Result("quality", frame, settings, {name: Column(name) for name in frame.columns})


def test_what_is_drawn_is_the_summary(quality: Result) -> None:
    rows, summary = figures.drawn(quality), quality.summary()
    summary = summary[summary["predictor"].isin(PREDICTORS)]  # a difference of two is no score
    assert len(summary) == 9
    assert rows["series"].tolist() == summary["predictor"].tolist()
    assert rows["group"].tolist() == summary["quantity"].tolist()
    np.testing.assert_array_equal(rows[["x", "low", "high"]], summary[["estimate", "low", "high"]])


def test_the_artists_show_the_drawn_frame(quality: Result) -> None:
    axes, rows = figures.plot(quality), figures.drawn(quality)
    points = [line for line in axes.lines if line.get_marker() in ("o", "s", "^")]
    for line, (_, own) in zip(points, rows.groupby("series", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), own.x)
    ends = [segment[:, 0] for lines in axes.collections for segment in lines.get_segments()]
    np.testing.assert_array_equal(np.array(ends), rows[["low", "high"]])
    written = {text.get_text() for text in axes.texts}
    assert {f"{row.x:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in rows.itertuples()} <= written


def test_axis_range_n_and_predictors_are_stated(quality: Result) -> None:
    axes = figures.plot(quality)
    assert axes.get_xlim() == (0, 1)
    assert "n = 53 documents" in axes.get_xlabel()
    assert "n = 53 documents" in figures.caption(quality)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(PREDICTORS)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["accuracy", "macro F1", "AUROC"]


def test_a_baseline_that_was_left_out_is_not_drawn(quality: Result) -> None:
    frame = quality.frame[quality.frame["predictor"] == "model"]
    left_out = {"bag of words": "not known", "majority": "not known"}
    alone = Result("quality", frame, {**quality.settings, "left_out": left_out}, quality.columns)
    assert set(figures.drawn(alone)["series"]) == {"model"}
    assert "n = 53 documents" in figures.plot(alone).get_xlabel()


def test_the_given_axes_are_drawn_on_and_returned(quality: Result) -> None:
    axes = Figure().subplots()
    assert figures.plot(quality, axes) is axes
    assert len(figures.figure(quality).axes) == 1
