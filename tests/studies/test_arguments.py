"""What the options of the scripts take, and how they say no."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from attn_interp.studies.arguments import names, numbers, pairs, shares
from attn_interp.studies.language.answers import LanguageStudy


def test_names_pairs_and_numbers() -> None:
    assert numbers("3,20") == (3, 20) and shares("0.2,.4") == (0.2, 0.4)
    assert names("lstm,cnn") == ("lstm", "cnn") and names("") == ()
    assert pairs("negative= bad,positive= good") == {"negative": " bad", "positive": " good"}


@pytest.mark.parametrize("text", ["", "x", "a=", "=b", "a=b,a=c"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="expected name=value with commas between, each name once"):
        pairs(text)


@pytest.mark.parametrize("text", ["", "x", "1,", "1;2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"got {text!r}, expected whole numbers with commas between"):
        numbers(text)
    with pytest.raises(ArgumentTypeError, match=f"got {text!r}, expected numbers with commas between"):
        shares(text)


@pytest.mark.parametrize("name", ["documents", "few", "fewest"])
def test_a_study_of_no_documents_is_refused_before_it_begins(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: got 0, expected at least 1"):
        LanguageStudy("smollm2", **{name: 0})
