"""A view: which row of attention is tested, how it is read in words, and how another one is put in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        if isinstance(self.head, str) and self.head != MEAN:
            raise ValueError(f"head: got {self.head!r}, expected an index or {MEAN!r}")
        if isinstance(self.query, str) and self.query not in QUERIES:
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
    heads = found[names.index(site)].heads
    if not isinstance(head, str) and not 0 <= head < heads:
        raise ValueError(f"wrap: site {site!r} has heads 0..{heads - 1}, got head={head}")
    return View(site, head, query)


def word_of(batch: Batch) -> torch.Tensor:
    """(B, T) index of the word at each position, -1 at special tokens and padding."""
    if batch.piece_of is not None:
        return batch.piece_of
    return (batch.is_word.cumsum(-1) - 1).masked_fill(~batch.is_word, -1)


def sum_by_word(values: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
    """Values at positions (B, ..., T) -> their sums over the positions of each word (B, ..., W); positions whose `word`
    (B, T) is -1 are left out."""
    between = (1,) * (values.ndim - 2)
    index = word.reshape(len(word), *between, -1).expand(values.shape)
    sums = values.new_zeros(*values.shape[:-1], int(word.max()) + 1)
    return sums.scatter_add(-1, index.clamp(min=0), values.masked_fill(index < 0, 0))


def at_positions(values: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
    """Values of words (B, ..., W) -> the value of its word at each position (B, ..., T), zero where there is none."""
    between = (1,) * (values.ndim - 2)
    index = word.reshape(len(word), *between, -1).expand(*values.shape[:-1], -1)
    return values.gather(-1, index.clamp(min=0)).masked_fill(index < 0, 0)


@dataclass(frozen=True)
class Rows:
    """The rows of attention that a view takes the mean of, one for each of its heads and queries.

    Attributes:
        weights: (B, R, T) attention weights over the positions.
        counted: (B, R) false on rows that are no part of the view (queries that are no words).
        word: (B, T) index of the word at each position, -1 for none.
        whole: (B, R, 1) what the weights of each row sum to: 1, but for the mass on a sink.
    """

    weights: torch.Tensor  # (B, R, T)
    counted: torch.Tensor  # (B, R)
    word: torch.Tensor  # (B, T)
    whole: torch.Tensor  # (B, R, 1)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """(B, R, ...) -> the mean (B, ...) over the rows that count."""
        counted = self.counted.reshape(*self.counted.shape, *(1,) * (values.ndim - 2))
        return (values * counted).sum(1) / counted.sum(1)

    @property
    def words(self) -> torch.Tensor:
        """(B, R, W) the weight of each word, the sum over its pieces."""
        return sum_by_word(self.weights, self.word)

    @property
    def outside(self) -> torch.Tensor:
        """(B, R, 1) the weight of special tokens."""
        return (self.weights * (self.word < 0)[:, None]).sum(-1, keepdim=True)

    def shares(self) -> torch.Tensor:
        """(B, R, T) the share that each piece has of the weight of its word; pieces without weight share alike."""
        total = at_positions(self.words, self.word)
        pieces = at_positions(sum_by_word(torch.ones_like(self.weights), self.word), self.word).clamp(min=1)
        inside = (self.word >= 0)[:, None]
        return torch.where(total > 0, self.weights / total.where(total > 0, 1), 1 / pieces) * inside

    def under(self, weighting: torch.Tensor) -> torch.Tensor:
        """(B, R, T) the rows whose mean gives the words `weighting` (B, W); special tokens keep what they have.

        Of several rows each keeps its own mass on words: it gives up, in proportion, what the words that lose weight
        lose in the mean, and hands it to the words that gain, in proportion to what they gain in the mean. So the
        view's own weighting leaves every row as it is, and all weight on one word is so in every row. Pieces share the
        weight of their word as before.
        """
        mass = self.whole - self.outside
        if self.weights.shape[1] == 1:
            words = weighting[:, None].to(self.weights.dtype) * mass
        else:
            words = self._moved(weighting.to(self.weights.dtype) * self.mean(mass))
        return self._holding(words)

    def each_under(self, weightings: torch.Tensor) -> torch.Tensor:
        """(B, R, T) the rows, each giving the words a weighting of its own (B, R, W), in the same way."""
        return self._holding(weightings.to(self.weights.dtype) * (self.whole - self.outside))

    def _holding(self, words: torch.Tensor) -> torch.Tensor:
        """(B, R, T) the rows with these weights of words (B, R, W), shared out to their pieces."""
        return torch.where((self.word >= 0)[:, None], at_positions(words, self.word) * self.shares(), self.weights)

    def _moved(self, target: torch.Tensor) -> torch.Tensor:
        """(B, R, W) the rows with weight moved between words until their mean is `target` (B, W)."""
        own, mean = self.words, self.mean(self.words)
        kept = torch.where(mean > 0, target / mean.where(mean > 0, 1), 1).clamp(max=1)[:, None]  # (B, 1, W)
        gained = (target - mean).clamp(min=0)
        gained = gained / gained.sum(-1, keepdim=True).clamp(min=torch.finfo(gained.dtype).tiny)
        return own * kept + (own * (1 - kept)).sum(-1, keepdim=True) * gained[:, None]


class Window:
    """Finds the rows of a view in the weights (B, heads, queries, keys) of its site, and puts others there.

    Args:
        at: (B,) the query of each document, where it is one; None: the mean over the positions of words.

    Raises:
        ValueError: the keys are not the positions of the batch.
    """

    def __init__(self, view: View, site: Site, word: torch.Tensor, at: torch.Tensor | None) -> None:
        self.site = site
        self.word = word
        self.at = at
        self.heads = slice(None) if view.head == MEAN else slice(int(view.head), int(view.head) + 1)

    def rows(self, weights: torch.Tensor) -> Rows:
        """The rows in the weights of the site; gradients pass."""
        self._check(weights)
        part = weights[:, self.heads]
        if self.at is None:
            counted = (self.word >= 0)[:, None].expand(part.shape[:3]).flatten(1)
            part = part.flatten(1, 2)
        else:
            part = part[torch.arange(len(part), device=part.device), :, self.at]
            counted = torch.ones(part.shape[:2], dtype=torch.bool, device=part.device)
        plain = self.site.normalised and not self.site.sink
        whole = torch.ones_like(part[..., :1]) if plain else part.sum(-1, keepdim=True)
        return Rows(part, counted, self.word, whole)

    def put(self, weights: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The weights of the site with `rows` (B, R, T) in their place."""
        changed = weights.clone()
        if self.at is not None:
            documents = torch.arange(len(weights), device=weights.device)
            changed[documents, self.heads, self.at] = rows
            return changed
        part = weights[:, self.heads]
        counted = (self.word >= 0)[:, None, :, None]
        changed[:, self.heads] = torch.where(counted, rows.reshape(part.shape), part)
        return changed

    def _check(self, weights: torch.Tensor) -> None:
        positions = self.word.shape[1]
        if weights.shape[-1] != positions or (self.at is None and weights.shape[-2] != positions):
            raise ValueError(
                f"site {self.site.name!r}: weights of {weights.shape[-2]} queries over {weights.shape[-1]} keys, and "
                f"the documents have {positions} positions; choose a site whose keys are the words of the document"
            )
