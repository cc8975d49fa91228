"""What repeats the numbers of a report: the settings that all models share, those that differ, and the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from attn_interp.models.classifiers.settings import STEPS, ClassifierSettings, TrainingSettings
from attn_interp.report.folder import Run

BOOKKEEPING = ("format", "labels", "seed", "steps")


def shared_settings(runs: Sequence[Run]) -> pd.DataFrame:
    """Columns setting and value: those that are equal in every run that has settings."""
    flat = [_flat(run.settings) for run in runs if run.settings]
    if not flat:
        return pd.DataFrame(columns=["setting", "value"])
    common = {name: value for name, value in flat[0].items() if all(each.get(name) == value for each in flat)}
    return pd.DataFrame({"setting": list(common), "value": [_text(value) for value in common.values()]})


def differing_settings(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per setting that differs between the runs, one column per run."""
    flat = {run.name: _flat(run.settings) for run in runs if run.settings}
    names = list(dict.fromkeys(name for each in flat.values() for name in each))
    differing = [name for name in names if len({_text(each.get(name)) for each in flat.values()}) > 1]
    columns = {run: [_text(each.get(name)) for name in differing] for run, each in flat.items()}
    return pd.DataFrame({"setting": differing, **columns})


def result_settings(run: Run) -> pd.DataFrame:
    """One row per result of the run: experiment and its settings as JSON."""
    rows = [(each.experiment, json.dumps(dict(each.result.settings), ensure_ascii=False)) for each in run.found]
    return pd.DataFrame(rows, columns=["experiment", "settings"])


def command(run: Run) -> str:
    """The `attn-interp study` that makes the run anew; "" where its options cannot say all of its settings."""
    cell = run.settings.get("cell")
    if not cell:
        return ""
    own, trained = cell["settings"], cell["training"]
    length = {"steps": STEPS} if trained.get("steps") == STEPS else {"epochs": trained["epochs"]}
    named = {"encoder": own["encoder"], "attention": own["attention"], "embedding_width": own["embedding_width"]}
    plain = _are_plain(own, ClassifierSettings(**named)) and _are_plain(trained, TrainingSettings(**length))
    if not plain or cell["draws"] != 100 or cell["site"] is not None:
        return ""
    parts = ["attn-interp", "study", "--corpus", cell["corpus"]]
    for name, value in cell["corpus_options"].items():
        parts += ["--option", f"{name}={','.join(value) if isinstance(value, list) else value}"]
    parts += ["--encoder", own["encoder"], "--attention", own["attention"], "--width", str(own["embedding_width"])]
    parts += ["--seed", str(cell["seed"]), "--eps", str(cell["eps"])]
    parts += ["--epochs", str(trained["epochs"])] if "epochs" in length else []
    for option in ("documents", "embeddings"):
        parts += [f"--{option}", str(cell[option])] if cell[option] is not None else []
    return shlex.join([*parts, "--search"] if cell["search"] else parts)


def _are_plain(saved: Mapping[str, Any], plain: ClassifierSettings | TrainingSettings) -> bool:
    """Whether all settings are those that the command has; what was not yet a setting was as it is without it."""
    known = json.loads(json.dumps(asdict(plain)))
    return all(name in known and known[name] == value for name, value in saved.items())


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings as one level, "training.epochs", without what only names and orders the results."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if not above and name in BOOKKEEPING:
            continue
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) and value else {f"{above}{name}": value}
    return flat


def _text(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
