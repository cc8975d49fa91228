"""The news of CNN and Daily Mail as questions (Hermann et al. 2015): which entity is missing in a summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows, rows_of
from attn_interp.data.formats.spans import cut_text
from attn_interp.data.formats.text_lines import read_lines

FOLDERS = {"training": "train", "validation": "dev", "test": "test"}
"""Folder there -> split here."""

ENTITY, PLACEHOLDER = re.compile(r"@entity(\d{1,9})"), "@placeholder"
LICENCE = "unstated"
SOURCE = "Hermann et al. 2015, Teaching machines to read and comprehend, NeurIPS"


def load_cnn(path: Path | str, seed: int = 0) -> Corpus:
    """A document is a news text with the question as second text; its class is the entity that answers it.

    Texts are cut at white space, as they are published, so that @entity7 and @placeholder are words. The classes are
    the entities that some document names, by number; a question may be answered with those alone that its file lists.

    Args:
        path: The folder "questions" with the folders training, validation and test; the last two may be missing. A file
            NAME.question is one document: the address, the text, the question, the answer, and the entities, one a line
            as @entity7:Name; an empty line between any two of the five.
        seed: Draws the splits that have no folder.

    Raises:
        FileNotFoundError: the folder training holds no files.
        ValueError: naming the file: it has other parts, the question no @placeholder, or the answer is none of the
            entities.
    """
    entities: set[str] = set()

    def read() -> Iterator[Row]:
        for name in (name for name in FOLDERS if (Path(path) / name).is_dir()):
            for file in sorted((Path(path) / name).glob("*.question")):
                row, own = _read(file, FOLDERS[name])
                entities.update(own)
                yield row

    rows = rows_of(read())  # as they are published, more than memory should hold
    if not any(row.split == "train" for row in rows):
        raise FileNotFoundError(f"{path}: holds no training/*.question; give the folder that is called questions")
    classes = sorted(entities, key=lambda entity: int(entity.removeprefix("@entity")))
    return corpus_of_rows(rows, "cnn", classes, 2, seed, LICENCE, SOURCE)


def _read(file: Path, split: str) -> tuple[Row, set[str]]:
    parts = list(_paragraphs(file))
    if len(parts) != 5 or any(len(part) != 1 for part in parts[:4]):
        raise ValueError(
            f"{file}: has {len(parts)} parts of {', '.join(str(len(part)) for part in parts) or 'no'} lines; expected "
            "address, text, question and answer of one line each, and the entities, with empty lines between"
        )
    (_,), (text,), (question,), (answer,), listed = parts
    own = {line.partition(":")[0].strip() for line in listed}
    if wrong := sorted(name for name in own if not ENTITY.fullmatch(name)):
        raise ValueError(f"{file}: {wrong[0][:60]!r} is no entity; expected lines as @entity7:Name")
    if answer.strip() not in own:
        raise ValueError(f"{file}: the answer {answer.strip()[:60]!r} is none of the entities that it lists")
    words, spans = cut_text(text, "annotated")
    asked, places = cut_text(question, "annotated")
    if PLACEHOLDER not in asked:
        raise ValueError(f"{file}: the question has no {PLACEHOLDER}, which stands for the answer")
    second = Document(question, words=asked, spans=places)
    row = Row(str(file), f"{split}-{file.stem}", answer.strip(), words, text, spans, split)
    return replace(row, second=second, answers=sorted(own)), own


def _paragraphs(file: Path) -> Iterator[list[str]]:
    """The lines between empty lines."""
    part: list[str] = []
    for _, line in read_lines(file):
        if line.strip():
            part.append(line)
        elif part:
            yield part
            part = []
    if part:
        yield part


SOURCES = (Source("cnn", "CNN and Daily Mail: the entity that a summary of news lacks", LICENCE, load_cnn),)
