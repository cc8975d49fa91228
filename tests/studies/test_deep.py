"""The model of a deep study: fine-tuned once, read from its folder afterwards; and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.fine_tuning import FineTuned, FineTuningSettings, save_fine_tuned
from attn_interp.models.wrap import wrap
from attn_interp.report.run_directory import settle
from attn_interp.studies.deep import DeepCell, DeepStudy, classifier, trained_uniform


@pytest.fixture(scope="module")
def small(planted):
    return replace(planted, splits={"train": planted.train[:16], "dev": planted.dev[:8], "test": planted.test[:8]})


@pytest.fixture
def saved(bert, tmp_path):
    place = tmp_path / "bert"
    save_fine_tuned(bert, FineTuned(FineTuningSettings(), 0, (), 1, {}), place)
    return place


def test_a_named_classifier_stays_as_it_is(bert, small, saved, tmp_path) -> None:
    model = classifier(DeepStudy(model=str(saved)), small, tmp_path / "study")
    assert torch.equal(model.logits(small.test), bert.logits(small.test))
    assert model.classes == small.classes and not (tmp_path / "study").exists()


def test_it_is_fine_tuned_once(bert, small, saved, tmp_path) -> None:
    study = DeepStudy(model=str(saved), fine_tuned=FineTuningSettings(epochs=1, learning_rate=1e-3))
    first = classifier(study, small, tmp_path / "study").logits(small.test)
    made = (tmp_path / "study" / "model.safetensors").stat().st_mtime_ns
    again = classifier(study, small, tmp_path / "study").logits(small.test)
    assert torch.equal(first, again) and not torch.equal(first, bert.logits(small.test))
    assert (tmp_path / "study" / "model.safetensors").stat().st_mtime_ns == made


def test_a_layer_that_is_uniform_in_training_learns_no_queries_and_keys(small) -> None:
    """Their gradients are 0, so that without weight decay they stay as they are; with no layer uniform they move."""
    settings = ClassifierSettings(encoder="transformer", pooling="mean", embedding_width=8, hidden=8, encoder_heads=2)
    model = wrap(fit_classifier(small, settings, TrainingSettings(epochs=1), progress=False))
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    copies = trained_uniform(model, small, FineTuningSettings(1, 8, 1e-2, weight_decay=0.0), seed=0)
    assert list(copies) == ["none", "layer 0", "layer 1", "all layers"]
    for choice, of_choice in copies.items():
        assert not of_choice.module.training
        after = of_choice.module.state_dict()
        for layer in range(2):
            name = f"encoder.layers.{layer}.attention.read.weight"
            queries_and_keys, values = (slice(0, 16), slice(16, 24))
            fixed = choice in (f"layer {layer}", "all layers")
            assert torch.equal(after[name][queries_and_keys], before[name][queries_and_keys]) == fixed
            assert not torch.equal(after[name][values], before[name][values])
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())


def test_other_classes_and_other_settings_in_a_folder_are_refused(small, saved, tmp_path) -> None:
    three = replace(small, classes=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"bert: has classes .* has a, b, c; fine-tune it"):
        classifier(DeepStudy(model=str(saved)), three, tmp_path)
    cell = DeepCell(DeepStudy(documents=7), small)
    other = replace(cell, study=replace(cell.study, seed=1))
    settle(tmp_path / "study", {**cell.about(), "steps": {}})
    settle(tmp_path / "study", {**cell.about(), "steps": {}})
    with pytest.raises(ValueError, match="the folder holds results of other settings; name another one with --results"):
        settle(tmp_path / "study", {**other.about(), "steps": {}})
    assert cell.folder_name() != other.folder_name()
