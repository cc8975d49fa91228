"""Rows of a text file, each with its number, so that an error can say where it is."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path | str, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """(row number from 1, line without its end) of a text file, also of one packed with gzip (.gz).

    A file of UTF-16 that begins with its byte order mark, as spreadsheets write it, is read too.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a pipe or a folder, a row is not of the encoding, or the gzip archive is damaged; the message
            names file and row.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no plain file but a folder, a pipe or a device; save what it holds as a file")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        if encoding == "utf-8" and path.suffix != ".gz" and file.peek(2)[:2] in UTF16:
            encoding = "utf-16"
        if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):  # a line feed is several bytes there
            text = _decoded(file.read(), encoding, str(path))
            yield from decode_lines(io.BytesIO(text.encode()), str(path))
        else:
            yield from decode_lines(file, str(path), encoding)


def read_filled_lines(path: Path | str, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The same without blank lines, which count as rows and hold nothing."""
    return ((number, line) for number, line in read_lines(path, encoding) if line.strip(" \t"))


def decode_lines(lines: Iterable[bytes], name: str, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
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
        text = _decoded(line, encoding, f"{name}, row {number}")
        if number == 1:
            text = text.removeprefix("\ufeff")
            if "\0" in text:
                raise ValueError(
                    f"{name}, row 1: holds NUL characters, as a file of UTF-16 or no text; save it as UTF-8"
                )
        yield number, text.removesuffix("\n").removesuffix("\r")


def _decoded(content: bytes, encoding: str, place: str) -> str:
    try:
        return content.decode(encoding)
    except LookupError as error:
        raise ValueError(f"{place}: encoding: {error}; expected one such as utf-8, cp1252 or latin-1") from error
    except UnicodeDecodeError as error:
        found = content[error.start : error.start + 1]
        raise ValueError(
            f"{place}: byte {error.start} ({found!r}) is not {encoding.upper()}; save the file as UTF-8, or for a "
            "table name its encoding, as in encoding='cp1252'"
        ) from error
