"""One process at a time: a killed owner gives the folder free, and what it had begun is cleared away."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from attn_interp.data.whole_files import whole_file
from attn_interp.studies.alone import LOCK, alone_in, is_taken, remove_drafts

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def in_child(act) -> int:
    """A process that does what it is given, then sleeps; its id once it has begun to sleep."""
    ready, write = os.pipe()
    child = os.fork()
    if child == 0:
        act(lambda: os.write(write, b"."))
        os._exit(0)
    os.close(write)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    return child


def hold(folder: Path, seconds: float = 60.0):
    def act(ready) -> None:
        with alone_in(folder, lambda text: None):
            ready()
            time.sleep(seconds)

    return act


def test_a_killed_owner_gives_the_folder_free(tmp_path) -> None:
    child = in_child(hold(tmp_path / "model"))
    assert is_taken(tmp_path / "model")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not is_taken(tmp_path / "model")
    with alone_in(tmp_path / "model", pytest.fail):
        pass


def test_the_second_waits_says_so_and_goes_on_when_the_first_dies(tmp_path) -> None:
    child = in_child(hold(tmp_path / "model"))
    said: list[str] = []
    threading.Timer(0.2, os.kill, (child, signal.SIGKILL)).start()
    with alone_in(tmp_path / "model", said.append):
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert said == ["model: another process is at work on it; waiting for it to end"]


def test_an_error_inside_gives_the_folder_free(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path, pytest.fail):
        _ = 1 / 0
    assert not is_taken(tmp_path)


def test_a_folder_that_is_not_there_is_not_taken_nor_made(tmp_path) -> None:
    assert not is_taken(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_the_dead_are_removed_and_nothing_else(tmp_path) -> None:
    def write(ready) -> None:
        with whole_file(tmp_path / "figures" / "a.pdf") as draft:
            draft.write_bytes(b"half")
            ready()
            time.sleep(60)

    child = in_child(write)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (draft,) = (tmp_path / "figures").iterdir()
    begun = tmp_path / f".model.{'0f' * 16}"  # as save_checkpoint names a folder that is not whole yet
    begun.mkdir()
    (begun / "weights.safetensors").write_bytes(b"half")
    kept = [tmp_path / name for name in (LOCK, ".hidden", f"model.{'0f' * 16}", "a.parquet")]
    for path in kept:
        path.touch()
    remove_drafts(tmp_path)
    assert not draft.exists()
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "figures"])
