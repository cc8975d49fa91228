"""The layout of attention weights: which axis is the document, the head, the query and the key."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

BATCH = ("B", "B*H", "H*B")
HEADS = ("H", "G")


@dataclass(frozen=True)
class Layout:
    """How a model lays its weights out, and the way from there to (batch, heads, queries, keys) and back.

    Attributes:
        text: One word for each axis: `B` documents, `H` heads (`G` a second axis of heads), `B*H` or `H*B` documents
            and heads folded into one axis, `1` an axis of one element, any other word (`T`, `S`, `Q`, ...) positions.
        key_axis: The softmaxed axis, counted from the end (negative).
        heads: Number of heads in all.

    Raises:
        ValueError: if the text has not exactly one axis of documents, or more than one axis of queries.
    """

    text: str
    key_axis: int
    heads: int = 1

    def __post_init__(self) -> None:
        words = self.text.split()
        if not -len(words) <= self.key_axis < 0:
            raise ValueError(f"layout {self.text!r}: key_axis must be in -{len(words)}..-1, got {self.key_axis}")
        if sum(word in BATCH for word in words) != 1:
            raise ValueError(f"layout {self.text!r}: exactly one axis must be one of {', '.join(BATCH)}")
        if self.heads < 1:
            raise ValueError(f"layout {self.text!r}: heads must be at least 1, got {self.heads}")
        if "B" not in words and any(word in HEADS for word in words):
            raise ValueError(f"layout {self.text!r}: heads are either folded into the documents or an axis, not both")
        if len(self._queries()) > 1:
            raise ValueError(f"layout {self.text!r}: at most one axis beside the keys may hold positions (the queries)")

    def _words(self) -> list[str]:
        return self.text.split()

    def _queries(self) -> list[int]:
        words = self._words()
        key = self.key_axis + len(words)
        return [i for i, word in enumerate(words) if i != key and word not in (*BATCH, *HEADS, "1")]

    def _order(self) -> list[int]:
        """The axes as documents, heads, queries, axes of one element, keys."""
        words = self._words()
        key = self.key_axis + len(words)
        batch = [i for i, word in enumerate(words) if word in BATCH]
        heads = [i for i, word in enumerate(words) if word in HEADS and i != key]
        ones = [i for i, word in enumerate(words) if word == "1" and i != key]
        return [*batch, *heads, *self._queries(), *ones, key]

    def read(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights as (batch, heads, queries, keys); a view where the strides allow it.

        Raises:
            ValueError: if the number or the size of the axes does not fit the layout.
        """
        words = self._words()
        fits = weights.ndim == len(words)
        if fits:
            ordered = weights.permute(self._order())
            apart = math.prod(weights.shape[i] for i, word in enumerate(words) if word in HEADS)
            ones = math.prod(weights.shape[i] for i, word in enumerate(words) if word == "1")
            folded = 1 if "B" in words else self.heads
            fits = ordered.shape[0] % folded == 0 and apart * folded == self.heads and ones == 1
        if not fits:
            raise ValueError(
                f"weights of shape {tuple(weights.shape)} do not have the layout {self.text!r} with {self.heads} heads"
            )
        size, keys = ordered.shape[0] // folded, ordered.shape[-1]
        queries = math.prod(weights.shape[i] for i in self._queries())
        if "H*B" in words:
            return ordered.reshape(self.heads, size, queries, keys).transpose(0, 1)
        return ordered.reshape(size, self.heads, queries, keys)

    def write(self, weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """The inverse of `read`: weights (batch, heads, queries, keys) laid out in the given shape, contiguous."""
        order = self._order()
        if "H*B" in self._words():
            weights = weights.transpose(0, 1)
        inverse = [order.index(axis) for axis in range(len(order))]
        return weights.reshape([shape[axis] for axis in order]).permute(inverse).contiguous()
