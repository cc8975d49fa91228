"""A view: which row of attention is tested; and which word each position is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch

from attn_interp.data.batch import Batch
from attn_interp.recording import Site

Change = Callable[[torch.Tensor], torch.Tensor]

MEAN, FIRST, LAST = "mean", "first", "last"
QUERIES = (FIRST, LAST, MEAN)


@dataclass(frozen=True)
class View:
    """Which attention is tested: one distribution over the words per document.

    Attributes:
        site: Name of the attention site, as `sites` lists them.
        head: Index of the head, or "mean" of all heads.
        query: Index of the query, -1 is the last position; or "first" or "last", the first or last token of each
            document, whatever its padding; or "mean" over the positions of its words. Not used where the query is
            found in another way (`AttentionModel.query_of`).
    """

    site: str
    head: int | str = 0
    query: int | str = 0

    def __post_init__(self) -> None:
        if self.head != MEAN if isinstance(self.head, str) else not isinstance(self.head, Integral):
            raise ValueError(f"head: got {self.head!r}, expected an index or {MEAN!r}")
        if self.query not in QUERIES if isinstance(self.query, str) else not isinstance(self.query, Integral):
            raise ValueError(f"query: got {self.query!r}, expected an index or one of {', '.join(map(repr, QUERIES))}")


def chosen_view(found: Sequence[Site], site: str | None, head: int | str, query: int | str) -> View:
    """The view at one of the sites that were found; None: at the only one.

    Raises:
        ValueError: there is no such site or head, or several sites and none is named; the message lists them.
    """
    names = [candidate.name for candidate in found]
    if site is None:
        if len(names) > 1:
            raise ValueError(f"wrap: the model attends at {len(names)} sites; choose site= from {', '.join(names)}")
        site = names[0]
    if site not in names:
        raise ValueError(f"wrap: there is no attention site {site!r}; the sites are {', '.join(names)}")
    view, heads = View(site, head, query), found[names.index(site)].heads
    if not isinstance(head, str) and not 0 <= head < heads:
        raise ValueError(f"wrap: site {site!r} has heads 0..{heads - 1}, got head={head}")
    return view


def word_of(batch: Batch) -> torch.Tensor:
    """(B, T) index of the word at each position, -1 at special tokens and padding."""
    if batch.piece_of is not None:
        return batch.piece_of
    return (batch.is_word.cumsum(-1) - 1).masked_fill(~batch.is_word, -1)


def to_words(values: torch.Tensor, is_word: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Values at positions (B, T, ...) -> values at words (B, W, ...), zero past the last word; and where words are."""
    counts = is_word.sum(-1)
    columns = torch.arange(int(counts.max()), device=is_word.device)
    present = columns < counts[:, None]  # (B, W)
    result = values.new_zeros(*present.shape, *values.shape[2:])
    result[present] = values[is_word]
    return result, present


def to_positions(values: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
    """Values at words (B, W) -> values at positions (B, T), zero elsewhere; the inverse of `to_words`."""
    index = (is_word.cumsum(-1) - 1).clamp(min=0)  # (B, T)
    return values.gather(1, index) * is_word
