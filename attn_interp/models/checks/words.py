"""How many words of some documents a model knows."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.rows_of_attention import sum_by_word
from attn_interp.models.view import word_of

MANY = 0.5
REMEDY = "look at its vocabulary or tokenizer, and at the language and spelling of the texts"


def unknown_share(model: AttentionModel, batches: Iterable[Batch]) -> float | None:
    """The share of the words that have the id of unknown words alone; None for a model that knows any text."""
    if model.unknown is None:
        return None
    known, words = _counted(model.unknown, batches)
    return 1 - known / words


def _counted(unknown: int, batches: Iterable[Batch]) -> tuple[int, int]:
    """How many words are known, and how many there are."""
    known = words = 0
    for batch in batches:
        known += int((sum_by_word((batch.ids != unknown).long(), word_of(batch)) > 0).sum())
        words += int(batch.is_word.sum())
    return known, words


def check_known(model: AttentionModel, batches: Iterable[Batch]) -> None:
    """Warns where the model does not know more than half of the words.

    Raises:
        ValueError: it knows none of them, so that every text of a length is the same to it.
    """
    if model.unknown is None:
        return
    known, words = _counted(model.unknown, batches)
    share = 1 - known / words
    if share == 1:
        raise ValueError(
            f"read: the model knows none of the {words:,} words of the documents, so every text of a length is the "
            f"same to it; {REMEDY}"
        )
    if share > MANY:
        warnings.warn(
            f"read: the model does not know {share:.0%} of the {words:,} words of the documents; {REMEDY}", stacklevel=2
        )
