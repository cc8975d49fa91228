from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attn_interp.data.sequences import repeated as module
from attn_interp.data.sequences.repeated import repeated


def first_twice(ids: list[str]) -> tuple[int, int] | None:
    """As it is defined."""
    return next(((ids.index(name), place) for place, name in enumerate(ids) if name in ids[:place]), None)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=8))
def test_it_is_the_first_that_was_there_before(ids: list[str]) -> None:
    assert repeated(lambda: iter(ids)) == first_twice(ids)


def test_ids_of_one_hash_are_not_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "hash", lambda name: len(name), raising=False)
    assert repeated(lambda: ["a", "b", "cc"]) is None
    assert repeated(lambda: ["a", "b", "cc", "b"]) == (1, 3)
