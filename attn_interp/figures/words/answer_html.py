"""The tokens of an answer and what they attend to as HTML: the context once, and below it a row for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attn_interp.figures.words.heat_rows import most_on, number_text, right_to_left, weight_texts
from attn_interp.figures.words.literal import printable
from attn_interp.figures.words.words_html import environment, row_html, scale_html

if TYPE_CHECKING:
    from attn_interp.figures.words.answer import ShownAnswer

NUMBERS = ("probability", "log_probability", "outside", "first")
OPENED = 100  # words of a context, at most, of which the rows of all tokens are seen at once


def answer_html(shown: ShownAnswer) -> str:
    """The answer as an HTML fragment, to stand in a page that has the rules of `words_css`."""
    heat, tokens = shown.heat, shown.tokens.set_index("row")
    rows = []
    for name, cells in heat.cells.groupby("row", sort=False):
        row: dict[str, Any] = row_html(heat, str(name), cells)
        for word, text in zip(row["words"], weight_texts(cells["weight"].tolist()), strict=True):
            word["number"] = text
        numbers = tokens.loc[tokens.index == name, list(NUMBERS)].astype(float).to_dict("records")  # none of a method
        of_token = {key: number_text(number) for each in numbers for key, number in each.items()}
        rows.append({**row, "token": of_token, "most": printable(most_on(cells))})
    whole, *others = rows
    return (
        environment()
        .get_template("answer.html")
        .render(
            title=printable(heat.title),
            question=printable(shown.question),
            answer=printable(tokens["token"].iloc[0]),
            whole=whole,
            opened=len(heat.words) <= OPENED,
            rows=others,
            numbered=shown.unit != "word",
            unit=shown.unit,
            direction="rtl" if right_to_left(heat.words) else "ltr",
            scales=[scale_html(signed) for signed in sorted({name in heat.signed for name in heat.rows})],
        )
    )
