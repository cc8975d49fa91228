"""The same text in two corpora: keep it out of training, or carry its rationales to the other corpus's words."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document, text_of
from attn_interp.data.formats.annotated import LeftOut
from attn_interp.data.formats.spans import recut

CENSORED = re.compile(r"\S*\*\S*")  # a***: spelled in another way in every copy
LEAST_PART = 20  # letters and digits; a shorter text may stand inside another by chance


@dataclass(frozen=True)
class Withheld:
    """A corpus from which given texts are gone.

    Attributes:
        corpus: The corpus without them.
        found: For each given text the ids of the documents that hold it, in any split; empty: it is not in the corpus.
        removed: Ids of the documents that were taken out, in the order of the corpus.
    """

    corpus: Corpus
    found: tuple[tuple[str, ...], ...]
    removed: tuple[str, ...]

    def note(self) -> str:
        """One line for a report: how many texts were found and how many documents removed."""
        count = sum(map(bool, self.found))
        return f"{count:,} of {len(self.found):,} texts found; {len(self.removed):,} documents removed"


def withhold(corpus: Corpus, texts: Sequence[str], splits: Sequence[str] = ("train", "dev")) -> Withheld:
    """The corpus without the documents that hold one of the texts, so that no model learns or is chosen on them.

    Two texts are the same if their letters and digits are, in order: white space, punctuation, case, accents and
    censored words (with an asterisk) make no difference. A text of at least 20 letters and digits that is a part of the
    other counts too: a sentence may be cut into two documents. Of a document with a second text both are compared, the
    second after the first.

    Args:
        corpus: Where to look.
        texts: What to look for; `texts_of` gives those of a document.
        splits: The splits from which documents are removed; the texts are looked for in all.

    Raises:
        ValueError: an unknown split, a text without a letter or digit, or what `Corpus` refuses (a split left empty).
    """
    if unknown := sorted(set(splits) - set(SPLITS)):
        raise ValueError(f"split {unknown[0]!r} is unknown; splits are {', '.join(sorted(SPLITS))}")
    keys = [_key(text) for text in texts]
    if "" in keys:
        raise ValueError(f"text {keys.index('')}: {texts[keys.index('')]!r} has no letter or digit to look for")
    documents = [document for part in corpus.splits.values() for document in part]
    held: list[list[str]] = [[] for _ in texts]
    for text, place in sorted(_same(keys, [_key(texts_of(document)) for document in documents])):
        held[text].append(documents[place].id)
    ids = {name for names in held for name in names}
    removed = tuple(
        document.id for split in SPLITS if split in splits for document in corpus.splits[split] if document.id in ids
    )
    gone = set(removed)
    kept = {split: tuple(d for d in part if d.id not in gone) for split, part in corpus.splits.items()}
    return Withheld(replace(corpus, splits=kept), tuple(map(tuple, held)), removed)


def on_words_of(documents: Sequence[Document], corpus: Corpus) -> tuple[tuple[Document, ...], tuple[LeftOut, ...]]:
    """The documents in the words of the same texts in a corpus, rationales carried over by offsets (`recut`).

    For rationales on sentences of a treebank: a model trained there knows its words ("did", "n't"), not those at white
    space. Ids and labels stay. A document whose text is not in the corpus, or differs there by more than `recut`
    allows, is left out and listed.
    """
    by_key = {_key(texts_of(other)): other for part in corpus.splits.values() for other in part}
    found, left_out = [], []
    for document in documents:
        other = by_key.get(_key(texts_of(document)))
        if other is None:
            left_out.append(LeftOut(document.id, "document", f"its text is not in {corpus.name}"))
            continue
        try:
            own = recut(document, other.words)
            if document.second is not None and other.second is not None:
                own = replace(own, second=recut(document.second, other.second.words))
            found.append(own)
        except ValueError as error:
            left_out.append(LeftOut(document.id, "document", f"its characters differ in {corpus.name}", str(error)))
    return tuple(found), tuple(left_out)


def texts_of(document: Document) -> str:
    """The text of a document, and under it that of its second where it has one."""
    return "\n".join(text_of(each) for each in (document, document.second) if each is not None)


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", CENSORED.sub(" ", text)).casefold()
    return "".join(character for character in plain if character.isalnum())


def _same(one: Sequence[str], other: Sequence[str]) -> set[tuple[int, int]]:
    """Numbers of every pair of keys that are the same, or one a part of the other."""
    return {(a, b) for a, b in _inside(one, other)} | {(a, b) for b, a in _inside(other, one)}


def _inside(parts: Sequence[str], wholes: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Numbers of every part and of a whole that it is, or in which it stands if it is long enough."""
    joined = "\n".join(wholes)  # one search through all: thousands of documents against hundreds of texts
    starts = list(accumulate((len(whole) + 1 for whole in wholes), initial=0))
    for number, part in enumerate(parts):
        place = joined.find(part)
        while place >= 0:
            whole = bisect_right(starts, place) - 1
            if len(part) >= LEAST_PART or part == wholes[whole]:
                yield number, whole
            place = joined.find(part, starts[whole + 1])
