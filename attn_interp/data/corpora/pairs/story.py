"""A story of numbered sentences as one text, with the words of its supporting facts marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any

from attn_interp.data.formats.spans import values_of_spans
from attn_interp.data.tokenise import tokenise

BETWEEN = " . "


def story(sentences: Sequence[str], supporting: Collection[int]) -> dict[str, Any]:
    """Text, words, spans and one rationale, as `Row` and `Document` take them.

    The sentences lose the full stop at their ends and are joined by " . ", as in the code of Jain & Wallace 2019. The
    rationale is 1 at the words of the supporting sentences. The full stops between sentences belong to none of them and
    are never marked. Where no sentence supports the answer, there is no rationale.

    Args:
        sentences: The S sentences in order.
        supporting: Indices of those that decide the answer.

    >>> story(["Ann sat.", "Bo ran."], [1])["rationales"]
    ((0.0, 0.0, 0.0, 1.0, 1.0),)
    """
    plain = [sentence.strip().removesuffix(".").rstrip() for sentence in sentences]
    text = BETWEEN.join(plain)
    starts = accumulate((len(sentence) + len(BETWEEN) for sentence in plain), initial=0)
    places = [(start, start + len(sentence)) for start, sentence in zip(starts, plain)]
    words, spans = tokenise(text)
    marked = values_of_spans(spans, [places[index] for index in supporting])
    return {"text": text, "words": words, "spans": spans, "rationales": (marked,) if supporting else ()}
