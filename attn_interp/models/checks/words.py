"""How many words of some documents a model knows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.rows_of_attention import sum_by_word
from attn_interp.models.view import word_of

MANY = 0.5
REMEDY = "look at its vocabulary or tokenizer, and at the language and spelling of the texts"


def unknown_share(model: AttentionModel, batches: Sequence[Batch]) -> float | None:
    """The share of the words that have the id of unknown words alone; None for a model that knows any text."""
    if model.unknown is None:
        return None
    given = [sum_by_word((batch.ids != model.unknown).long(), word_of(batch)) > 0 for batch in batches]
    return 1 - sum(int(each.sum()) for each in given) / sum(int(batch.is_word.sum()) for batch in batches)


def check_known(model: AttentionModel, batches: Sequence[Batch]) -> None:
    """Warns where the model does not know more than half of the words.

    Raises:
        ValueError: it knows none of them, so that every text of a length is the same to it.
    """
    share, words = unknown_share(model, batches), sum(int(batch.is_word.sum()) for batch in batches)
    if share == 1:
        raise ValueError(
            f"read: the model knows none of the {words:,} words of the documents, so every text of a length is the "
            f"same to it; {REMEDY}"
        )
    if share is not None and share > MANY:
        warnings.warn(
            f"read: the model does not know {share:.0%} of the {words:,} words of the documents; {REMEDY}", stacklevel=2
        )
