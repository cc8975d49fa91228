"""A result or all answers as a piece of HTML, for a notebook: escaped, and without a script."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

from attn_interp.experiments import experiment_of
from attn_interp.experiments.result import Result
from attn_interp.figures.words.literal import make_legible
from attn_interp.report.html import render, table


def result_html(result: Result) -> str:
    """The card of the experiment with its verdicts, its figure and the numbers that answer its question."""
    stated = result.statements()
    return render(
        "card.html",
        {
            "card": experiment_of(result.experiment).card,
            "verdicts": result.verdict(),
            "rows": table(stated if stated["question"].nunique() > 1 else stated.drop(columns="question")),
            "picture": _picture(result),
            "caption": result.caption(),
        },
    )


def answers_html(answers: Any) -> str:
    """The sentence, the verdicts and the overview of `Answers`."""
    return render(
        "overview.html",
        {"sentence": answers.sentence(), "verdicts": answers.verdicts(), "rows": table(answers.overview())},
    )


def _picture(result: Result) -> str:
    content = BytesIO()
    figure = result.figure()
    make_legible(figure)
    figure.savefig(content, format="png", dpi=110)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
