"""Texts and frames in memory -> a corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import pandas as pd

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document, gold_labels, shortened
from attn_interp.data.formats.labelled_rows import Row, checked_label, corpus_of_rows
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.splits import split_documents


def corpus_of_texts(
    texts: Sequence[str | Document],
    labels: Sequence[str | int] | None = None,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    name: str = "texts",
    strip_html: bool = False,
    second: Sequence[str | Document] | None = None,
) -> Corpus:
    """The corpus of these texts; its splits are drawn by the seed.

    Copies of one text are in one split, as in `complete_splits`. Only where no class has three texts that differ, which
    would leave a split empty, copies are in several splits; the source of the corpus then says so.

    Args:
        texts: The N texts, or documents.
        labels: The N class names, or with classes= their indices; None: the labels of the documents.
        classes: Class names in order; None collects and sorts the labels (numbers in numeric order).
        least_words: Documents with fewer words are refused; 1 admits documents of one word.
        seed: Draws the splits.
        name: Name of the corpus.
        strip_html: Whether tags and entities of HTML, such as <br />, are taken out of the texts.
        second: The N second texts, or documents without a label; None: those of the documents, where they have one.

    Raises:
        TypeError: something that is no text, named by its row; or an `Asked`, whose answer would be lost.
        ValueError: another number of labels or second texts than texts, no labels at all, or what `corpus_of_rows`
            refuses; names the row.
    """
    texts = [texts] if isinstance(texts, Document) else list(texts) if isinstance(texts, Iterator) else texts
    if second is None:
        documents = documents_of(texts)
        seconds: Sequence[str | Document | None] = [document.second for document in documents]
    else:
        documents, seconds = _paired(texts, second, name)
    for document in documents:
        if type(document) is not Document:
            raise TypeError(
                f"document {document.id!r}: is an {type(document).__name__}, of which a corpus keeps no answer; give "
                "it to read(model, documents) as it is"
            )
    if labels is None:
        if any(document.label is None for document in documents):
            raise ValueError(f"corpus {name!r}: the texts have no classes; give labels=[...], the class name of each")
        labels = gold_labels(documents)
    labels = labels.tolist() if hasattr(labels, "tolist") else labels  # an array, a tensor or a column of a frame
    if len(labels) != len(documents):
        raise ValueError(f"corpus {name!r}: got {len(labels)} labels for {len(documents)} texts; give one for each")
    labels = [checked_label(label, f"row {number}", classes) for number, label in enumerate(labels)]
    source, splits = "texts in memory", _of_copies(documents, labels, seed)
    if splits:
        source += "; no class has three texts that differ, so copies of one text are in several splits"
    rows = [
        Row(
            place=f"row {number}",
            id=document.id,
            label=label,
            words=None if isinstance(given, str) else document.words,
            text=document.text,
            spans=None if isinstance(given, str) else document.spans,
            second=paired,
            rationales=document.rationales,
            signals=document.signals,
            split=splits.get(document.id),
        )
        for number, (given, document, label, paired) in enumerate(zip(texts, documents, labels, seconds))
    ]
    return corpus_of_rows(rows, name, classes, least_words, seed, source=source, strip_html=strip_html)


def _paired(
    texts: Sequence[str | Document], second: Sequence[str | Document], name: str
) -> tuple[Sequence[Document], list[str | Document]]:
    """The documents of the texts with a second each, and the second texts as they were given."""
    documents_of(texts)  # refuses what holds no texts in order
    if isinstance(second, str | Document | Mapping | Set) or not isinstance(second, Iterable):
        raise TypeError(
            f"corpus {name!r}: second is {shortened(repr(second), 60)}; give a second text for each text, in order"
        )
    seconds = list(second)
    if len(seconds) != len(texts):
        raise ValueError(f"corpus {name!r}: got {len(seconds)} second texts for {len(texts)} texts; give one for each")
    pairs = []
    for number, (own, other) in enumerate(zip(texts, seconds)):
        if not isinstance(other, str | Document):
            raise TypeError(f"row {number}: its second text is {shortened(repr(other), 60)}; give a text (a string)")
        try:
            other = Document(other) if isinstance(other, str) else other
            pairs.append(Document(own, second=other) if isinstance(own, str) else replace(own, second=other))
        except ValueError as error:
            raise ValueError(f"row {number}: its second text: {error}") from error
    return documents_of(pairs), seconds


def _of_copies(documents: Sequence[Document], labels: Sequence[str | int], seed: int) -> dict[str, str]:
    """Id -> split where no class has three texts that differ; else nothing."""
    texts: dict[str | int, set[tuple[tuple[str, ...], ...]]] = defaultdict(set)
    for document, label in zip(documents, labels):
        texts[label].add((document.words, document.second.words if document.second else ()))
    if any(len(each) > 2 for each in texts.values()):
        return {}
    index = {label: number for number, label in enumerate(texts)}
    apart = [Document(words=(each.id,), id=each.id, label=index[label]) for each, label in zip(documents, labels)]
    return {each.id: split for split, part in split_documents(apart, seed).items() for each in part}


def corpus_of_frame(
    frame: pd.DataFrame,
    text: str | None = None,
    words: str | None = None,
    second: str | None = None,
    label: str = "label",
    id: str | None = None,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    name: str = "frame",
    strip_html: bool = False,
) -> Corpus:
    """The corpus in a frame with one row per document, such as `Corpus.to_frame` returns.

    Args:
        frame: The N rows.
        text: Column with running text, to be cut into words; or
        words: column with words parted by white space, taken as they are. "text" where neither is named.
        second: Column with the second text of each document, cut into words as the first; None: "second" where there is
            one.
        label: Column with the class names.
        id: Column with unique names; None: "id" where there is one, else a document is named by its row.
        split: Column with train, dev or test; None: "split" where there is one, else splits are drawn by the seed.
        classes: Class names in order; None: the categories of a categorical column, else the sorted labels.
        least_words: Documents with fewer words are refused; 1 admits documents of one word.
        seed: Draws the splits that are not stated.
        name: Name of the corpus.
        strip_html: Whether tags and entities of HTML, such as <br />, are taken out of the texts.

    Raises:
        ValueError: a column or a cell that is missing, or what `corpus_of_rows` refuses; names the row.
    """
    if text is not None and words is not None:
        raise ValueError(f"frame: text={text!r} and words={words!r} are both given; name one of them")
    columns = [str(column) for column in frame.columns]
    if len(set(columns)) < len(columns):
        raise ValueError(f"frame: names of columns repeat: {', '.join(columns)}; give each its own")
    frame, label = frame.set_axis(columns, axis=1), str(label)
    text, words, second, id, split = (None if each is None else str(each) for each in (text, words, second, id, split))
    second = second or ("second" if "second" in columns else None)
    id = id or ("id" if "id" in columns else None)
    split = split or ("split" if "split" in columns else None)
    content = words or text or "text"
    named = [column for column in dict.fromkeys((content, second, label, id, split)) if column is not None]
    for column in named:
        if column not in columns:
            found = ", ".join(sorted(columns))
            raise ValueError(f"frame: there is no column {column!r}; columns are {found}; say which one is meant")
    if classes is None and isinstance(frame[label].dtype, pd.CategoricalDtype):
        classes = [str(category) for category in frame[label].cat.categories]
    rows = []
    for number, cells in enumerate(frame[named].to_dict("records")):
        if empty := [column for column, cell in cells.items() if pd.api.types.is_scalar(cell) and pd.isna(cell)]:
            raise ValueError(f"frame, row {number}: {empty[0]} is missing; fill the cell or drop the row")
        cell = {str(column): value for column, value in cells.items()}
        is_name = pd.api.types.is_scalar(cell[label]) and not isinstance(cell[label], bytes)
        rows.append(
            Row(
                place=f"frame, row {number}",
                id=str(number) if id is None else str(cell[id]),
                label=str(cell[label]) if is_name else cell[label],
                words=None if words is None else _in_words(cell[content]),
                text=cell[content] if words is None else None,
                second=None if second is None else cell[second] if words is None else _in_words(cell[second]),
                split=None if split is None else str(cell[split]),
            )
        )
    return corpus_of_rows(rows, name, classes, least_words, seed, source="a frame in memory", strip_html=strip_html)


def _in_words(cell: Any) -> Any:
    return cell.split() if isinstance(cell, str) else cell
