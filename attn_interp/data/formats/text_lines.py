"""Rows of a text file, each with its number, so that an error can say where it is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """(row number from 1, line without its end) of a UTF-8 file, also of one packed with gzip (.gz).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a row is no UTF-8, or the gzip archive is damaged; the message names file and row.
    """
    path = Path(path)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from decode_lines(file, str(path))


def read_filled_lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """The same without blank lines, which count as rows and hold nothing."""
    return ((number, line) for number, line in read_lines(path) if line.strip(" \t"))


def decode_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    """(row number, line) of lines in bytes. They end at a line feed alone: other separators may stand inside a text."""
    rows = iter(lines)
    number = 0
    while True:
        number += 1
        try:
            line = next(rows)
        except StopIteration:
            return
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{name}, row {number}: archive is truncated or damaged: {error}; fetch it anew"
            ) from error
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            found = line[error.start : error.start + 1]
            raise ValueError(
                f"{name}, row {number}: byte {error.start} ({found!r}) is not UTF-8; save the file as UTF-8"
            ) from error
        yield number, text.removesuffix("\n").removesuffix("\r")
