"""One architecture under one seed put to the measures of recency: models on planted documents, and one on real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch

from attn_interp.data.corpora.planted import KEYWORDS
from attn_interp.data.document import gold_labels
from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.parts.gradient import gradient_by_distance, halvings_per_word
from attn_interp.experiments.recency.parts.padding import flips_under_padding
from attn_interp.experiments.recency.parts.planted import found_evidence
from attn_interp.experiments.recency.parts.replacement import replacement_by_position
from attn_interp.experiments.recency.recency import EVERYWHERE, POSITIONS, REAL, recency, row
from attn_interp.experiments.result import Result
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier, seeded
from attn_interp.models.wrap import wrap
from attn_interp.studies.cell import load_once
from attn_interp.studies.recency.recency_documents import (
    PLACES,
    collated,
    planted_corpus,
    planted_documents,
    real_corpus,
)
from attn_interp.studies.steps import Step, key_of

RECURRENT: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "lstm": {"encoder": "lstm"},
        "lstm (forget bias 1)": {"encoder": "lstm", "forget_bias": 1.0},
        "gru": {"encoder": "gru"},
    }
)
CONFLICTS = tuple(position for position in POSITIONS if position > 0.5)


@dataclass(frozen=True)
class Sizes:
    """What every cell has in common.

    Attributes:
        corpus, options: The real documents, as `load` takes them.
        train: Planted documents to train on.
        epochs: Passes over them.
        real: Real documents to train on, at most.
        real_epochs: Passes over these.
        documents: Test documents in each condition.
        width: Of the word vectors and of the states of each direction.
        lengths: Words of the planted test documents; models are trained on the first, and of some architectures also
            on the long ones.
        long: Those of them that the first recurrent network, pooled by its last state or attention, is trained on too.
        profile: Words of the documents whose gradient and replacements are looked at.
        counts: Numbers of appended words.
    """

    corpus: str = "movies"
    options: Mapping[str, Any] = field(default_factory=dict)
    train: int = 480
    epochs: int = 16
    real: int = 2000
    real_epochs: int = 4
    documents: int = 100
    width: int = 16
    lengths: tuple[int, ...] = (20, 50, 100, 200, 400)
    long: tuple[int, ...] = (100,)
    profile: int = 50
    counts: tuple[int, ...] = (5, 10, 20, 50, 100, 200, 400)


@dataclass(frozen=True)
class RecencyCell:
    """One architecture under one seed; `length` is that of the planted documents it is trained on.

    A cell of one step, whose models are made in memory.
    """

    recurrent: str
    directions: int
    pooling: str
    seed: int
    length: int
    sizes: Sizes

    def settings(self) -> ClassifierSettings:
        width = self.sizes.width
        return ClassifierSettings(
            pooling=self.pooling,
            embedding_width=width,
            hidden=width,
            dropout=0.0,
            bidirectional=self.directions == 2,
            **RECURRENT[self.recurrent],
        )

    @property
    def architecture(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("recurrent", "directions", "pooling", "seed", "length")}

    @property
    def labels(self) -> dict[str, str]:
        return {"recurrent": self.recurrent, "directions": str(self.directions), "pooling": self.pooling}

    def folder_name(self) -> str:
        network = self.recurrent.replace(" (", "-").replace(" ", "-").replace(")", "")
        key = key_of(self.about())[:8]
        return f"{network}-{self.directions}-{self.pooling}-{self.length}-seed{self.seed}-{key}"

    def model_name(self) -> str:
        return self.folder_name()

    def about(self) -> dict[str, Any]:
        return {"architecture": self.architecture, "sizes": settings_of(self.sizes)}

    def work(self, models: Path, progress: bool) -> RecencyCell:
        return self

    def prepare(self) -> None:
        """There is nothing to keep: the measures train their models as they need them."""

    def steps(self) -> Sequence[Step]:
        return [Step("recency", lambda: measured(self), drawn=False)]


def measured(cell: RecencyCell) -> Result:
    """All measures of a cell; one trained on long documents is tested on accuracy at its own length alone."""
    sizes = cell.sizes
    short = cell.length == sizes.lengths[0]
    rows: list[dict[str, object]] = []
    for trained_at in PLACES if short else (EVERYWHERE,):
        about = _about(cell, trained_at)
        trained = _trained(cell, trained_at)
        uniform = short and trained_at == EVERYWHERE
        lengths = sizes.lengths if uniform else _crossed(sizes) if short else (cell.length,)
        tested = _Tested(trained, cell.seed, sizes)
        found = tested.quality(cell.length, PLACES[trained_at]) + tested.by_position(lengths)
        if uniform:
            found += tested.later() + _profiles(trained, cell.seed, sizes)
        rows += [{**about, **each} for each in found]
    if short:
        about = {**_about(cell, REAL), "trained_length": float("nan")}
        rows += [{**about, **each} for each in _padding(cell)]
    return recency(rows, settings_of(sizes))


def settings_of(sizes: Sizes) -> dict[str, Any]:
    """Everything that decides a cell but the cell, as plain JSON values."""
    described: dict[str, Any] = json.loads(json.dumps(asdict(sizes)))
    return {**described, "fingerprint": load_once(sizes.corpus, _options(sizes)).fingerprint()}


def _about(cell: RecencyCell, trained_at: str) -> dict[str, object]:
    names = ("recurrent", "directions", "pooling", "seed")
    about = {name: getattr(cell, name) for name in names}
    return {**about, "trained_at": trained_at, "trained_length": float(cell.length)}


def _crossed(sizes: Sizes) -> tuple[int, ...]:
    """Lengths at which models trained on early or late keywords are tested: that of training, and the middle one."""
    return tuple(dict.fromkeys((sizes.lengths[0], sizes.lengths[len(sizes.lengths) // 2])))


@dataclass(frozen=True)
class _Tested:
    """A trained model and what it is tested on: planted documents of its seed that it has not seen."""

    trained: Trained
    seed: int
    sizes: Sizes

    @cached_property
    def wrapped(self) -> AttentionModel | None:
        return wrap(self.trained) if self.trained.settings.pooling == "attention" else None

    def found(self, length: int, *place: tuple[float, float], rule: str = "keyword") -> pd.DataFrame:
        batch = collated(self.trained.vocabulary, self.seed, self.sizes.documents, length, place, rule)
        return found_evidence(self.trained, batch, self.wrapped)

    def quality(self, length: int, place: tuple[float, float]) -> list[dict[str, object]]:
        return [row(measures.QUALITY, self.found(length, place)["correct"].to_numpy(), length)]

    def by_position(self, lengths: Sequence[int]) -> list[dict[str, object]]:
        rows = []
        for length, position in product(lengths, POSITIONS):
            found = self.found(length, (position, position))
            rows.append(row(measures.ACCURACY, found["correct"].to_numpy(), length, position))
            if self.wrapped is not None:
                rows.append(row(measures.MASS, found["mass"].to_numpy(), length, position))
        return rows

    def later(self) -> list[dict[str, object]]:
        """Of two keywords, one of each class, the later one is the label."""
        rows = []
        for length, position in product(_crossed(self.sizes), CONFLICTS):
            early = round(1 - position, 2)
            found = self.found(length, (early, early), (position, position), rule="last")
            rows.append(row(measures.LATER, found["correct"].to_numpy(), length, position))
        return rows


def _profiles(trained: Trained, seed: int, sizes: Sizes) -> list[dict[str, object]]:
    """Gradient before and after training, and replacements by a keyword of either class."""
    documents = planted_documents(seed, sizes.documents, sizes.profile, (PLACES[EVERYWHERE],))
    rows = []
    for model, when in ((_untrained(trained), measures.AT_START), (trained, "")):
        share = gradient_by_distance(model, documents)["share"].to_numpy()
        shares = share.reshape(len(documents), sizes.profile)[:, ::-1]  # (N, T), from the last word
        rows += [row(measures.GRADIENT + when, own, sizes.profile, distance) for distance, own in enumerate(shares.T)]
        slope = halvings_per_word(shares[~np.isnan(shares[:, 0])].mean(0)) if len(shares) else float("nan")
        about = {"length": sizes.profile, "x": float("nan"), "documents": len(documents), "undefined": 0}
        rows.append({"measure": measures.DECAY + when, "value": slope, **about})
    found = replacement_by_position(trained, documents, POSITIONS, tuple(KEYWORDS.values()), seed)
    for position in POSITIONS:
        own = found.loc[found["position"] == position, "relative"].to_numpy()
        rows.append(row(measures.REPLACEMENT, own, sizes.profile, position))
    return rows


def _padding(cell: RecencyCell) -> list[dict[str, object]]:
    sizes = cell.sizes
    corpus, neutral = real_corpus(sizes.corpus, _options(sizes), sizes.real, cell.seed)
    training = TrainingSettings(sizes.real_epochs, sizes.real_epochs, learning_rate=1e-2, embedding_updates="all")
    trained = fit_classifier(corpus, cell.settings(), training, cell.seed, progress=False)
    documents = corpus.test[: sizes.documents]
    labels = torch.tensor(gold_labels(corpus.test))
    right = (trained.logits(corpus.test).argmax(-1) == labels).double().numpy()
    table = flips_under_padding(trained, documents, neutral, sizes.counts, cell.seed)
    rows = [row(measures.QUALITY, right)]
    for count in sizes.counts:
        rows.append(row(measures.PADDING, table.loc[table["count"] == count, "flipped"].to_numpy(), x=count))
    return rows


def _trained(cell: RecencyCell, trained_at: str) -> Trained:
    sizes = cell.sizes
    corpus = planted_corpus(cell.seed, sizes.train, cell.length, trained_at)
    training = TrainingSettings(sizes.epochs, sizes.epochs, learning_rate=2e-2, embedding_updates="all")
    return fit_classifier(corpus, cell.settings(), training, cell.seed, progress=False)


def _untrained(trained: Trained) -> Trained:
    """The model as its training began."""
    with seeded(trained.seed, torch.device("cpu")):
        module = build_classifier(trained.settings, trained.vocabulary, len(trained.classes))
    return replace(trained, module=module.eval())


def _options(sizes: Sizes) -> str:
    return json.dumps(dict(sizes.options), sort_keys=True)
