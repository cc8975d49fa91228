"""e-SNLI (Camburu et al. 2018): pairs of sentences, entailed or not, with the words that people marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from attn_interp.data.corpora.pairs.snli import CLASSES
from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.annotated import Annotated, LeftOut
from attn_interp.data.formats.csv_files import read_records
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.spans import carry_spans, cut_text, span_fault, values_of_spans
from attn_interp.data.tokenise import Span, tokenise

SENTENCES = ("Sentence1", "Sentence2")  # premise, hypothesis
COLUMNS = ("pairID", "gold_label", *SENTENCES)
LICENCE = "MIT; SNLI is CC BY-SA 4.0"
SOURCE = "Camburu et al. 2018, e-SNLI: natural language inference with natural language explanations, NeurIPS"


def load_esnli(path: Path | str, least_words: int = 1, seed: int = 0) -> Corpus:
    """A document is the premise with the hypothesis as second text; each has the marks of the same people.

    Rationales come from the sentences with *marked* words (Sentence1_marked_1 ...); a rationale without those, from the
    numbers of its words counted at white space (Sentence1_Highlighted_1 ..., {} for none). Double and single quotation
    marks count as the same there. A rationale that fits neither is left out and counted; so are pairs that lack a
    sentence and pairs whose id has come before. In neutral pairs annotators marked the hypothesis only.

    Args:
        path: The folder with esnli_train.csv (or esnli_train_1.csv and so on), esnli_dev.csv and esnli_test.csv; dev
            and test may be missing.
        least_words: Premises with fewer words are refused.
        seed: Draws the splits that have no file.

    Raises:
        FileNotFoundError: there is no training file.
        ValueError: a file or row that is wrong, by name.
    """
    read = read_esnli(path)
    return corpus_of_rows(read.rows, "esnli", CLASSES, least_words, seed, LICENCE, SOURCE + read.note())


def read_esnli(path: Path | str) -> Annotated:
    """Rows in the order of the files, and what was left out. Argument and errors as in `load_esnli`."""
    files = [(split, file) for split in SPLITS for file in sorted(Path(path).glob(f"esnli_{split}*.csv"))]
    if not files or files[0][0] != "train":
        raise FileNotFoundError(f"{path}: holds no esnli_train.csv or esnli_train_1.csv; e-SNLI's folder must have one")
    rows: dict[str, Row] = {}
    left_out: list[LeftOut] = []
    for split, file in files:
        for place, record in read_records(file, COLUMNS):
            name = record["pairID"]
            if name in rows:
                left_out.append(LeftOut(name, "document", "id has come before", place))
            elif not all(tokenise(record[sentence])[0] for sentence in SENTENCES):
                left_out.append(LeftOut(name, "document", "a sentence is missing", place))
            else:
                rows[name] = _row(place, split, record, left_out)
    return Annotated(tuple(rows.values()), tuple(left_out))


def _row(place: str, split: str, record: dict[str, str], left_out: list[LeftOut]) -> Row:
    name, premise, hypothesis = (record[column] for column in ("pairID", *SENTENCES))
    (words, spans), (asked, places) = tokenise(premise), tokenise(hypothesis)
    rationales: list[tuple[tuple[float, ...], tuple[float, ...]]] = []
    for number in _annotators(record):
        (own, fault), (other, fault_of_other) = (_marks(record, sentence, number) for sentence in SENTENCES)
        if reason := fault or fault_of_other:
            left_out.append(LeftOut(name, "rationale", reason, f"annotator {number}"))
        else:
            rationales.append((values_of_spans(spans, own), values_of_spans(places, other)))
    second = Document(hypothesis, words=asked, spans=places, rationales=[marks for _, marks in rationales])
    own_marks = [marks for marks, _ in rationales]
    return Row(place, name, record["gold_label"], words, premise, spans, split, own_marks, second=second)


def _annotators(record: dict[str, str]) -> list[str]:
    """The numbers of annotators for whom some cell is filled."""
    pattern = re.compile(r"Sentence[12]_(?:marked|Highlighted)_(\d+)")
    found = {match[1] for column, cell in record.items() if cell.strip() and (match := pattern.fullmatch(column))}
    return sorted(found, key=int)


def _marks(record: dict[str, str], sentence: str, number: str) -> tuple[Sequence[Span], str | None]:
    """Marked offsets in a sentence, or why they are not known."""
    text = record[sentence]
    starred = record.get(f"{sentence}_marked_{number}", "")
    if starred.strip():
        marked = _starred(starred, text)
        return (marked, None) if marked is not None else ((), "marked sentence is not the sentence")
    indices = record.get(f"{sentence}_Highlighted_{number}", "").strip()
    if not indices:
        return (), "a sentence has no marks"
    return _highlighted(indices, text)


def _starred(starred: str, text: str) -> tuple[Span, ...] | None:
    """Offsets in the text of what stands between asterisks; None where the rest is not the text."""
    pieces = starred.split("*")
    if len(pieces) % 2 == 0:
        return None  # an asterisk that opens and does not close
    plain, marked = "", []
    for number, piece in enumerate(pieces):
        if number % 2:
            marked.append((len(plain), len(plain) + len(piece)))
        plain += piece
    return carry_spans(marked, plain.replace('"', "'"), text.replace('"', "'"))


def _highlighted(indices: str, text: str) -> tuple[Sequence[Span], str | None]:
    _, spans = cut_text(text, "annotated")
    numbers = [] if indices == "{}" else [number.strip() for number in indices.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
        return (), "highlighted words are no numbers"
    if any(span_fault(int(number), int(number) + 1, len(spans)) for number in numbers):
        return (), "highlighted word is past the end"
    return [spans[int(number)] for number in numbers], None


SOURCES = (Source("esnli", "e-SNLI: pairs of sentences, marked by one or three people", LICENCE, load_esnli),)
