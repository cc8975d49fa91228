"""bAbI (Weston et al. 2015): questions to a story of short sentences, whose supporting facts are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from attn_interp.data.corpora.pairs.story import story
from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.text_lines import read_filled_lines
from attn_interp.data.splits import held_out

LICENCE = "unstated by the files"
SOURCE = "Weston et al. 2015, Towards AI-complete question answering: a set of prerequisite toy tasks, arXiv:1502.05698"
DEV_SHARE = 0.15


@dataclass(frozen=True)
class _Question:
    """A question in its file: which story it belongs to, and the row of it."""

    story: str
    row: Row


def load_babi(path: Path | str, task: int = 1, seed: int = 0) -> Corpus:
    """A document is a question: the sentences of its story so far, and as second text the question.

    The sentences are joined by full stops (`story`). The one rationale marks the words of the supporting facts, without
    full stops. The label is the answer, and the classes are all answers in the two files. Dev has the questions of
    15 % of the training stories, drawn by the seed; a story is never in two splits.

    Args:
        path: The folder with the files qa1_..._train.txt and qa1_..._test.txt of the task.
        task: Number of the task, 1 to 20.
        seed: Draws the stories of dev.

    Raises:
        FileNotFoundError: there is no file of the task, or several.
        ValueError: naming file and row: it is neither a numbered sentence nor a question with its answer and the
            numbers of its facts, parted by tabs; a number is out of order; or a fact is no sentence before it.
    """
    train, test = (list(_questions(_file(path, task, split), split)) for split in ("train", "test"))
    dev = held_out([question.story for question in train], DEV_SHARE, seed)
    rows = [replace(each.row, split="dev") if each.story in dev else each.row for each in train]
    rows += [each.row for each in test]
    return corpus_of_rows(rows, f"babi-{task}", None, 1, seed, LICENCE, SOURCE)


def _file(path: Path | str, task: int, split: str) -> Path:
    found = sorted(Path(path).glob(f"qa{task}_*_{split}.txt"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise FileNotFoundError(f"{path}: expected one file qa{task}_..._{split}.txt of task {task}, found {names}")
    return found[0]


def _questions(file: Path, split: str) -> Iterator[_Question]:
    numbers: dict[int, int] = {}  # of the lines that are sentences -> place among the sentences
    sentences: list[str] = []
    begun = before = asked = 0
    for row, line in read_filled_lines(file):
        place = f"{file}, row {row}"
        found = re.fullmatch(r"(\d{1,9}) ([^\t]+)(?:\t([^\t]*)\t([\d ]*))?", line.strip(" "))
        if found is None:
            raise ValueError(
                f"{place}: {line[:60]!r} is neither a number and a sentence nor a number, a question, its answer and "
                "the numbers of its facts, parted by tabs"
            )
        number, said, answer = int(found[1]), found[2].strip(), found[3]
        if number == 1:
            numbers, sentences, begun = {}, [], row
        elif number != before + 1:
            raise ValueError(f"{place}: has the number {number} after {before}; a story counts from 1")
        before = number
        if answer is None:
            numbers[number] = len(sentences)
            sentences.append(said)
            continue
        facts = [int(fact) for fact in found[4].split()]
        if wrong := [fact for fact in facts if fact not in numbers]:
            raise ValueError(f"{place}: its fact {wrong[0]} is no sentence before the question; name its sentences")
        if not sentences:
            raise ValueError(f"{place}: asks before the first sentence; a story comes before its questions")
        asked += 1
        told = story(sentences, sorted({numbers[fact] for fact in facts}))
        yield _Question(str(begun), Row(place, f"{split}-{row}", answer.strip(), split=split, second=said, **told))
    if not asked:
        raise ValueError(f"{file}: asks nothing; expected a question below each story")


SOURCES = (Source("babi", "bAbI: questions to a story, with the facts that answer them", LICENCE, load_babi),)
