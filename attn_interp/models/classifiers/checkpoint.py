"""A trained classifier as a folder: weights (safetensors), vocabulary and settings (JSON), each with its checksum."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load, save

from attn_interp.data.formats.schema import checked, parse_json
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.data.whole_files import room_for
from attn_interp.models.classifiers.classifier import Classifier, build_classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Epoch, Trained

FORMAT_VERSION = 1
SETTINGS, VOCABULARY, WEIGHTS = "settings.json", "vocabulary.json", "weights.safetensors"
FILES = {SETTINGS, VOCABULARY, WEIGHTS}
REMEDY = "copy the whole folder anew, or train again"


@dataclass(frozen=True)
class Facts:
    """What settings.json says of a classifier; the attributes of `Trained` that are no tensors."""

    settings: ClassifierSettings
    training: TrainingSettings
    classes: tuple[str, ...]
    seed: int
    history: tuple[Epoch, ...]
    best_epoch: int

    def __post_init__(self) -> None:
        if len(set(self.classes)) < max(len(self.classes), 2):
            raise ValueError(f"classes: got {', '.join(self.classes)}, expected two or more that differ")
        if not 1 <= self.best_epoch <= len(self.history):
            raise ValueError(f"best_epoch: got {self.best_epoch}, expected one of {len(self.history)}")


FACTS = tuple(each.name for each in fields(Facts))


@dataclass(frozen=True)
class Checksums:
    """SHA-256 of the other files and of the facts."""

    weights: Annotated[str, Field(alias=WEIGHTS)]
    vocabulary: Annotated[str, Field(alias=VOCABULARY)]
    facts: str


@dataclass(frozen=True)
class Saved:
    """The content of settings.json."""

    format: int
    facts: Facts
    checksums: Checksums


def save_checkpoint(trained: Trained, folder: Path | str) -> None:
    """Write the classifier to `folder`: under a temporary name beside it, then moved into place whole.

    A checkpoint that stands there is replaced.

    Raises:
        FileExistsError: the folder holds something other than a checkpoint, or is a file.
        OSError: the disk is full; what stood there stays.
    """
    folder = Path(folder)
    _require_free(folder)
    weights = save({name: tensor.detach().cpu().contiguous() for name, tensor in trained.module.state_dict().items()})
    vocabulary = json.dumps(trained.vocabulary.words).encode()
    facts = asdict(Facts(**{name: getattr(trained, name) for name in FACTS}))
    checksums = {WEIGHTS: _sha256(weights), VOCABULARY: _sha256(vocabulary), "facts": _sha256(_canonical(facts))}
    settings = json.dumps({"format": FORMAT_VERSION, "facts": facts, "checksums": checksums}, indent=2).encode()

    temporary, former = (folder.with_name(f".{folder.name}.{uuid.uuid4().hex}") for _ in range(2))
    with room_for(folder):
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
    facts, files, unchanged = _read_whole(folder)
    place = str(folder / SETTINGS)
    named = str(folder / VOCABULARY)
    words = checked(parse_json(files[VOCABULARY], named, REMEDY), tuple[str, ...], named, REMEDY)
    if not all(map(str.strip, words)):
        raise ValueError(f"{named}: a word is empty; {REMEDY}")
    try:
        vocabulary, weights = Vocabulary(words), load(files[WEIGHTS])
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"{folder}: vocabulary or weights are damaged: {error}; {REMEDY}") from error
    module = _rebuild(folder, facts.settings, vocabulary, len(facts.classes), weights)
    if not unchanged:
        raise ValueError(f"{place}: was changed after it was written; {REMEDY}")
    return Trained(module.to(device).eval(), vocabulary=vocabulary, **{name: getattr(facts, name) for name in FACTS})


def check_checkpoint(folder: Path) -> None:
    """Refuse a checkpoint of which a file is missing or damaged, as `load_checkpoint` does, without building it."""
    _read_whole(folder)


def _require_free(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileExistsError(f"{folder}: is a file; name a folder for the checkpoint")
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        raise FileExistsError(f"{folder}: holds {others[0]!r}, so it is no checkpoint to replace; name another folder")


def _read_whole(folder: Path) -> tuple[Facts, dict[str, bytes], bool]:
    """What settings.json says, the bytes of the other files, which are held against their checksums, and whether the
    settings fit theirs."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; expected a checkpoint written by save_checkpoint")
    for name in (SETTINGS, WEIGHTS, VOCABULARY):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: is missing from the checkpoint; {REMEDY}")
    path = folder / SETTINGS
    content = parse_json(path.read_bytes(), str(path), REMEDY)
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(f"{path}: has format version {version!r}, this version of attn_interp reads {FORMAT_VERSION}")
    saved = checked(content, Saved, str(path), f"these are no settings of this version of attn_interp; {REMEDY}")
    files = {name: (folder / name).read_bytes() for name in (WEIGHTS, VOCABULARY)}
    for name, found in files.items():
        if _sha256(found) != getattr(saved.checksums, name.partition(".")[0]):
            raise ValueError(
                f"{folder / name}: is damaged or of another checkpoint, its SHA-256 differs from the one in "
                f"{SETTINGS}; {REMEDY}"
            )
    return saved.facts, files, _sha256(_canonical(content["facts"])) == saved.checksums.facts


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
        if weights[name].dtype != module.state_dict()[name].dtype or not weights[name].isfinite().all():
            raise ValueError(
                f"{folder / WEIGHTS}: {name} holds {weights[name].dtype}, expected finite float32; {REMEDY}"
            )
    module = module.to_empty(device="cpu")
    module.load_state_dict(weights)
    return module


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
