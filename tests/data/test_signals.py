"""Signals join values to words, say what they cover, and refuse tables that cannot be read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attn_interp.data import signals as module
from attn_interp.data.document import Document
from attn_interp.data.formats.trees import NEUTRAL, WORD_LABEL
from attn_interp.data.load import load
from attn_interp.data.signals import (
    Signal,
    joined,
    lexicon_strength,
    log_frequency,
    position_from_end,
    position_from_start,
    read_word_values,
    relative_position,
    stored,
    strength_of,
    word_values,
)

TREES = Path(__file__).parents[3] / "shared" / "data" / "sst_ptb"
DOCUMENT = Document(
    id="r17", words=("Good", "film", ",", "GOOD", "bad"), label=1, signals={"word label": (4, 2, 2, 4, 0)}
)
TABLE = {"good": 1.5, "GOOD": 3.0, "bad": -2.0}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_word_takes_the_value_of_its_spelling_then_of_its_lower_case():
    signal = word_values("rating", TABLE, "made up")
    np.testing.assert_array_equal(signal.of(DOCUMENT), (1.5, math.nan, math.nan, 3.0, -2.0))
    upper = word_values("rating", {"Bad": 1.0, "good film": 2.0}, "made up")
    assert np.isnan(upper.of(DOCUMENT)).all()


def test_every_table_is_labelled_a_proxy_and_says_what_absent_words_count_as():
    signal = word_values("rating", TABLE, "made up")
    assert signal.title == "rating (context-free proxy)"
    assert replace(signal, absent=0.0).title == "rating, 0 where absent (context-free proxy)"
    assert strength_of(signal, "strength").title == "strength (context-free proxy)"
    assert relative_position().title == "relative position"
    np.testing.assert_array_equal(replace(signal, absent=0.0).of(DOCUMENT), signal.of(DOCUMENT))


def test_strength_is_the_distance_from_neutral():
    labels = stored("word label", "of the word alone", context_free=True)
    assert strength_of(labels, "strength", neutral=2.0).of(DOCUMENT) == (2, 0, 0, 2, 2)
    rating = strength_of(word_values("rating", TABLE, "made up"), "strength")
    np.testing.assert_array_equal(rating.of(DOCUMENT), (1.5, math.nan, math.nan, 3.0, 2.0))


def test_positions_and_frequencies_by_hand():
    one = Document(id="one", words=("film",), label=0)
    assert position_from_start().of(DOCUMENT) == (1, 2, 3, 4, 5)
    assert position_from_end().of(DOCUMENT) == (5, 4, 3, 2, 1)
    assert relative_position().of(DOCUMENT) == (0, 0.25, 0.5, 0.75, 1)
    assert (position_from_start().of(one), relative_position().of(one)) == ((1,), (0,))
    frequency = log_frequency([DOCUMENT, one])
    assert frequency.of(DOCUMENT) == pytest.approx(np.log([3, 3, 2, 3, 2]))
    assert frequency.of(Document(id="new", words=("qwrt",), label=0)) == (0,)
    assert all(
        signal.control for signal in (position_from_start(), position_from_end(), relative_position(), frequency)
    )


def test_what_is_joined_is_stored_by_name():
    rating = word_values("rating", TABLE, "made up")
    (document,) = joined([DOCUMENT], [rating, relative_position()])
    assert set(document.signals) == {"word label", "rating", "relative position"}
    np.testing.assert_array_equal(stored("rating", "made up", True).of(document), rating.of(DOCUMENT))
    assert document.words == DOCUMENT.words and DOCUMENT.signals.keys() == {"word label"}
    with pytest.raises(ValueError, match="document 'r17': has a signal 'rating' already; give the new one another"):
        joined([document], [rating])
    with pytest.raises(ValueError, match="document 'r17': has a signal 'rating' already"):
        joined([DOCUMENT], [rating, rating])
    with pytest.raises(ValueError, match="document 'r17': has no signal 'rate'; its signals are: 'word label'"):
        stored("rate", "", True).of(DOCUMENT)


def test_values_that_do_not_fit_a_document_are_refused():
    with pytest.raises(ValueError, match="document 'r17': signal 'short' has 2 values for 5 words"):
        Signal("short", "", lambda _: (1.0, 2.0)).of(DOCUMENT)
    with pytest.raises(ValueError, match="document 'r17': signal 'big' has an infinite value; use NaN for none"):
        Signal("big", "", lambda document: [math.inf] * len(document)).of(DOCUMENT)
    with pytest.raises(ValueError, match="signal 'rating': the table has no words"):
        word_values("rating", {}, "")
    with pytest.raises(ValueError, match="signal 'rating': the value of 'bad' is nan; leave the word out"):
        word_values("rating", {"good": 1.0, "bad": math.nan}, "")


def test_a_table_is_read_as_it_is_spelled(tmp_path):
    text = '\ufeffvalue,note,word\n1.5,,good\n\n-2e0,"a, b",bad\n3,,Good\n0,,","\n'
    assert read_word_values(write(tmp_path / "a.csv", text)) == {"good": 1.5, "bad": -2.0, "Good": 3.0, ",": 0.0}
    tabs = write(tmp_path / "a.tsv", 'token\trate\n"\t1\nfed up\t-1\n')
    assert read_word_values(tabs, "token", "rate") == {'"': 1.0, "fed up": -1.0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "is empty; expected a first row with the names of the columns"),
        ("word,value\n", "has no rows under its columns; give it at least one word"),
        ("word,rate\ngood,1\n", "there is no column 'value'; columns are rate, word"),
        ("word,value,word\n", "names of columns repeat: word, value, word"),
        ("word,value\ngood,1\nbad\n", "row 3: has 1 cells for 2 columns; quote the cell or fill the row"),
        ("word,value\ngood,1\n ,2\n", "row 3: column 'word' is empty; write a word or remove the row"),
        ("word,value\ngood,high\n", "row 2: value of 'good' is 'high', expected a finite number such as -1.5; remove"),
        ("word,value\ngood,\n", "row 2: value of 'good' is '', expected a finite number"),
        ("word,value\ngood,1_000\n", "row 2: value of 'good' is '1_000', expected a finite number"),
        ("word,value\ngood,nan\n", "row 2: value of 'good' is 'nan', expected a finite number"),
        ("word,value\ngood,-inf\n", "row 2: value of 'good' is '-inf', expected a finite number"),
        ("word,value\ngood,1\nbad,2\ngood,1\n", "row 4: word 'good' stands already at "),
    ],
)
def test_a_bad_table_is_named_by_row(tmp_path, rows, message):
    path = write(tmp_path / "a.csv", rows)
    with pytest.raises(ValueError) as caught:
        read_word_values(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)


def test_a_table_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_word_values(tmp_path / "absent.csv")


def test_the_lexicon_is_a_proxy_of_strength(monkeypatch):
    monkeypatch.setattr(module, "lexicon", lambda: {"good": 1.9, "bad": -2.5, ":D": 2.3})
    signal = lexicon_strength()
    assert signal.title == "lexicon strength (context-free proxy)"
    np.testing.assert_array_equal(signal.of(DOCUMENT), (1.9, math.nan, math.nan, 1.9, 2.5))
    assert "Hutto & Gilbert 2014" in signal.about and not signal.control


@pytest.mark.skipif(not TREES.exists(), reason="shared data is absent")
def test_the_word_labels_of_a_treebank_are_a_signal(tmp_path):
    for name in ("train.txt", "dev.txt", "test.txt"):
        with (TREES / name).open(encoding="utf-8") as file:
            write(tmp_path / name, "".join(line for line, _ in zip(file, range(40))))
    labels = stored(WORD_LABEL, "label of the word alone, 0 to 4", context_free=True)
    strength = strength_of(labels, "strength of the word label", NEUTRAL)
    values = np.concatenate([strength.of(document) for document in load("sst", path=tmp_path).test])
    assert set(values) <= {0.0, 1.0, 2.0}
    assert 0 < (values > 0).mean() < 0.5
