"""Fair rationales (Thorn Jakobsen et al. 2023): sentences of the treebank SST, each marked by about six people."""

from __future__ import annotations

from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.annotated import OTHER_LABEL, Annotated, Annotators, LeftOut, binary, check_annotators
from attn_interp.data.formats.csv_files import read_records
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.schema import parse_json
from attn_interp.data.formats.spans import Cut, cut_text, values_of_spans

FILE = "SST_annot_after_processing.csv"
COLUMNS = ("text_id", "sentence", "original_label", "label", "rationale_binary")
CLASSES = ("negative", "positive")
LICENCE = "MIT, as tagged on Hugging Face"
SOURCE = "Thorn Jakobsen et al. 2023, Being right for whose right reasons?, ACL"


def load_fair_rationales(
    path: Path | str, cut: Cut = "annotated", annotators: Annotators = "all", least_words: int = 2, seed: int = 0
) -> Corpus:
    """Sentences of SST with one rationale per annotator; the label is that of the treebank, ids are those of the file.

    The corpus states no splits: they are drawn by the seed. A model trained on SST has to be trained without these
    sentences (`same_text.withhold`), and reads other words (`same_text.on_words_of` gives the rationales on them).

    Args:
        path: The CSV file, or the folder that holds it (`FILE`).
        cut: "annotated": words parted by white space, as annotators saw them; "tokenised": as `tokenise` cuts, a mark
            then covers every word it touches.
        annotators: "all", or "agreeing": those alone who gave the sentence its label; a rationale of the others marks
            what speaks for another class. They are counted.
        least_words: Sentences with fewer words are refused.
        seed: Draws the splits.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown cut or choice of annotators; a file or row that is wrong, by name.
    """
    read = read_fair_rationales(path, cut, annotators)
    return corpus_of_rows(read.rows, "fair-rationales", CLASSES, least_words, seed, LICENCE, SOURCE + read.note())


def read_fair_rationales(path: Path | str, cut: Cut = "annotated", annotators: Annotators = "all") -> Annotated:
    """Rows in the order of the file, and the rationales that do not fit their sentence. Arguments as above."""
    check_annotators(annotators)
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    judged: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for place, record in read_records(file, COLUMNS):
        same = judged.setdefault(record["text_id"], [])
        same.append((place, record))
        for column in ("sentence", "original_label"):
            if record[column] != same[0][1][column]:
                raise ValueError(
                    f"{place}: document {record['text_id']!r} has another {column} than at {same[0][0]}; an id has one"
                )
    left_out: list[LeftOut] = []
    rows = [_row(name, same, cut, annotators, left_out) for name, same in judged.items()]
    return Annotated(tuple(rows), tuple(left_out))


def _row(
    name: str, judged: list[tuple[str, dict[str, str]]], cut: Cut, annotators: Annotators, left_out: list[LeftOut]
) -> Row:
    place, first = judged[0]
    text, label = first["sentence"], first["original_label"]
    seen, seen_spans = cut_text(text, "annotated")
    words, spans = cut_text(text, cut)
    rationales = []
    for where, record in judged:
        if annotators == "agreeing" and record["label"] != label:
            left_out.append(LeftOut(name, "rationale", OTHER_LABEL, record["label"]))
            continue
        values = parse_json(
            record["rationale_binary"], f"{where}: rationale_binary of document {name!r} is no list", "give one"
        )
        if fault := binary(values, seen):
            left_out.append(LeftOut(name, "rationale", "values do not fit the words", fault))
            continue
        marked = [span for span, value in zip(seen_spans, values) if value]
        rationales.append(values_of_spans(spans, marked))
    return Row(place, name, label, words=words, text=text, spans=spans, rationales=rationales)


SOURCES = (
    Source("fair-rationales", "sentences of SST, each marked by about six people", LICENCE, load_fair_rationales),
)
