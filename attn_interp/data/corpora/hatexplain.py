"""HateXplain (Mathew et al. 2021): posts judged as hate speech, offensive or normal by three people, and marked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.annotated import Annotated, LeftOut, binary
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.schema import parse_json
from attn_interp.data.formats.text_lines import read_lines

FILE, DIVISIONS = "dataset.json", "post_id_divisions.json"
SPLITS = {"train": "train", "val": "dev", "test": "test"}
CLASSES = ("normal", "offensive", "hatespeech")
LICENCE = "MIT"
SOURCE = "Mathew et al. 2021, HateXplain: a benchmark dataset for explainable hate speech detection, AAAI"


def load_hatexplain(path: Path | str, least_words: int = 1, seed: int = 0) -> Corpus:
    """Posts in the tokens of the file; the label is that of two annotators or more, rationales stand apart.

    Posts on which all annotators differ have no label: they are left out and counted, and so are rationales that do
    not have one value per token. The file does not say which annotator a rationale is from; normal posts have none.

    Args:
        path: The folder with dataset.json, and with post_id_divisions.json (train, val, test) for the published splits;
            or the file alone: splits are then drawn.
        least_words: Posts with fewer tokens are refused.
        seed: Draws the splits that are not published.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file or post that is wrong, by name.
    """
    read = read_hatexplain(path)
    return corpus_of_rows(read.rows, "hatexplain", CLASSES, least_words, seed, LICENCE, SOURCE + read.note())


def read_hatexplain(path: Path | str) -> Annotated:
    """Rows in the order of the file, and what was left out. Argument and errors as in `load_hatexplain`."""
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    divisions = file.with_name(DIVISIONS)
    split_of = _splits(divisions) if Path(path).is_dir() and divisions.exists() else None
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for name, post in _object(file).items():
        place = f"{file}, post {name!r}"
        words, labels = _tokens(post, place), _labels(post, place)
        label, votes = Counter(labels).most_common(1)[0]
        if votes * 2 <= len(labels):
            left_out.append(LeftOut(name, "document", "annotators have no majority", ", ".join(labels)))
            continue
        if split_of is not None and name not in split_of:
            left_out.append(LeftOut(name, "document", f"not in {DIVISIONS}"))
            continue
        rationales = []
        for values in _list(post, "rationales", place):
            if fault := binary(values, words):
                left_out.append(LeftOut(name, "rationale", "values do not fit the words", fault))
            else:
                rationales.append(values)
        split = None if split_of is None else split_of[name]
        rows.append(Row(place, name, label, words=words, split=split, rationales=rationales))
    return Annotated(tuple(rows), tuple(left_out))


def _object(file: Path) -> dict[str, Any]:
    text = "\n".join(line for _, line in read_lines(file))
    content = parse_json(text, str(file), "expected an object of posts")
    if not isinstance(content, dict):
        raise ValueError(f"{file}: is {type(content).__name__}, expected an object with one entry per post")
    return content


def _splits(file: Path) -> dict[str, str]:
    content = _object(file)
    if set(content) != set(SPLITS):
        raise ValueError(f"{file}: splits are {sorted(content)}, expected {sorted(SPLITS)}")
    found: dict[str, str] = {}
    for name, split in SPLITS.items():
        for post in _list(content, name, str(file)):
            if found.setdefault(str(post), split) != split:
                raise ValueError(f"{file}: post {str(post)!r} stands in {found[str(post)]} and {split}; give it one")
    return found


def _tokens(post: Any, place: str) -> list[str]:
    tokens = _list(post, "post_tokens", place)
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            raise ValueError(f"{place}: token {position} is {token!r}, expected a text")
    return tokens


def _labels(post: Any, place: str) -> list[str]:
    annotators = _list(post, "annotators", place)
    labels = [annotator.get("label") if isinstance(annotator, dict) else None for annotator in annotators]
    if not labels or not set(labels) <= set(CLASSES):
        raise ValueError(f"{place}: labels are {labels}, expected one or more of {', '.join(sorted(CLASSES))}")
    return [str(label) for label in labels]


def _list(content: Any, key: str, place: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise ValueError(f"{place}: has no list {key!r}; it must be an object with that key")
    return content[key]


SOURCES = (Source("hatexplain", "posts judged and marked by three people", LICENCE, load_hatexplain),)
