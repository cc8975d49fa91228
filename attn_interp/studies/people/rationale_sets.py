"""What a model can be compared with people on: a corpus to train it on, and documents that people marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from attn_interp.data.corpora.eraser import read_eraser
from attn_interp.data.corpora.fair_rationales import load_fair_rationales, read_fair_rationales
from attn_interp.data.corpora.movies import lexicon
from attn_interp.data.corpora.yelp_hat import PARTS, load_yelp_hat, read_yelp_hat
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.annotated import LeftOut
from attn_interp.data.formats.trees import NEUTRAL, WORD_LABEL
from attn_interp.data.load import load
from attn_interp.data.rationales import annotated_documents
from attn_interp.data.signals import (
    Signal,
    lexicon_strength,
    log_frequency,
    relative_position,
    strength_of,
    word_values,
)
from attn_interp.data.withholding import on_words_of, texts_of, withhold
from attn_interp.experiments.people.parts.word_baselines import Baseline, word_baselines

PLANTED = "planted"

Effort = tuple[tuple[str, ...], int]
"""Names of attributions, and how many documents are edited."""


@dataclass(frozen=True)
class RationaleSet:
    """Documents that people marked, and the corpus of the model that is compared with them.

    Attributes:
        name: For folders and tables.
        corpus: Its train and dev splits make the model.
        documents: What is compared; none of them is in those two splits.
        left_out: Documents, rationales and spans that are not compared, each with its reason.
        others: Documents with rationales that are not compared: a prior by position is learned from them, where there
            are any.
        lexicon: Whether the sentiment lexicon of the embedded corpus is a baseline and a signal (English; it is
            downloaded once).
        word_labels: Word -> label of the word alone, 0 to 4, as a sentiment treebank has them.
    """

    name: str
    corpus: Corpus
    documents: Sequence[Document]
    left_out: tuple[LeftOut, ...] = ()
    others: Sequence[Document] = ()
    lexicon: bool = False
    word_labels: Mapping[str, float] = field(default_factory=dict)

    def first(self, count: int | None) -> RationaleSet:
        """The same with at most `count` documents to compare, the first ones: for a quick trial."""
        return replace(self, documents=self.documents[:count])

    def effort(self, by_length: Mapping[int, Effort]) -> Effort:
        """What to do with documents of this mean length: of the smallest number of words that is not below it."""
        mean = sum(map(len, self.documents)) / len(self.documents)
        return by_length[min(words for words in by_length if words >= mean)]

    def baselines(self, seed: int) -> dict[str, Baseline]:
        """The scores of words without a model; learned from the documents that are not compared."""
        return word_baselines((*self.corpus.train, *self.others), lexicon() if self.lexicon else None, seed)

    def signals(self) -> list[Signal]:
        """The data from outside: strength in the lexicon and of the word's label, log frequency and position."""
        found = [log_frequency(self.corpus.train), relative_position()]
        if self.word_labels:
            about = "label of the word alone in the Stanford Sentiment Treebank, 0 to 4"
            labels = word_values(WORD_LABEL, self.word_labels, about)
            found.insert(0, strength_of(labels, "strength of the SST word label", NEUTRAL))
        return [lexicon_strength(), *found] if self.lexicon else found


def own_splits(name: str, options: Mapping[str, Any], with_lexicon: bool = False) -> RationaleSet:
    """A corpus with rationales that has splits: trained on its train split, compared on its test split.

    Raises:
        ValueError: as `load`, or no test document has a rationale.
    """
    corpus = load(name, **options)
    marked = tuple(document for document in corpus.test if document.rationales)
    if not marked:
        raise ValueError(
            f"corpus {corpus.name!r}: none of its {len(corpus.test)} test documents has a rationale; give one that "
            "people marked"
        )
    rest = [document for document in corpus.test if not document.rationales]
    left_out = tuple(LeftOut(document.id, "document", "no rationale") for document in rest)
    return RationaleSet(corpus.name, corpus, marked, left_out, corpus.train, with_lexicon)


def marked_by_people(
    corpus: str | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    with_lexicon: bool = False,
    fair: str | None = None,
    sst: str | None = None,
    yelp_hat_maps: str | None = None,
    eraser_folder: str | None = None,
) -> list[RationaleSet]:
    """The sets whose paths are given; where there are none, the planted corpus, whose evidence is known.

    Raises:
        ValueError: as `own_splits`; or one of `fair` and `sst` is given without the other.
    """
    if (fair is None) != (sst is None):
        raise ValueError("fair and sst go together: rationales of SST's sentences, and a model trained on the others")
    found = [] if fair is None or sst is None else [fair_rationales(fair, sst)]
    found += [] if yelp_hat_maps is None else yelp_hat(yelp_hat_maps)
    found += [] if eraser_folder is None else [eraser(eraser_folder)]
    found += [] if corpus is None else [own_splits(corpus, options, with_lexicon)]
    return found or [own_splits(PLANTED, {})]


def eraser(path: str) -> RationaleSet:
    """A corpus in the format of ERASER, such as its movie reviews, whose test rationales alone are exhaustive."""
    found = own_splits("eraser", {"path": path}, with_lexicon=True)
    return replace(found, left_out=(*read_eraser(path).left_out, *found.left_out))


def fair_rationales(path: str, treebank: str) -> RationaleSet:
    """Sentences of the Stanford Sentiment Treebank marked by about six people each, for a model trained on the rest.

    The sentences are taken out of the treebank's train and dev splits, and the rationales carried to its words.

    Args:
        path: Of the rationales.
        treebank: Folder of the treebank.
    """
    marked = annotated_documents(load_fair_rationales(path))
    whole = load("sst", path=treebank)
    withheld = withhold(whole, [texts_of(document) for document in marked])
    documents, left_out = on_words_of(marked, whole)
    by_class = {name: index for index, name in enumerate(whole.classes)}
    if set(by_class) != {"negative", "positive"}:
        raise ValueError(f"treebank {treebank!r}: classes are {', '.join(whole.classes)}, expected negative, positive")
    everything = [document for part in whole.splits.values() for document in part]
    labels = {word: label for each in everything for word, label in zip(each.words, each.signals[WORD_LABEL])}
    left_out = (*read_fair_rationales(path).left_out, *left_out)
    return RationaleSet("fair-rationales", withheld.corpus, documents, left_out, (), True, labels)


def yelp_hat(path: str) -> list[RationaleSet]:
    """Reviews of restaurants marked by two to four people each, by length, for a model trained on movie snippets.

    Words are cut as those of the snippets. The prior by position is learned on the other lengths.
    """
    corpus = load("movies")
    parts = {part: annotated_documents(load_yelp_hat(path, part, cut="tokenised")) for part in PARTS}
    found = []
    for part, documents in parts.items():
        others = tuple(each for name, own in parts.items() if name != part for each in own)
        left_out = read_yelp_hat(path, part, cut="tokenised").left_out
        found.append(RationaleSet(f"yelp-hat-{part}", corpus, documents, left_out, others, True))
    return found
