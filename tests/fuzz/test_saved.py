"""Folders that the library wrote and something else changed: models, results, studies and reports."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from attn_interp.experiments.examples import examples
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import CHECKSUM_KEY, METADATA_KEY, Result, _checksum
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.saving import load_model
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.report.page import write_report
from attn_interp.report.run_directory import failures, read_settings, settle, write_failure
from attn_interp.studies.cell import Cell
from attn_interp.studies.status import plan, read_plan, states, write_plan
from tests.fuzz.hostile import changed_bytes, changed_json, put_at, same_json
from tests.fuzz.judge import Trial

SETTINGS = ClassifierSettings(encoder="average", embedding_width=4, hidden=4, dropout=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory, planted) -> Path:
    """A folder with a model, a study of one cell and its results. Nothing in it is changed: what changes is a copy."""
    place = tmp_path_factory.mktemp("made")
    trained = fit_classifier(planted.first(20), SETTINGS, TrainingSettings(epochs=1), seed=1, progress=False)
    model = wrap(trained)
    model.save(place / "model")
    cell = Cell("planted", {"documents": 60}, SETTINGS, TrainingSettings(epochs=1), documents=6, draws=4)
    study = place / "study"
    write_plan(plan([cell], ["permutation"]), study)
    (study / "lock").unlink(missing_ok=True)
    folder = study / read_plan(study)[0].cell
    reading = read(model, planted.test[:6], training=planted)
    for each in (permutation(reading, draws=4), examples(reading)):
        each.save(folder)
    settle(folder, {**cell.about(), "labels": cell.labels, "seed": 0, "model": "m", "steps": {"quality": {}}})
    write_failure(folder, "reach", "ValueError: x")
    return place


def of_models(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    """A checkpoint with bytes or values changed; in half of them the checksums are made to fit."""
    whole = {path.name: path.read_bytes() for path in (made / "model").iterdir()}
    original = load_model(made / "model")
    assert isinstance(original.trained, Trained)
    for seed in range(number):
        rng = random.Random(seed)
        files, name = dict(whole), rng.choice(sorted(whole))
        if name.endswith(".json") and rng.random() < 0.7:
            files[name] = json.dumps(changed_json(rng, json.loads(files[name]))).encode()
        else:
            files[name] = changed_bytes(rng, files[name])
        fitted = rng.random() < 0.5 and _fit(files)
        place = folder / f"model{seed}"

        def call(files: dict[str, bytes] = files, place: Path = place) -> Any:
            place.mkdir()
            for name, content in files.items():
                (place / name).write_bytes(content)
            return load_model(place)

        def says(taken: Any, files: dict[str, bytes] = files) -> bool:
            """Without fitted checksums it is the model that was saved; with them it is what the files say."""
            facts = json.loads(files["settings.json"])["facts"]
            own = taken.trained
            words = list(own.vocabulary.words) == json.loads(files["vocabulary.json"])
            held = (list(own.classes), own.seed, own.settings.hidden, own.training.learning_rate)
            told = (facts["classes"], facts["seed"], facts["settings"]["hidden"], facts["training"]["learning_rate"])
            finite = all(bool(each.isfinite().all()) for each in taken.module.state_dict().values())
            return words and held == told and finite and all(map(same_kind, held, told))

        def same(taken: Any) -> bool:
            state = original.module.state_dict()
            return all(torch.equal(each, state[name]) for name, each in taken.module.state_dict().items())

        about = f"model {seed} {name} fitted={fitted}"
        yield Trial(call, about, None, (place.name,), says if fitted else same, folder, _not_hidden)


def _fit(files: dict[str, bytes]) -> bool:
    """Makes the checksums fit the files, where settings.json can still be read."""
    try:
        content = json.loads(files["settings.json"])
        facts = json.dumps(content["facts"], sort_keys=True).encode()
        for name in ("vocabulary.json", "weights.safetensors"):
            content["checksums"][name] = hashlib.sha256(files[name]).hexdigest()
        content["checksums"]["facts"] = hashlib.sha256(facts).hexdigest()
    except (ValueError, KeyError, TypeError):
        return False
    files["settings.json"] = json.dumps(content).encode()
    return True


def same_kind(one: object, other: object) -> bool:
    return isinstance(one, bool) == isinstance(other, bool)


def _not_hidden(path: Path) -> None:
    assert not path.name.startswith("."), "a temporary file"


def of_results(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    """A saved result of which bits are flipped: what is taken is what was saved."""
    path = next(made.rglob("permutation.parquet"))
    saved, content = Result.load(path), path.read_bytes()

    def says(taken: Result) -> bool:
        same = taken.settings == saved.settings and taken.columns == saved.columns
        return taken.frame.equals(saved.frame) and same and taken.experiment == saved.experiment

    for seed in range(number):
        rng = random.Random(seed)
        changed = bytearray(content)
        if rng.random() < 0.6:
            for _ in range(rng.choice([1, 1, 3])):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        else:
            changed = bytearray(changed_bytes(rng, content))

        def call(changed: bytes = bytes(changed)) -> Result:
            (folder / "r.parquet").write_bytes(changed)
            return Result.load(folder / "r.parquet")

        yield Trial(call, f"result {seed}", None, ("r.parquet",), says)


def of_metadata(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    """A result whose own description is another, with a checksum that fits."""
    table = pq.read_table(next(made.rglob("permutation.parquet")))
    facts = dict(table.schema.metadata)
    said = json.loads(facts[METADATA_KEY])
    for seed in range(number):
        rng = random.Random(seed)
        changed = (
            json.dumps(changed_json(rng, said)).encode()
            if rng.random() < 0.8
            else changed_bytes(rng, facts[METADATA_KEY])
        )

        def call(changed: bytes = changed) -> Any:
            mine = {**facts, METADATA_KEY: changed}
            pq.write_table(table.replace_schema_metadata({**mine, CHECKSUM_KEY: _checksum(mine)}), folder / "r.parquet")
            loaded = Result.load(folder / "r.parquet")
            return loaded, loaded.statements(), loaded.verdict(), loaded.caption()

        def says(taken: Any, changed: bytes = changed) -> bool:
            told, loaded = json.loads(changed), taken[0]
            columns = {name: {key: getattr(each, key) for key in vars(each)} for name, each in loaded.columns.items()}
            plain = {name: {**said["columns"][name], **each} for name, each in told["columns"].items()}
            named = loaded.experiment == told["experiment"]
            return named and same_json(loaded.settings, told["settings"]) and columns == plain

        yield Trial(call, f"metadata {seed} {changed[:300]!r}", None, ("r.parquet", "permutation"), says)


def of_plans(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    content = json.loads((made / "study" / "study.json").read_bytes())
    for seed in range(number):
        rng = random.Random(seed)
        changed = _changed(rng, content)

        def call(changed: bytes = changed) -> Any:
            (folder / "study.json").write_bytes(changed)
            return [vars(each) for each in read_plan(folder)], states(read_plan(folder), folder)

        def says(taken: Any, changed: bytes = changed) -> bool:
            return same_json(taken[0], json.loads(changed))

        yield Trial(call, f"study.json {changed[:300]!r}", None, ("study.json",), says)


def of_failures(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    content = {"step": "reach", "error": "ValueError: x", "traceback": "t"}
    for seed in range(number):
        changed = _changed(random.Random(seed), content)

        def call(changed: bytes = changed) -> dict[str, str]:
            (folder / "reach.failed.json").write_bytes(changed)
            return failures(folder)

        def says(taken: dict[str, str], changed: bytes = changed) -> bool:
            told = json.loads(changed)
            return taken == {told["step"]: told["error"]} and isinstance(told["traceback"], str)

        yield Trial(call, f"failed.json {changed!r}", None, ("reach.failed.json",), says)


def of_run_settings(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    content = json.loads(next(made.glob("study/*/settings.json")).read_bytes())
    typed = [
        ("format",),
        ("seed",),
        ("labels", "corpus"),
        ("steps",),
        ("model",),
        ("corpus", "documents"),
        ("cell", "seed"),
    ]
    typed += [
        ("cell", "draws"),
        ("cell", "search"),
        ("cell", "settings", "encoder"),
        ("corpus", "classes"),
        ("cell", "eps"),
    ]
    for seed in range(number):
        rng = random.Random(seed)
        wrong = None
        if rng.random() < 0.5:
            path, value = rng.choice(typed), rng.choice((None, [None], [], {"a": None}, float("nan") if False else [3]))
            if (path[-1] in ("steps", "documents") and value == {}) or (path[-1] == "classes" and value == []):
                value = 3
            changed, wrong = json.dumps(put_at(content, path, value)).encode(), True
        else:
            changed = _changed(rng, content)

        def call(changed: bytes = changed) -> dict[str, Any]:
            (folder / "settings.json").write_bytes(changed)
            return read_settings(folder)

        def says(taken: dict[str, Any], changed: bytes = changed) -> bool:
            return same_json(taken, json.loads(changed))

        yield Trial(call, f"settings.json {seed}", wrong, ("settings.json",), says)


def of_reports(made: Path, folder: Path, number: int) -> Iterator[Trial]:
    """A page of a folder in which one file is damaged, cut off, empty, a folder, gone, or of something else."""
    for seed in range(number):
        rng = random.Random(seed)
        place = folder / f"study{seed}"
        files = sorted(path.relative_to(made / "study") for path in (made / "study").rglob("*") if path.is_file())
        name, how = (
            rng.choice(files),
            rng.choice(["bytes", "bytes", "bytes", "json", "empty", "folder", "gone", "more"]),
        )

        def call(place: Path = place, name: Path = name, how: str = how, rng: random.Random = rng) -> Path:
            shutil.copytree(made / "study", place)
            file, content = place / name, (place / name).read_bytes()
            if how in ("folder", "gone"):
                file.unlink()
            if how == "folder":
                file.mkdir()
            if how == "json" and name.suffix == ".json":
                file.write_text(json.dumps(changed_json(rng, json.loads(content))))
            elif how in ("bytes", "json"):
                file.write_bytes(changed_bytes(rng, content))
            elif how == "empty":
                file.write_bytes(b"")
            elif how == "more":
                extra = rng.choice(
                    ["x.parquet", "x.summary.csv", "x.failed.json", "x.left_out.txt", "x.csv", "figures/x.png"]
                )
                (file.parent / extra).parent.mkdir(exist_ok=True)
                (file.parent / extra).write_bytes(rng.choice([b"", b"\xff\xfe", b"\x00" * 9, b'{"a": ', content[:40]]))
            return write_report(place)

        def says(taken: Path) -> bool:
            return taken.read_text("utf-8").rstrip().endswith("</html>")

        yield Trial(call, f"report {seed} {name} {how}", None, (place.name,), says, place, _not_hidden)


def _changed(rng: random.Random, content: Any) -> bytes:
    if rng.random() < 0.6:
        return json.dumps(changed_json(rng, content)).encode()
    return changed_bytes(rng, json.dumps(content, indent=1).encode())


KINDS = {
    "models": (of_models, 100),
    "results": (of_results, 120),
    "metadata": (of_metadata, 80),
    "plans": (of_plans, 80),
    "failures": (of_failures, 60),
    "run settings": (of_run_settings, 80),
    "reports": (of_reports, 30),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_and_changed(kind: str, throw, made: Path, tmp_path: Path) -> None:
    trials, number = KINDS[kind]
    throw(trials(made, tmp_path, number), number)
