"""Splits for a corpus that comes with none, or with only some of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from attn_interp.data.corpus import SPLITS
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.draws import digest, in_order_drawn
from attn_interp.data.sequences.given import require_documents
from attn_interp.data.sequences.on_disk import Places, chosen

HELD_OUT = 0.1  # share of every class that each split cut from the training documents gets


def split_documents(documents: Sequence[Document], seed: int = 0) -> dict[str, Sequence[Document]]:
    """Eight tenths to train and one tenth each to dev and test, by class: `complete_splits` without any given."""
    return complete_splits({"train": documents}, seed)


def complete_splits(given: Mapping[str, Sequence[Document]], seed: int = 0) -> dict[str, Sequence[Document]]:
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
    whole = {name: require_documents(own, f"split {name!r}") for name, own in given.items()}
    if missing:
        train = whole["train"]
        drawn = np.empty(len(train), dtype=np.int64)
        drawn[in_order_drawn(train, seed, "order ")] = np.arange(len(train))  # (N,) the number of each in that order
        for name, places in _cut(train, missing, seed).items():
            whole[name] = chosen(train, places[np.argsort(drawn[places])])
    return {name: whole[name] for name in SPLITS}


def _cut(train: Sequence[Document], missing: Sequence[str], seed: int) -> dict[str, Places]:
    """Where the documents stand that go to each missing split, and those that are left to train."""
    order = in_order_drawn(train, seed)
    words = np.fromiter(map(_same_words, train), np.uint64)[order]
    _, first, group = np.unique(words, return_index=True, return_inverse=True)
    leader = first[group]  # (N,) the first document with the words of each, both as numbers in the order drawn
    labels = np.array(gold_labels(train))[order][leader]
    cut: dict[str, list[Places]] = {name: [] for name in (*missing, "train")}
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        own = own[np.argsort(leader[own], kind="stable")]  # those of the same words one after the other
        starts = np.flatnonzero(np.diff(leader[own], prepend=-1))  # (G,) where each such group begins
        quota = max(round(HELD_OUT * len(own)), 1) if len(starts) > len(missing) else 0
        begin = 0
        for place, name in enumerate(missing):
            after = len(missing) - place  # splits that still need a text, train among them
            enough = int(np.searchsorted(starts, starts[begin] + quota))
            end = max(begin, min(enough, len(starts) - after))
            cut[name].append(order[own[starts[begin] : starts[end]]])
            begin = end
        cut["train"].append(order[own[starts[begin] :]])
    return {name: np.concatenate([order[:0], *places]) for name, places in cut.items()}


def held_out(groups: Iterable[str], share: float, seed: int) -> set[str]:
    """A share of the groups, rounded, at least one of two: those that go from training to dev or test whole, such as
    all questions to one story. Each group counts once; the draw depends on (seed, name of the group)."""
    names = sorted(set(groups), key=lambda name: digest(seed, f"held out {name}"))
    return set(names[: min(max(round(share * len(names)), 1), len(names) - 1)])


def _same_words(document: Document) -> int:
    """A number that is the same for the same words (in lower case, of both texts)."""
    second = () if document.second is None else document.second.words
    words = "\0\0".join("\0".join(own).lower() for own in (document.words, second))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8])
