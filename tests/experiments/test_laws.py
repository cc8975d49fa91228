"""What holds for every experiment: order, subset and batch change no row, and short documents have defined rows."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from attn_interp.experiments.examples import examples
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.adversary_curve import adversary_curve
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.jain_wallace.same_shape import same_shape
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.experiments.sources.sources import sources
from attn_interp.experiments.why.conicity import conicity
from attn_interp.experiments.why.mixing import mixing
from attn_interp.experiments.why.polarity import polarity
from attn_interp.models.attention_model import AttentionModel

EXPERIMENTS: dict[str, Callable[..., Result]] = {
    "adversary": adversary,
    "adversary_curve": lambda reading: adversary_curve(reading, eps=(0.01, 0.2)),
    "agreement": agreement,
    "conicity": conicity,
    "erasure": erasure,
    "mixing": mixing,
    "permutation": lambda reading: permutation(reading, draws=7),
    "polarity": lambda reading: polarity(reading, methods=["gradient x input (detached)"]),
    "reach": reach,
    "same_shape": same_shape,
    "single_erasure": single_erasure,
    "sources": lambda reading: sources(reading, ablations=8),
}
KEYS = {
    "adversary": ["document", "status"],
    "adversary_curve": ["document", "eps"],
    "agreement": ["document", "first", "second"],
    "conicity": ["document"],
    "erasure": ["document", "ordering", "draw"],
    "mixing": ["document"],
    "permutation": ["document"],
    "polarity": ["document", "method"],
    "reach": ["document"],
    "same_shape": ["document"],
    "single_erasure": ["document"],
    "sources": ["document", "score"],
}


def rows(result: Result) -> pd.DataFrame:
    return result.frame.set_index(KEYS[result.experiment]).sort_index()


@pytest.fixture(scope="module", params=EXPERIMENTS)
def whole(request, model, planted) -> Result:
    return EXPERIMENTS[request.param](read(model, planted.test[:40], seed=4))


def test_one_row_per_document_in_their_order(whole, planted) -> None:
    ids = [document.id for document in planted.test[:40]]
    assert list(dict.fromkeys(whole.frame["document"])) == ids
    assert not whole.frame.duplicated(KEYS[whole.experiment]).any()


def test_order_and_subset_change_no_row(whole, model, planted) -> None:
    part = planted.test[:40][::-3]
    other = rows(EXPERIMENTS[whole.experiment](read(model, part, seed=4)))
    expected = rows(whole).loc[other.index]
    pd.testing.assert_frame_equal(other, expected, check_exact=False, rtol=1e-6, atol=1e-6)


def test_batch_size_changes_no_row(whole, model, planted, monkeypatch) -> None:
    batches = AttentionModel.batches
    monkeypatch.setattr(AttentionModel, "batches", lambda self, documents, size=0: batches(self, documents, 7))
    other = rows(EXPERIMENTS[whole.experiment](read(model, planted.test[:40], seed=4)))
    pd.testing.assert_frame_equal(other, rows(whole), check_exact=False, rtol=1e-6, atol=1e-6)


def test_the_same_again_is_the_same_to_the_last_bit(whole, model, planted) -> None:
    again = EXPERIMENTS[whole.experiment](read(model, planted.test[:40], seed=4))
    pd.testing.assert_frame_equal(again.frame, whole.frame, check_exact=True)


def test_only_the_adversary_of_the_same_shape_is_for_two_classes(three_reading) -> None:
    with pytest.raises(ValueError, match="3 classes; it is for two; use adversary"):
        same_shape(three_reading)


@pytest.mark.parametrize("name", [*sorted(EXPERIMENTS.keys() - {"same_shape"}), "examples"])
def test_three_classes_go_through(name, three, three_reading) -> None:
    result = EXPERIMENTS.get(name, examples)(three_reading.only(three.test[:13]))
    assert result.settings["classes"] == list(three.classes)
    assert set(result.frame["predicted"]) == set(three.classes)
    assert len(result.summary())


@pytest.mark.parametrize("name", [*EXPERIMENTS, "examples"])
def test_nothing_to_ask_is_an_error(name, model) -> None:
    with pytest.raises(ValueError, match="no documents"):
        EXPERIMENTS.get(name, examples)(read(model, []))


@pytest.mark.parametrize("name", [*EXPERIMENTS, "examples"])
def test_the_shortest_documents_have_rows(name, model, short) -> None:
    result = EXPERIMENTS.get(name, examples)(read(model, short))
    if name != "examples":
        assert set(result.frame["document"]) == {document.id for document in short}
        assert result.frame.set_index("document")["words"].loc["one"].min() == 1
    assert len(result.summary())
