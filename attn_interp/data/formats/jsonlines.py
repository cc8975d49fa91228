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
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document, label_name
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.schema import parse_json
from attn_interp.data.formats.text_lines import read_filled_lines
from attn_interp.data.whole_files import whole_file

HEADER_KEYS = ("classes", "licence", "name", "source")
KEYS = ("id", "label", "rationale", "rationales", "signals", "spans", "split", "text", "words")


def load_jsonlines(
    path: Path | str, classes: Sequence[str] | None = None, least_words: int = 2, seed: int = 0
) -> Corpus:
    """The corpus in a JSON-lines file, or in a folder with train.jsonl and optionally dev.jsonl and test.jsonl.

    Args:
        path: File or folder.
        classes: Class names in order; None takes them from the header, or collects them.
        least_words: Documents with fewer words are refused; 1 admits documents of one word.
        seed: Draws the splits that are not stated.

    Raises:
        FileNotFoundError: the file, or train.jsonl in the folder, is missing.
        ValueError: naming file and row, what is wrong there and what to do.
    """
    path = Path(path)
    header: dict[str, Any] = {}
    rows: list[Row] = []
    for file, split in _files(path):
        found, documents = _read(file, split)
        if found and header and found != header:
            raise ValueError(f"{file}: its header differs from that of train.jsonl; the files of a folder must agree")
        header = header or found
        rows += documents
    return corpus_of_rows(
        rows,
        name=header.get("name", path.resolve().stem),
        classes=classes if classes is not None else header.get("classes"),
        least_words=least_words,
        seed=seed,
        licence=header.get("licence", "unstated"),
        source=header.get("source", str(path)),
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
    if document.text is not None:
        content |= {"text": document.text, "spans": document.spans}
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


def _read(file: Path, split: str | None) -> tuple[dict[str, Any], list[Row]]:
    header: dict[str, Any] = {}
    rows: list[Row] = []
    for number, line in read_filled_lines(file):
        place = f"{file}, row {number}"
        content = parse_object(line, place)
        if "classes" in content and not rows and not header:
            header = _checked_header(content, place)
        else:
            rows.append(_row(content, place, number, split))
    if split is not None and not rows:
        raise ValueError(
            f"{file}: split {split!r} is empty; give it documents, or remove the file to cut a split from train"
        )
    return header, rows


def parse_object(line: str, place: str) -> dict[str, Any]:
    """The object on one line of JSON; anything else is a ValueError that names the place."""
    content = parse_json(line, place, "one object per line")
    if not isinstance(content, dict):
        raise ValueError(f"{place}: is {type(content).__name__}, expected an object in braces")
    return content


def _checked_header(content: dict[str, Any], place: str) -> dict[str, Any]:
    _refuse_unknown(content, HEADER_KEYS, place)
    if not isinstance(content["classes"], list) or not all(isinstance(name, str) for name in content["classes"]):
        raise ValueError(f"{place}: classes is {content['classes']!r}, expected a list of names")
    for key in HEADER_KEYS[1:]:
        if not isinstance(content.get(key, ""), str):
            raise ValueError(f"{place}: {key} is {content[key]!r}, expected a text")
    return content


def _refuse_unknown(content: dict[str, Any], known: Sequence[str], place: str) -> None:
    if unknown := sorted(set(content) - set(known)):
        raise ValueError(f"{place}: key {unknown[0]!r} is unknown; keys are {', '.join(known)}")


def _row(content: dict[str, Any], place: str, number: int, split: str | None) -> Row:
    _refuse_unknown(content, KEYS, place)
    if "label" not in content:
        raise ValueError(f"{place}: has no label; give it the name of a class")
    label = content["label"]
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise ValueError(f"{place}: label is {label!r}, expected the name or the index of a class")
    if split is not None and "split" in content:
        raise ValueError(f"{place}: states a split, but its file is that of split {split!r}; remove the key")
    if "rationale" in content and "rationales" in content:
        raise ValueError(f"{place}: has rationale and rationales; give one of them")
    if "words" in content and ("text" in content) != ("spans" in content):
        raise ValueError(
            f"{place}: has words with only one of text and spans; give both, or words alone, or text alone"
        )
    if "words" not in content and "spans" in content:
        raise ValueError(f"{place}: has spans without words; give words, text and spans, or text alone")
    rationales = [content["rationale"]] if "rationale" in content else content.get("rationales", [])
    return Row(
        place=place,
        id=_id(content, place, f"{split}-{number}" if split else str(number)),
        label=label,
        words=_words(content, place),
        text=_text(content, "text", place),
        spans=_spans(content, place),
        split=split or _text(content, "split", place),
        rationales=[_numbers(values, "rationale", place) for values in _list(rationales, "rationales", place)],
        signals=_signals(content.get("signals", {}), place),
    )


def _id(content: dict[str, Any], place: str, default: str) -> str:
    if type(content.get("id")) is int:
        return str(content["id"])
    given = _text(content, "id", place)
    return default if given is None else given


def _text(content: dict[str, Any], key: str, place: str) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{place}: {key} is {value!r}, expected a text in quotes")
    return value


def _words(content: dict[str, Any], place: str) -> list[str] | None:
    if "words" not in content:
        return None
    words = _list(content["words"], "words", place)
    for position, word in enumerate(words):
        if not isinstance(word, str):
            raise ValueError(f"{place}: word {position} is {word!r}, expected a text in quotes")
    return words


def _spans(content: dict[str, Any], place: str) -> list[tuple[int, int]] | None:
    if "spans" not in content:
        return None
    spans = _list(content["spans"], "spans", place)
    for position, span in enumerate(spans):
        if not isinstance(span, list) or len(span) != 2 or not all(type(offset) is int for offset in span):
            raise ValueError(f"{place}: span {position} is {span!r}, expected [start, end]")
    return [(start, end) for start, end in spans]


def _signals(content: Any, place: str) -> dict[str, list[float]]:
    if not isinstance(content, dict):
        raise ValueError(f"{place}: signals is {content!r}, expected an object with one list per name")
    return {
        name: _numbers([math.nan if value is None else value for value in _list(values, name, place)], name, place)
        for name, values in content.items()
    }


def _numbers(values: Any, key: str, place: str) -> list[float]:
    for position, value in enumerate(_list(values, key, place)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{place}: {key} has {value!r} at word {position}, expected a number")
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            raise ValueError(f"{place}: {key} has a number at word {position} that is too large")
    return [float(value) for value in values]


def _list(values: Any, key: str, place: str) -> list[Any]:
    if not isinstance(values, list):
        raise ValueError(f"{place}: {key} is {values!r}, expected a list")
    return values
