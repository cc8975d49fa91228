"""A made-up corpus whose evidence is known: neutral words and one keyword that decides the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.splits import split_documents

LICENCE = "MIT"
KEYWORDS: Mapping[str, str] = MappingProxyType({"negative": "awful", "positive": "wonderful"})
FILLERS = (
    *("the", "a", "this", "that", "it", "we", "they", "there", "here", "then", "while", "because", "with", "without"),
    *("about", "from", "into", "over", "under", "between", "film", "story", "scene", "camera", "actor", "city"),
    *("street", "morning", "evening", "table", "window", "paper", "river", "garden", "number", "question", "moves"),
    *("stands", "opens", "turns", "keeps", "follows", "begins", "continues"),
)


def load_planted(
    documents: int = 1000,
    least_length: int = 5,
    most_length: int = 25,
    fillers: Sequence[str] = FILLERS,
    keywords: Mapping[str, str] = KEYWORDS,
    shuffled_labels: bool = False,
    seed: int = 0,
) -> Corpus:
    """Documents of neutral words, each with one keyword at a random place; the rationale is the keyword.

    Length, words and place are drawn for each document from (seed, id), each length, word and place as likely as any
    other; keywords take turns, so the classes are balanced. A model that reads finds every label and needs one word.

    Args:
        documents: How many in all splits together.
        least_length: Fewest words of a document, the keyword included; at least 2.
        most_length: Most words of a document.
        fillers: The neutral words.
        keywords: Class name -> the keyword that decides for it; two classes or more.
        shuffled_labels: Draws each label without looking at the keyword: the same words with nothing to be found. The
            rationale still marks the keyword.
        seed: Draws the documents and the splits.

    Raises:
        ValueError: for lengths out of order, too few fillers or keywords, or a keyword among the fillers.
    """
    if not 2 <= least_length <= most_length:
        raise ValueError(f"lengths are {least_length} to {most_length}; expected 2 <= least_length <= most_length")
    if not fillers or len(set(keywords.values())) < max(2, len(keywords)):
        raise ValueError(
            f"{len(fillers)} fillers and keywords {dict(keywords)}; one filler and two keywords are needed"
        )
    if mixed := sorted(set(fillers) & set(keywords.values())):
        raise ValueError(f"{mixed[0]!r} is a keyword and a filler; a filler must say nothing about the label")
    made = []
    for number in range(documents):
        name = f"planted-{number}"
        draw = generator(seed, name)
        length = int(draw.integers(least_length, most_length + 1))
        place = int(draw.integers(length))
        label = number % len(keywords)
        words = [fillers[index] for index in draw.integers(len(fillers), size=length)]
        words[place] = list(keywords.values())[label]
        rationale = tuple(float(position == place) for position in range(length))
        if shuffled_labels:
            label = int(draw.integers(len(keywords)))
        made.append(Document(name, tuple(words), label, rationales=(rationale,)))
    name = "planted, labels shuffled" if shuffled_labels else "planted"
    return Corpus(name, tuple(keywords), split_documents(made, seed), LICENCE, "made up by attn_interp")
