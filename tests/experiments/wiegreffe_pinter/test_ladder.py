"""Seeds, imitation and the ladder: divergences by hand, the adversary at a price, gaps that are not negative."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.adversary_curve import adversary_curve
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.jain_wallace.same_shape import same_shape
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter.imitation import imitation, together
from attn_interp.experiments.wiegreffe_pinter.ladder import ADVERSARY, COLUMNS, RUNGS, Rungs, ladder
from attn_interp.experiments.wiegreffe_pinter.seeds import conclusions, per_document, seeds
from attn_interp.measures.divergence import jsd, kl, tvd
from attn_interp.models.classifiers.settings import TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.imitating import ATTENTION, FULL, Imitator, sweep
from attn_interp.models.wrap import wrap

QUICK = TrainingSettings(epochs=4, patience=4, learning_rate=0.02)
STRENGTHS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
COUNT = 40


@pytest.fixture(scope="module")
def documents(planted):
    return planted.test[:COUNT]


@pytest.fixture(scope="module")
def asked(model, documents) -> Reading:
    return read(model, documents, seed=1)


@pytest.fixture(scope="module")
def others(planted, trained):
    return {seed: wrap(fit_classifier(planted, trained.settings, QUICK, seed, progress=False)) for seed in (7, 8, 9)}


@pytest.fixture(scope="module")
def between(asked, others) -> Result:
    return seeds(asked, others)


@pytest.fixture(scope="module")
def imitators(planted, trained) -> list[Imitator]:
    return [
        each
        for free, strengths in ((ATTENTION, STRENGTHS), (FULL, (0.05,)))
        for each in sweep(trained, planted, strengths, free, QUICK, seed=1, progress=False)
    ]


@pytest.fixture(scope="module")
def imitated(asked, imitators) -> Result:
    return imitation(asked, {(each.free, each.strength): wrap(each.trained) for each in imitators})


@pytest.fixture(scope="module")
def rungs(asked, imitated, between) -> Rungs:
    curve = adversary_curve(asked, eps=(1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.99))
    shapes = [same_shape(asked, eps=eps) for eps in (0.01, 0.2)]
    return Rungs(curve, shapes, imitated, between, between)


@pytest.fixture(scope="module")
def climbed(rungs) -> Result:
    return ladder({1: rungs})


def test_divergences_are_those_of_each_document_alone(model, others, between, documents) -> None:
    for document in documents[:5]:
        own, other = (each.run(each.batch([document])) for each in (model, others[8]))
        row = between.frame.query("seed == 8 and document == @document.id").iloc[0]
        a, b = (run.weights[0].double() for run in (other, own))
        p, q = (run.logits[0].double().softmax(-1) for run in (other, own))
        expected = (float(jsd(a, b)), float(kl(a, b)), float(tvd(p, q)))
        assert (row["jsd"], row["kl"], row["tvd"]) == pytest.approx(expected, abs=1e-5)
        assert row["max_attention"] == pytest.approx(float(b.max()), abs=1e-6)


def test_a_model_does_not_differ_from_itself(model, documents) -> None:
    frame = seeds(read(model, documents), {2: model}).frame
    assert frame[["jsd", "kl", "tvd"]].to_numpy() == pytest.approx(0, abs=1e-6)
    assert not frame["decision_flip"].any()


def test_seeds_are_summed_up_over_seed_and_document(between) -> None:
    frame = per_document(between)
    assert len(frame) == COUNT
    first = between.frame[between.frame["document"] == frame["document"][0]]
    assert frame["jsd"][0] == first["jsd"].median()
    assert frame["tvd"][0] == first["tvd"].mean()
    table = between.summary().query("grouping == 'all'").set_index(["quantity", "statistic"])
    assert table.loc[("jsd", "mean"), "estimate"] == pytest.approx(between.frame["jsd"].mean())
    assert table.loc[("jsd", "median"), "estimate"] == pytest.approx(frame["jsd"].median())
    assert set(table["seeds"]) == {3}
    low, estimate, high = table.loc[("tvd", "mean"), ["low", "estimate", "high"]]
    assert low < estimate < high


def test_conclusions_move_between_seeds(model, others, documents) -> None:
    models = {1: model, **{seed: others[seed] for seed in (7, 8)}}
    readings = {seed: read(each, documents[:8]) for seed, each in models.items()}
    results = {
        seed: {
            "agreement": agreement(reading),
            "permutation": permutation(reading, draws=10),
            "adversary": adversary(reading, method="both"),
        }
        for seed, reading in readings.items()
    }
    table = conclusions(results).set_index(["experiment", "finding"])
    row = table.loc[("adversary", "eps-max JSD (nats)")]
    means = [r["adversary"].frame.query("status == 'exact'")["jsd"].mean() for r in results.values()]
    assert row["estimate"] == pytest.approx(np.mean(means))
    assert (row["least_seed"], row["most_seed"]) == pytest.approx((min(means), max(means)))
    assert row["low"] <= row["estimate"] <= row["high"]
    assert ("agreement", "tau with leave-one-out") in table.index
    assert ("permutation", "median TVD") in table.index
    assert (table["seeds"] == 3).all()
    with pytest.raises(ValueError, match="got a result of 'seeds', expected some of agreement, permutation, adversary"):
        conclusions({0: {"seeds": seeds(readings[1], {2: model})}})


def test_imitators_are_measured_on_documents_they_have_not_seen(model, imitators, imitated, documents) -> None:
    table = imitated.summary().set_index(["free", "strength", "quantity"])["estimate"]
    assert table.index.get_level_values("strength").nunique() == 6
    assert all(table[ATTENTION, strength, "jsd"] > 0.1 for strength in STRENGTHS)
    assert table[ATTENTION, 0.01, "tvd"] < table[ATTENTION, 0.5, "tvd"]
    last = wrap(imitators[-1].trained).logits(documents).argmax(-1)
    own = model.logits(documents).argmax(-1)
    assert table[FULL, 0.05, "decision_flip"] == pytest.approx(float((last != own).double().mean()))


def test_imitations_of_several_seeds_give_intervals_over_both(imitated) -> None:
    second = replace(imitated, frame=imitated.frame.assign(seed=2), settings={**imitated.settings, "seed": 2})
    one, two = imitated.summary(), together({1: imitated, 2: second}).summary()
    assert (one["seeds"] == 1).all()
    assert (two["seeds"] == 2).all()
    assert two["estimate"].to_numpy() == pytest.approx(one["estimate"].to_numpy())
    with pytest.raises(ValueError, match="seed 1 stands there twice"):
        together({1: imitated, 2: imitated})
    with pytest.raises(ValueError, match="got no results"):
        together({})


def test_at_a_price_every_document_takes_the_best_tolerance(rungs, climbed) -> None:
    curve = rungs.adversary_curve.frame
    for price in (500.0, 5.0, 0.2):
        own = climbed.frame[(climbed.frame["rung"] == ADVERSARY) & (climbed.frame["setting"] == price)]
        for row in own[:8].to_dict("records"):
            mine = curve[curve["document"] == row["document"]]
            best = max([0.0, *(mine["jsd"] - price * mine["tvd"])])
            assert row["jsd"] - price * row["tvd"] == pytest.approx(best)


def test_more_tolerance_buys_more_divergence_and_no_rung_on_the_same_states_beats_the_exact_one(climbed) -> None:
    table = climbed.summary()
    exact = table[table["rung"] == ADVERSARY].pivot_table(index="setting", columns="quantity", values="estimate")
    falling = exact.sort_index(ascending=False)
    assert falling["jsd"].is_monotonic_increasing
    assert falling["tvd"].is_monotonic_increasing
    gap = table[table["quantity"] == "gap"]
    assert set(gap["rung"]) == set(RUNGS) - {ADVERSARY, "imitator, attention and head"}
    same_states = gap[gap["rung"].isin(["same-shape adversary", "imitator, attention"])]
    assert (same_states["estimate"] > -0.01).all()
    assert ((gap["low"] <= gap["estimate"] + 1e-9) & (gap["estimate"] <= gap["high"] + 1e-9)).all()
    assert (gap["high"] > gap["low"]).mean() > 0.8


def test_the_gap_is_read_off_the_curve_at_the_same_output_distance() -> None:
    """Two documents, adversary (tvd, jsd) = (.1, .4) and (.3, .6) at two prices; a rung at (.2, .3)."""
    rows = [
        (ADVERSARY, 2.0, 0.1, 0.4),
        (ADVERSARY, 1.0, 0.3, 0.6),
        ("imitator, full", 0.1, 0.2, 0.3),
        ("other seeds", np.nan, 0.05, 0.1),
        ("uniform attention", np.nan, 0.9, 0.2),
    ]
    parts = [
        pd.DataFrame({"rung": rung, "setting": setting, "seed": 1, "document": ["a", "b"], "jsd": jsd, "tvd": tvd})
        for rung, setting, tvd, jsd in rows
    ]
    frame = pd.concat(parts, ignore_index=True).assign(status="exact")[list(COLUMNS)]
    result = Result("ladder", frame, {"seed": 0}, COLUMNS)
    found = result.summary().query("quantity == 'gap'").set_index("rung")["estimate"]
    assert found["imitator, full"] == pytest.approx(0.5 - 0.3)
    assert found["other seeds"] == pytest.approx(0.2 - 0.1)
    assert found["uniform attention"] == pytest.approx(0.6 - 0.2)


def noisy_ladder(seeds: int, rng: np.random.Generator, documents: int = 60) -> Result:
    """Two prices and an imitator whose means, over seeds and documents, have the gap .35 - .25 = .1."""
    by_seed, by_document = rng.normal(0, 0.02, seeds), rng.normal(0, 0.03, documents)
    parts = []
    for rung, setting, up, across in (
        (ADVERSARY, 2.0, 0.1, 0.3),
        (ADVERSARY, 1.0, 0.3, 0.4),
        ("imitator, full", 0.1, 0.2, 0.25),
    ):
        moved = (setting < 1) * by_seed[:, None] + by_document
        columns = {"jsd": across + moved, "tvd": up + moved / 4 + rng.normal(0, 0.01, moved.shape)}
        for seed in range(seeds):
            rows = {name: values[seed] for name, values in columns.items()}
            parts.append(pd.DataFrame({"rung": rung, "setting": setting, "seed": seed, **rows}))
            parts[-1]["document"] = [f"d{index:02d}" for index in range(documents)]
    frame = pd.concat(parts, ignore_index=True).assign(status="exact")[list(COLUMNS)]
    return Result("ladder", frame, {"seed": 0}, COLUMNS)


def test_the_interval_of_the_gap_is_as_wide_as_resampled_documents_make_it() -> None:
    rng = np.random.default_rng(8)
    result = noisy_ladder(1, rng)
    tables = [own.set_index("document")[["jsd", "tvd"]] for _, own in result.frame.groupby(["rung", "setting"])]
    low_price, high_price, rung = (table.to_numpy() for table in tables)  # at the prices 1 and 2
    resampled = []
    for _ in range(2000):
        rows = rng.integers(60, size=60)
        (far, near), own = (each[rows].mean(0) for each in (low_price, high_price)), rung[rows].mean(0)
        resampled.append(np.interp(own[1], [0, near[1], far[1]], [0, near[0], far[0]]) - own[0])
    row = result.summary().query("quantity == 'gap'").iloc[0]
    assert row["high"] - row["low"] == pytest.approx(2 * 2.0 * np.std(resampled), rel=0.08)


def test_intervals_over_three_seeds_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(9)
    tables = [noisy_ladder(3, rng).summary().set_index(["rung", "quantity"]) for _ in range(60)]
    for quantity, truth in (("gap", 0.1), ("jsd", 0.25)):
        rows = [table.loc[("imitator, full", quantity)] for table in tables]
        assert np.mean([row["low"] <= truth <= row["high"] for row in rows]) > 0.95 - 3 * (0.05 * 0.95 / 60) ** 0.5


def test_intervals_over_few_seeds_end_where_the_quantities_do(imitated) -> None:
    other = imitated.frame.assign(seed=2, tvd=imitated.frame["tvd"] / 100, jsd=np.log(2), correct=True)
    both = together({1: imitated, 2: replace(imitated, frame=other, settings={**imitated.settings, "seed": 2})})
    table = both.summary()
    assert (table["low"] >= 0).all() and (table["low"] == 0).any()
    assert (table["high"] <= table["quantity"].map({"jsd": np.log(2)}).fillna(1)).all()


def test_every_rung_says_what_it_claims(climbed, rungs) -> None:
    status = climbed.summary().groupby("rung")["status"].agg(set)
    assert status[ADVERSARY] == {"exact"}
    proved = {each for result in rungs.same_shape for each in result.frame["status"]}
    assert status["same-shape adversary"] == ({"certified"} if "certified" in proved else {"exact"})
    assert status["imitator, full"] == {"search"}
    assert status["other seeds"] == status["uniform attention"] == {"measured"}


def test_intervals_end_where_the_quantities_do(climbed) -> None:
    table = climbed.summary()
    assert (table["low"][table["quantity"] != "gap"] >= 0).all()
    assert (table["high"] <= table["quantity"].map({"jsd": np.log(2), "tvd": 1.0, "gap": np.log(2)})).all()


def test_wrong_input_is_named(model, documents, asked, rungs, imitated) -> None:
    with pytest.raises(ValueError, match=r"the base has seed 0, the others \[\]"):
        seeds(read(model, documents), {})
    with pytest.raises(ValueError, match=r"the base has seed 7, the others \[7\]"):
        seeds(read(model, documents, seed=7), {7: model})
    with pytest.raises(ValueError, match="the base model has classes"):
        seeds(asked, {7: replace(model, classes=("x", "y"))})
    with pytest.raises(ValueError, match="no imitators were given"):
        imitation(asked, {})
    with pytest.raises(TypeError, match="got a Trained, whose attention cannot be compared"):
        seeds(asked, {7: model.trained})
    with pytest.raises(ValueError, match="no runs were given"):
        ladder({})
    with pytest.raises(ValueError, match="prices must be above 0"):
        ladder({1: rungs}, prices=(0.0,))
    fewer = replace(imitated, frame=imitated.frame[imitated.frame["document"] != documents[0].id])
    with pytest.raises(ValueError, match=r"'imitator, attention' at 0\.01 has 39 rows, expected 40"):
        ladder({1: replace(rungs, imitation=fewer)})
