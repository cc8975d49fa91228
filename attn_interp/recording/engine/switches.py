"""Switches of the whole process that hide attention: off while anything is recorded, then back as they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import torch


class _Switches:
    """Counts the contexts, in all threads, that need the switches off: the first turns them, the last restores."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._restore = ExitStack()

    def _turn_off(self) -> None:
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        self._restore.callback(torch.backends.mha.set_fastpath_enabled, fast)
        if "torch._dynamo" in sys.modules:  # nothing is compiled before this is loaded, and loading it takes seconds
            self._restore.enter_context(torch.compiler.set_stance("force_eager"))

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._turn_off()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._restore.close()

    @contextmanager
    def restored(self) -> Iterator[None]:
        """As the user had them, for the time being."""
        with self._lock:
            self._restore.close()
        try:
            yield
        finally:
            with self._lock:
                if self._users:
                    self._turn_off()


SWITCHES = _Switches()
