"""Tables: a corpus in a CSV or TSV file whose columns the user names."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.labelled_rows import Row, corpus_of_rows
from attn_interp.data.formats.text_lines import read_filled_lines, read_lines

DELIMITERS = ",;\t|"
BLANKS = DELIMITERS + " "
LONGEST_CELL = 2**31 - 1  # characters; Python's own limit is 131,072
Record = tuple[str, list[str]]  # file and row, cells


def load_table(
    path: Path | str,
    text: str | None = None,
    words: str | None = None,
    second: str | None = None,
    label: str = "label",
    id: str | None = None,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    least_words: int = 2,
    seed: int = 0,
    encoding: str = "utf-8",
    strip_html: bool = False,
) -> Corpus:
    """The corpus in a table whose first row names the columns: CSV (.csv) or values parted by tabs (.tsv).

    CSV follows RFC 4180 (cells in double quotes may hold commas, quotes and line breaks); where commas do not part the
    first row into the needed columns and semicolons, tabs or bars do, these part the cells. In TSV a cell is what
    stands between tabs; quotes are part of it. Rows in which every cell is blank hold nothing.

    Args:
        path: The file.
        text: Column with running text, to be cut into words; or
        words: column with words parted by white space, taken as they are. "text" where neither is named.
        second: Column with the second text of each document, cut into words as the first; None: there is none.
        label: Column with the class names.
        id: Column with unique names; None names a document by its row.
        split: Column with train, dev or test; None (and a split that no row names) is drawn by seed.
        classes: Class names in order; None collects and sorts them (numbers in numeric order).
        least_words: Documents with fewer words are refused; 1 admits documents of one word.
        seed: Draws the splits that are not stated.
        encoding: Of the file; UTF-16 is recognised by its byte order mark.
        strip_html: Whether tags and entities of HTML, such as <br />, are taken out of the texts.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: naming file and row, what is wrong there and what to do.
    """
    path = Path(path)
    if text is not None and words is not None:
        raise ValueError(f"{path}: text={text!r} and words={words!r} are both given; name one of them")
    text, words, second, id, split = (None if each is None else str(each) for each in (text, words, second, id, split))
    label = str(label)
    column = words or text or "text"
    named = [name for name in (column, second, label, id, split) if name is not None]
    rows = (
        Row(
            place=place,
            id=cell[id] if id is not None else place.rpartition(" ")[2],
            label=cell[label],
            words=cell[column].split() if words is not None else None,
            text=cell[column] if words is None else None,
            second=None if second is None else cell[second] if words is None else cell[second].split(),
            split=cell[split] if split is not None else None,
        )
        for place, cell in read_records(path, named, encoding)
    )
    return corpus_of_rows(rows, path.stem, classes, least_words, seed, source=str(path), strip_html=strip_html)


def read_records(
    path: Path, needed: Sequence[str], encoding: str = "utf-8", tabs: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """(file and row, cell by name of its column) of every record under the first row, which names the columns.

    Cells are parted by tabs where the file is called .tsv or `tabs` says so.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: naming file and row: no first row, names that repeat, a needed column that is not there, or a record
            with more or fewer cells than columns.
    """
    records = _records(path, needed, encoding, tabs or path.suffix.lower() == ".tsv")
    _, header = next(records, ("", []))
    header = [name if name in needed else name.strip() for name in header]
    if not header:
        raise ValueError(f"{path}: is empty; expected a first row with the names of the columns")
    if len(set(header)) != len(header):
        raise ValueError(f"{path}: names of columns repeat: {', '.join(header)}; give each its own")
    for name in needed:
        if name not in header:
            found = ", ".join(sorted(header))
            raise ValueError(f"{path}: there is no column {name!r}; columns are {found}; say which one is meant")
    for place, cells in records:
        if len(cells) != len(header):
            raise ValueError(
                f"{place}: has {len(cells)} cells for {len(header)} columns; quote the cell or fill the row"
            )
        yield place, dict(zip(header, cells))


def _records(path: Path, needed: Sequence[str], encoding: str, tabs: bool) -> Iterator[Record]:
    """The place and the cells of every record; a record's row is the line on which it begins."""
    if tabs:
        for number, line in read_filled_lines(path, encoding):
            yield f"{path}, row {number}", line.split("\t")
        return
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        for read, line in read_lines(path, encoding):  # noqa: B007  (the row number is what the records need)
            yield line + "\n"

    csv.field_size_limit(LONGEST_CELL)
    first = next((line for _, line in read_lines(path, encoding) if line.strip(BLANKS)), "")
    reader = csv.reader(lines(), delimiter=_delimiter(first, needed), strict=True)
    while True:
        place = f"{path}, row {read + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"{place}: {error}; quote the cell as CSV asks, or use JSON lines") from error
        if any(cell.strip() for cell in cells):
            yield place, cells


def _delimiter(header: str, needed: Sequence[str]) -> str:
    """What parts the first row into the needed columns; a comma where nothing does."""
    for delimiter in DELIMITERS:
        if set(needed) <= {name.strip(' "') for name in header.split(delimiter)}:
            return delimiter
    return DELIMITERS[0]
