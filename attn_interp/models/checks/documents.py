"""Documents for the dry run of a model: made up where none are given, and in two batches of different sizes."""

from __future__ import annotations

from collections.abc import Sequence

from attn_interp.data.document import Document

LENGTHS = (7, 5, 6, 3, 4)


def made_up(words: Sequence[str], sentence_end: str | None = None, pairs: bool = False) -> list[Document]:
    """Documents of several lengths from these words; every third word is `sentence_end` if it is given.
    In pairs, second texts have lengths of their own."""
    documents = []
    for length in LENGTHS:
        chosen = [words[(length + i) % len(words)] for i in range(length)]
        if sentence_end is not None:
            chosen[2::3] = [sentence_end] * len(chosen[2::3])
        second = Document(words=chosen[: 1 + length // 3]) if pairs else None
        documents.append(Document(id=f"example {length}", words=tuple(chosen), label=0, second=second))
    return documents


def two_sizes(example: Sequence[Document]) -> tuple[Sequence[Document], Sequence[Document]]:
    """Two batches of documents for the dry run: a few longer ones, and more of the shorter ones.

    The longer ones are fewer, so that no axis can follow the number of documents and their length alike. Documents
    stand in both, or twice in one, where there are not enough.

    Raises:
        ValueError: all documents have the same length.
    """
    by_length = sorted(example, key=len, reverse=True)
    shorter = [document for document in by_length if len(document) < len(by_length[0])]
    if not shorter:
        raise ValueError(
            f"wrap: the {len(example)} example documents all have {len(by_length[0])} words; "
            "the dry run needs two different lengths"
        )
    longer = by_length[: max(2, len(shorter) - 1)]
    return longer, shorter + shorter[-1:] * (len(longer) + 1 - len(shorter))
