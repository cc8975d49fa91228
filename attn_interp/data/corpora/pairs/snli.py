"""SNLI (Bowman et al. 2015): a premise, and a hypothesis that it entails, contradicts or leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from typing_extensions import TypedDict

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.formats.jsonlines import parse_object
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.schema import checked
from attn_interp.data.formats.text_lines import read_filled_lines, read_lines
from attn_interp.data.splits import held_out

CLASSES = ("entailment", "neutral", "contradiction")
LICENCE = "CC BY-SA 4.0"
SOURCE = "Bowman et al. 2015, A large annotated corpus for learning natural language inference, EMNLP"
DEV_SHARE = 0.1
NO_GOLD = "-"
PLAIN = ("s1", "s2", "labels")  # premise, hypothesis, label, one a line


class Line(TypedDict):
    """What is read of a pair; it has more keys."""

    gold_label: str
    pairID: str
    sentence1: str
    sentence2: str


def load_snli(path: Path | str, seed: int = 0) -> Corpus:
    """A document is a premise with the hypothesis as second text, from the files as published or from plain lines.

    Pairs whose annotators did not agree on a label (gold_label "-") are left out and counted in the source of the
    corpus. Where a folder has no training part, dev takes its place: the pairs of a tenth of its premises, drawn by the
    seed, are dev, the others train, and the source says so.

    Args:
        path: The folder with snli_1.0_train.jsonl, snli_1.0_dev.jsonl and snli_1.0_test.jsonl, or with lines in
            s1.train (premises), s2.train (hypotheses) and labels.train, and so on for dev and test.
        seed: Draws dev where there is no training part.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: naming file and row: a line that is no pair, files whose lines are not as many, or a label that is
            none of entailment, neutral and contradiction.
    """
    folder = Path(path)
    published = any(folder.glob("snli_1.0_*.jsonl"))
    names = "snli_1.0_{}.jsonl" if published else "s1.{}"
    present = [split for split in SPLITS if (folder / names.format(split)).exists()]
    if present not in (list(SPLITS), list(SPLITS[1:])):
        raise FileNotFoundError(
            f"{path}: has of snli_1.0_train.jsonl or s1.train and so on the parts {', '.join(present) or 'none'}; "
            "expected dev and test, and train where there is one"
        )
    rows = [row for split in present for row in (_of_json if published else _of_lines)(folder, split)]
    kept = [row for row in rows if row.label != NO_GOLD]
    note = f"; {len(rows) - len(kept):,} pairs without a gold label left out" if len(kept) < len(rows) else ""
    if SPLITS[0] not in present:
        dev = held_out([row.text for row in kept if row.split == "dev"], DEV_SHARE, seed)
        kept = [replace(row, split="train") if row.split == "dev" and row.text not in dev else row for row in kept]
        note += "; no training part: of the published dev part a tenth of the premises is dev and the rest train"
    return corpus_of_rows(kept, "snli", CLASSES, 1, seed, LICENCE, SOURCE + note)


def _of_json(folder: Path, split: str) -> Iterator[Row]:
    file = folder / f"snli_1.0_{split}.jsonl"
    for number, line in read_filled_lines(file):
        place = f"{file}, row {number}"
        pair = checked(parse_object(line, place), Line, place, "give SNLI as published", extra="allow")
        yield Row(
            place, pair["pairID"], pair["gold_label"], text=pair["sentence1"], second=pair["sentence2"], split=split
        )


def _of_lines(folder: Path, split: str) -> Iterator[Row]:
    files = [folder / f"{name}.{split}" for name in PLAIN]
    columns = [[line for _, line in read_lines(file)] for file in files]
    if len(set(map(len, columns))) > 1:
        found = ", ".join(f"{file.name} {len(column):,}" for file, column in zip(files, columns))
        raise ValueError(f"{folder}: the files of {split} have not as many lines ({found}); give a pair on each line")
    for number, (premise, hypothesis, label) in enumerate(zip(*columns), 1):
        place = f"{files[0]}, row {number}"
        yield Row(place, f"{split}-{number}", label.strip(), text=premise, second=hypothesis, split=split)


SOURCES = (Source("snli", "SNLI: whether a sentence entails another", LICENCE, load_snli),)
