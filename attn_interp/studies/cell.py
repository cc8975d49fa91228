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
from attn_interp.models.checks.device import require_device
from attn_interp.models.classifiers.settings import STEPS, ClassifierSettings, TrainingSettings
from attn_interp.report.run_directory import as_name
from attn_interp.studies.run import corpus_facts
from attn_interp.studies.steps import Work, key_of

CELL_FORMAT = 3
MOST = 2**31 - 1


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
        device: Where the model is trained and read, as "cuda"; it decides no more than the rounding, and names nothing.

    Raises:
        ValueError: a number outside its range (seed below 0, documents or draws below 1, eps outside (0, 1)), or there
            is no such device.
    """

    corpus: str = "movies"
    corpus_options: Mapping[str, Any] = field(default_factory=dict)
    settings: ClassifierSettings = field(default_factory=ClassifierSettings)
    training: TrainingSettings = field(default_factory=lambda: TrainingSettings(steps=STEPS))
    seed: int = 0
    embeddings: str | None = None
    site: str | None = None
    documents: int | None = None
    draws: int = 100
    eps: float = 0.01
    search: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, value, least in (("seed", self.seed, 0), ("documents", self.documents, 1), ("draws", self.draws, 1)):
            if value is not None and value < least:
                raise ValueError(f"{name}: got {value}, expected at least {least}")
            if value is not None and value > MOST:
                raise ValueError(f"{name}: got {value}, expected at most {MOST:,}")
        if not 0 < self.eps < 1:
            raise ValueError(f"eps: got {self.eps}, expected a total variation distance in (0, 1)")
        require_device(self.device)

    def described(self) -> dict[str, Any]:
        """The cell as plain JSON values, without the device."""
        values = asdict(self)
        del values["device"]
        return json.loads(json.dumps(values))

    @property
    def labels(self) -> dict[str, str]:
        """What tells this model from the others in a table."""
        settings = self.settings
        encoder = settings.encoder if self.site is None else f"{settings.encoder}, {self.site}"
        return {"corpus": self.load_corpus().name, "encoder": encoder, "attention": self._attention()}

    def _attention(self) -> str:
        """The attention with what is unusual about it."""
        unusual = (self.settings.normaliser, self.training.remedy)
        return ", ".join([self.settings.attention, *(each for each in unusual if each not in ("softmax", "none"))])

    @property
    def options(self) -> dict[str, Any]:
        """The options of experiments that the cell decides, by name."""
        return {"draws": self.draws, "eps": self.eps, "method": "both" if self.search else "best"}

    def key(self) -> str:
        """Equal for two cells exactly when settings, texts and vectors are equal: names the folder of the results."""
        return key_of({"format": CELL_FORMAT, "cell": self.described(), **self._inputs()})

    def folder_name(self) -> str:
        """Readable, and unique by the first digits of the key."""
        return self._name(self.key())

    def model_name(self) -> str:
        """The same of what decides the trained model alone: cells that differ in their experiments share it."""
        described = self.described()
        decisive = {name: described[name] for name in ("settings", "training", "seed")}
        name = self.load_corpus().name
        return self._name(key_of({"format": CELL_FORMAT, **decisive, "name": name, **self._inputs()}))

    def about(self) -> dict[str, Any]:
        """What settings.json says of the cell."""
        return {"cell": self.described(), "key": self.key(), "corpus": corpus_facts(self.load_corpus())}

    def work(self, models: Path, progress: bool) -> Work:
        """The cell while it runs."""
        from attn_interp.studies.work import ClassifierWork

        return ClassifierWork(self, models, progress)

    def _name(self, key: str) -> str:
        settings = self.settings
        name = as_name(self.load_corpus().name)
        return "-".join([name, settings.encoder, as_name(self._attention()), f"seed{self.seed}", key[:8]])

    def _inputs(self) -> dict[str, str]:
        """What was read, by what it holds."""
        inputs = {"corpus": self.load_corpus().fingerprint()}
        if self.embeddings is not None:
            if not Path(self.embeddings).is_file():
                raise FileNotFoundError(f"embeddings: there is no file {self.embeddings!r}")
            found = Path(self.embeddings).stat()
            inputs["vectors"] = _fingerprint(self.embeddings, found.st_size, found.st_mtime_ns)
        return inputs

    def load_corpus(self) -> Corpus:
        return load_once(self.corpus, json.dumps(dict(self.corpus_options), sort_keys=True))


@lru_cache(maxsize=4)
def load_once(name: str, options: str) -> Corpus:
    """The corpus as `load` reads it; options as JSON."""
    return load(name, **json.loads(options))


@lru_cache(maxsize=4)
def _fingerprint(path: str, size: int, changed: int) -> str:
    """SHA-256 of a file, read again only when it has another size or time."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
