"""A cell of a study: one model on one corpus under one seed, and the experiments it is put to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings, encoder_named

CELL_FORMAT = 2

OWN_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "quality": (),
    "agreement": ("site", "documents"),
    "permutation": ("site", "documents", "draws"),
    "adversary": ("site", "documents", "eps", "search"),
    "adversary_curve": ("site", "documents"),
    "same_shape": ("site", "documents", "eps"),
    "reach": ("site", "documents"),
    "single_erasure": ("site", "documents"),
    "erasure": ("site", "documents"),
    "examples": ("site", "documents", "eps"),
}
"""What decides each experiment beside the model, in the order in which they run. Cells of one model that agree in these
share the result."""


@dataclass(frozen=True)
class Cell:
    """Everything that decides the numbers of one run.

    Attributes:
        corpus: Name or path, as `load` takes it.
        corpus_options: Further arguments of `load`.
        settings: What the classifier is made of.
        training: How it is trained.
        seed: Of training and of everything drawn in the experiments.
        embeddings: Path of pretrained word vectors, or None.
        site: The attention that is tested, as `wrap` takes it; None: the only one, or that over sentences of a
            hierarchical classifier. Its "word_attention" is tested on the documents of one sentence.
        documents: At most this many test documents are looked at by the attention experiments; None: all.
        draws: Permutations per document.
        eps: The adversary may move the output by at most this total variation distance.
        search: Whether the adversary is also searched for as the paper does it, beside the exact one.

    Raises:
        ValueError: a number outside its range: seed below 0, documents or draws below 1, eps outside (0, 1).
    """

    corpus: str = "movies"
    corpus_options: Mapping[str, Any] = field(default_factory=dict)
    settings: ClassifierSettings = field(default_factory=ClassifierSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    seed: int = 0
    embeddings: str | None = None
    site: str | None = None
    documents: int | None = None
    draws: int = 100
    eps: float = 0.01
    search: bool = False

    def __post_init__(self) -> None:
        for name, value, least in (("seed", self.seed, 0), ("documents", self.documents, 1), ("draws", self.draws, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name}: got {value}, expected at least {least}")
        if not 0 < self.eps < 1:
            raise ValueError(f"eps: got {self.eps}, expected a total variation distance in (0, 1)")

    def described(self) -> dict[str, Any]:
        """The cell as plain JSON values."""
        described: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        for name in ("layers", "encoder_heads"):  # encoders without them are named as they were before others had them
            if name not in encoder_named(self.settings.encoder).fields:
                del described["settings"][name]
        if not self.settings.forget_bias:  # and LSTMs before this could be chosen
            del described["settings"]["forget_bias"]
        return described

    def key(self, corpus: Corpus) -> str:
        """Equal for two cells exactly when settings, texts and vectors are equal: names the folder of the results."""
        described = self.described()
        if self.site is None:  # named as it was before there was a choice
            del described["site"]
        return _hash({"format": CELL_FORMAT, "cell": described, **self._inputs(corpus)})

    def folder_name(self, corpus: Corpus) -> str:
        """Readable, and unique by the first digits of the key."""
        return self._name(corpus, self.key(corpus))

    def model_name(self, corpus: Corpus) -> str:
        """The same of what decides the trained model alone: cells that differ in their experiments share it."""
        described = self.described()
        decisive = {name: described[name] for name in ("settings", "training", "seed")}
        key = _hash({"format": CELL_FORMAT, **decisive, "name": corpus.name, **self._inputs(corpus)})
        return self._name(corpus, key)

    def shares(self, experiment: str, other: Mapping[str, Any]) -> bool:
        """Whether the experiment gives the same on another cell of the same model, which is given as `described`."""
        own = self.described()
        return all(own[name] == other.get(name) for name in OWN_SETTINGS[experiment])

    def _name(self, corpus: Corpus, key: str) -> str:
        return "-".join([corpus.name, self.settings.encoder, self.settings.attention, f"seed{self.seed}", key[:8]])

    def _inputs(self, corpus: Corpus) -> dict[str, str]:
        """What was read, by what it holds."""
        inputs = {"corpus": _corpus_fingerprint(_Same(corpus))}
        if self.embeddings is not None:
            found = Path(self.embeddings).stat()
            inputs["vectors"] = _fingerprint(self.embeddings, found.st_size, found.st_mtime_ns)
        return inputs

    def load_corpus(self) -> Corpus:
        return _load_once(self.corpus, json.dumps(dict(self.corpus_options), sort_keys=True))


@lru_cache(maxsize=4)
def _load_once(name: str, options: str) -> Corpus:
    return load(name, **json.loads(options))


@dataclass(frozen=True, eq=False)
class _Same:
    """A corpus, equal to itself alone: comparing texts would take as long as their fingerprint."""

    corpus: Corpus

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.corpus is other.corpus

    def __hash__(self) -> int:
        return id(self.corpus)


@lru_cache(maxsize=4)
def _corpus_fingerprint(same: _Same) -> str:
    return same.corpus.fingerprint()


@lru_cache(maxsize=4)
def _fingerprint(path: str, size: int, changed: int) -> str:
    """SHA-256 of a file, read again only when it has another size or time."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
