"""YELP-HAT (Sen et al. 2020): reviews of restaurants with the words that people marked while judging the sentiment."""

from __future__ import annotations

from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.annotated import OTHER_LABEL, Annotated, Annotators, LeftOut, check_annotators
from attn_interp.data.formats.csv_files import read_records
from attn_interp.data.formats.html_words import marked_text
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.spans import Cut, carry_spans, cut_text, values_of_spans

PARTS = {
    "50": "ham_part1_50words_.csv",
    "100": "ham_part6_100words_.csv",
    "mixed": "ham_part7.csv",
    "200": "ham_part8_200words_.csv",
}
"""Name of a part, after the length of its reviews in words -> its file."""

LABEL, TEXT, ANSWER, MAP = "Input.label", "Input.text", "Answer.Q1Answer", "Answer.html_output"
CLASSES = ("negative", "positive")
ANSWERS = {"no": "0", "yes": "1"}  # whether the annotator finds the review positive
LICENCE = "unstated; reviews by Yelp's agreement"
SOURCE = "Sen et al. 2020, Human attention maps for text classification, ACL"


def load_yelp_hat(
    path: Path | str,
    part: str = "all",
    cut: Cut = "annotated",
    annotators: Annotators = "all",
    least_words: int = 2,
    seed: int = 0,
) -> Corpus:
    """The reviews of one part or of all, each with one rationale per annotator; ids are part and number: "50-12".

    The corpus states no splits: they are drawn by the seed, eight tenths to train. A model that comes from elsewhere
    is asked about all of them, `annotated_documents(corpus)`.

    Args:
        path: The folder with the files of the parts (`PARTS`).
        part: "50", "100", "mixed", "200" (lengths in words) or "all".
        cut: "annotated": words as annotators clicked them, parted by white space, punctuation attached; "tokenised": as
            `tokenise` cuts, for models trained on such words; a mark then covers every word it touches.
        annotators: "all", or "agreeing": those alone whose judgement is the label; the others (another answer, "idk" or
            none) are counted.
        least_words: Reviews with fewer words are refused.
        seed: Draws the splits.

    Raises:
        FileNotFoundError: a file of the part is missing.
        ValueError: an unknown part, cut or choice of annotators; a file, row or document that is wrong, by name.
    """
    read = read_yelp_hat(path, part, cut, annotators)
    name = "yelp-hat" if part == "all" else f"yelp-hat-{part}"
    return corpus_of_rows(read.rows, name, CLASSES, least_words, seed, LICENCE, SOURCE + read.note())


def read_yelp_hat(
    path: Path | str, part: str = "all", cut: Cut = "annotated", annotators: Annotators = "all"
) -> Annotated:
    """Rows in the order of the files, and the annotators whose map is not one of the review. Arguments and errors as in
    `load_yelp_hat`."""
    check_annotators(annotators)
    part = str(part)
    if part not in (*PARTS, "all"):
        raise ValueError(f"part: got {part!r}, expected one of {', '.join(sorted((*PARTS, 'all')))}")
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for name in PARTS if part == "all" else (part,):
        file = Path(path) / PARTS[name]
        if not file.exists():
            raise FileNotFoundError(f"{file}: is missing; it holds part {name!r}, name another part to go without it")
        for number, judged in enumerate(_by_review(file).values(), start=1):
            rows.append(_row(f"{name}-{number}", judged, cut, annotators, left_out))
    return Annotated(tuple(rows), tuple(left_out))


def _by_review(file: Path) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Places and records of each review, in the order of its first; a review is named by its words."""
    reviews: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for place, record in read_records(file, (LABEL, TEXT, ANSWER, MAP)):
        judged = reviews.setdefault(" ".join(record[TEXT].split()), [])
        judged.append((place, record))
        if record[LABEL] != judged[0][1][LABEL]:
            raise ValueError(
                f"{place}: label {record[LABEL]!r} of a review that has label {judged[0][1][LABEL]!r} at "
                f"{judged[0][0]}; give a review one label"
            )
    return reviews


def _row(
    name: str, judged: list[tuple[str, dict[str, str]]], cut: Cut, annotators: Annotators, left_out: list[LeftOut]
) -> Row:
    place, first = judged[0]
    text, label = first[TEXT], first[LABEL]
    if label not in ANSWERS.values():
        raise ValueError(f"{place}: document {name!r} has label {label!r}, expected 0 (negative) or 1 (positive)")
    words, spans = cut_text(text, cut)
    rationales = []
    for _, record in judged:
        if annotators == "agreeing" and ANSWERS.get(record[ANSWER]) != label:
            left_out.append(LeftOut(name, "rationale", OTHER_LABEL, record[ANSWER]))
            continue
        found = marked_text(record[MAP])
        marked = carry_spans(found.marked, found.text, text)
        if found.fault is not None:
            left_out.append(LeftOut(name, "rationale", "tags of the map do not match", found.fault))
        elif marked is None:
            left_out.append(LeftOut(name, "rationale", "text of the map is not the review", found.text[:80]))
        else:
            rationales.append(values_of_spans(spans, marked))
    return Row(place, name, CLASSES[int(label)], words=words, text=text, spans=spans, rationales=rationales)


SOURCES = (Source("yelp-hat", "reviews, each marked by up to four people", LICENCE, load_yelp_hat),)
