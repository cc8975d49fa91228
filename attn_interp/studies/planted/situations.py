"""Situations in which the truth about a model's attention is known, since corpus and model were made for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.data.corpora.pairs.asked import asked, asks_for
from attn_interp.data.corpora.planted import FILLERS, KEYWORDS, evidence_words, load_planted
from attn_interp.data.corpora.planted_rules import MOST_WORDS
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.experiments.reading import Reading, read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.frozen_attention import Attention, GivenAttention, attention_of_rationales, uniform
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.given_attention import RandomByDocument, RandomByWord, wrap_given, wrap_ornamental
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.studies.planted.alike import MIXED, TOWARDS_MEAN, UNREAD, wrap_alike
from attn_interp.studies.remedies.kinds import PLAIN, named

TRAINED, BY_WORD, BY_DOCUMENT, RATIONALE, ORNAMENT = "trained", "by word", "by document", "rationale", "ornament"
BY_QUESTION, OWN = "by question", "own"
GRADIENT, LEAVE_ONE_OUT = "gradient x input (detached)", "leave-one-out"
AGAIN = 1_000_003  # added to the seed of a second training on the same corpus
LEAST_NEUTRAL = 4  # two for each class
SHORT, LONG = {"least_length": 8, "most_length": 20}, {"least_length": 30, "most_length": 60}


@dataclass(frozen=True)
class Situation:
    """A planted corpus and what the attention of a context-free model is on it.

    Attributes:
        about: What is known of it, in one line.
        planted: Arguments of `load_planted`.
        attention: "trained"; "by word" or "by document", random weights that the model is trained and run under;
            "rationale", the same with nearly all weight on the evidence; "by question", on the word that the question
            asks for; "ornament", random weights beside a model that pools
            by the mean and ignores them.
        asked: Whether there are two keywords, and a question to each document that names the one which decides.
        states: "own", each word's; or a kind of `alike.wrap_alike`, of a model whose attention is given.
    """

    about: str
    planted: Mapping[str, Any] = field(default_factory=dict)
    attention: str = TRAINED
    asked: bool = False
    states: str = OWN


SITUATIONS: Mapping[str, Situation] = MappingProxyType(
    {
        "one keyword": Situation("one word of many decides", SHORT),
        "three words": Situation("one word of three decides", {"least_length": 3, "most_length": 3}),
        "five copies": Situation("one word decides and stands there five times", {**SHORT, "copies": 5}),
        "counting": Situation("two words against one decide", {**SHORT, "rule": "counting"}),
        "everywhere": Situation("every word says the label", {**SHORT, "rule": "everywhere"}),
        "labels shuffled": Situation("nothing says the label", {**SHORT, "shuffled_labels": True}),
        "much noise": Situation("one word of some fifty decides", LONG),
        "much noise, evidence as attention": Situation(
            "nine tenths of the attention are on the evidence", LONG, RATIONALE
        ),
        "much noise, random attention": Situation("the attention says nothing of the words", LONG, BY_DOCUMENT),
        "random attention": Situation("the attention says nothing of the words", SHORT, BY_DOCUMENT),
        "random scores": Situation("random by word, and the model decides by it", SHORT, BY_WORD),
        "ornament": Situation("the attention decides nothing", SHORT, ORNAMENT),
        "question, its word as attention": Situation(
            "of two words the one decides that a question names, and has nine tenths of the attention",
            SHORT,
            BY_QUESTION,
            asked=True,
        ),
        "question, random attention": Situation(
            "of two words the one decides that a question names; the attention knows no question",
            SHORT,
            BY_DOCUMENT,
            asked=True,
        ),
        "states towards their mean": Situation(
            "the states of each document are drawn towards their mean, by a share of its own",
            SHORT,
            RATIONALE,
            states=TOWARDS_MEAN,
        ),
        "states alike, votes are not": Situation(
            "the states of each document have much of a direction in common that the head does not read, or little",
            SHORT,
            RATIONALE,
            states=UNREAD,
        ),
        "states mixed": Situation(
            "nine tenths of every state are the mean of those of all words", SHORT, BY_DOCUMENT, states=MIXED
        ),
    }
)


@dataclass(frozen=True)
class Sizes:
    """What every trial has in common.

    Attributes:
        train: Documents to train on.
        documents: Test documents.
        width: Of the word vectors; the states have half of it.
        fillers: The neutral words.
        epochs: Passes over the training documents.
        remedy: Name of the remedy (`studies.remedies.kinds`) under which every model learns its attention; the
            deceptive one may not attend to the keywords.
    """

    train: int = 240
    documents: int = 150
    width: int = 16
    fillers: tuple[str, ...] = FILLERS
    epochs: int = 14
    remedy: str = PLAIN

    def __post_init__(self) -> None:
        (*_, remedy) = named([self.remedy])
        if {"encoder", "attention"} & set(remedy.settings):
            raise ValueError(
                f"remedy: {self.remedy!r} is another network; the truth is known of context-free attention"
            )

    def described(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "fillers": list(self.fillers)}


def neutral_words(corpus: str | None, options: Mapping[str, Any], count: int = len(FILLERS)) -> tuple[str, ...]:
    """The most frequent words of a corpus's training documents, in lower case, but for those that a rule plants; None:
    the made-up `FILLERS`.

    Raises:
        ValueError: as `load`; or the corpus has too few such words.
    """
    if corpus is None:
        return FILLERS
    planted = set().union(*(evidence_words(rule) for rule in MOST_WORDS))
    counts = Counter(word.lower() for document in load(corpus, **options).train for word in document.words)
    found = tuple(word for word, _ in counts.most_common() if word not in planted)[:count]
    if len(found) < LEAST_NEUTRAL:
        raise ValueError(
            f"corpus {corpus!r}: has {len(found)} different words beside those that are planted, expected at least "
            f"{LEAST_NEUTRAL}; choose a larger one"
        )
    return found


@dataclass(frozen=True)
class Case:
    """A situation under one seed: one trial. Everything is made when it is first asked for.

    Attributes:
        situation: What is planted.
        sizes: How much of it.
        seed: Of the corpus, the training and all that is drawn.
    """

    situation: Situation
    sizes: Sizes
    seed: int

    @cached_property
    def corpus(self) -> Corpus:
        sizes = self.sizes
        everything = load_planted(
            2 * (sizes.train + sizes.documents), fillers=sizes.fillers, seed=self.seed, **self.situation.planted
        )
        rest = everything.train
        splits = {
            "train": rest[: sizes.train],
            "dev": everything.dev,
            "test": (*rest[sizes.train :], *everything.test)[: sizes.documents],
        }
        own = replace(everything, splits=splits)
        return asked(own, tuple(KEYWORDS.values()), self.seed) if self.situation.asked else own

    @property
    def documents(self) -> Sequence[Document]:
        return self.corpus.test

    @cached_property
    def trained(self) -> Trained:
        return self._train(self.seed)

    @cached_property
    def without_attention(self) -> Trained:
        """The same model with the same weight for every word."""
        return self._fit(replace(self._settings, attention="uniform"), self.seed)

    @cached_property
    def under_uniform(self) -> Trained:
        """The same model under uniform attention as a guide."""
        return self._fit(self._settings, self.seed, uniform)

    @cached_property
    def attention(self) -> Attention | None:
        """The attention that the model is given; None: its own."""
        return self._attention(self.seed)

    @cached_property
    def model(self) -> AttentionModel:
        return self._wrapped(self.trained, self.attention)

    @cached_property
    def again(self) -> AttentionModel:
        """The same model, trained (or given random attention) with another seed."""
        seed = self.seed + AGAIN
        return self._wrapped(self._train(seed), self._attention(seed))

    @cached_property
    def reading(self) -> Reading:
        return read(self.model, self.documents, self.seed)

    def trained_on(self, corpus: Corpus) -> AttentionModel:
        """The same model, trained on other texts of the same documents."""
        return self._wrapped(self._train(self.seed, corpus), self.attention)

    @property
    def _settings(self) -> ClassifierSettings:
        width = self.sizes.width
        return ClassifierSettings(encoder="average", embedding_width=width, hidden=max(2, width // 4 * 2), dropout=0.0)

    def _train(self, seed: int, corpus: Corpus | None = None) -> Trained:
        if self.situation.attention == ORNAMENT:
            return self._fit(replace(self._settings, pooling="mean"), seed, corpus=corpus)
        return self._fit(self._settings, seed, self._attention(seed), corpus)

    def _fit(
        self,
        settings: ClassifierSettings,
        seed: int,
        attention: Attention | None = None,
        corpus: Corpus | None = None,
    ) -> Trained:
        epochs = self.sizes.epochs
        training = TrainingSettings(epochs=epochs, patience=epochs, learning_rate=1e-2)
        if attention is None and settings.pooling == "attention" and settings.attention != "uniform":
            settings, training = self._under_the_remedy(settings, training)
        return fit_classifier(corpus or self.corpus, settings, training, seed, progress=False, attention=attention)

    def _under_the_remedy(
        self, settings: ClassifierSettings, training: TrainingSettings
    ) -> tuple[ClassifierSettings, TrainingSettings]:
        (*_, remedy) = named([self.sizes.remedy])
        training = replace(training, forbidden=tuple(KEYWORDS.values()), **remedy.training)
        if training.remedy == "tied":
            settings = replace(settings, hidden=settings.embedding_width)
        return replace(settings, **remedy.settings), training

    def _attention(self, seed: int) -> Attention | None:
        kind = self.situation.attention
        if kind == TRAINED:
            return None
        if kind == RATIONALE:
            return _on_evidence([each for split in self.corpus.splits.values() for each in split])
        if kind == BY_QUESTION:
            return _on_the_word_asked_for
        return RandomByWord(seed) if kind == BY_WORD else RandomByDocument(seed)

    def _wrapped(self, trained: Trained, attention: Attention | None) -> AttentionModel:
        if attention is None:
            return wrap(trained)
        if self.situation.states != OWN:
            return wrap_alike(trained, self.situation.states, self.seed, attention, self.documents)
        wrap_with = wrap_ornamental if self.situation.attention == ORNAMENT else wrap_given
        return wrap_with(trained, attention, self.documents)


def _on_the_word_asked_for(batch: Batch) -> torch.Tensor:
    """(B, T), of the word that the question of each document asks for, as if it were the evidence."""
    marked = [
        replace(each, rationales=(tuple(float(asks_for(each, word)) for word in each.words),))
        for each in batch.documents
    ]
    return _on_evidence(marked)(batch)


def _on_evidence(documents: Sequence[Document]) -> GivenAttention:
    """Nine tenths on the evidence and the rest on all words alike: a weight of 0 could not be replaced by another."""
    on_marked = attention_of_rationales(documents).weights
    return GivenAttention({name: 0.9 * each + 0.1 / len(each) for name, each in on_marked.items()})
