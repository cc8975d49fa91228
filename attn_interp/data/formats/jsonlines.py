"""JSON lines: the project's own format for a corpus, one document per line.

A file is UTF-8 text with one JSON object per line. The first line may be a header, recognised by its `classes`:

    {"classes": ["negative", "positive"], "name": "reviews", "licence": "MIT", "source": "where it is from"}

Every other line is a document:

    {"id": "r1", "text": "A fine film.", "label": "positive", "split": "train"}
    {"id": "r2", "words": ["Not", "good"], "label": 0, "rationales": [[0, 1]], "signals": {"frequency": [5.1, null]}}

- `label` (required): the name of a class, or with a header its index. Without a header the classes are collected from
  the labels: numeric order where all are numbers, else alphabetical order.
- `words` or `text` (one of them required): words are kept as they are, a text is cut into words; both together come
  with `spans`, the [start, end] offsets of each word in the text.
- `second`: a second text, read beside this one, in every line or in none: a text, or an object with `words`, `text`,
  `spans`, `rationales`, `signals` and `id` of its own, and `answers`, the classes that may answer it, if not all may.
- `id`: unique name; where it is left out, the number of the line.
- `split`: train, dev or test, in every line or in none.
- `rationales`: one list of values in [0, 1] per annotator, one value per word; `rationale` for a single annotator.
- `signals`: named lists with one number per word, null where a word has none.

A folder holds train.jsonl and optionally dev.jsonl and test.jsonl, whose lines then state no split. Splits that are not
stated are cut from the training documents by seed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from sys import intern
from typing import Any, Required

from typing_extensions import TypedDict

from attn_interp.data.corpus import SPLITS, Corpus, label_name
from attn_interp.data.document import Document, shortened
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.schema import checked, parse_json
from attn_interp.data.formats.text_lines import read_filled_lines
from attn_interp.data.tokenise import Span, Spans
from attn_interp.data.whole_files import whole_file


class Header(TypedDict, total=False):
    """The first line of a file, where it has `classes`."""

    classes: Required[list[str]]
    licence: str
    name: str
    source: str


class Text(TypedDict, total=False):
    """One text."""

    id: str | int | None
    rationale: list[float]
    rationales: list[list[float]]
    signals: dict[str, list[float | None]]
    spans: list[tuple[int, int]]
    text: str | None
    words: list[str]


class Question(Text, total=False):
    """A second text."""

    answers: list[str | int]


class Line(Text, total=False):
    """A document."""

    label: Required[str | int]
    second: str | Question
    split: str | None


def load_jsonlines(
    path: Path | str,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    strip_html: bool = False,
    second: str | None = None,
) -> Corpus:
    """The corpus in a JSON-lines file, or in a folder with train.jsonl and optionally dev.jsonl and test.jsonl.

    Args:
        path: File or folder.
        classes: Class names in order; None takes them from the header, or collects them.
        least_words: Documents with fewer words are refused; 1 admits documents of one word.
        seed: Draws the splits that are not stated.
        strip_html: Whether tags and entities of HTML, such as <br />, are taken out of the texts.
        second: Key of the second text, which every line then has; None: "second" where there is one.

    Raises:
        FileNotFoundError: the file, or train.jsonl in the folder, is missing.
        ValueError: naming file and row, what is wrong there and what to do.
    """
    path = Path(path)
    header: dict[str, Any] = {}
    for file, _ in _files(path):
        found = _header(file)
        if found and header and found != header:
            raise ValueError(f"{file}: its header differs from that of train.jsonl; the files of a folder must agree")
        header = header or found
    return corpus_of_rows(
        (row for file, split in _files(path) for row in _read(file, split, second)),
        name=header.get("name", path.resolve().stem),
        classes=classes if classes is not None else header.get("classes"),
        least_words=least_words,
        seed=seed,
        licence=header.get("licence", "unstated"),
        source=header.get("source", str(path)),
        strip_html=strip_html,
    )


def save_jsonlines(corpus: Corpus, path: Path | str) -> None:
    """One file with a header and all documents with their splits; reading it gives an equal corpus.

    The file is written under a temporary name and moved into place.
    """
    header = {"classes": corpus.classes, "name": corpus.name, "licence": corpus.licence, "source": corpus.source}
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_dump(header))
        for split in SPLITS:
            for document in corpus.splits[split]:
                file.write(_dump(_object(document, corpus.classes, split)))


def _dump(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _object(document: Document, classes: Sequence[str], split: str) -> dict[str, Any]:
    content: dict[str, Any] = {"id": document.id, "split": split, "label": label_name(document, classes)}
    content |= _contents(document)
    if document.second is not None:
        content["second"] = {"id": document.second.id} | _contents(document.second)
        if document.second.answers is not None:
            content["second"]["answers"] = [classes[index] for index in document.second.answers]
    return content


def _contents(document: Document) -> dict[str, Any]:
    """What a text and its words are, and what people said about them."""
    content: dict[str, Any] = {}
    if document.text is not None and document.spans is not None:
        content |= {"text": document.text, "spans": list(document.spans)}
    content["words"] = document.words
    if document.rationales:
        content["rationales"] = document.rationales
    if document.signals:
        content["signals"] = {
            name: [None if math.isnan(value) else value for value in values]
            for name, values in document.signals.items()
        }
    return content


def _files(path: Path) -> list[tuple[Path, str | None]]:
    if not path.is_dir():
        return [(path, None)]
    stems = sorted(file.stem for file in path.glob("*.jsonl"))
    if unknown := [stem for stem in stems if stem not in SPLITS]:
        raise ValueError(f"{path}: holds {unknown[0]}.jsonl; a folder may hold train.jsonl, dev.jsonl and test.jsonl")
    if "train" not in stems:
        raise FileNotFoundError(f"{path}: holds no train.jsonl; a folder of JSON lines must have one")
    return [(path / f"{split}.jsonl", split) for split in SPLITS if split in stems]


def _header(file: Path) -> dict[str, Any]:
    """The first line, where it is one."""
    for number, line in read_filled_lines(file):
        place = f"{file}, row {number}"
        content = parse_object(line, place)
        return dict(checked(content, Header, place)) if "classes" in content else {}
    return {}


def _read(file: Path, split: str | None, second: str | None) -> Iterator[Row]:
    lines = 0
    for number, line in islice(read_filled_lines(file), 1 if _header(file) else 0, None):
        place = f"{file}, row {number}"
        content = parse_object(line, place)
        yield _row(checked(_renamed(content, second, place), Line, place), place, number, split)
        lines += 1
    if split is not None and not lines:
        raise ValueError(
            f"{file}: split {split!r} is empty; give it documents, or remove the file to cut a split from train"
        )


def parse_object(line: str, place: str) -> dict[str, Any]:
    """The object on one line of JSON; anything else is a ValueError that names the place."""
    content = parse_json(line, place, "one object per line")
    if not isinstance(content, dict):
        raise ValueError(f"{place}: is {type(content).__name__}, expected an object in braces")
    return content


def _renamed(content: dict[str, Any], second: str | None, place: str) -> dict[str, Any]:
    """The line with its second text under "second"."""
    if second is None:
        return content
    if second not in content:
        raise ValueError(f"{place}: has no {second!r}, which second= names; keys are {', '.join(sorted(content))}")
    return {"second" if key == second else key: value for key, value in content.items()}


def _row(content: Line, place: str, number: int, split: str | None) -> Row:
    if split is not None and "split" in content:
        raise ValueError(f"{place}: states a split, but its file is that of split {split!r}; remove the key")
    name, second = content.get("id"), content.get("second")
    return Row(
        place=place,
        id=(f"{split}-{number}" if split else str(number)) if name is None else str(name),
        label=content["label"],
        split=split or content.get("split"),
        second=_document(second, f"{place}: second") if isinstance(second, dict) else second,
        answers=second.get("answers") if isinstance(second, dict) else None,
        **_told(content, place),
    )


def _document(content: Text, place: str) -> Document:
    """A text as a document without a label."""
    name, told = content.get("id"), _told(content, place)
    try:
        return Document(id=None if name is None else str(name), **told)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _told(content: Text, place: str) -> dict[str, Any]:
    """What a text and its words are, and what people said about them, as `Row` and `Document` take it."""
    if "rationale" in content and "rationales" in content:
        raise ValueError(f"{place}: has rationale and rationales; give one of them")
    if "words" in content and ("text" in content) != ("spans" in content):
        raise ValueError(
            f"{place}: has words with only one of text and spans; give both, or words alone, or text alone"
        )
    if "words" not in content and "spans" in content:
        raise ValueError(f"{place}: has spans without words; give words, text and spans, or text alone")
    signals = content.get("signals", {})
    return {
        "words": tuple(map(intern, content["words"])) if "words" in content else None,
        "text": content.get("text"),
        "spans": _spans(content["spans"], place) if "spans" in content else None,
        "rationales": [content["rationale"]] if "rationale" in content else content.get("rationales", []),
        "signals": {key: [math.nan if each is None else each for each in values] for key, values in signals.items()},
    }


def _spans(given: Sequence[Span], place: str) -> Spans:
    try:
        return Spans(given)  # as they came, those of all lines would take twenty times the memory of their text
    except OverflowError as error:
        raise ValueError(f"{place}: spans: {shortened(repr(given), 60)} holds a number that is no offset") from error
