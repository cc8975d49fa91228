"""SICK (Marelli et al. 2014): pairs of sentences about everyday scenes, entailed, contradicted or neither."""

from __future__ import annotations

from pathlib import Path

from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.csv_files import read_records
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows

FILES = {"train": "SICK_train.txt", "dev": "SICK_trial.txt", "test": "SICK_test_annotated.txt"}
COLUMNS = ("pair_ID", "sentence_A", "sentence_B", "entailment_judgment")
CLASSES = ("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
LICENCE = "CC BY-NC-SA 3.0"
SOURCE = "Marelli et al. 2014, A SICK cure for the evaluation of compositional distributional semantic models, LREC"


def load_sick(path: Path | str) -> Corpus:
    """A document is sentence A with sentence B as second text; the trial part is dev.

    Args:
        path: The folder with SICK_train.txt, SICK_trial.txt and SICK_test_annotated.txt.

    Raises:
        FileNotFoundError: one of the files is missing.
        ValueError: a file or row that is wrong, by name.
    """
    rows = []
    for split, name in FILES.items():
        if not (file := Path(path) / name).exists():
            raise FileNotFoundError(f"{file}: is missing; SICK's folder holds {', '.join(FILES.values())}")
        for place, record in read_records(file, COLUMNS, tabs=True):
            number, own, second, label = (record[column] for column in COLUMNS)
            rows.append(Row(place, number, label, text=own, second=second, split=split))
    return corpus_of_rows(rows, "sick", CLASSES, licence=LICENCE, source=SOURCE)


SOURCES = (Source("sick", "SICK: whether a sentence entails another, of everyday scenes", LICENCE, load_sick),)
