"""The door to every corpus: by name or by path."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from attn_interp.data.corpora import eraser, esnli, fair_rationales, hatexplain, hub, movies, planted, tweets, yelp_hat
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats import trees
from attn_interp.data.formats.csv_files import load_table
from attn_interp.data.formats.jsonlines import load_jsonlines

Loader = Callable[..., Corpus]


@dataclass(frozen=True)
class Source:
    """A corpus that has a name: what `load` calls for it.

    Attributes:
        name: What `load` is given.
        about: One line on what it holds.
        licence: Licence of the texts.
        loader: Function of the options that returns the corpus.
        needs_path: Whether the user has to have the files: `path` is then an option without a default.
    """

    name: str
    about: str
    licence: str
    loader: Loader
    needs_path: bool = False


def corpora() -> tuple[Source, ...]:
    """The corpora that have a name, in alphabetical order."""
    return (
        _given("eraser", "documents with evidence, in the format of ERASER", eraser.LICENCE, eraser.load_eraser),
        _given("esnli", "e-SNLI: pairs of sentences, marked by one or three people", esnli.LICENCE, esnli.load_esnli),
        _given(
            "fair-rationales",
            "sentences of SST, each marked by about six people",
            fair_rationales.LICENCE,
            fair_rationales.load_fair_rationales,
        ),
        _given("hatexplain", "posts judged and marked by three people", hatexplain.LICENCE, hatexplain.load_hatexplain),
        _given("hub", "a dataset of the Hugging Face hub; path is its name there", "its own", hub.load_hub),
        Source("movies", "movie-review snippets with human ratings, two classes", movies.LICENCE, movies.load_movies),
        Source("movies-fine", "the same snippets, five classes by rating", movies.LICENCE, movies.load_movies_fine),
        Source("planted", "made-up documents whose keyword decides the label", planted.LICENCE, planted.load_planted),
        Source(
            "sst",
            "Stanford Sentiment Treebank, two classes, with word labels",
            trees.LICENCE,
            load_sst,
            needs_path=True,
        ),
        Source(
            "sst-fine",
            "Stanford Sentiment Treebank, five classes, with word labels",
            trees.LICENCE,
            load_sst_fine,
            needs_path=True,
        ),
        _given("tweets", "tweets with the part that carries their sentiment", tweets.LICENCE, tweets.load_tweets),
        _given("yelp-hat", "reviews, each marked by up to four people", yelp_hat.LICENCE, yelp_hat.load_yelp_hat),
    )


def _given(name: str, about: str, licence: str, loader: Loader) -> Source:
    return Source(name, about, licence, loader, needs_path=True)


def load_sst(path: Path | str, least_words: int = 2) -> Corpus:
    """The two-class task of a treebank, without the neutral trees: `load_trees`."""
    return trees.load_trees(path, "binary", least_words)


def load_sst_fine(path: Path | str, least_words: int = 2) -> Corpus:
    """The five-class task of a treebank: `load_trees`."""
    return trees.load_trees(path, "fine", least_words)


def load(name_or_path: str | Path, **options: Any) -> Corpus:
    """A corpus by its name (see `corpora`), or from a file or folder of the user's.

    Paths: *.jsonl or a folder of them (`load_jsonlines`), *.csv and *.tsv (`load_table`), a folder with train.txt,
    dev.txt and test.txt (`load_trees`). A name goes before a path of the same spelling; ./name is a path.

    Args:
        name_or_path: The name or the path.
        options: Those of the loader: for example seed, least_words, and for tables the names of columns.

    Raises:
        FileNotFoundError: it looks like a path, and nothing is there.
        TypeError: an option that the loader does not have, or lacks.
        ValueError: neither a name nor a path of a known format; or bad input, named by file and row.
    """
    spelled = str(name_or_path)
    named = {source.name: source.loader for source in corpora()}
    if isinstance(name_or_path, str) and spelled in named:
        return _call(named[spelled], spelled, options)
    loader = _loader_of_path(Path(name_or_path), sorted(named))
    return _call(partial(loader, Path(name_or_path)), spelled, options)


def _loader_of_path(path: Path, names: list[str]) -> Loader:
    by_suffix: dict[str, Loader] = {".csv": load_table, ".jsonl": load_jsonlines, ".tsv": load_table}
    if path.suffix in by_suffix:
        if not path.exists():
            raise FileNotFoundError(f"corpus {str(path)!r}: there is no such file")
        return by_suffix[path.suffix]
    if path.is_dir():
        if any(path.glob("*.jsonl")):
            return load_jsonlines
        if (path / "train.txt").exists():
            return trees.load_trees
        raise ValueError(f"corpus {str(path)!r}: the folder holds neither train.jsonl nor train.txt")
    raise ValueError(
        f"corpus {str(path)!r} is unknown; options are {', '.join(names)}, a file *.csv, *.jsonl or *.tsv, "
        "or a folder with train.jsonl or train.txt"
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
    return loader(**options)
