"""A trained classifier as a folder: weights (safetensors), vocabulary and settings (JSON), each with its checksum."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier, build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Epoch, Trained

FORMAT_VERSION = 1
SETTINGS, VOCABULARY, WEIGHTS = "settings.json", "vocabulary.json", "weights.safetensors"
FILES = {SETTINGS, VOCABULARY, WEIGHTS}
REMEDY = "copy the whole folder anew, or train again"


def save_checkpoint(trained: Trained, folder: Path | str) -> None:
    """Write the classifier to `folder`: under a temporary name beside it, then moved into place whole.

    A checkpoint that stands there is replaced.

    Raises:
        FileExistsError: the folder holds something other than a checkpoint, or is a file.
    """
    folder = Path(folder)
    _require_free(folder)
    weights = save({name: tensor.detach().cpu().contiguous() for name, tensor in trained.module.state_dict().items()})
    vocabulary = json.dumps(trained.vocabulary.words).encode()
    facts = {
        "settings": asdict(trained.settings),
        "training": asdict(trained.training),
        "classes": trained.classes,
        "seed": trained.seed,
        "history": [asdict(epoch) for epoch in trained.history],
        "best_epoch": trained.best_epoch,
    }
    checksums = {WEIGHTS: _sha256(weights), VOCABULARY: _sha256(vocabulary), "facts": _sha256(_canonical(facts))}
    settings = json.dumps({"format": FORMAT_VERSION, "facts": facts, "checksums": checksums}, indent=2).encode()

    temporary, former = (folder.with_name(f".{folder.name}.{uuid.uuid4().hex}") for _ in range(2))
    try:
        temporary.mkdir(parents=True)
        for name, content in ((WEIGHTS, weights), (VOCABULARY, vocabulary), (SETTINGS, settings)):
            (temporary / name).write_bytes(content)
        if folder.exists():  # a folder that holds something cannot be moved onto
            folder.rename(former)
        temporary.rename(folder)
    finally:
        if former.exists() and not folder.exists():
            former.rename(folder)
        for leftover in (temporary, former):
            shutil.rmtree(leftover, ignore_errors=True)


def load_checkpoint(folder: Path | str, device: torch.device | str = "cpu") -> Trained:
    """The classifier that `save_checkpoint` wrote, in evaluation mode on `device`; its weights are equal bit for bit.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: naming the file: it is damaged, of another format version, or weights and settings do not fit.
    """
    folder = Path(folder)
    content = _read_settings(folder)
    files = {name: _read_whole(folder, name, content["checksums"]) for name in (WEIGHTS, VOCABULARY)}
    facts = content["facts"]
    try:
        settings = ClassifierSettings(**{**facts["settings"], "kernels": tuple(facts["settings"]["kernels"])})
        training = TrainingSettings(**facts["training"])
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"{folder / SETTINGS}: these are no settings of this version of attn_interp: {error}"
        ) from error
    vocabulary = Vocabulary(tuple(json.loads(files[VOCABULARY])))
    module = _rebuild(folder, settings, vocabulary, len(facts["classes"]), load(files[WEIGHTS]))
    if _sha256(_canonical(facts)) != content["checksums"]["facts"]:
        raise ValueError(f"{folder / SETTINGS}: was changed after it was written; {REMEDY}")
    return Trained(
        module=module.to(device).eval(),
        settings=settings,
        training=training,
        vocabulary=vocabulary,
        classes=tuple(facts["classes"]),
        seed=facts["seed"],
        history=tuple(Epoch(**row) for row in facts["history"]),
        best_epoch=facts["best_epoch"],
    )


def _require_free(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileExistsError(f"{folder}: is a file; name a folder for the checkpoint")
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        raise FileExistsError(f"{folder}: holds {others[0]!r}, so it is no checkpoint to replace; name another folder")


def _read_settings(folder: Path) -> dict[str, Any]:
    """The content of settings.json: format version, facts and checksums."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; expected a checkpoint written by save_checkpoint")
    try:
        content = json.loads(_read(folder, SETTINGS))
    except ValueError as error:
        raise ValueError(f"{folder / SETTINGS}: is damaged, it is not JSON ({error}); {REMEDY}") from error
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{folder / SETTINGS}: has format version {version!r}, this version of attn_interp reads {FORMAT_VERSION}"
        )
    if not content.keys() >= {"facts", "checksums"} or not content["checksums"].keys() >= {
        WEIGHTS,
        VOCABULARY,
        "facts",
    }:
        raise ValueError(f"{folder / SETTINGS}: is damaged, facts or checksums are missing; {REMEDY}")
    return content


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: is missing from the checkpoint; {REMEDY}")
    return path.read_bytes()


def _read_whole(folder: Path, name: str, checksums: Mapping[str, str]) -> bytes:
    """The bytes of a file, checked against the checksum in settings.json."""
    content = _read(folder, name)
    if _sha256(content) != checksums[name]:
        raise ValueError(
            f"{folder / name}: is damaged or of another checkpoint, its SHA-256 differs from the one in {SETTINGS}; "
            f"{REMEDY}"
        )
    return content


def _rebuild(
    folder: Path,
    settings: ClassifierSettings,
    vocabulary: Vocabulary,
    class_count: int,
    weights: dict[str, torch.Tensor],
) -> Classifier:
    """The classifier of these settings with these weights; every shape must be the one the settings ask for."""
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced anyway
        module = build_classifier(settings, vocabulary, class_count)
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"{folder}: weights are of another configuration than {SETTINGS}: {name} has shape "
                f"{found.get(name, 'none, it is missing')}, the settings ask for {expected.get(name, 'no such weight')}"
            )
    module = module.to_empty(device="cpu")
    module.load_state_dict(weights)
    return module


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
