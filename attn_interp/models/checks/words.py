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


def check_known(model: AttentionModel, batches: Sequence[Batch]) -> None:
    """Warns where the model does not know more than half of the words; nothing is said of one that knows any text.

    A word is unknown that has the id of unknown words alone.

    Raises:
        ValueError: it knows none of them, so that every text of a length is the same to it.
    """
    if model.unknown is None:
        return
    known = words = 0
    for batch in batches:
        given = (batch.ids != model.unknown).long()
        known += int((sum_by_word(given, word_of(batch)) > 0).sum())
        words += int(batch.is_word.sum())
    if known == 0:
        raise ValueError(
            f"read: the model knows none of the {words:,} words of the documents, so every text of a length is the "
            f"same to it; {REMEDY}"
        )
    if known < (1 - MANY) * words:
        warnings.warn(
            f"read: the model does not know {1 - known / words:.0%} of the {words:,} words of the documents; {REMEDY}",
            stacklevel=2,
        )
