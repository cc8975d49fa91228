"""The wrapper that experiments talk to: what any classifier must answer about its attention, in words.

Everything here is in word coordinates: column w of a (B, W) tensor is the w-th word of the document, whatever special
tokens or padding the module itself sees. Columns past the last word of a document are zero and false in `is_word`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from attn_interp.by_name import named
from attn_interp.data.batch import POSITIONS, Batch, Collate, batches_by_length
from attn_interp.data.document import Document, shortened
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.vocabulary import UNKNOWN
from attn_interp.models.alternatives import Alternatives
from attn_interp.models.checks.device import device_of
from attn_interp.models.checks.outputs import check_numbers
from attn_interp.models.input_embeddings import InputEmbeddings, with_gradient
from attn_interp.models.predicting import as_documents, predictions_frame, probability_of
from attn_interp.models.rows_of_attention import Run, Window, sum_by_word
from attn_interp.models.view import FIRST, LAST, MEAN, Change, View, chosen_view, word_of
from attn_interp.recording import Site, intervene, record, replay
from attn_interp.recording.discovery.dry_run import in_eval_mode
from attn_interp.recording.replay import Replay

if TYPE_CHECKING:
    from attn_interp.models.classifiers.pairs.pair_classifier import InsideTanh
    from attn_interp.models.classifiers.trained import Trained
    from attn_interp.models.units.coarse import Cut


Chosen = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(logits (B, C), classes (B,)) -> (B,) what of them a gradient is taken of."""


@dataclass(frozen=True, repr=False)
class AttentionModel:
    """A classifier with one view of its attention. Made by `wrap` or `train`. It is always asked in evaluation mode,
    also while a training of the module goes on.

    Attributes:
        module: The wrapped module, unchanged.
        classes: The C class names.
        view: The row of attention that is tested.
        sites: Every attention site of the module.
        collate: Documents -> Batch.
        inputs: Batch -> positional arguments of the module.
        logits_of: Output of the module -> (B, C) logits.
        embedding: Where it reads its input embeddings (B, T, D).
        without_each_word: Batch -> the logits (B, C), and those (B, W, C) without each word, NaN for documents of one
            word, for a module that can say it faster than by a run on every shortened document; None: it cannot.
        unit_of: Batch -> (B, T) which word a position belongs to, -1 for none: one position for each word, or its
            pieces; in a view over sentences, where the sentences are the words of `batch.documents`, their words.
        query_of: Batch -> (B,) the query of each document, where the view cannot name it; None: `view.query`.
        mask_word: The word that stands for a word that is hidden; None: the model knows none.
        unknown: Id of the words that the model does not know; None: there is none, or nobody has said which.
        trained: The classifier of ours that was wrapped, and how it was trained; None: another module.
        inside_tanh: Batch -> what its logits are made of, where they are affine in the tanh of what is affine in the
            attention of the view; None: nobody knows.
        decided: Index of the class that is the decision of every document, however small its probability; None: the
            class of the highest logit.
        completed: Document -> the same with what must be known before it is read, as the answer that a language model
            generates; None: nothing.
    """

    module: nn.Module
    classes: tuple[str, ...]
    view: View
    sites: tuple[Site, ...]
    collate: Collate
    inputs: Callable[[Batch], tuple[Any, ...]]
    logits_of: Callable[[Any], torch.Tensor]
    embedding: InputEmbeddings
    without_each_word: Callable[[Batch], tuple[torch.Tensor, torch.Tensor]] | None = None
    unit_of: Callable[[Batch], torch.Tensor] = word_of
    query_of: Callable[[Batch], torch.Tensor] | None = None
    mask_word: str | None = UNKNOWN
    unknown: int | None = None
    trained: Trained | None = None
    inside_tanh: Callable[[Batch], InsideTanh] | None = None
    decided: int | None = None
    completed: Callable[[Document], Document] | None = None

    def __repr__(self) -> str:
        kind = type(self.module).__name__ if self.trained is None else f"{self.trained.settings.encoder} classifier"
        classes = shortened(", ".join(self.classes), 200)
        view = f"site {self.view.site!r}, head {self.view.head!r}, query {self.view.query!r}"
        return (
            f"<AttentionModel: {shortened(kind, 80)}, {len(self.classes)} classes ({classes}); "
            f"{shortened(view, 200)}; sites in all: {len(self.sites)}>"
        )

    def __call__(self, *texts: Any, **options: Any) -> NoReturn:
        raise TypeError("a model is not called; ask model.predict(texts), model.logits(texts) or model.show(text)")

    def predict(self, texts: str | Document | Sequence[str | Document]) -> pd.DataFrame:
        """What the model decides of texts or documents.

        Returns:
            One row per text: document (its id), predicted (the class of the highest probability, or that which is
            `decided`), and for each class "probability <class>", in [0, 1].
        """
        documents = documents_of(texts)
        logits = self.logits(documents)
        return predictions_frame(documents, self.classes, logits, self.decisions(logits))

    def show(self, text: str | Document, methods: str | Sequence[str] = (), units: str | Cut = "word") -> Any:
        """The words of a text shaded by attention, and by attribution methods in rows beside it; of a model of
        `answering` a row for each token of the answer: see `show_model`."""
        return named("figures.words.show.show_model")(self, text, methods, units)

    def save(self, folder: Path | str) -> Path:
        """Write the model to a folder that `load_model` reads (`save_model`)."""
        return named("models.saving.save_model")(self, folder)

    def at(
        self, site: str | None = None, head: int | str | None = None, query: int | str | None = None
    ) -> AttentionModel:
        """The same model under another view; the module is shared.

        Args:
            site, head, query: As for `wrap`. None keeps the site; head and query are kept where the site is, and those
                that `wrap` chooses at another one.

        Raises:
            ValueError: there is no such site, head or query; the message lists them.
        """
        site = self.view.site if site is None else site
        if site == self.view.site:
            head = self.view.head if head is None else head
            if query is None:
                return replace(self, view=chosen_view(self.sites, site, head, self.view.query))
        return named("models.wrap.wrap_at")(self, site, head, query)

    def decisions(self, logits: torch.Tensor) -> torch.Tensor:
        """(B,) index of the class that is the decision of each document, from its logits (B, C)."""
        return logits.argmax(-1) if self.decided is None else torch.full_like(logits[:, 0], self.decided).long()

    @property
    def device(self) -> torch.device:
        """Where the module is now."""
        return device_of(self.module)

    def batch(self, documents: Sequence[Document]) -> Batch:
        """The documents as one batch on the device of the model."""
        return self.collate(documents).to(self.device)

    def batches(self, documents: Sequence[Document], size: int = 32) -> Iterator[tuple[list[int], Batch]]:
        """All documents in batches of similar length, each with the indices of its rows; fewer of long ones, and fewer
        where many layers hold their states until a gradient has passed. A sentence in the place of a word is as long as
        its words."""
        for indices, _ in self.groups(documents, size):
            yield indices, self.batch([documents[index] for index in indices])

    def groups(self, documents: Sequence[Document], size: int = 32) -> Iterator[tuple[list[int], int]]:
        """The indices of each of those batches, and the words of its longest document."""
        lengths = [sum(word.count(" ") + 1 for word in document.words) for document in documents]
        for indices in batches_by_length(lengths, size, POSITIONS // max(1, len(self.sites))):
            yield indices, max(lengths[index] for index in indices)

    @property
    def site(self) -> Site:
        return next(site for site in self.sites if site.name == self.view.site)

    def run(self, batch: Batch) -> Run:
        """The attention weights and logits of the batch."""
        with torch.no_grad(), record(self.module, [self.site]) as recording:
            logits = self.batch_logits(batch)
        return self._read(batch, recording[self.view.site], logits)

    def _read(self, batch: Batch, weights: torch.Tensor, logits: torch.Tensor) -> Run:
        rows = self.window(batch).rows(weights.to(torch.promote_types(weights.dtype, torch.float32)))
        words = rows.mean(rows.words)  # (B, W)
        whole = (rows.mean(rows.outside) == 0)[:, 0] & (rows.mean(rows.whole) == 1)[:, 0]
        word_mass = torch.where(whole, torch.ones_like(words[:, 0]), words.sum(-1))
        counts = batch.is_word.sum(-1, keepdim=True)
        is_word = torch.arange(words.shape[1], device=words.device) < counts  # (B, W)
        return Run(words / word_mass[:, None], word_mass, logits, is_word)

    def window(self, batch: Batch) -> Window:
        """Where the view's rows stand in the weights of its site, of this batch."""
        return Window(self.view, self.site, word_of(batch), self.query_at(batch))

    def query_at(self, batch: Batch) -> torch.Tensor | None:
        """(B,) the query of each document; None: the mean over its words."""
        if self.query_of is not None:
            return self.query_of(batch)
        if self.view.query == MEAN:
            return None
        position = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        if self.view.query == FIRST:
            return (batch.is_token * position.flip(0)).argmax(-1)
        if self.view.query == LAST:
            return (batch.is_token * (position + 1)).argmax(-1)
        return torch.full((len(batch),), int(self.view.query), device=batch.ids.device)

    def logits_under(self, batch: Batch, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) under K alternative attention weightings (B, K, W) of the view, without re-encoding.

        Attention on special tokens stays as it is; the words share out their own mass anew. Gradients reach the
        weightings where autograd is on.
        """
        return Alternatives(self, batch).logits(weightings)

    def many_under(self, batch: Batch, count: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """`logits_under` of this batch as a function of `count` weightings, for many calls: documents are encoded once
        for all calls, and a call runs what follows the attention once."""
        return Alternatives(self, batch).many(count)

    def replayed(self, batch: Batch) -> Replay:
        """The run of the batch, from which other weights at the site are tried (`recording.replay`)."""
        with in_eval_mode(self.module):
            return replay(self.module, self.site, *self.inputs(batch))

    def gradient_at_weights(self, batch: Batch, classes: torch.Tensor) -> torch.Tensor:
        """d p_class / d weight (B, W), through whatever follows the attention; `classes` (B,) names the class of each
        row. The weights are taken as free variables, so a bias that follows the attention is not absorbed. The weight
        of a word is moved by scaling it in all its pieces, heads and queries alike: `Rows.by_weight_of_words`."""
        return self.run_and_gradient(batch, classes)[1]

    def run_and_gradient(
        self,
        batch: Batch,
        classes: torch.Tensor,
        of: Chosen = probability_of,
    ) -> tuple[Run, torch.Tensor]:
        """What `run` and `gradient_at_weights` say of the batch, by one pass for both; the gradient is of what `of`
        makes of logits (B, C) and classes (B,)."""
        with torch.enable_grad(), record(self.module, [self.site], gradients=True) as recording:
            logits = self.batch_logits(batch)
            chosen = of(logits, classes).sum()
        weights = recording[self.view.site]
        steps = recording.steps(self.view.site)  # one, or those of a loop, of which the first may have nothing to read
        gradients = torch.autograd.grad(chosen, steps, materialize_grads=True)
        gradient = torch.cat([functional.pad(x, (0, weights.shape[-1] - x.shape[-1])) for x in gradients], -2)
        window = self.window(batch)
        moved = window.rows(weights.detach()).by_weight_of_words(window.rows(gradient).weights)
        return self._read(batch, weights.detach(), logits.detach()), moved

    def gradient_at_embeddings(
        self, batch: Batch, classes: torch.Tensor, detached: bool, of: Chosen = probability_of
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The input embeddings of all positions (B, T, D) and d p_class / d embedding (B, T, D).

        Args:
            detached: hold every attention weight constant, so that the gradient takes only the path through the values.
            of: What of logits (B, C) and classes (B,) the gradient is taken of.
        """
        changes: dict[str | Site, Change] = dict.fromkeys(self.sites, torch.Tensor.detach) if detached else {}
        with self.embedding.leaves() as held, torch.enable_grad(), intervene(self.module, changes):
            chosen = of(self.batch_logits(batch), classes).sum()
        return with_gradient(chosen, held)

    def sum_over_words(self, batch: Batch, values: torch.Tensor) -> torch.Tensor:
        """Values at positions (B, T) -> their sums over the positions of each word (B, W), zero past the last word."""
        return sum_by_word(values, self.unit_of(batch))

    def embeddings_given(self, embeddings: torch.Tensor) -> AbstractContextManager[None]:
        """Within this context the module sees `embeddings` (B, T, D) in place of its own."""
        return self.embedding.changed(lambda output: embeddings)

    def embeddings(self, batch: Batch) -> torch.Tensor:
        """The input embeddings (B, T, D) of every position."""
        held: list[torch.Tensor] = []
        with torch.no_grad(), self.embedding.changed(lambda output: held.append(output.detach())):
            self.batch_logits(batch)
        return held[0]

    def batch_logits(self, batch: Batch) -> torch.Tensor:
        """The logits (B, C) of a batch, in evaluation mode whatever the mode of the module, recording nothing."""
        with in_eval_mode(self.module):
            logits = self.logits_of(self.module(*self.inputs(batch)))
        check_numbers(logits, batch)
        return logits

    def logits(self, documents: str | Document | Sequence[str | Document], size: int = 64) -> torch.Tensor:
        """The logits (N, C) of any texts or documents, edited ones for example, in their order."""
        documents = as_documents(documents)
        order: list[int] = []
        parts = [torch.zeros(0, len(self.classes), device=self.device)]
        with torch.no_grad():
            for indices, batch in self.batches(documents, size):
                order += indices
                parts.append(self.batch_logits(batch))
        return torch.cat(parts)[torch.tensor(order, dtype=torch.long).argsort()]

    @property
    def words_are_positions(self) -> bool:
        """Whether the units that attention weighs are single words; false in a view over sentences."""
        return self.unit_of is word_of

    def logits_with_embedding(self, batch: Batch, replaced: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        """The logits (B, C) of a batch in which the words of `replaced` (B, W) have the input embedding `vector`."""
        unit = self.unit_of(batch)  # (B, T)
        positions = replaced.gather(1, unit.clamp(min=0)) & (unit >= 0)
        with torch.no_grad(), self.embedding.changed(lambda output: torch.where(positions[..., None], vector, output)):
            return self.batch_logits(batch)
