"""ERASER (DeYoung et al. 2020): documents in tokens with evidence, in the published format or already aligned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import shortened
from attn_interp.data.formats.annotated import Annotated, LeftOut, binary
from attn_interp.data.formats.jsonlines import parse_object
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.spans import span_fault
from attn_interp.data.formats.text_lines import read_filled_lines

STEMS = {"train": "train", "val": "dev", "test": "test"}
ALIGNED = "*_{}_aligned.jsonl"
ALIGNED_CLASSES = ("NEG", "POS")
LICENCE = "unstated; differs by set"
SOURCE = "DeYoung et al. 2020, ERASER: a benchmark to evaluate rationalized NLP models, ACL"


def load_eraser(path: Path | str, least_words: int = 2, seed: int = 0) -> Corpus:
    """Documents in the tokens of the benchmark, each with one rationale: the tokens of all its evidence.

    In the movie reviews the rationales of the test split are exhaustive, those of train and dev are not: there a word
    that is not marked may be evidence too. Evidence that is not where its offsets say is left out and counted; a
    document of whose evidence nothing is left has no rationale, one for which none was stated has an empty rationale.
    A training document that stands in val or test too (copies of the movie reviews have all of val in train) would be
    judged on what was learnt: it is left out of train, and counted.

    Args:
        path: A folder with train.jsonl, val.jsonl and test.jsonl, and the documents in docs/ or docs.jsonl (tokens
            parted by spaces and line breaks); or with *_train_aligned.jsonl and so on, each line with id, label (0 or
            1), tokens, rationale (0 or 1 per token), evidence_spans and spans_matched (how many there were, and how
            many of them were found). val and test may be missing.
        least_words: Documents with fewer tokens are refused.
        seed: Draws the splits that have no file.

    Raises:
        FileNotFoundError: the training file, or a document, is missing.
        ValueError: a file or row that is wrong; evidence over several documents, or a question that differs between
            rows: those tasks are on two texts.
    """
    read = read_eraser(path)
    labels = {str(row.label) for row in read.rows}
    classes = ALIGNED_CLASSES if labels <= set(ALIGNED_CLASSES) else None
    name = Path(path).resolve().name
    return corpus_of_rows(read.rows, f"eraser-{name}", classes, least_words, seed, LICENCE, SOURCE + read.note())


def read_eraser(path: Path | str) -> Annotated:
    """Rows in the order of the files, and what was left out. Argument and errors as in `load_eraser`."""
    path = Path(path)
    published = (path / "docs").is_dir() or (path / "docs.jsonl").exists()
    files = [(split, file) for stem, split in STEMS.items() for file in _files(path, stem, published)]
    if not files or files[0][0] != "train":
        raise FileNotFoundError(
            f"{path}: holds neither train.jsonl with the documents in docs/ or docs.jsonl, nor "
            f"{ALIGNED.format('train')}; fetch the documents beside the annotations"
        )
    documents = _Documents(path)
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    queries: dict[str, str] = {}
    for split, file in files:
        for number, line in read_filled_lines(file):
            place = f"{file}, row {number}"
            content = parse_object(line, place)
            if not published:
                rows.append(_aligned(content, place, split, left_out))
                continue
            queries.setdefault(str(content.get("query")), place)
            if len(queries) > 1:
                raise ValueError(
                    f"{place}: query {content.get('query')!r} is another than at {next(iter(queries.values()))}; "
                    "tasks with a text and a question of its own are not covered"
                )
            rows.append(_published(content, place, split, documents, left_out))
    held_out = {row.id for row in rows if row.split != "train"}
    copies = [row for row in rows if row.split == "train" and row.id in held_out]
    left_out += [LeftOut(row.id, "document", "in train and in a held-out split", row.place) for row in copies]
    gone = {row.place for row in copies}
    return Annotated(tuple(row for row in rows if row.place not in gone), tuple(left_out))


def _files(path: Path, stem: str, published: bool) -> list[Path]:
    if published:
        return [file for file in [path / f"{stem}.jsonl"] if file.exists()]
    return sorted(path.glob(ALIGNED.format(stem)))


class _Documents:
    """The tokens of documents by name, from docs.jsonl or docs/."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "docs"
        inside = self.folder.iterdir() if self.folder.is_dir() else ()
        self.files = {file.name: file for file in inside if file.resolve().parent == self.folder.resolve()}
        self.texts: dict[str, str] = {}
        if (path / "docs.jsonl").exists():
            for number, line in read_filled_lines(path / "docs.jsonl"):
                place = f"{path / 'docs.jsonl'}, row {number}"
                content = parse_object(line, place)
                self.texts[str(_value(content, "docid", str, place))] = _value(content, "document", str, place)

    def tokens(self, name: str, place: str) -> list[str]:
        if name not in self.texts:
            if name not in self.files:
                raise FileNotFoundError(
                    f"{place}: document {shortened(repr(name), 100)} is not in {self.folder}; fetch it as a file"
                )
            self.texts[name] = "\n".join(line for _, line in read_filled_lines(self.files[name]))
        # As the benchmark cuts, at line ends and spaces alone: a token may hold another kind of space.
        return [token for line in self.texts[name].split("\n") for token in line.strip().split(" ") if token]


def _published(content: dict[str, Any], place: str, split: str, documents: _Documents, left_out: list[LeftOut]) -> Row:
    name = _value(content, "annotation_id", str, place)
    evidence = list(_evidence(content, place))
    sources = {str(_value(item, "docid", str, place)) for item in evidence} or set(map(str, _docids(content, name)))
    if len(sources) != 1:
        raise ValueError(f"{place}: document {name!r} has evidence in {', '.join(sorted(sources))}; expected one text")
    words = documents.tokens(sources.pop(), place)
    marks = [0.0] * len(words)
    lost = 0
    for item in evidence:
        start, end = item.get("start_token", -1), item.get("end_token", -1)
        fault = span_fault(start, end, len(words))
        if fault is None and " ".join(words[start:end]).split() != str(item.get("text")).split():
            fault = f"tokens {start} to {end} are {' '.join(words[start:end])[:60]!r}"
        if fault is not None:
            left_out.append(LeftOut(name, "span", "evidence is not where its offsets say", fault))
            lost += 1
            continue
        marks[start:end] = [1.0] * (end - start)
    rationales = [] if evidence and lost == len(evidence) else [marks]
    label = _value(content, "classification", str, place)
    return Row(place, name, label, words=words, split=split, rationales=rationales)


def _docids(content: dict[str, Any], name: str) -> list[Any]:
    given = content.get("docids")
    return given if isinstance(given, list) and given else [name]


def _evidence(content: dict[str, Any], place: str) -> Iterator[dict[str, Any]]:
    for group in _value(content, "evidences", list, place):
        for item in group if isinstance(group, list) else [group]:
            if not isinstance(item, dict):
                raise ValueError(f"{place}: evidence is {item!r}, expected an object with docid and offsets")
            yield item


def _aligned(content: dict[str, Any], place: str, split: str, left_out: list[LeftOut]) -> Row:
    name = _value(content, "id", str, place)
    words, marks = _value(content, "tokens", list, place), _value(content, "rationale", list, place)
    if any(not isinstance(word, str) for word in words):
        raise ValueError(f"{place}: tokens of document {name!r} are not all texts; put them in quotes")
    if fault := binary(marks, words):
        raise ValueError(f"{place}: document {name!r}: its rationale has {fault}; align it anew")
    label = _value(content, "label", int, place)
    if label not in (0, 1):
        raise ValueError(f"{place}: document {name!r} has label {label}, expected 0 or 1")
    stated, found = _value(content, "evidence_spans", int, place), _value(content, "spans_matched", int, place)
    if found < stated:
        lost = LeftOut(name, "span", "evidence was not found in the text", f"{stated - found} of {stated}")
        left_out += [lost] * (stated - found)
    rationales = [] if stated and not found else [marks]
    return Row(place, name, ALIGNED_CLASSES[label], words=words, split=split, rationales=rationales)


def _value(content: dict[str, Any], key: str, kind: type, place: str) -> Any:
    value = content.get(key)
    if type(value) is not kind:
        raise ValueError(f"{place}: {key} is {value!r}, expected {kind.__name__}; every row must have it")
    return value


SOURCES = (Source("eraser", "documents with evidence, in the format of ERASER", LICENCE, load_eraser),)
