"""One batch of a reading: weights, logits, votes and attributions in words, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import torch

from attn_interp.attribution.attribution import Attribution, Method
from attn_interp.data.batch import Batch
from attn_interp.data.corpus import label_name
from attn_interp.data.document import Document
from attn_interp.experiments.record import Column
from attn_interp.experiments.tangent import checked_votes
from attn_interp.models.alternatives import Alternatives, Under
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.rows_of_attention import Run
from attn_interp.models.view import MEAN
from attn_interp.readout.affine import advantages
from attn_interp.recording.one_word import on_each_word

DOCUMENT_COLUMNS = {
    "document": Column("id of the document"),
    "label": Column("gold class; missing where it is not known"),
    "predicted": Column("class predicted by the model"),
    "words": Column("length of the document", "words", 1),
    "max_attention": Column("largest attention weight", "", 0, 1),
    "outside": Column("share of the attention outside the words: on special tokens, a prompt or a sink", "", 0, 1),
}
"""The columns with which every frame of one row per document begins."""

OF_ANY_VIEW = {name: column for name, column in DOCUMENT_COLUMNS.items() if name not in ("max_attention", "outside")}
"""Those that say nothing of the attention that is tested."""


@dataclass(frozen=True, eq=False, repr=False)
class ReadBatch:
    """One batch of a reading, in words; float64 on the CPU where it is a number. Things are read when first asked for.

    Attributes:
        model: The model that is read.
        rows: Index of each document among all that are read.
        batch: What the model sees.
        check: Raises where the model is no longer the one that was read; called before it is asked.
        part_of: The batch of a larger reading, and which of its rows these are. Everything is then read by that one, so
            that a part has the numbers of the whole whatever was asked before.
    """

    model: AttentionModel
    rows: list[int]
    batch: Batch
    check: Callable[[], None] = lambda: None
    part_of: tuple[ReadBatch, torch.Tensor] | None = None
    attributions: dict[str, tuple[Method, Attribution]] = field(default_factory=dict)

    @cached_property
    def run(self) -> Run:
        """Weights, logits and mass on words, as the model gives them."""
        if self.part_of is None:
            self.check()
            return self.model.run(self.batch)
        whole, places = self.part_of[0].run, self.part_of[1].to(self.model.device)
        is_word = whole.is_word[places]
        longest = int(is_word.sum(-1).max())
        return Run(whole.weights[places, :longest], whole.word_mass[places], whole.logits[places], is_word[:, :longest])

    @cached_property
    def is_word(self) -> torch.Tensor:
        """(B, W) true where a document has a word."""
        return self.run.is_word.cpu()

    @cached_property
    def weights(self) -> torch.Tensor:
        """(B, W) attention weights over the words, each row summing to 1."""
        weights = self.run.weights.double().cpu()
        return weights / weights.sum(-1, keepdim=True)

    @cached_property
    def logits(self) -> torch.Tensor:
        """(B, C) of the model on its own."""
        return self.run.logits.double().cpu()

    @property
    def predicted(self) -> torch.Tensor:
        """(B,) index of the predicted class, or of the answer that is the decision."""
        return self.model.decisions(self.logits)

    @cached_property
    def votes(self) -> torch.Tensor:
        """(B, W, C) the logits with all attention on one word, 0 past the last word: from a derivative for each class
        where they are affine in the attention, else from a run for each word."""
        if self.part_of is not None:
            return self.part_of[0].votes[self.part_of[1], : self.is_word.shape[1]]
        view, (words, classes) = self.model.view, (self.is_word.shape[1], self.logits.shape[1])
        # The mean of several rows has a kink at the model's own weights (`Rows.under`), so it has no derivative there.
        one_row = MEAN not in (view.head, view.query)
        under, known = self.encoded(), None
        if one_row and words >= classes:  # one derivative and two runs for each class, instead of a run for each word
            known = checked_votes(under, self.weights, self.is_word)
        votes = on_each_word(under, self.is_word) if known is None else known
        return votes * self.is_word[..., None]

    @property
    def leads(self) -> torch.Tensor:
        """(B, W) with all attention on a word, the logit of the decision minus that of its rival, which is the class
        with the second highest logit."""
        rival = self.logits.topk(2).indices[:, 1]
        lead = advantages(self.votes, self.predicted)  # (B, W, C)
        return lead.gather(-1, rival[:, None, None].expand(*lead.shape[:2], 1))[..., 0]

    def under(self, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) that the model itself gives under weightings (B, K, W)."""
        return self.encoded()(weightings)

    def encoded(self) -> Under:
        """`under` as a function for several calls, which encodes the documents once."""
        self.check()
        alternatives = Alternatives(self.model, self.batch)

        def under(weightings: torch.Tensor) -> torch.Tensor:
            with torch.set_grad_enabled(weightings.requires_grad):
                return alternatives.logits(self._to_model(weightings)).double().cpu()

        return under

    def many_under(self, count: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """`under` as a function of `count` weightings (B, count, W) that is called many times; gradients pass. Answers
        are on the device and in the precision of the weightings."""
        self.check()
        under = self.model.many_under(self.batch, count)
        return lambda weightings: under(self._to_model(weightings)).to(weightings)

    def _to_model(self, weightings: torch.Tensor) -> torch.Tensor:
        return weightings.to(self.model.device, torch.promote_types(self.run.weights.dtype, torch.float32))

    def attribution(self, name: str, method: Method) -> Attribution:
        """What the method gives for the probability of the predicted class; computed once."""
        if self.part_of is not None:
            found, places = self.part_of[0].attribution(name, method), self.part_of[1]
            gap, asked, words = found.completeness_gap, found.asked, self.is_word.shape[1]
            return Attribution(
                found.values[places, :words],
                None if gap is None else gap[places],
                None if asked is None else asked[places, :words],
            )
        if name not in self.attributions or self.attributions[name][0] is not method:
            self.check()
            found = method(self.model, self.batch, self.predicted.to(self.model.device))
            gap, asked = found.completeness_gap, found.asked
            settled = Attribution(
                _settled(found.values), None if gap is None else _settled(gap), None if asked is None else asked.cpu()
            )
            self.attributions[name] = (method, settled)
        return self.attributions[name][1]

    def about(self, **columns: Any) -> pd.DataFrame:
        """The `DOCUMENT_COLUMNS` of the documents, and beside them further columns of one value each, or of one for
        each document."""
        return pd.DataFrame({**self._about, **columns})

    @cached_property
    def _about(self) -> dict[str, Any]:
        about = about_documents(self.model.classes, self.batch.documents, self.predicted).assign(
            words=self.is_word.sum(-1).numpy(),
            max_attention=self.weights.amax(-1).numpy(),
            outside=(1 - self.run.word_mass.double().cpu()).clamp(0, 1).numpy(),
        )
        return {str(name): about[name].array for name in about}


def _settled(values: torch.Tensor) -> torch.Tensor:
    return values.detach().double().cpu()


def about_documents(classes: Sequence[str], documents: Sequence[Document], predicted: torch.Tensor) -> pd.DataFrame:
    """document, label (missing where there is none), predicted and words of some documents."""
    return pd.DataFrame(
        {
            "document": [document.id for document in documents],
            "label": [label_name(document, classes) for document in documents],
            "predicted": [classes[index] for index in predicted.tolist()],
            "words": [len(document) for document in documents],
        }
    )
