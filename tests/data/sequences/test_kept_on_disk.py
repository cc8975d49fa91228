"""What is too much for memory: the same items in the same order, wherever they are, and a file that leaves nothing."""

from __future__ import annotations

import gc
import math
import os
import pickle
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.document import Document, word_count
from attn_interp.data.load import load
from attn_interp.data.sequences import on_disk
from attn_interp.data.sequences.on_disk import ITEM, OnDisk, chosen, gathered

pytestmark = pytest.mark.usefixtures("hardly_any_memory")
WORDS = 40
DOCUMENTS = tuple(
    Document(f"text {i} " + "word " * WORDS, i % 2, id=f"d{i}", second="Who is it?", signals={"n": [i] * (WORDS + 2)})
    for i in range(50)
)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_the_items_are_those_that_came() -> None:
    kept = gathered(iter(DOCUMENTS), word_count)
    assert isinstance(kept, OnDisk)
    assert len(kept) == 50 and tuple(kept) == tuple(kept) == DOCUMENTS
    assert [kept[place] for place in (0, 49, -1, -50)] == [DOCUMENTS[place] for place in (0, 49, -1, -50)]
    assert kept.index(DOCUMENTS[7]) == 7 and DOCUMENTS[3] in kept
    with pytest.raises(IndexError):
        kept[50]


def test_what_weighs_up_to_the_limit_stays_in_memory() -> None:
    assert gathered(["a"] * 6, lambda _: 1) == ("a",) * 6  # 6 * (32 + 1) = 198
    assert isinstance(gathered(["a"] * 7, lambda _: 1), OnDisk)
    assert ITEM + 1 == 33


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 49), max_size=60))
def test_a_choice_of_a_choice_is_a_choice(places: list[int]) -> None:
    kept = gathered(DOCUMENTS, word_count)
    once = chosen(kept, places)
    assert tuple(once) == tuple(DOCUMENTS[place] for place in places)
    assert tuple(chosen(once, range(len(once))[::-2])) == tuple(once)[::-2]
    weight = sum(word_count(DOCUMENTS[place]) + ITEM for place in places)
    assert isinstance(once, OnDisk) == (weight > on_disk.IN_MEMORY)


def test_slices_are_those_of_a_tuple() -> None:
    kept = gathered(DOCUMENTS, word_count)
    for part in (slice(3), slice(-2, None), slice(None, None, -3), slice(60, 70)):
        assert tuple(kept[part]) == DOCUMENTS[part]


def test_pickled_it_is_what_it_holds_since_the_file_is_of_this_process() -> None:
    assert pickle.loads(pickle.dumps(gathered(DOCUMENTS, word_count))) == DOCUMENTS


def test_the_file_is_closed_with_the_last_that_looks_into_it() -> None:
    gc.collect()
    before = open_files()
    part = gathered(DOCUMENTS, word_count)[:20]
    assert open_files() == before + 1 and tuple(part) == DOCUMENTS[:20]
    del part
    gc.collect()
    assert open_files() == before


def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom attn_interp.data.sequences import on_disk\non_disk.IN_MEMORY = 10\n"
        "kept = on_disk.gathered(['a' * 1000] * 1000, len)\nassert len(kept[999]) == 1000\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert done.returncode == -9 and not list(tmp_path.iterdir())


def test_a_full_disk_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("rb+") as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda prefix: full)
        with pytest.raises(OSError, match=r"No space left on device.*more room as TMPDIR"):
            gathered(DOCUMENTS, word_count)
        gc.collect()
        assert full.closed


def test_a_folder_that_is_gone_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OSError, match=r"gone: takes what .*\(No such file or directory\); name a folder .*TMPDIR"):
        gathered(DOCUMENTS, word_count)


def test_a_document_is_equal_to_itself_where_a_signal_has_no_value() -> None:
    without = [Document("a film", 1, id=f"n{i}", signals={"n": [np.nan, i]}) for i in range(30)]
    kept = gathered(without, word_count)
    assert isinstance(kept, OnDisk) and tuple(kept) == tuple(kept) == tuple(without) and kept[3] in kept
    assert Document("a film", id="n", signals={"n": [math.nan, 1]}) == Document(
        "a film", id="n", signals={"n": [-float("nan"), 1]}
    )


def test_an_error_of_the_source_stays_what_it_is() -> None:
    def lines() -> object:
        yield from ["a" * 300] * 3
        raise OSError("the disk of the source is gone")

    with pytest.raises(OSError, match=r"^the disk of the source is gone$"):
        gathered(lines(), len)  # type: ignore[arg-type]


def test_loading_takes_no_more_memory_for_longer_documents(tmp_path: Path) -> None:
    """Of a document its number, its place in the file and a few hashes are held, whatever its length."""

    def peak(documents: int, words: int) -> int:
        path = tmp_path / "reviews.csv"
        rows = [f"{'yes' if i % 2 else 'no'},{i} {'word ' * words}" for i in range(documents)]
        path.write_text("\n".join(["label,text", *rows]), "utf-8")
        del rows
        tracemalloc.start()
        corpus = load(path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(corpus) == documents
        return most

    # The smallest of two: a table of the interpreter, such as that of all words, may grow in one of them.
    few, many = (min(peak(documents, 100) for _ in range(2)) for documents in (100, 600))
    assert (many - few) / 500 < 250  # bytes; a document of 100 words takes 4,000 in memory
