"""What has been proposed to make attention an explanation, as changes of a plain model: one entry for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from attn_interp.data.corpus import Corpus
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.remedies import why_no_remedy

PLAIN, UNIFORM = "plain", "uniform attention"
MOST_FORBIDDEN, FORBIDDEN_SHARE = 100, 0.05
"""How many words the deceptive model may not attend to, and at most which share of all different words."""


@dataclass(frozen=True)
class Remedy:
    """A change of the plain model.

    Attributes:
        name: Of its row in tables.
        about: What it does, with its source.
        settings, training: Fields of `ClassifierSettings` and `TrainingSettings` that it changes.
    """

    name: str
    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


REMEDIES = (
    Remedy(PLAIN, "an LSTM with attention; what the others are held against"),
    Remedy(UNIFORM, "the same weight for every word: what attention is needed for", {"attention": "uniform"}),
    Remedy(
        "orthogonal states",
        "each state orthogonal to the mean of the earlier ones (Mohankumar et al. 2020)",
        {"encoder": "orthogonal_lstm"},
    ),
    Remedy(
        "diverse states",
        "the conicity of the states is part of the loss (Mohankumar et al. 2020)",
        training={"remedy": "diversity", "strength": 0.5},
    ),
    Remedy(
        "tied states",
        "the distance of a state from the vector of its word is part of the loss (Tutek & Snajder 2020)",
        training={"remedy": "tied", "strength": 1.0},
    ),
    Remedy("sparsemax", "weights that can be 0 (Martins & Astudillo 2016)", {"normaliser": "sparsemax"}),
    Remedy("entmax", "weights that can be 0, alpha 1.5 (Peters et al. 2019)", {"normaliser": "entmax"}),
    Remedy(
        "supervised",
        "attention learns the rationales of people",
        training={"remedy": "supervised", "strength": 1.0},
    ),
    Remedy(
        "masked words",
        "words are hidden in training, so that erased texts are not new (Madsen et al. 2024)",
        training={"remedy": "masked"},
    ),
    Remedy(
        "deceptive",
        "no attention on the words that tell most, at the same accuracy (Pruthi et al. 2020)",
        training={"remedy": "deceptive", "strength": 1.0},
    ),
)


def telling_words(corpus: Corpus) -> tuple[str, ...]:
    """The words of the training documents, in lower case, with the largest weight in a bag of words (logistic
    regression, a word once per document): those that tell most of the class. At most 100, and 5 % of all."""
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(analyzer=lambda document: [word.lower() for word in document.words], binary=True)
    counts = counter.fit_transform(corpus.train)
    labels = [document.label for document in corpus.train]
    weights = np.abs(LogisticRegression(max_iter=2000).fit(counts, labels).coef_).max(0)
    names = counter.get_feature_names_out()
    count = max(1, min(MOST_FORBIDDEN, int(FORBIDDEN_SHARE * len(names))))
    return tuple(sorted(map(str, names[np.argsort(-weights, kind="stable")[:count]])))


def plain_settings(encoder: str, width: int) -> ClassifierSettings:
    """The plain model, whose states are as wide as its word vectors, so that they can be tied to them."""
    settings = ClassifierSettings(encoder=encoder, embedding_width=width, hidden=width)
    return replace(settings, hidden=width // 2) if settings.both_directions else settings


def changed(
    remedy: Remedy, corpus: Corpus, settings: ClassifierSettings, training: TrainingSettings
) -> tuple[ClassifierSettings, TrainingSettings]:
    """The settings of the plain model under a remedy.

    Raises:
        ValueError: the corpus or the network does not allow it; says why.
    """
    settings, training = replace(settings, **remedy.settings), replace(training, **remedy.training)
    if training.remedy == "deceptive" and not training.forbidden:
        training = replace(training, forbidden=telling_words(corpus))
    if reason := why_no_remedy(training, corpus.train, settings.state_width == settings.embedding_width):
        raise ValueError(f"{remedy.name}: {reason}")
    return settings, training


def named(names: Sequence[str]) -> tuple[Remedy, ...]:
    """The remedies of these names, the plain model always first.

    Raises:
        ValueError: there is no such remedy; the message lists them.
    """
    known = {each.name: each for each in REMEDIES}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"remedy {unknown[0]!r} is not known; choose from {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys((PLAIN, *names)))
