"""One process at a time in a folder, and nothing left there of those that died."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"
DRAFT = re.compile(r"\..+\.[0-9a-f]{32}")
"""What `whole_file` and `save_checkpoint` call a file or folder that is not whole yet."""


@contextmanager
def alone_in(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Waits until no other process is in the folder, and keeps others out meanwhile.

    The lock belongs to the process: the system takes it back the moment the process ends, however it ends, so there is
    none to be cleared away by hand. The folder is made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{folder.name}: another process is at work on it; waiting for it to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_taken(folder: Path) -> bool:
    """Whether a process is in the folder at this moment."""
    if not (folder / LOCK).exists():
        return False
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def remove_drafts(folder: Path, below: bool = True) -> None:
    """Delete what killed processes had begun to write in the folder and below; only for who is alone there."""
    for path in list(folder.rglob(".*") if below else folder.glob(".*")):
        if DRAFT.fullmatch(path.name):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
