"""People held against people: by hand, by reference, chance, and the published figures of YELP-HAT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from attn_interp.data.corpora.yelp_hat import load_yelp_hat
from attn_interp.data.document import Document
from attn_interp.data.rationales import annotated_documents
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.result import Result

YELP_HAT = Path(__file__).parents[4] / "shared" / "data" / "yelp_hat"
PUBLISHED_AUC = {"50": 0.744, "100": 0.714, "mixed": 0.707, "200": 0.689}
KAPPA = {"50": 0.410, "100": 0.368, "mixed": 0.345, "200": 0.319}


def document(name: str, *maps: str) -> Document:
    words = tuple(f"w{place}" for place in range(len(maps[0]))) if maps else ("a", "b")
    return Document(
        id=name, words=words, label=0, rationales=tuple(tuple(float(c == "x") for c in text) for text in maps)
    )


@pytest.fixture(scope="module")
def made() -> list[Document]:
    random = np.random.default_rng(0)
    result = []
    for number in range(37):
        words = int(random.integers(4, 15))
        maps = ["".join("x" if value else "." for value in row) for row in random.random((3, words)) < 0.4]
        result.append(document(f"d{number}", *maps[: 2 + number % 2]))
    return result


@pytest.fixture(scope="module")
def result(made) -> Result:
    return human_agreement(made)


def statistic(result: Result, judge: str, quantity: str, name: str) -> float:
    rows = result.summary().query("judge == @judge and quantity == @quantity and statistic == @name")
    return float(rows["estimate"].iloc[0])


def test_worked_by_hand() -> None:
    """Two annotators of five words: one word in common, of two and of one."""
    frame = human_agreement([document("a", "xx...", "x....")]).frame.set_index(["judge", "annotator"])
    forth = frame.loc[("another person", "1")]  # annotator 0 is held against annotator 1
    assert (forth["precision"], forth["recall"]) == (0.5, 1)
    assert forth["f1"] == pytest.approx(2 / 3)
    assert forth["auroc"] == pytest.approx((1 + 3 / 4) / 2)
    assert forth["average_precision"] == 0.5
    assert forth["iou_f1"] == 1
    assert forth["kappa"] == pytest.approx((0.8 - 0.56) / 0.44)
    back = frame.loc[("another person", "0")]
    assert (back["precision"], back["recall"], back["kappa"]) == (1, 0.5, forth["kappa"])
    assert forth["pairs_agree"] == 0.8
    assert forth["marked_share"] == pytest.approx(0.3)
    assert forth["fleiss_kappa"] == pytest.approx((0.8 - 0.58) / 0.42)


def test_every_ordered_pair_is_what_scikit_learn_says(result, made) -> None:
    by_id = {each.id: np.asarray(each.rationales) for each in made}
    rows = result.frame[result.frame["judge"] == "another person"]
    assert len(rows) == sum(n * (n - 1) for n in (len(each.rationales) for each in made))
    for row in rows.to_dict("records"):
        judge, target = (by_id[row["document"]][int(row[name])] for name in ("judge_annotator", "annotator"))
        if target.all() or not target.any():
            assert np.isnan(row["auroc"])
            assert row["reason"] in ("empty rationale", "full rationale")
            continue
        assert row["auroc"] == pytest.approx(roc_auc_score(target, judge))
        assert row["f1"] == pytest.approx(f1_score(target, judge))
        assert row["kappa"] == pytest.approx(cohen_kappa_score(target, judge))


def test_by_chance_people_agree_by_chance(result) -> None:
    """Null: the maps are drawn independently."""
    table = result.summary().query("judge == 'another person' and statistic == 'mean'").set_index("quantity")
    for quantity, chance in (("auroc", 0.5), ("kappa", 0.0)):
        row = table.loc[quantity]
        assert abs(row["estimate"] - chance) < (row["high"] - row["low"])


def test_people_who_mark_the_same_agree_entirely() -> None:
    same = human_agreement([document(f"d{n}", "x..x.", "x..x.", "x..x.") for n in range(3)])
    table = same.summary().query("statistic != 'rows'")
    assert (table["estimate"] == 1).all()


def test_documents_and_pairs_are_weighed_as_said(result) -> None:
    rows = result.frame.query("judge == 'another person'")
    by_document = rows.groupby("document")["auroc"].mean()
    assert statistic(result, "another person", "auroc", "mean") == pytest.approx(by_document.mean())
    assert statistic(result, "another person", "auroc", "mean over pairs") == pytest.approx(rows["auroc"].mean())


def test_pooled_fleiss_is_that_of_one_long_document() -> None:
    pair = [document("a", "xx...", "x...."), document("b", "..xx..x", ".xx....")]
    long = human_agreement([document("c", "xx.....xx..x", "x.....xx....")])
    pooled = statistic(human_agreement(pair), "all annotators", "fleiss_kappa", "pooled")
    assert pooled == pytest.approx(long.frame["fleiss_kappa"].iloc[0])


def test_who_cannot_be_compared_is_counted() -> None:
    documents = [document("a", "x..", ".x."), document("b", "x.."), document("c"), document("d", "...", "x..")]
    result = human_agreement(documents)
    reasons = result.frame.groupby("document")["reason"].agg(set)
    assert reasons.to_dict() == {
        "a": {""},
        "b": {"one annotator"},
        "c": {"no rationale"},
        "d": {"", "empty rationale", "judge marked no word"} - {""},
    }
    row = result.summary().query("judge == 'another person' and quantity == 'auroc' and statistic == 'mean'").iloc[0]
    assert (row["n"], row["undefined"]) == (2, 2)
    left = result.summary().query("statistic == 'rows' and judge == 'another person'").set_index("quantity")["estimate"]
    assert left["left out: one annotator"] == 1
    with pytest.raises(ValueError, match="none of the 1 documents has two annotators"):
        human_agreement(documents[1:2])


def test_saved_and_loaded_it_is_the_same(result, tmp_path) -> None:
    assert Result.load(result.save(tmp_path)).frame.equals(result.frame)


@pytest.mark.skipif(not YELP_HAT.exists(), reason="the files of YELP-HAT are not beside the checkout")
@pytest.mark.parametrize("part", sorted(PUBLISHED_AUC))
def test_yelp_hat_comes_out_as_published(part: str) -> None:
    """Sen et al. 2020: AUC of people with people, and the mean kappa of pairs, from .41 to .32."""
    result = human_agreement(annotated_documents(load_yelp_hat(YELP_HAT, part=part)))
    assert statistic(result, "another person", "auroc", "mean over pairs") == pytest.approx(
        PUBLISHED_AUC[part], abs=5e-4
    )
    assert statistic(result, "another person", "kappa", "mean over pairs") == pytest.approx(KAPPA[part], abs=5e-4)
