"""The one rule by which every input that is thrown at the library is judged."""

from __future__ import annotations

import contextlib
import io
import re
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import attn_interp

HOME = str(Path(attn_interp.__file__).parent)
BUILT_IN = (ValueError, TypeError, OSError, ImportError, FloatingPointError)
FROM_INSIDE = (UnicodeError,)  # a ValueError, and never a sentence of ours
LONGEST, SECONDS = 700, 5
KINDS = ("told", "taken", "silent", "refused", "inside", "endless", "half")


@dataclass(frozen=True)
class Trial:
    """One input.

    Attributes:
        call: Throws it; what it returns is what was taken.
        about: What the input is, for the report of a failure.
        wrong: True: known to be wrong, so that taking it is silent; False: known to be right, so that telling is a
            refusal; None: either may be.
        names: One of these must stand in the message: the file, the argument, or the value.
        holds: Whether what was taken says what the input says.
        folder: Where files may be written; no temporary file may stay, and each must be `whole`.
    """

    call: Callable[[], Any]
    about: str
    wrong: bool | None = None
    names: tuple[str, ...] = ()
    holds: Callable[[Any], bool] = lambda taken: True
    folder: Path | None = None
    whole: Callable[[Path], object] = Path.read_bytes


@dataclass
class Counts:
    """How the inputs of one kind were judged, and a line for each that was judged badly."""

    kinds: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


class Endless(BaseException):
    """The alarm."""


def judged(trials: Iterable[Trial]) -> Counts:
    counts = Counts()
    for trial in trials:
        kind, why = judge(trial)
        counts.kinds[kind] += 1
        if kind not in ("told", "taken"):
            counts.bad.append(f"{kind}: {trial.about[:300]}\n    {why}")
    return counts


def judge(trial: Trial) -> tuple[str, str]:
    """The kind of what happened, and why."""
    before = _files(trial.folder)
    error_stream = io.StringIO()
    try:
        with _alarm(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(error_stream):
                taken = trial.call()
            told = None
            held = trial.holds(taken)
    except Endless:
        return "endless", f"over {SECONDS} s"
    except SystemExit as stopped:
        held, told = stopped.code in (None, 0), None if stopped.code in (None, 0) else error_stream.getvalue()
        if stopped.code not in (None, 0, 2):
            return "inside", f"exit code {stopped.code}: {told}"
        if told is not None and (fault := _fault(told.strip("\n"), trial.names)):
            return "inside", fault
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        last = " <- ".join(f"{frame.filename}:{frame.lineno}" for frame in where[:-4:-1])
        held, told = False, str(error)
        if _is_own([frame.filename for frame in where]):
            return "told", told
        if not isinstance(error, BUILT_IN) or isinstance(error, FROM_INSIDE) or not where[-1].filename.startswith(HOME):
            return "inside", f"{type(error).__name__}: {told[:200]} ({last})"
        if fault := _fault(told, trial.names):
            return "inside", f"{fault} ({last})"
    if half := _half(trial, before):
        return "half", half
    if told is not None:
        return ("refused", told) if trial.wrong is False else ("told", told)
    if trial.wrong or not held:
        return "silent", "taken" if trial.wrong else "what is held is not what the input says"
    return "taken", ""


def _is_own(files: list[str]) -> bool:
    """Whether code of a person, called by the library, raised it: their module and functions keep their tracebacks."""
    ours = [index for index, file in enumerate(files) if file.startswith(HOME)]
    return bool(ours) and str(Path(__file__).parents[1]) in "".join(files[ours[0] :])


def _fault(message: str, names: tuple[str, ...]) -> str:
    """What is wrong with a message that should be one or two sentences with a place or a value."""
    if not message or "Traceback" in message or "\n" in message:
        return f"its message is no sentence: {message[:300]!r}"
    if len(message) > LONGEST or len(re.findall(r"[a-z)'\"]\. [A-Z]", message)) > 1:
        return f"its message is long ({len(message)} characters): {message[:300]!r}"
    if names and not any(name in message for name in names):
        return f"its message names none of {', '.join(names)}: {message[:300]!r}"
    return ""


def _half(trial: Trial, before: dict[Path, int]) -> str:
    for path in sorted(_files(trial.folder).keys() - before.keys()):
        if re.search(r"[0-9a-f]{32}$", path.name):
            return f"temporary file {path.name}"
        try:
            trial.whole(path)
        except Exception as error:
            return f"{path.name} cannot be read: {error}"
    return ""


def _files(folder: Path | None) -> dict[Path, int]:
    return {} if folder is None else {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Endless

    former = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
