"""Every experiment of the list has its record, and what the record says of a summary is there in a real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace

import pandas as pd
import pytest

from attn_interp.experiments import EXPERIMENTS, experiment_of, module_of, names
from attn_interp.experiments.jain_wallace.adversary_curve import adversary_curve
from attn_interp.experiments.people.roar import roar
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record.experiment import SUBJECTS
from attn_interp.experiments.result import Result
from attn_interp.experiments.validity import validity, verdict
from attn_interp.experiments.wiegreffe_pinter.guide import guide
from attn_interp.experiments.wiegreffe_pinter.imitation import imitation
from attn_interp.experiments.wiegreffe_pinter.ladder import Rungs, ladder
from attn_interp.experiments.wiegreffe_pinter.necessity import necessity
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import decisions
from attn_interp.experiments.wiegreffe_pinter.seeds import seeds
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.statistics.bootstrap import Interval
from attn_interp.studies.questions import put, why_not

OF_MANY_HEADS = ("heads", "head_combination", "uniform_layers", "sink")


def removed(own: Reading) -> pd.DataFrame:
    """Attention and random removal, of which one keeps the model as it is and the other has it decide by chance."""
    decided = decisions(own.model, own.documents, 0).assign(removed=0)
    ends = [decided.assign(method=name, share=share) for name in ("attention", "random") for share in (0.0, 0.5)]
    last = [each.assign(share=1.0, correct=each.index % 2 == 0) for each in ends[::2]]
    return pd.concat([*ends, *last])


TRIAL = {"claim": "c", "measure": "m", "case": "planted", "truth": True, "seed": 0}
MADE: dict[str, Callable[..., Result]] = {
    "necessity": lambda own: necessity({"attention": {0: own.model}, "again": {0: own.model}}, own.documents),
    "seeds": lambda own: seeds(own, {7: own.model}),
    "guide": lambda own: guide({"uniform": {0: own.model}, "again": {0: own.model}}, own.documents),
    "imitation": lambda own: imitation(own, {("full", 0.1): own.model}),
    "ladder": lambda own: ladder({0: Rungs(adversary_curve(own), seeds=seeds(own, {7: own.model}))}),
    "roar": lambda own: roar(removed(own), {}),
    "validity": lambda own: validity([verdict(TRIAL, 0.1, Interval(0.3, 0.2, 0.4, 9, 0))], {}),
}
"""How those that are not asked of one reading are asked here. Recency and alignment have no statements of their own."""


@pytest.mark.parametrize("home", EXPERIMENTS)
def test_every_experiment_of_the_list_has_its_record(home: str) -> None:
    name = home.rpartition(".")[2]
    experiment = experiment_of(name)
    assert experiment.name == experiment.function.__name__ == name
    assert (
        experiment.function.__module__ == module_of("experiments", name).__name__ == f"attn_interp.experiments.{home}"
    )
    assert experiment.subject in SUBJECTS
    texts = astuple(experiment.card)
    assert len(texts) == 5 and all(text.strip() and text[-1] in ".?" for text in texts)
    assert all(rule.statement in experiment.statements for rule in experiment.rules)
    figure = module_of("figures", name)
    assert all(callable(getattr(figure, each)) for each in ("plot", "figure", "drawn", "caption"))


def test_the_list_is_one_of_different_names() -> None:
    assert len(set(names())) == len(EXPERIMENTS) == len(names())
    with pytest.raises(ValueError, match=r"experiment .agreemnt. is unknown; there are adversary, .*validity"):
        experiment_of("agreemnt")


@pytest.fixture(scope="module")
def asked(model, planted):
    """A reading that all experiments on one head apply to: with training documents, marked by two people."""
    twice = [replace(document, rationales=document.rationales * 2) for document in planted.test[:24]]
    return read(model, twice, training=planted)


@pytest.fixture(scope="module")
def in_heads(planted):
    settings = ClassifierSettings(embedding_width=10, hidden=6, dropout=0.0, heads=2)
    trained = fit_classifier(planted, settings, TrainingSettings(epochs=1), progress=False)
    return read(wrap(trained), planted.test[:8])


@pytest.mark.parametrize("name", [name for name in names() if experiment_of(name).statements])
def test_statements_tell_rows_of_a_real_summary(name: str, asked, in_heads, bert, planted, request) -> None:
    experiment = experiment_of(name)
    reading = asked
    if name in OF_MANY_HEADS:
        reading = read(bert, planted.test[:24])
    elif name == "head_reach":
        reading = in_heads
    elif name == "other_question":
        reading = request.getfixturevalue("of_pairs")
    if name in MADE:
        result = MADE[name](reading)
    else:
        assert why_not(experiment, reading) == ""
        result = put(experiment, reading, {})
    columns = set(result.summary().columns)
    for statement in experiment.statements:
        assert set(statement.where) <= columns, statement
    told = result.statements()
    assert len(told) and (told["n"] > 0).all()
    assert not told["statistic"].str.contains("[{}]", regex=True).any()
    assert set(told["status"]) <= {"measured", "sampled", "exact", "certified", "search"}
    assert bool(result.verdict()) == bool(experiment.rules)


@pytest.mark.parametrize("name", names())
def test_only_what_is_asked_of_a_reading_needs_no_example(name: str, asked) -> None:
    experiment = experiment_of(name)
    reason = why_not(experiment, asked)
    if experiment.subject in ("models", "results", "plan"):
        assert experiment.example and reason.endswith(experiment.example)
    else:
        assert not experiment.example
