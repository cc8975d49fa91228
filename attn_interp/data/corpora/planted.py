"""Made-up corpora whose evidence is known: neutral words, and among them the words that decide the label by a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from attn_interp.data.corpora.planted_rules import EVERYWHERE, MOST_WORDS, NOT, RULES, TWO_CLASSES, Block
from attn_interp.data.corpora.source import Source
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
    rule: str = "keyword",
    copies: int = 1,
    place: Sequence[tuple[float, float]] | None = None,
) -> Corpus:
    """Documents of neutral words with evidence at random places; the rationale marks words that are enough to decide.

    Length, words and places are drawn for each document from (seed, id), each length, word and place as likely as any
    other; classes take turns, so they are balanced. The rules, and what the rationale marks:

    - "keyword": the keyword of the class stands in the document. The keyword.
    - "conjunction" (two classes): the second class has both keywords, the first has one of them, twice. These words.
      A reader that weighs each word alone cannot tell the classes apart.
    - "negation" (two classes): in half of the documents the keyword of the other class, with "not" before it. Both
      words there, the keyword elsewhere.
    - "counting": the keyword of the class stands there twice, that of another class once. The two.
    - "first", "last": the keywords of two classes; the first (the last) of them decides. The one that does.
    - "everywhere": no keywords; the neutral words are dealt out to the classes in turn, and a document has words of its
      class alone. Every word.

    Args:
        documents: How many in all splits together.
        least_length: Fewest words of a document, the evidence included; at least 2, and room for the evidence.
        most_length: Most words of a document.
        fillers: The neutral words.
        keywords: Class name -> the keyword that decides for it; two classes or more.
        shuffled_labels: Draws each label without looking at the words: the same documents with nothing to be found. The
            rationale still marks the same words.
        seed: Draws the documents and the splits.
        rule: What decides the label.
        copies: How often the evidence stands in a document, at least 1; with "first" and "last" all copies of one
            keyword come before those of the other.
        place: For each piece of evidence in its order (a word, or "not" with its keyword) the range of relative
            positions from which its own is drawn evenly, 0 being the first place and 1 the last; rounded to a place.
            Documents that differ in `place` alone have the same neutral words. None: anywhere.

    Raises:
        ValueError: for lengths out of order or too short for the evidence, too few fillers or keywords, a word of
            evidence among the fillers, copies below 1, or a rule that is unknown or not for so many classes; for
            places outside [0, 1], not one for each piece of evidence, or that put two pieces out of order.
    """
    _check_rule(rule, copies, keywords)
    _check_place(place, rule)
    least = max(2, copies * MOST_WORDS[rule])
    if not least <= least_length <= most_length:
        raise ValueError(
            f"lengths are {least_length} to {most_length}; expected {least} <= least_length <= most_length"
        )
    if not fillers or len(set(keywords.values())) < max(2, len(keywords)):
        raise ValueError(
            f"{len(fillers)} fillers and keywords {dict(keywords)}; one filler and two keywords are needed"
        )
    if rule == EVERYWHERE and len(set(fillers)) < max(len(fillers), len(keywords)):
        raise ValueError(
            f"rule 'everywhere': {len(set(fillers))} different fillers of {len(fillers)} are dealt out to "
            f"{len(keywords)} classes; give each class one or more, none of them twice"
        )
    if mixed := sorted(set(fillers) & evidence_words(rule, keywords)):
        raise ValueError(f"{mixed[0]!r} is a keyword and a filler; a filler must say nothing about the label")
    made = []
    for number in range(documents):
        name = f"planted-{number}"
        draw = generator(seed, name)
        length = int(draw.integers(least_length, most_length + 1))
        label = number % len(keywords)
        if rule == EVERYWHERE:
            own = fillers[label :: len(keywords)]
            words = [own[index] for index in draw.integers(len(own), size=length)]
            rationale = [1.0] * length
        else:
            blocks = RULES[rule](label, tuple(keywords.values()), copies, draw)
            words, rationale = _placed(name, blocks, length, fillers, place, draw)
        if shuffled_labels:
            label = int(draw.integers(len(keywords)))
        made.append(Document(id=name, words=tuple(words), label=label, rationales=(tuple(rationale),)))
    about = ("" if rule == "keyword" else f", {rule}") + (", labels shuffled" if shuffled_labels else "")
    return Corpus(f"planted{about}", tuple(keywords), split_documents(made, seed), LICENCE, "made up by attn_interp")


def evidence_words(rule: str, keywords: Mapping[str, str] = KEYWORDS) -> set[str]:
    """The words that no filler may be: those that a rule plants."""
    if rule == EVERYWHERE:
        return set()
    return set(keywords.values()) | ({NOT} if rule == "negation" else set())


def _check_rule(rule: str, copies: int, keywords: Mapping[str, str]) -> None:
    if rule not in MOST_WORDS:
        raise ValueError(f"rule {rule!r} is unknown; rules are {', '.join(sorted(MOST_WORDS))}")
    if rule in TWO_CLASSES and len(keywords) != 2:
        raise ValueError(f"rule {rule!r} is for two classes; there are {len(keywords)} keywords")
    if copies < 1 or (rule == EVERYWHERE and copies > 1):
        raise ValueError(f"copies is {copies}; expected at least 1, and 1 where the evidence is everywhere")


def _check_place(place: Sequence[tuple[float, float]] | None, rule: str) -> None:
    if place is None:
        return
    if rule == EVERYWHERE:
        raise ValueError("place: rule 'everywhere' plants no words that could stand anywhere in particular; give None")
    for low, high in place:
        if not 0.0 <= low <= high <= 1.0:
            raise ValueError(f"place: got {low:g} to {high:g}, expected relative positions 0 <= low <= high <= 1")


def _placed(
    name: str,
    blocks: Sequence[Block],
    length: int,
    fillers: Sequence[str],
    place: Sequence[tuple[float, float]] | None,
    draw: np.random.Generator,
) -> tuple[list[str], list[float]]:
    """Words and rationale of a document: the blocks in their order, fillers around them."""
    free = length - sum(map(len, blocks))
    is_block = [False] * free
    if place is None:
        for _ in blocks:
            is_block.insert(int(draw.integers(len(is_block) + 1)), True)
    else:
        is_block = _slots(name, len(blocks), free, place, draw)
    neutral = [fillers[index] for index in draw.integers(len(fillers), size=length)]
    words: list[str] = []
    rationale: list[float] = []
    waiting = iter(blocks)
    for here in is_block:
        block = next(waiting) if here else ((neutral[len(words)], False),)
        words += [word for word, _ in block]
        rationale += [float(marked) for _, marked in block]
    return words, rationale


def _slots(
    name: str, blocks: int, free: int, place: Sequence[tuple[float, float]], draw: np.random.Generator
) -> list[bool]:
    """Which of the free + blocks places hold a block."""
    if len(place) != blocks:
        raise ValueError(f"document {name!r}: place has {len(place)} ranges for {blocks} pieces of evidence")
    # One draw for each block, whatever the range: the neutral words drawn afterwards are the same.
    drawn = [low + (high - low) * draw.random() for low, high in place]
    slots = [round(relative * (free + blocks - 1)) for relative in drawn]
    if any(after <= before for before, after in pairwise(slots)):
        raise ValueError(
            f"document {name!r}: of {free + blocks} places, {slots} are those of the evidence in its order; each must "
            "lie after the one before, so move them apart or make the document longer"
        )
    return [slot in slots for slot in range(free + blocks)]


SOURCES = (
    Source("planted", "made-up documents whose keyword decides the label", LICENCE, load_planted, needs_path=False),
)
