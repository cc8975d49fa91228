"""Garbage is looked for less often, and what was set before stands again."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from attn_interp.models.training.garbage import NEW, collected_seldom


@pytest.fixture(autouse=True)
def put_back():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("before", "inside"), [((700, 10, 10), NEW), ((2 * NEW, 5, 5), 2 * NEW), ((0, 10, 10), 0)])
def test_seldom_is_never_more_often(before, inside) -> None:
    """0 is a collector that never looks by itself."""
    gc.set_threshold(*before)
    with pytest.raises(ZeroDivisionError), collected_seldom(), collected_seldom():
        assert gc.get_threshold() == (inside, *before[1:])
        raise ZeroDivisionError
    assert gc.get_threshold() == before


def test_the_last_thread_that_leaves_puts_it_back() -> None:
    gc.set_threshold(700, 10, 10)
    first, second = collected_seldom(), collected_seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (NEW, 10, 10)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)


def test_at_its_exit_a_process_looks_through_nothing() -> None:
    code = (
        "import atexit, gc; from attn_interp.models.training.garbage import unseen_at_exit\n"
        "before = gc.get_freeze_count()\n"  # some Pythons begin with a few
        "atexit.register(lambda: print(gc.get_freeze_count() - before > 1000)); unseen_at_exit()\n"
        "print(gc.get_freeze_count() - before)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["0", "True"]
