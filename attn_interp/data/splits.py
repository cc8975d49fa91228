"""Splits for a corpus that comes with none, or with only some of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from attn_interp.data.corpus import SPLITS
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.draws import digest

HELD_OUT = 0.1  # share of every class that each split cut from the training documents gets


def split_documents(documents: Sequence[Document], seed: int = 0) -> dict[str, tuple[Document, ...]]:
    """Eight tenths to train and one tenth each to dev and test, by class: `complete_splits` without any given."""
    return complete_splits({"train": documents}, seed)


def complete_splits(given: Mapping[str, Sequence[Document]], seed: int = 0) -> dict[str, tuple[Document, ...]]:
    """The given splits, and each of dev and test that is missing cut from the training documents.

    Of the n training documents of a class a missing split gets round(n/10), at least one where the class has three
    texts. Documents with the same words stay together, with the class of the first of them, so a split may be larger
    by the copies of its last text. Documents are taken in the order of a hash of (seed, id): one document more or less
    moves others only at the borders. Cut splits and what is left to train stand in the order of another hash, so that
    the first documents of a split are of all classes; where nothing is missing, the documents keep their own order.

    Raises:
        ValueError: if there is no training split, or a split has another name than train, dev and test.
    """
    unknown = sorted(set(given) - set(SPLITS))
    if unknown:
        raise ValueError(f"split {unknown[0]!r} is unknown; splits are {', '.join(sorted(SPLITS))}")
    missing = [name for name in SPLITS[1:] if name not in given]
    if "train" not in given:
        raise ValueError(f"there is no split 'train', only {sorted(given)}; name the training documents 'train'")
    if not missing:
        return {name: tuple(given[name]) for name in SPLITS}
    cut: dict[str, list[Document]] = {name: [] for name in ("train", *missing)}
    for groups in _groups_by_class(given["train"], seed).values():
        count = sum(map(len, groups))
        quota = max(round(HELD_OUT * count), 1) if len(groups) > len(missing) else 0
        remaining = deque(groups)
        for place, name in enumerate(missing):
            after = len(missing) - place  # splits that still need a text, train among them
            taken = 0
            while taken < quota and len(remaining) > after:
                group = remaining.popleft()
                cut[name] += group
                taken += len(group)
        cut["train"] += [document for group in remaining for document in group]
    shuffled = {
        name: tuple(sorted(part, key=lambda each: digest(seed, f"order {each.id}"))) for name, part in cut.items()
    }
    return {name: shuffled[name] if name in shuffled else tuple(given[name]) for name in SPLITS}


def held_out(groups: Iterable[str], share: float, seed: int) -> set[str]:
    """A share of the groups, rounded, at least one of two: those that go from training to dev or test whole, such as
    all questions to one story. Each group counts once; the draw depends on (seed, name of the group)."""
    names = sorted(set(groups), key=lambda name: digest(seed, f"held out {name}"))
    return set(names[: min(max(round(share * len(names)), 1), len(names) - 1)])


def _groups_by_class(documents: Sequence[Document], seed: int) -> dict[int, list[list[Document]]]:
    """Per class the groups of documents with the same words (in lower case, of both texts), in the order of their first
    hash."""
    same_words: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for document in sorted(documents, key=lambda document: digest(seed, document.id)):
        same_words[_lower(document.words), _lower(document.second.words if document.second else ())].append(document)
    by_class: dict[int, list[list[Document]]] = defaultdict(list)
    for group in same_words.values():
        by_class[gold_labels(group)[0]].append(group)
    return by_class


def _lower(words: Sequence[str]) -> str:
    return "\0".join(words).lower()  # one string for a document: of each word it would take nine times the memory
