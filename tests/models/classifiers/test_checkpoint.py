"""A checkpoint gives back exactly what was saved, or says what is wrong with it."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from attn_interp.data.corpora.planted import load_planted
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier

CORPUS = load_planted(60, most_length=7)


@pytest.fixture(scope="module")
def trained() -> Trained:
    settings = ClassifierSettings(encoder="cnn", embedding_width=6, hidden=8, kernels=(1, 3))
    return fit_classifier(CORPUS, settings, TrainingSettings(epochs=2), seed=15, progress=False)


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    save_checkpoint(trained, tmp_path / "runs" / "model")
    return tmp_path / "runs" / "model"


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((folder / "settings.json").read_text())
    change(content)
    (folder / "settings.json").write_text(json.dumps(content))


def test_the_round_trip_is_exact(trained: Trained, folder: Path) -> None:
    state, loaded = torch.get_rng_state(), load_checkpoint(folder)
    assert torch.equal(torch.get_rng_state(), state)
    for name in ("settings", "training", "vocabulary", "classes", "seed", "history", "best_epoch"):
        assert getattr(loaded, name) == getattr(trained, name)
    assert not loaded.module.training
    assert all(parameter.requires_grad for parameter in loaded.module.parameters())
    for name, value in trained.module.state_dict().items():
        assert torch.equal(loaded.module.state_dict()[name], value)
    assert torch.equal(loaded.logits(CORPUS.test), trained.logits(CORPUS.test))


@pytest.mark.parametrize("settings", [ClassifierSettings(), ClassifierSettings(pooling="last", bidirectional=False)])
def test_every_kind_of_encoder_comes_back(settings: ClassifierSettings, tmp_path: Path) -> None:
    model = fit_classifier(CORPUS.first(20), settings, TrainingSettings(epochs=1), progress=False)
    save_checkpoint(model, tmp_path / "model")
    assert torch.equal(load_checkpoint(tmp_path / "model").logits(CORPUS.test), model.logits(CORPUS.test))


def test_only_the_checkpoint_is_left_and_an_old_one_is_replaced(trained: Trained, folder: Path) -> None:
    save_checkpoint(trained, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert sorted(path.name for path in folder.iterdir()) == ["settings.json", "vocabulary.json", "weights.safetensors"]


def test_a_save_that_fails_leaves_the_old_checkpoint(
    trained: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target == folder and "settings.json" in {path.name for path in self.iterdir()} and not fail_once:
            fail_once.append(True)
            raise OSError("no space left")
        return rename(self, target)

    fail_once: list[bool] = []
    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(trained, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert load_checkpoint(folder).seed == 15


def test_other_things_are_not_replaced(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"holds 'thesis.tex', so it is no checkpoint to replace"):
        save_checkpoint(trained, tmp_path)
    with pytest.raises(FileExistsError, match="is a file"):
        save_checkpoint(trained, tmp_path / "thesis.tex")


def test_a_missing_folder_or_file_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_checkpoint(folder / "nowhere")
    for name in ("vocabulary.json", "weights.safetensors", "settings.json"):
        (folder / name).unlink()
        with pytest.raises(FileNotFoundError, match=f"{re.escape(name)}: is missing from the checkpoint"):
            load_checkpoint(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary.json"])
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (whole[:-1], bytes(flipped), b""):
        (folder / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{re.escape(name)}: is damaged or of another checkpoint"):
            load_checkpoint(folder)


def test_damaged_settings_are_named(folder: Path) -> None:
    whole = (folder / "settings.json").read_bytes()
    for damaged, message in (
        (whole[:-20], "settings.json: is not JSON"),
        (b"\xff\xfe\xfa", "settings.json: is not JSON"),
        (b'{"format": 1}', "settings.json: 'facts' is missing"),
        (b"[]", "settings.json: has format version None"),
    ):
        (folder / "settings.json").write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            load_checkpoint(folder)


FACTS = {
    "seed": ({"seed": 2.0}, "at facts.seed: got 2.0, expected a whole number"),
    "classes": ({"classes": ["a", "a"]}, "classes: got a, a, expected two or more that differ"),
    "one class": ({"classes": ["a"]}, "classes: got a, expected two or more that differ"),
    "names": ({"classes": [0, 1]}, "at facts.classes.0: got 0, expected a text"),
    "best": ({"best_epoch": 9}, "best_epoch: got 9, expected one of 2"),
    "history": ({"history": [3]}, "at facts.history.0: got 3, expected an object"),
}
SETTINGS = {
    "hidden": (True, "at facts.settings.hidden: got True, expected a whole number"),
    "bidirectional": ("no", "at facts.settings.bidirectional: got 'no', expected true or false"),
    "dropout": (1.5, "dropout: got 1.5"),
    "embedding_width": (10**12, "embedding_width: got 1000000000000, expected at most 100,000"),
    "layers": (10**9, "layers: got 1000000000, expected at most 1,000"),
    "kernels": ([1, 10**9 + 1], "kernels: got 1000000001, expected at most 100,000"),
}


@pytest.mark.parametrize("name", [*FACTS, *SETTINGS])
def test_facts_are_held_to_a_schema(folder: Path, name: str) -> None:
    change, message = FACTS[name] if name in FACTS else ({}, SETTINGS[name][1])
    rewrite(folder, lambda content: content["facts"].update(change))
    if name in SETTINGS:
        rewrite(folder, lambda content: content["facts"]["settings"].update({name: SETTINGS[name][0]}))
    with pytest.raises(ValueError) as refused:
        load_checkpoint(folder)
    assert message in str(refused.value) and "settings.json: " in str(refused.value)


def with_file(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    rewrite(folder, lambda saved: saved["checksums"].update({name: hashlib.sha256(content).hexdigest()}))


def test_weights_that_are_no_numbers_or_of_another_type_are_refused(trained: Trained, folder: Path) -> None:
    weights = {name: tensor.contiguous() for name, tensor in trained.module.state_dict().items()}
    for changed in (torch.nan, torch.inf, torch.float64, torch.float16):
        named = "head.bias"
        other = weights[named].to(changed) if isinstance(changed, torch.dtype) else weights[named] * changed
        with_file(folder, "weights.safetensors", save({**weights, named: other.contiguous()}))
        with pytest.raises(
            ValueError, match=r"weights\.safetensors: head\.bias holds torch\.float.*, expected finite float32"
        ):
            load_checkpoint(folder)
    with_file(folder, "weights.safetensors", b"no weights")
    with pytest.raises(ValueError, match="vocabulary or weights are damaged"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "vocabulary: the first words must be"),
        (["<pad>", "<unk>", "<s>", "</s>", "a", "a"], "vocabulary: words repeat"),
        (["<pad>", 3], "at 1: got 3, expected a text"),
        ({}, "got {}, expected a list"),
        (["<pad>", "<unk>", "<s>", "</s>", "a"], "embedding.weight has shape"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(folder: Path, words: object, message: str) -> None:
    with_file(folder, "vocabulary.json", json.dumps(words).encode())
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        load_checkpoint(folder)
    assert str(folder) in str(refused.value)


def test_another_format_version_is_refused(folder: Path) -> None:
    rewrite(folder, lambda content: content.update(format=2))
    with pytest.raises(ValueError, match="has format version 2, this version of attn_interp reads 1"):
        load_checkpoint(folder)


def test_another_configuration_is_refused_with_the_shape(folder: Path) -> None:
    rewrite(folder, lambda content: content["facts"]["settings"].update(embedding_width=5))
    message = r"embedding.weight has shape \(\d+, 6\), the settings ask for \(\d+, 5\)"
    with pytest.raises(ValueError, match=message):
        load_checkpoint(folder)
    rewrite(folder, lambda content: content["facts"]["settings"].update(embedding_width=6, encoder="average"))
    with pytest.raises(
        ValueError, match=r"encoder.convolutions.0.bias has shape \(4,\), the settings ask for no such weight"
    ):
        load_checkpoint(folder)


def test_settings_changed_afterwards_are_refused(folder: Path) -> None:
    rewrite(folder, lambda content: content["facts"].update(seed=16))
    with pytest.raises(ValueError, match=r"settings.json: was changed after it was written"):
        load_checkpoint(folder)
    rewrite(folder, lambda content: content["facts"]["settings"].update(colour="blue"))
    with pytest.raises(ValueError, match=r"settings.json: at facts.settings: 'colour' is unknown; .*of this version"):
        load_checkpoint(folder)
