"""Words ranked by scores, those of equal score in an order drawn for the document."""

from __future__ import annotations

import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.read_batch import ReadBatch

DRAWS = 5


def drawn_for(batch: ReadBatch, seed: int) -> torch.Tensor:
    """(B, draws, W) uniform numbers, drawn from (seed, document id)."""
    drawn = torch.zeros(len(batch.rows), DRAWS, batch.is_word.shape[1], dtype=torch.float64)
    for row, document in enumerate(batch.batch.documents):
        drawn[row, :, : len(document)] = numbers_drawn(document, seed)
    return drawn


def numbers_drawn(document: Document, seed: int) -> torch.Tensor:
    """(draws, T) uniform numbers: words of equal rank, all of them in the random ranking, stand by rising number."""
    return torch.as_tensor(generator(seed, f"faithfulness {document.id}").random((DRAWS, len(document))))


def ranks(scores: torch.Tensor, is_word: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """(B, D, W) place of each word by falling score, 0 first; equal scores in the order drawn. One draw is enough where
    no scores are equal."""
    scores = scores.nan_to_num(0.0)
    falling = scores.masked_fill(~is_word, -torch.inf).sort(-1, descending=True).values
    tied = (falling[:, 1:] == falling[:, :-1]) & falling[:, 1:].isfinite()
    drawn = drawn if bool(tied.any()) else drawn[:, :1]
    shuffled = drawn.masked_fill(~is_word[:, None], torch.inf).argsort(-1)
    in_draw = scores.masked_fill(~is_word, -torch.inf)[:, None].expand_as(drawn).gather(-1, shuffled)
    order = shuffled.gather(-1, in_draw.argsort(dim=-1, descending=True, stable=True))
    return order.argsort(-1)
