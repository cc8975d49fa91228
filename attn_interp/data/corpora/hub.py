"""Corpora of the Hugging Face hub, by name, through its `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import shortened
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows

SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}
"""Split there -> split here; others are not read."""

TEXTS = ("text", "sentence", "content", "review")
LABELS = ("label", "labels")


def load_hub(
    path: str,
    config: str | None = None,
    text: str | None = None,
    label: str | None = None,
    words: str | None = None,
    second: str | None = None,
    revision: str | None = None,
    without: Sequence[str] = (),
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    strip_html: bool = False,
) -> Corpus:
    """A dataset of the hub, or a folder that `datasets` reads, as a corpus. No code that comes with it is run.

    Its train, validation (dev) and test splits are read; what is missing is drawn from the training split. A label is
    a number, named by the dataset's own class names where it has them, or a name.

    Args:
        path: Its name, as `datasets.load_dataset` takes it, such as "stanfordnlp/imdb".
        config: Its configuration, where it has several.
        text: Column with running text; None: the first of text, sentence, content and review that there is; or
        words: column with a list of words, taken as they are.
        second: Column with the second text of each document, of the same kind as the first; None: there is none.
        label: Column of the classes; None: label or labels.
        revision: Commit or tag of the dataset; name it where numbers are to be repeated.
        without: Splits that are not read, such as a test split whose labels are hidden.
        classes: Names of the classes in order, where the dataset has none or others are wanted.
        least_words: Documents with fewer words are refused.
        seed: Draws the splits that are missing.
        strip_html: Whether tags and entities of HTML, such as <br />, are taken out of the texts.

    Raises:
        ImportError: datasets is not installed.
        OSError: there is no such dataset, or the hub cannot be reached.
        ValueError: a damaged file, a column or split that is not there, a split whose labels are hidden (-1), or a bad
            document; named.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ImportError("datasets is not installed; pip install 'attn-interp[datasets]'") from error
    name = str(path)
    try:
        dataset = load_dataset(name, config, revision=revision)
    except Exception as error:  # of the network, of the hub, or of the reader of a file
        kind = OSError if isinstance(error, OSError) else ValueError
        why = shortened(" ".join(str(error).split()), 300)
        raise kind(f"dataset {name!r}: cannot be loaded ({why}); check name, configuration and files") from error
    found = {split: part for split, part in dataset.items() if split not in without}
    if "train" not in found:
        raise ValueError(f"dataset {name!r}: has the splits {', '.join(found)}; expected one named train")
    column = _chosen(name, found["train"], words or text, TEXTS, "text=")
    label = _chosen(name, found["train"], label, LABELS, "label=")
    if second is not None:
        _chosen(name, found["train"], second, (), "second=")
    names = classes or getattr(found["train"].features[label], "names", None)
    rows = _rows(name, found, column, second, label, words is not None)
    licence = found["train"].info.license or "unstated"
    source = f"hub: {name}" + (f", revision {revision}" if revision else "")
    return corpus_of_rows(rows, name.rpartition("/")[2], names, least_words, seed, licence, source, strip_html)


def _chosen(name: str, part: Any, given: str | None, usual: Sequence[str], option: str) -> str:
    columns = list(part.column_names)
    if given is not None and given not in columns:
        raise ValueError(f"dataset {name!r}: there is no column {given!r}; columns are {', '.join(sorted(columns))}")
    chosen = given or next((column for column in usual if column in columns), None)
    if chosen is None:
        raise ValueError(f"dataset {name!r}: name the column with {option}; columns are {', '.join(sorted(columns))}")
    return chosen


def _rows(
    name: str, found: Mapping[str, Any], column: str, second: str | None, label: str, in_words: bool
) -> Iterator[Row]:
    for split, part in found.items():
        if split not in SPLITS:
            continue
        for number, record in enumerate(part):
            place = f"dataset {name!r}, {split}, row {number}"
            if record[label] == -1:
                raise ValueError(f"{place}: its label is hidden (-1); leave the split out: without=[{split!r}]")
            cell = record[column]
            content: dict[str, Any] = {"words": cell} if in_words else {"text": cell}
            if second is not None:
                content["second"] = record[second]
                if record[second] is None:
                    raise ValueError(f"{place}: its second text, {second!r}, is missing; drop the row, or fill it")
            yield Row(place=place, id=f"{split}-{number}", label=record[label], split=SPLITS[split], **content)


SOURCES = (Source("hub", "a dataset of the Hugging Face hub; path is its name there", "its own", load_hub),)
