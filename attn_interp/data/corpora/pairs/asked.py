"""Planted documents with two keywords, of which a question names the one that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator

THINGS = ("plot", "cast")


def asked(corpus: Corpus, keywords: Sequence[str], seed: int = 0) -> Corpus:
    """The corpus of a planted keyword with a question to each document, as second text.

    The keyword becomes that of one of two things, as "plot-wonderful", and a neutral word becomes that of the other,
    for a class drawn by chance. The question names the first of them, so it alone says which of the two decides. Drawn
    from (seed, id); the rationale marks the word that decides.

    Args:
        corpus: Of `load_planted`, by the rule "keyword", one copy.
        keywords: Of each class.
    """

    def with_question(document: Document) -> Document:
        draw = generator(seed, f"asked {document.id}")
        thing, other = draw.permutation(THINGS)
        place = document.rationales[0].index(1.0)
        neutral = draw.choice([position for position in range(len(document)) if position != place])
        words = list(document.words)
        words[place] = f"{thing}-{words[place]}"
        words[neutral] = f"{other}-{draw.choice(keywords)}"
        return replace(document, words=tuple(words), second=Document(words=("the", str(thing), "?")))

    splits = {name: tuple(map(with_question, documents)) for name, documents in corpus.splits.items()}
    return replace(corpus, name=f"{corpus.name}, asked", splits=splits)


def asks_for(document: Document, word: str) -> bool:
    """Whether the question of such a document names the thing of this word."""
    return document.second is not None and word.partition("-")[0] in document.second.words
