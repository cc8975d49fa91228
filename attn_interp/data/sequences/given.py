"""What a caller gives for documents -> documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from attn_interp.data.document import Document, hashed_id, shortened
from attn_interp.data.sequences.on_disk import OnDisk
from attn_interp.data.sequences.repeated import repeated
from attn_interp.data.sequences.split import Split


def documents_of(texts: str | Document | Sequence[str | Document]) -> Sequence[Document]:
    """Documents of texts: a string becomes a document without a label, a document stays what it is.

    A text that stands there twice is two documents: where the id is the hash of the text, the second gets "#2".

    Args:
        texts: One text or document, or N of them.

    Returns:
        The N documents, in order; their ids are unique.

    Raises:
        TypeError: they have no order, or something is neither a string nor a document; names its row.
        ValueError: there is none, a text has no words, or a given id stands there twice; names the rows.

    >>> [document.words for document in documents_of(["good", "too bad"])]
    [('good',), ('too', 'bad')]
    """
    rows = [texts] if isinstance(texts, str | Document) else texts
    if isinstance(rows, Mapping | Set | bytes) or hasattr(rows, "columns") or not hasattr(rows, "__iter__"):
        raise TypeError(
            f"documents: got a {type(rows).__name__}, expected texts or Documents in order; of a corpus name a split, "
            "of a frame a column"
        )
    if isinstance(texts, Split) and texts and repeated(lambda: (document.id for document in texts)) is None:
        return texts  # as it is: it may be too large for memory
    rows = list(rows)
    if not rows:
        raise ValueError("documents: got none, expected at least one text or Document")
    seen: dict[str, int] = {}
    copies: Counter[str] = Counter()
    made: list[Document] = []
    for row, given in enumerate(rows):
        if not isinstance(given, str | Document):
            raise TypeError(f"row {row}: is {shortened(repr(given), 60)}; give a text (a string) or a Document")
        try:
            document = Document(given) if isinstance(given, str) else given
        except ValueError as error:  # its id is a hash, which says nothing
            raise ValueError(f"row {row}: {error}") from error
        if document.id in seen:
            if document.id != hashed_id(document.text, document.words, document.second):
                raise ValueError(
                    f"document {document.id!r}: the id stands in row {seen[document.id]} and again in row {row}; "
                    "ids must be unique"
                )
            copies[document.id] += 1
            document = replace(document, id=f"{document.id}#{copies[document.id] + 1}")
        seen[document.id] = row
        made.append(document)
    return tuple(made)


def require_documents(documents: Sequence[Document], place: str) -> Sequence[Document]:
    """The documents, where each is one.

    Raises:
        TypeError: naming the place and the row.
    """
    if isinstance(documents, str | Document) or not isinstance(documents, Iterable):
        raise TypeError(f"{place}: got {shortened(repr(documents), 60)}, expected a sequence of documents")
    if isinstance(documents, Split | OnDisk):
        return documents
    rows = tuple(documents)
    for row, given in enumerate(rows):
        if not isinstance(given, Document):
            raise TypeError(f"{place}: row {row} is {shortened(repr(given), 60)}, expected a Document")
    return rows
