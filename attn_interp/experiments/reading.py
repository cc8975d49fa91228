"""A reading: a model's attention over documents, read once and shared by every experiment on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain
from operator import eq

import numpy as np
import pandas as pd
import torch

from attn_interp.attribution.attribution import Attribution, Method
from attn_interp.attribution.methods import named
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document, shortened
from attn_interp.data.draws import require_seed, sample
from attn_interp.data.sequences.given import documents_of, require_documents
from attn_interp.data.sequences.split import Split, is_on_disk
from attn_interp.experiments.batches_on_disk import BatchesOnDisk
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import check_labels, in_order_of, with_classes_of
from attn_interp.models.checks.device import weights_of
from attn_interp.models.checks.words import check_known, unknown_share
from attn_interp.models.language.asked import asked_of
from attn_interp.models.progress import progress_bar
from attn_interp.models.units.coarse import SENTENCE, WORD, Cut, read_in
from attn_interp.readout.affine_check import Affinity, affinity, pooled, probe_weightings

PROBED = 200  # documents whose readout is tried; a model that is not affine shows it on any of them

Methods = Sequence[str] | Mapping[str, Method]
"""Attributions: names that `list_methods` lists, or names of one's own with the functions."""


def _chosen(methods: Methods, seed: int) -> Mapping[str, Method]:
    if isinstance(methods, Mapping):
        chosen = dict(methods)
    else:
        names = methods if isinstance(methods, Iterable) and not isinstance(methods, str) else [methods]
        chosen = {str(name): _method(name, seed) if isinstance(name, str) else name for name in names}
    for name, method in chosen.items():
        if not isinstance(name, str) or not callable(method):
            raise TypeError(
                f"methods: got {shortened(repr(methods), 60)}, expected names that list_methods lists, or names with "
                "functions"
            )
    return chosen


@cache
def _method(name: str, seed: int) -> Method:
    """The same object for the same name and seed, by which a batch knows what it has computed."""
    return named(name, seed=seed)[name]


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """A model, documents and a seed, with everything that experiments ask of them; nothing is computed twice.

    Made by `read`. Attributes:
        model: The model, under one view of its attention.
        documents: The documents, in their order.
        seed: Of everything that is drawn: samples, permutations, resamples.
        training: The documents that the model was trained on, for what compares with them; None: not known.
        progress: Whether what takes over two seconds shows a bar.
        whole: The reading that this is a part of, which it shares everything with.
        read_at: Which weights the module had when the reading was made (`weights_of`).
        unit: What the words of the documents are: "word", "sentence" or "span".
    """

    model: AttentionModel
    documents: Sequence[Document]
    seed: int = 0
    training: Sequence[Document] | None = None
    progress: bool = False
    whole: Reading | None = None
    read_at: tuple[tuple[int, int], ...] | None = None
    unit: str = WORD

    @cached_property
    def batches(self) -> Sequence[ReadBatch]:
        """The documents in batches of similar length; what is read of them is kept, but of documents on disk."""
        if self.whole is not None:
            return self.whole.batches_of(self.documents)
        check = self.check_unchanged
        made: Sequence[ReadBatch] = (
            BatchesOnDisk(self.model, self.documents, check)
            if is_on_disk(self.documents)
            else [ReadBatch(self.model, rows, batch, check) for rows, batch in self.model.batches(self.documents)]
        )
        check_known(self.model, (each.batch for each in made))
        return made

    def batches_of(self, documents: Sequence[Document]) -> Sequence[ReadBatch]:
        """The batches in which some of the documents stand, cut down to them; `rows` counts among these."""
        wanted = {document.id: index for index, document in enumerate(documents)}
        parts = []
        for each in self.batches:
            places = [place for place, row in enumerate(each.rows) if self.documents[row].id in wanted]
            if places:
                rows = [wanted[self.documents[each.rows[place]].id] for place in places]
                chosen = torch.tensor(places)
                batch = each.batch.rows(chosen.to(self.model.device))
                parts.append(ReadBatch(self.model, rows, batch, each.check, (each, chosen)))
        return tuple(parts)

    def check_unchanged(self) -> None:
        """Raises RuntimeError where the module has other weights than those of which numbers are kept."""
        if self.read_at is not None and weights_of(self.model.module) != self.read_at:
            raise RuntimeError(
                "the weights of the model have changed since it was read (by training, or a move to another dtype or "
                "device), and numbers of both would be mixed; read it anew: read(model, documents)"
            )

    def only(self, documents: Sequence[Document]) -> Reading:
        """The reading of some of the documents, which shares what this one has read.

        Raises:
            ValueError: a document is none of this reading's, or there are none.
        """
        known = {document.id for document in self.documents}
        if unknown := [document.id for document in documents if document.id not in known]:
            raise ValueError(f"document {unknown[0]!r} is not in this reading of {len(known)} documents; read it anew")
        if not documents:
            raise ValueError("a reading needs at least one document, got none")
        if len(documents) == len(self.documents) and all(map(eq, documents, self.documents)):
            return self
        part = replace(self, documents=documents if is_on_disk(documents) else tuple(documents))
        return part if is_on_disk(self.documents) else replace(part, whole=self, read_at=None)

    def sample(self, count: int | None) -> Reading:
        """The reading of at most `count` documents, the same for readings of every seed."""
        return self.only(sample(self.documents, count, seed=0))

    def probabilities(self) -> np.ndarray:
        """(N, C) of the model on its own, float64, in the order of the documents."""
        found = np.zeros((len(self.documents), len(self.model.classes)))
        for batch in self.each_batch("predictions"):
            found[batch.rows] = batch.logits.softmax(-1).numpy()
        return found

    @cached_property
    def affinity(self) -> Affinity:
        """How far the logits are from affine in the attention, measured on at most 200 documents drawn by the seed."""
        if self.whole is not None:
            return self.whole.affinity
        parts = []
        for each in self.only(sample(self.documents, PROBED, self.seed)).each_batch("affinity of the readout"):
            ids = [document.id for document in each.batch.documents]
            probes = probe_weightings(each.weights, each.is_word, ids, self.seed)
            parts.append(affinity(probes, each.under(probes), each.votes, each.is_word))
        return pooled(parts)

    @property
    def affine(self) -> bool:
        """Whether closed forms over the votes hold; false where no document was long enough to tell."""
        return self.affinity.documents > 0 and self.affinity.affine

    def logits_under(self, batch: ReadBatch, weightings: torch.Tensor) -> torch.Tensor:
        """The logits (B, K, C) under weightings (B, K, W): one matrix product with the votes where the readout is
        affine, otherwise the model itself. Gradients reach the weightings where they ask for them."""
        if self.affine:
            return (batch.votes.transpose(1, 2) @ weightings.transpose(1, 2)).transpose(1, 2)
        return batch.under(weightings)

    @property
    def device(self) -> torch.device:
        """Where `many_under` is asked without a copy: where the votes are, if the readout is affine, else the model."""
        return torch.device("cpu") if self.affine else self.model.device

    def many_under(self, batch: ReadBatch, count: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """`logits_under` as a function of `count` weightings (B, count, W) that is called many times."""
        if self.affine:
            return lambda weightings: self.logits_under(batch, weightings)
        return batch.many_under(count)

    def each_batch(self, title: str) -> Iterator[ReadBatch]:
        """The batches one by one, with a bar and the time left for whoever waits."""
        (self.whole or self).check_unchanged()
        kept = self.batches
        sizes = kept.sizes if isinstance(kept, BatchesOnDisk) else [each.batch.ids.numel() for each in kept]
        with progress_bar(title, sum(sizes), self.progress) as step:
            for batch, size in zip(kept, sizes):
                yield batch
                step("", size)  # long documents take longer

    def attributions(
        self, methods: Methods, title: str = "attributions"
    ) -> Iterator[tuple[ReadBatch, dict[str, Attribution]]]:
        """Each batch with its attributions by name, of the probability of the predicted class; each computed once. The
        title is that of the bar.

        Raises:
            ValueError: a name is no method's; the message lists them.
        """
        chosen = _chosen(methods, self.seed)
        for batch in self.each_batch(title):
            yield batch, {name: batch.attribution(name, method) for name, method in chosen.items()}

    def in_order(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """The frames of all batches as one, in the order of the documents (rows of one document keep theirs)."""
        position = {document.id: index for index, document in enumerate(self.documents)}
        frame = pd.concat(frames, ignore_index=True)
        return frame.iloc[frame["document"].map(position).argsort(kind="stable")].reset_index(drop=True)

    @cached_property
    def unknown_words(self) -> float | None:
        """The share of the words that the model does not know; None for a model that knows any text."""
        return unknown_share(self.model, (each.batch for each in self.batches))

    @property
    def settings(self) -> dict[str, object]:
        """What every experiment records of the reading: the view that was tested, what it weighs (words or sentences),
        how many words are unknown, what a language model is asked, and the measured affinity."""
        return {
            **self.about_view,
            "affine": self.affine,
            "affinity_gap": self.affinity.gap,
            "affinity_spread": self.affinity.spread,
            "seed": self.seed,
        }

    @property
    def about_view(self) -> dict[str, object]:
        """The settings without the affinity, which takes runs of the model to know."""
        view = self.model.view
        return {
            "documents": len(self.documents),
            "classes": list(self.model.classes),
            "site": view.site,
            "head": view.head,
            "query": view.query,
            "unknown_words": self.unknown_words,
            **asked_of(self.model),
            "unit": self.unit if self.model.words_are_positions else SENTENCE,
        }

    def __len__(self) -> int:
        return len(self.documents)

    def __repr__(self) -> str:
        view = self.model.view
        return (
            f"Reading({len(self.documents):,} documents, classes {', '.join(self.model.classes)[:200]}, site "
            f"{view.site!r}, head {view.head}, query {view.query}, seed {self.seed})"
        )


def read(
    model: AttentionModel,
    documents: str | Document | Sequence[str | Document],
    seed: int = 0,
    training: Corpus | Sequence[Document] | None = None,
    progress: bool = True,
    units: str | Cut = WORD,
) -> Reading:
    """A model's attention over documents: what every experiment on one model is asked of.

    Everything is read when it is first asked for, and then kept: weights, logits, votes, whether the readout is affine,
    and attributions by name. Of a split that is too large for memory nothing is kept but what an experiment returns: it
    is read from disk again by each.

    Args:
        model: What `train` or `wrap` returns.
        documents: Documents or texts.
        seed: Of everything that is drawn.
        training: The corpus or the documents that the model was trained on, for baselines and what compares with them.
        progress: Whether what takes over two seconds shows a bar with the time left.
        units: What takes the place of words everywhere, in attention, attributions, erasure and rationales: "word";
            "sentence", which ends at . ! ? or …; or a function that gives the (start, end) in words of each unit of a
            document.

    Raises:
        TypeError: the model is none of `train` or `wrap`.
        ValueError: there are no documents, a label is none of the model's classes, or the classes of the corpus are
            others than the model's. The same classes in another order are put in that of the corpus, with a warning.

    >>> import attn_interp as ai
    >>> corpus = ai.load("planted")
    >>> model = ai.train(corpus, encoder="average", epochs=1)
    >>> len(ai.read(model, corpus.test[:5]))
    5
    >>> ai.read(model, ["It is good. Go and see it."], units="sentence").documents[0].words
    ('It is good .', 'Go and see it .')
    """
    if not isinstance(model, AttentionModel):
        raise TypeError(f"read: got a {type(model).__name__}, expected a model as train or wrap return it")
    if isinstance(documents, Sequence) and not documents:
        raise ValueError("read: no documents were given; an experiment needs at least one")
    if isinstance(documents, Corpus):
        raise TypeError(
            "read: got a Corpus, expected documents; name a split: read(model, corpus.test, training=corpus)"
        )
    require_seed(seed)
    given = documents_of(documents)
    if isinstance(training, Corpus):
        model = with_classes_of(model, training.classes, f"corpus {training.name!r}")
    elif isinstance(documents, Split):
        model = in_order_of(model, documents.classes, "the corpus of the documents")
    known = training.train if isinstance(training, Corpus) else training
    if known is not None:
        known = require_documents(known, "read: training")
    check_labels(model, chain(given, known or ()))
    if model.completed is not None:
        with progress_bar("answers", len(given), progress) as step:
            completed = []
            for document in given:
                completed.append(model.completed(document))
                step("")
        given = tuple(completed)
    model, given, unit = read_in(model, given, units)
    return Reading(model, given, seed, known, progress, read_at=weights_of(model.module), unit=unit)
