"""Files that are whole or absent: written under a temporary name and moved into place."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """A temporary name beside `path` to write to; moved onto `path` at the end, removed after an exception.

    The folder is made where it is missing. A file that was there stays as it is until the new one is whole.

    Raises:
        OSError: the path is that of a folder, or the disk is full; as `room_for`.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; name a file")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """What is written inside fails in one sentence where the disk is full, whatever library comes upon it.

    Raises:
        OSError: there is no room, or a quota is used up.
    """
    try:
        yield
    except Exception as error:
        of_torch = isinstance(error, RuntimeError) and "inline_container.cc" in str(error)  # its archive in C++
        of_rust = any(f"(os error {number})" in str(error) for number in FULL)  # safetensors and tokenizers
        if getattr(error, "errno", None) not in FULL and not of_torch and not of_rust:
            raise
        raise OSError(f"{path}: the disk is full; make room and run again, what is whole stays") from None


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_bytes(content)
