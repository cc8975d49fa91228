"""Sentiment treebanks, such as the Stanford Sentiment Treebank: labelled trees in Penn Treebank brackets."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path
from typing import Literal

from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.text_lines import read_filled_lines

FINE = ("very negative", "negative", "neutral", "positive", "very positive")
BINARY = ("negative", "positive")
NEUTRAL = 2
WORD_LABEL = "word label"
LICENCE = "unstated by the treebank"
SOURCE = "Socher et al. 2013, Recursive deep models for semantic compositionality over a sentiment treebank, EMNLP"

# Blanks are spaces and tabs alone: some words of the treebank hold a no-break space.
TREE = re.compile(r"(?:(?:\([0-4][ \t]+)+[^ \t()]+[ \t]*(?:\)[ \t]*)+)+")
LEAF = re.compile(r"\(([0-4])[ \t]+([^ \t()]+)[ \t]*\)")
BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}


def load_trees(path: Path | str, task: Literal["binary", "fine"] = "binary", least_words: int = 2) -> Corpus:
    """The corpus in a folder with train.txt, dev.txt and test.txt, one tree per line, every node labelled 0 to 4.

    The words of a document are the leaves of its tree, with brackets and slashes written as such; its class is the
    label of the root. The label of each single word is kept as signals["word label"]. Ids are split and row: "dev-12".

    Args:
        path: The folder.
        task: "binary" puts 0 and 1 together, 3 and 4 together, and leaves out trees with the neutral root label 2 (the
            source of the corpus says how many); "fine" has the five classes.
        least_words: Documents with fewer words are refused; 1 admits documents of one word.

    Raises:
        FileNotFoundError: one of the three files is missing.
        ValueError: a line is not a tree, named by file and row; a split without documents; an unknown task.
    """
    if task not in ("binary", "fine"):
        raise ValueError(f"task {task!r} is unknown; options are binary, fine")
    path = Path(path)
    rows = []
    neutral = 0
    for split in SPLITS:
        file = path / f"{split}.txt"
        if not file.exists():
            options = ", ".join(f"{name}.txt" for name in SPLITS)
            raise FileNotFoundError(f"{file}: is missing; a folder of trees holds {options}")
        for number, line in read_filled_lines(file):
            place = f"{file}, row {number}"
            root, words, labels = _parse(line, place)
            if task == "binary" and root == NEUTRAL:
                neutral += 1
                continue
            label = root if task == "fine" else int(root > NEUTRAL)
            signals = {WORD_LABEL: labels}
            rows.append(Row(place, f"{split}-{number}", label, words=words, split=split, signals=signals))
        if not rows or rows[-1].split != split:
            raise ValueError(f"{file}: split {split!r} is empty; expected trees of the task {task!r}, one per line")
    left_out = f"; {neutral:,} trees with a neutral root left out" if task == "binary" else ""
    name = "sst" if task == "binary" else "sst-fine"
    classes = BINARY if task == "binary" else FINE
    return corpus_of_rows(rows, name, classes, least_words, licence=LICENCE, source=SOURCE + left_out)


def _parse(line: str, place: str) -> tuple[int, list[str], list[float]]:
    """Root label, words and word labels of a tree."""
    line = line.strip(" \t")
    depths = list(accumulate(1 if bracket == "(" else -1 for bracket in re.findall(r"[()]", line)))
    if not TREE.fullmatch(line) or depths[-1] != 0 or min(depths[:-1]) < 1:
        raise ValueError(
            f"{place}: is not a tree in brackets with labels 0 to 4, like (3 (2 a) (4 joy)): {line[:40]!r}"
        )
    leaves = LEAF.findall(line)
    return int(line[1]), [_plain(word) for _, word in leaves], [float(label) for label, _ in leaves]


def _plain(word: str) -> str:
    return BRACKETS.get(word, word).replace("\\/", "/").replace("\\*", "*")
