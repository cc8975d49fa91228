"""The rows of attention that a view reads: found in the weights of its site, read in words, and others put there."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from attn_interp.models.view import MEAN, View
from attn_interp.recording import Site


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
class Run:
    """What the model did with a batch on its own.

    Attributes:
        weights: (B, W) attention weights of the view over the words, each row summing to 1.
        word_mass: (B,) share of the attention that fell on words; the rest lies on special tokens or a sink.
        logits: (B, C).
        is_word: (B, W).
    """

    weights: torch.Tensor  # (B, W)
    word_mass: torch.Tensor  # (B,)
    logits: torch.Tensor  # (B, C)
    is_word: torch.Tensor  # (B, W)


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

        With r(w) the weight of word w in a row, m(w) its mean over the rows and t(w) the target:

            kept(w) = min(1, t(w) / m(w))
            gain(w) = max(0, t(w) - m(w))
            new r(w) = r(w) kept(w) + gain(w) / sum_v gain(v) * sum_v r(v) (1 - kept(v))

        Two heads (.8, .2) and (.4, .6) have the mean (.6, .4). For the target (.3, .7) the first word keeps half of
        each row and the second takes the other half: (.4, .6) and (.2, .8), whose mean is the target. So the mean
        itself as a target changes no row, and a target of 1 on one word gives that word all of every row. The pieces of
        a word keep their shares of it.
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

    def repeated(self, ways: int) -> Rows:
        """The rows of each document `ways` times."""
        parts = (self.weights, self.counted, self.word, self.whole)
        return Rows(*(each.repeat_interleave(ways, 0) for each in parts))

    def by_weight_of_words(self, gradient: torch.Tensor) -> torch.Tensor:
        """(B, W) derivative by the weight of each word in the mean of the rows, from that by each weight (B, R, T).

        The weight m(w) of a word in the mean is moved by scaling the word in every row and piece alike. With weights
        r(p) and gradients g(p) of its pieces p in all rows:

            sum_p r(p) g(p) / m(w)

        Two heads that give a word .8 and .4 (mean .6), with gradients 1 and 4: (.8 * 1 + .4 * 4) / .6 = 4. A word
        without weight gets the same in every row, in equal pieces.
        """
        counted = gradient * self.counted[..., None]
        mean = self.mean(self.words)
        scaled = sum_by_word(self.weights * counted, self.word).sum(1)
        alike = sum_by_word(self.shares() * counted, self.word).sum(1)
        if self.weights.shape[1] == 1:
            return alike
        return torch.where(mean > 0, scaled / mean.where(mean > 0, 1), alike)

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
        self.check(weights)
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

    def under(self, weights: torch.Tensor, weighting: torch.Tensor) -> torch.Tensor:
        """The weights of the site with the view under the weighting (B, W)."""
        return self.put(weights, self.rows(weights).under(weighting))

    def many_put(self, weights: torch.Tensor, weightings: torch.Tensor) -> torch.Tensor:
        """(B, K, heads, keys) the query's rows of all heads, those of the view under each weighting (B, K, W)."""
        documents, ways = weightings.shape[:2]
        whole = weights[torch.arange(documents, device=weights.device), :, self.at].repeat_interleave(ways, 0)
        whole[:, self.heads] = self.rows(weights).repeated(ways).under(weightings.flatten(0, 1))
        return whole.unflatten(0, (documents, ways))

    def check(self, weights: torch.Tensor) -> None:
        """Raises ValueError where the keys are not the positions of the batch."""
        positions = self.word.shape[1]
        if weights.shape[-1] != positions or (self.at is None and weights.shape[-2] != positions):
            raise ValueError(
                f"site {self.site.name!r}: weights of {weights.shape[-2]} queries over {weights.shape[-1]} keys, and "
                f"the documents have {positions} positions; choose a site whose keys are the words of the document; "
                "a model that adds positions of its own, as with prompt tuning, has none"
            )
