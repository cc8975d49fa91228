"""The wrapper that experiments talk to: what any classifier must answer about its attention, in words.

Everything here is in word coordinates: column w of a (B, W) tensor is the w-th word of the document, whatever special
tokens or padding the module itself sees. Columns past the last word of a document are zero and false in `is_word`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch, Collate, batches_by_length
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import UNKNOWN
from attn_interp.recording import Site, intervene, record, replay

Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class View:
    """Which row of attention is tested: one distribution over the words per document.

    Attributes:
        site: Name of the attention site, as `sites` lists them.
        head: Index of the head.
        query: Index of the query; -1 is the last. Not used where the query differs by document (`query_of`).
    """

    site: str
    head: int = 0
    query: int = 0


@dataclass(frozen=True)
class Run:
    """What the model did with a batch on its own.

    Attributes:
        weights: (B, W) attention weights of the view over the words, each row summing to 1.
        word_mass: (B,) share of the attention that fell on words; the rest lies on special tokens.
        logits: (B, C).
        is_word: (B, W).
    """

    weights: torch.Tensor  # (B, W)
    word_mass: torch.Tensor  # (B,)
    logits: torch.Tensor  # (B, C)
    is_word: torch.Tensor  # (B, W)


def word_of(batch: Batch) -> torch.Tensor:
    """(B, T) index of the word at each position, -1 at special tokens and padding."""
    return (batch.is_word.cumsum(-1) - 1).masked_fill(~batch.is_word, -1)


@dataclass(frozen=True)
class AttentionModel:
    """A classifier with one view of its attention. Made by `wrap`; always in eval mode.

    Attributes:
        module: The wrapped module, unchanged.
        classes: The C class names.
        view: The row of attention that is tested.
        sites: Every attention site of the module.
        collate: Documents -> Batch.
        inputs: Batch -> positional arguments of the module.
        logits_of: Output of the module -> (B, C) logits.
        embedding: The module whose output are the input embeddings (B, T, D).
        device: Where the module runs.
        without_each_word: Batch -> the logits (B, C), and those (B, W, C) without each word, NaN for documents of one
            word, for a module that can say it faster than by a run on every shortened document; None: it cannot.
        unit_of: Batch -> (B, T) which word a position belongs to, -1 for none. It is one position for each word but
            in a view over sentences, where the sentences are the words of `batch.documents`.
        query_of: Batch -> (B,) the query of each document, where it is not the same one for all; None: `view.query`.
        mask_word: The word that stands for a word that is hidden.
    """

    module: nn.Module
    classes: tuple[str, ...]
    view: View
    sites: tuple[Site, ...]
    collate: Collate
    inputs: Callable[[Batch], tuple[Any, ...]]
    logits_of: Callable[[Any], torch.Tensor]
    embedding: nn.Module
    device: torch.device
    without_each_word: Callable[[Batch], tuple[torch.Tensor, torch.Tensor]] | None = None
    unit_of: Callable[[Batch], torch.Tensor] = word_of
    query_of: Callable[[Batch], torch.Tensor] | None = None
    mask_word: str = UNKNOWN

    def batch(self, documents: Sequence[Document]) -> Batch:
        """The documents as one batch on the device of the model."""
        return self.collate(documents).to(self.device)

    def batches(self, documents: Sequence[Document], size: int = 32) -> Iterator[tuple[list[int], Batch]]:
        """All documents in batches of similar length, each with the indices of its rows."""
        for indices in batches_by_length([len(document) for document in documents], size):
            yield indices, self.batch([documents[index] for index in indices])

    @property
    def site(self) -> Site:
        return next(site for site in self.sites if site.name == self.view.site)

    def run(self, batch: Batch) -> Run:
        """The attention weights and logits of the batch."""
        with torch.no_grad(), record(self.module, self.sites) as recording:
            logits = self.batch_logits(batch)
        return self._read(batch, recording[self.view.site], logits)

    def _read(self, batch: Batch, weights: torch.Tensor, logits: torch.Tensor) -> Run:
        row = weights[self._row(batch)]  # (B, T)
        words, is_word = to_words(row, batch.is_word)
        outside = (row * ~batch.is_word).sum(-1)
        word_mass = torch.where(outside == 0, torch.ones_like(outside), words.sum(-1))
        return Run(words / word_mass[:, None], word_mass, logits, is_word)

    def _row(self, batch: Batch) -> tuple[torch.Tensor, int, torch.Tensor]:
        """Index of the view's row of weights (B, heads, queries, keys): weights[row] is (B, keys)."""
        documents = torch.arange(len(batch), device=batch.ids.device)
        query = torch.full_like(documents, self.view.query) if self.query_of is None else self.query_of(batch)
        return documents, self.view.head, query

    def logits_under(self, batch: Batch, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) under K alternative attention weightings (B, K, W) of the view, without re-encoding.

        Attention on special tokens stays as it is; the words share out their own mass anew. Gradients reach the
        weightings where autograd is on.
        """
        kept = replay(self.module, self.site, *self.inputs(batch))
        return torch.stack(
            [self.logits_of(kept.under(self._put(batch, weighting))) for weighting in weightings.unbind(1)], 1
        )

    def _put(self, batch: Batch, weighting: torch.Tensor) -> Change:
        """The change of the site's weights that puts `weighting` (B, W) at the words of the view."""
        positions = to_positions(weighting, batch.is_word)  # (B, T)
        place = self._row(batch)

        def change(weights: torch.Tensor) -> torch.Tensor:
            row = weights[place]  # (B, T)
            mass = 1 - (row * ~batch.is_word).sum(-1, keepdim=True)
            changed = weights.clone()
            changed[place] = torch.where(batch.is_word, positions.to(row.dtype) * mass, row)
            return changed

        return change

    def gradient_at_weights(self, batch: Batch, classes: torch.Tensor) -> torch.Tensor:
        """d p_class / d weight (B, W), through whatever follows the attention; `classes` (B,) names the class of each
        row. The weights are taken as free variables, so a bias that follows the attention is not absorbed."""
        with torch.enable_grad(), record(self.module, self.sites, gradients=True) as recording:
            logits = self.batch_logits(batch)
        chosen = logits.softmax(-1).gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, recording[self.view.site])
        return to_words(gradient[self._row(batch)], batch.is_word)[0]

    def gradient_at_embeddings(
        self, batch: Batch, classes: torch.Tensor, detached: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The input embeddings of all positions (B, T, D) and d p_class / d embedding (B, T, D).

        Args:
            detached: hold every attention weight constant, so that the gradient takes only the path through the values.
        """
        held: list[torch.Tensor] = []

        def keep(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            held.append(output.detach().requires_grad_())
            return held[-1]

        changes: dict[str | Site, Change] = dict.fromkeys(self.sites, torch.Tensor.detach) if detached else {}
        hook = self.embedding.register_forward_hook(keep)
        try:
            with torch.enable_grad(), intervene(self.module, changes):
                logits = self.batch_logits(batch)
        finally:
            hook.remove()
        chosen = logits.softmax(-1).gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, held)
        return held[0].detach(), gradient

    def sum_over_words(self, batch: Batch, values: torch.Tensor) -> torch.Tensor:
        """Values at positions (B, T) -> their sums over the positions of each word (B, W), zero past the last word."""
        unit = self.unit_of(batch)
        sums = values.new_zeros(len(batch), int(unit.max()) + 1)
        return sums.scatter_add(1, unit.clamp(min=0), values.masked_fill(unit < 0, 0))

    @contextmanager
    def embeddings_given(self, embeddings: torch.Tensor) -> Iterator[None]:
        """Within this context the module sees `embeddings` (B, T, D) in place of its own."""
        hook = self.embedding.register_forward_hook(lambda module, inputs, output: embeddings)
        try:
            yield
        finally:
            hook.remove()

    def embeddings(self, batch: Batch) -> torch.Tensor:
        """The input embeddings (B, T, D) of every position."""
        held: list[torch.Tensor] = []
        hook = self.embedding.register_forward_hook(lambda module, inputs, output: held.append(output.detach()))
        try:
            with torch.no_grad():
                self.module(*self.inputs(batch))
        finally:
            hook.remove()
        return held[0]

    def batch_logits(self, batch: Batch) -> torch.Tensor:
        """The logits (B, C) of a batch, recording nothing."""
        return self.logits_of(self.module(*self.inputs(batch)))

    def logits(self, documents: Sequence[Document], size: int = 64) -> torch.Tensor:
        """The logits (N, C) of any documents, edited ones for example, in their order."""
        result = torch.zeros(len(documents), len(self.classes), device=self.device)
        with torch.no_grad():
            for indices, batch in self.batches(documents, size):
                result[indices] = self.batch_logits(batch)
        return result

    @property
    def words_are_positions(self) -> bool:
        """Whether the units that attention weighs are single words; false in a view over sentences."""
        return self.unit_of is word_of

    def mean_embedding(self) -> torch.Tensor:
        """(D,) the mean input embedding of the vocabulary, padding left out: every word counts once, however frequent.

        Raises:
            TypeError: the input embedding is not a torch.nn.Embedding, so its words cannot be listed.
        """
        table = self.embedding
        if not isinstance(table, nn.Embedding):
            raise TypeError(f"mean embedding: the input embedding is a {type(table).__name__}, expected nn.Embedding")
        vectors = table.weight.detach()
        if table.padding_idx is not None:
            vectors = torch.cat([vectors[: table.padding_idx], vectors[table.padding_idx + 1 :]])
        return vectors.double().mean(0).to(vectors)

    def logits_with_embedding(self, batch: Batch, replaced: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        """The logits (B, C) of a batch in which the words of `replaced` (B, W) have the input embedding `vector`."""
        unit = self.unit_of(batch)  # (B, T)
        positions = replaced.gather(1, unit.clamp(min=0)) & (unit >= 0)

        def swap(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            return torch.where(positions[..., None], vector, output)

        hook = self.embedding.register_forward_hook(swap)
        try:
            with torch.no_grad():
                return self.batch_logits(batch)
        finally:
            hook.remove()


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


def two_class_logits(output: torch.Tensor) -> torch.Tensor:
    """The output of a module as (B, C) logits: one logit z per document, (B,) or (B, 1), stands for (0, z)."""
    if output.dim() == 2 and output.shape[1] > 1:
        return output
    logit = output.reshape(output.shape[0])
    return torch.stack([torch.zeros_like(logit), logit], dim=1)
