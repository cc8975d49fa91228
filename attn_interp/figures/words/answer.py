"""What a language model attends to in a context while it says an answer: a row for each token of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attn_interp.data.document import shortened, text_of
from attn_interp.figures.draw.types import Axes, Figure
from attn_interp.figures.words import answer_figure
from attn_interp.figures.words.answer_html import answer_html
from attn_interp.figures.words.heat_rows import HeatRows, cells_of, signed_rows
from attn_interp.figures.words.words_html import words_css

if TYPE_CHECKING:
    from attn_interp.data.batch import Batch
    from attn_interp.models.attention_model import AttentionModel

ANSWER = "answer"


@dataclass(frozen=True, eq=False)
class ShownAnswer:
    """The units of a context shaded by what the tokens of an answer attend to. A notebook shows it by itself.

    Attributes:
        heat: The rows over the U units of the context: the answer (the mean over its A tokens), each token, and
            attribution methods. The weights of a token are shares of all its attention.
        tokens: Of the answer and of each token: row, token (its text), log_probability, probability, outside (the
            share of attention that is not on the context) and first (that on the first token of the prompt, a part of
            it where the prompt begins with words of its own). The answer has the sum and the product over its tokens,
            and the mean of the shares. outside and the weights of a row sum to 1.
        question: What was asked.
        unit: What the units are called.
    """

    heat: HeatRows
    tokens: pd.DataFrame
    question: str
    unit: str

    @property
    def drawn(self) -> pd.DataFrame:
        """What is drawn, one row per cell: row, position, word (or other unit), weight, share, rank, and of the row
        token, log_probability, probability, outside, first. share is that of the row's weight on the context."""
        cells = self.heat.cells.drop(columns=["low", "high"])
        return cells.merge(self.tokens, on="row", how="left", sort=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw on `ax`, smaller where it would not fit; on a new figure of the page's width when None."""
        return answer_figure.plot(self, ax)

    def figure(self) -> Figure:
        """A figure of the page's width; `save_figure(shown.figure(), path, shown.drawn)` writes it."""
        return answer_figure.figure(self)

    def html(self) -> str:
        """An HTML fragment with its own rules: no script, nothing fetched."""
        return f"<style>\n{words_css()}</style>\n{answer_html(self)}"

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return f"<{self.heat.title}: {', '.join(self.heat.label(row) for row in self.heat.rows)}>"


def shown_answer(
    model: AttentionModel, batch: Batch, methods: Mapping[str, Callable[..., Any]], unit: str
) -> ShownAnswer:
    """Show the attention of the view's site and head while the answer of the batch's one document is said, and
    attributions of its log-probability beside it."""
    from attn_interp.models.language.contexts.rows_of_answer import rows_of_answer, spelled  # torch, as above
    from attn_interp.models.view import MEAN

    (document,) = batch.documents
    rows = rows_of_answer(model, batch)
    view = model.view
    heads = [
        index for index, place in enumerate(rows.places) if place.site == view.site and view.head in (MEAN, place.head)
    ]
    weights = rows.weights[0, heads].double().mean(0).cpu().numpy()  # (A, U)
    first = rows.first[0, heads].double().mean(0).cpu().numpy()
    texts = spelled(model, batch, 0)
    answer, logs = str(getattr(document, "answer", "")), rows.logs[0].cpu().numpy()
    names = [f"token {number}" for number in range(1, len(texts) + 1)]
    own = {ANSWER: weights.mean(0), **dict(zip(names, weights, strict=True))}
    tokens = pd.DataFrame(
        {
            "row": list(own),
            "token": [answer, *texts],
            "log_probability": [logs.sum(), *logs],
            "probability": np.exp([logs.sum(), *logs]),
            "outside": [1 - row.sum() for row in own.values()],
            "first": [first.mean(), *first],
        }
    )
    decided = model.decisions(model.batch_logits(batch)) if methods else None
    own |= {name: method(model, batch, decided).values[0].cpu().numpy() for name, method in methods.items()}
    cells = cells_of(document.words, own, {})
    head = "mean over heads" if view.head == MEAN else f"head {view.head}"
    title = (
        f"document {document.id}: {len(document)} {unit}{'s' if len(document) > 1 else ''}, answer "
        f"{shortened(repr(answer), 60)} with probability {np.exp(logs.sum()):.2g}; {view.site}, {head}"
    )
    question = text_of(document.second) if document.second else ""
    return ShownAnswer(
        HeatRows(title, cells, dict(zip(names, map(legible, texts))), signed_rows(cells)), tokens, question, unit
    )


def legible(token: str) -> str:
    """The token without the blanks around it; one of nothing else as code points.

    >>> legible(" very"), legible("\\n")
    ('very', "'\\\\n'")
    """
    return token.strip() or repr(token)
