"""What a file of human rationales gave: rows for a corpus, and whatever was left out of it, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from attn_interp.data.formats.labelled_rows import Row

Part = Literal["document", "rationale", "span"]
Annotators = Literal["agreeing", "all"]
OTHER_LABEL = "annotator gave another label"


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in the corpus.

    Attributes:
        document: Id of the document it belongs to, or file and row where it has none.
        part: The whole "document", the "rationale" of one annotator, or one "span" of a rationale.
        reason: Why, in words that are the same for all cases of a kind.
        detail: What was found there.
    """

    document: str
    part: Part
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Annotated:
    """Rows of documents with their rationales, in the order of the file, and what was left out of them."""

    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]

    def frame(self) -> pd.DataFrame:
        """One row for each thing left out: document, part, reason, detail."""
        columns = ["document", "part", "reason", "detail"]
        return pd.DataFrame([[getattr(item, name) for name in columns] for item in self.left_out], columns=columns)

    def note(self) -> str:
        """What was left out, counted by part and reason; empty where nothing was. It goes into a corpus's source."""
        counts = Counter((item.part, item.reason) for item in self.left_out)
        return "".join(f"; left out: {n:,} {part}s ({reason})" for (part, reason), n in sorted(counts.items()))


def check_annotators(annotators: str) -> None:
    """Refuse a choice of annotators that is neither "all" nor "agreeing"."""
    if annotators not in get_args(Annotators):
        raise ValueError(f"annotators: got {annotators!r}, expected one of {', '.join(get_args(Annotators))}")


def binary(values: object, words: Sequence[str]) -> str | None:
    """What is wrong with a rationale given as a list of 0 and 1, one per word, or None."""
    if not isinstance(values, list) or any(isinstance(value, bool) or value not in (0, 1) for value in values):
        return f"{str(values)[:40]} is not a list of 0 and 1"
    if len(values) != len(words):
        return f"{len(values)} values for {len(words)} words"
    return None
