"""Sets of rationales say what is in them; what a comparison shows is not picked by hand; efforts follow the length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from attn_interp.data.corpus import Corpus
from attn_interp.data.formats.jsonlines import save_jsonlines
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.studies.people.rationale_sets import RationaleSet, fair_rationales, own_splits
from attn_interp.studies.people.rationale_tables import brief
from attn_interp.studies.people.rationales import SHOWN, Comparison, chosen

SHARED = Path(__file__).parents[4] / "shared" / "data"


def without_rationales(corpus: Corpus, keep: int) -> Corpus:
    test = tuple(replace(each, rationales=()) for each in corpus.test[keep:])
    return replace(corpus, splits={**corpus.splits, "test": (*corpus.test[:keep], *test)})


def test_what_nobody_marked_is_left_out_and_counted(planted, tmp_path) -> None:
    save_jsonlines(without_rationales(planted, 7), tmp_path / "few.jsonl")
    found = own_splits(str(tmp_path / "few.jsonl"), {})
    assert len(found.documents) == 7
    assert {(item.part, item.reason) for item in found.left_out} == {("document", "no rationale")}
    assert len(found.left_out) == len(planted.test) - 7
    assert len(found.first(3).documents) == 3
    save_jsonlines(without_rationales(planted, 0), tmp_path / "none.jsonl")
    with pytest.raises(ValueError, match="none of its 50 test documents has a rationale; give one that people marked"):
        own_splits(str(tmp_path / "none.jsonl"), {})


def test_the_effort_is_that_of_the_mean_length(planted) -> None:
    """Documents of 3 to 17 words, 10 on average."""
    found = RationaleSet("x", planted, planted.test)
    efforts = {5: (("a",), 1), 50: (("b",), 2), 500: (("c",), 3)}
    assert found.effort(efforts) == (("b",), 2)


def test_a_comparison_is_named_by_what_decides_it(planted) -> None:
    one = Comparison(
        RationaleSet("x", planted, planted.test), ClassifierSettings(), TrainingSettings(), ("votes",), 5, 0
    )
    same = replace(one, marked=replace(one.marked, left_out=()))
    assert one.key == same.key
    assert len({one.key, replace(one, seed=1).key, replace(one, edited=6).key, replace(one, methods=()).key}) == 4
    assert replace(one, marked=one.marked.first(5)).key != one.key
    asked = [
        replace(one, marked=replace(one.marked, documents=[replace(each, second=text) for each in planted.test])).key
        for text in ("who?", "where?")
    ]
    assert len({one.key, *asked}) == 3


def test_the_documents_shown_are_quantiles_of_plausibility(model, planted, reading) -> None:
    result = plausibility(reading, methods=(), baselines={})
    own = result.frame[result.frame["scorer"] == "attention"].reset_index(drop=True)
    rows = chosen(result)
    assert list(rows) == list(SHOWN)
    areas = [own["auroc"][row] for row in rows.values()]
    assert areas == sorted(areas)
    assert (own["auroc"] < areas[1]).mean() <= 0.52 and (own["auroc"] > areas[1]).mean() <= 0.52
    empty = replace(result, frame=result.frame.assign(auroc=float("nan")))
    assert chosen(empty) == {}


def test_a_table_to_be_read_has_two_counts() -> None:
    numbers = {"estimate": 0.5, "low": 0.4, "high": 0.6}
    row: dict[str, object] = {"method": "votes"}
    for name in ("plausibility", "comprehensiveness", "sufficiency"):
        row |= {
            name: numbers["estimate"],
            f"{name} low": 0.4,
            f"{name} high": 0.6,
            f"{name} n": 9,
            f"{name} undefined": 0,
        }
    shown = brief(pd.DataFrame([row]))
    assert list(shown) == ["method", "plausibility", "n", "comprehensiveness", "n edited", "sufficiency"]
    assert shown["plausibility"].tolist() == ["0.50 [0.40, 0.60]"]


@pytest.mark.skipif(not SHARED.exists(), reason="the files of the rationales are not here")
def test_no_marked_sentence_is_in_training() -> None:
    found = fair_rationales(str(SHARED / "fair_rationales"), str(SHARED / "sst_ptb"))
    assert len(found.documents) + sum(item.part == "document" for item in found.left_out) == 263

    def letters(words: tuple[str, ...]) -> str:
        return "".join(filter(str.isalnum, "".join(words).lower()))

    trained_on = {letters(each.words) for split in ("train", "dev") for each in found.corpus.splits[split]}
    assert not trained_on & {letters(each.words) for each in found.documents}
    assert found.word_labels["good"] > 2 > found.word_labels["bad"]
