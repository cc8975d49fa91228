"""The door to every corpus: by name, by path, or of what is in memory."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.by_name import named
from attn_interp.data.corpora.source import Loader, Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats import trees
from attn_interp.data.formats.csv_files import load_table
from attn_interp.data.formats.in_memory import corpus_of_frame, corpus_of_texts
from attn_interp.data.formats.jsonlines import load_jsonlines
from attn_interp.data.formats.schema import of_kind

CORPORA = (
    *("pairs.babi", "pairs.cnn", "eraser", "pairs.esnli", "pairs.facts", "fair_rationales", "hatexplain", "hub"),
    *("movies", "planted", "pairs.sick", "pairs.snli", "sst", "tweets", "yelp_hat"),
)
"""The modules of the room `corpora` whose SOURCES have a name here, in the order in which they are listed."""


def corpora() -> tuple[Source, ...]:
    """The corpora that have a name, in the order of the list."""
    return tuple(source for module in CORPORA for source in named(f"data.corpora.{module}.SOURCES"))


def load(given: str | Path | Sequence[str | Document] | pd.DataFrame, **options: Any) -> Corpus:
    """A corpus by its name (see `list_corpora`), from a file or folder, or of texts or a frame in memory.

    Paths: *.jsonl or a folder of them (`load_jsonlines`), *.csv and *.tsv (`load_table`), a folder with train.txt,
    dev.txt and test.txt (`load_trees`). A name goes before a path of the same spelling; ./name is a path.

    Args:
        given: The name; the path; N texts or documents (`corpus_of_texts`); or a DataFrame with the columns text and
            label, and id, split and second where it has them (`corpus_of_frame`), such as `Corpus.to_frame` returns.
        options: Those of the loader: for example seed, least_words, labels for texts, and for tables and frames the
            names of columns.

    Returns:
        The corpus, with splits: those not stated are drawn by the seed.

    Raises:
        FileNotFoundError: it looks like a path, and nothing is there.
        TypeError: an option that the loader does not have, or lacks.
        ValueError: neither a name nor a path of a known format; or bad input, named by file and row.

    >>> load("planted", documents=100).classes
    ('negative', 'positive')
    """
    if isinstance(given, pd.DataFrame):
        return _call(partial(corpus_of_frame, given), "frame", options)
    if not isinstance(given, str | Path):
        return _call(partial(corpus_of_texts, given), "texts", options)
    spelled = str(given)
    loaders = {source.name: source.loader for source in corpora()}
    if isinstance(given, str) and spelled in loaders:
        return _call(loaders[spelled], spelled, options)
    loader = _loader_of_path(Path(given), sorted(loaders))
    return _call(partial(loader, Path(given)), spelled, options)


def _loader_of_path(path: Path, names: list[str]) -> Loader:
    by_suffix: dict[str, Loader] = {".csv": load_table, ".jsonl": load_jsonlines, ".tsv": load_table}
    if (suffix := path.suffix.lower()) in by_suffix:
        if not path.exists():
            raise FileNotFoundError(f"corpus {str(path)!r}: there is no such file")
        return by_suffix[suffix]
    if path.is_dir():
        if any(path.glob("*.jsonl")):
            return load_jsonlines
        if (path / "train.txt").exists():
            return trees.load_trees
        raise ValueError(
            f"corpus {str(path)!r}: the folder holds neither train.jsonl nor train.txt; load texts in files "
            "of their own as a list, load(texts, labels=[...]), and Parquet files as load('hub', path=...)"
        )
    if path.exists():
        raise ValueError(
            f"corpus {str(path)!r}: is no file *.csv, *.jsonl or *.tsv; read it with pandas and give the frame, as in "
            "load(frame, text='text', label='label')"
        )
    raise ValueError(
        f"corpus {str(path)!r} is unknown; options are {', '.join(names)}, a file *.csv, *.jsonl or *.tsv, "
        'or a folder with train.jsonl or train.txt; a dataset of the Hugging Face hub is load("hub", path="its name")'
    )


def _call(loader: Loader, name: str, options: dict[str, Any]) -> Corpus:
    parameters = inspect.signature(loader).parameters
    if unknown := sorted(set(options) - set(parameters)):
        raise TypeError(
            f"corpus {name!r}: option {unknown[0]!r} is unknown; options are {', '.join(sorted(parameters))}"
        )
    needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty}
    if missing := sorted(needed - set(options)):
        raise TypeError(f"corpus {name!r}: option {missing[0]!r} is missing; it says where your copy of the files is")
    for key, value in options.items():
        if (kind := str(parameters[key].annotation)) in ("bool", "float", "int"):  # a column may be called 1
            of_kind(f"corpus {name!r}: {key}", value, kind)
    return loader(**options)
