"""A folder of results as one self-contained HTML page: it opens from disk, asks the network for nothing, prints on A4
and fits a telephone. Its one script sorts and searches the table of documents; without it everything can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.record.rule import verdicts
from attn_interp.experiments.record.statement import stated
from attn_interp.figures.examples import SHOWN, heats
from attn_interp.figures.words.words_html import words_css, words_html
from attn_interp.report import board
from attn_interp.report.documents import documents
from attn_interp.report.folder import PAGE, Found, ResultsFolder, Run, read_folder
from attn_interp.report.html import Table, picture, picture_width, render, table, with_interval
from attn_interp.report.repeat import command, differing_settings, result_settings, shared_settings
from attn_interp.report.sentence import halves, sentence

EXAMPLES = "examples"
OPEN_ROWS = ("attention", "adversary", "leave-one-out")  # of an example; the others are folded


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Write the page of a folder of results, by default as report.html in it, and return its path.

    Raises:
        FileNotFoundError, ValueError: as `read_folder`.
    """
    page = report_page(read_folder(folder))
    path = output or folder / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, page.encode())
    return path


def report_page(results: ResultsFolder) -> str:
    """The whole page."""
    runs = [run for run in results.runs if run.found]
    told = board.models(runs)
    cards = [_card(name, runs) for name in _experiments(runs)]
    return render(
        "report.html",
        {
            "title": results.path.resolve().name,
            "css": Markup(words_css()),
            "runs": runs,
            "sentences": [(name, halves(text)) for name, results in told.items() if (text := sentence(results))],
            "board": board.rows(told),
            "corpora": _corpora(runs),
            "cards": cards,
            "quality": table(_once(_quality(runs))),
            "documents": [_documents(run) for run in runs],
            "examples": [shown for run in runs for shown in _examples(run)],
            "pictures": [_picture(path, run, path.stem) for run in results.runs for path in run.figures],
            "tables": [table(frame, name) for name, frame in results.tables.items() if len(frame)],
            "summaries": [_summary(run, found) for run in runs for found in run.found],
            "not_run": [(run.name, name, why) for run in results.runs for name, why in run.not_run.items()],
            "shared": table(shared_settings(runs)),
            "differing": table(differing_settings(runs)),
            "settings": [table(result_settings(run), run.name) for run in runs],
            "commands": [(run.name, text) for run in runs if (text := command(run))],
            "deeper": results.deeper,
        },
    )


def _experiments(runs: Sequence[Run]) -> list[str]:
    """What was asked, in the order of the experiments; examples are shown apart."""
    found = {each.experiment for run in runs for each in run.found}
    return [name for name in names() if name in found and not experiment_of(name).shown_apart]


def _corpora(runs: Sequence[Run]) -> list[str]:
    """What the models were tried on, where settings.json says so."""
    told = []
    for run in runs:
        corpus = run.settings.get("corpus")
        if isinstance(corpus, dict):  # otherwise its fingerprint alone
            sizes = ", ".join(f"{count:,} {split}" for split, count in corpus["documents"].items())
            told.append(f"{corpus['name']} ({corpus['source']}): {sizes} documents, {len(corpus['classes'])} classes")
    return list(dict.fromkeys(told))


def _card(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    experiment = experiment_of(name)
    rows, decided, pictures = [], [], []
    for run in runs:
        for found in run.found:
            if found.experiment != name:
                continue
            model = f"{run.name}, {found.variant}" if found.variant else run.name
            rows.append(stated(experiment, found.summary, found.result.settings).assign(model=model))
            decided.append({"model": model, "texts": verdicts(experiment, found.summary)})
            if found.figure is not None:
                pictures.append(_picture(found.figure, run, found.result.caption()))
    stated_rows = pd.concat(rows, ignore_index=True)
    shown = ["model", "question", "statistic", "estimate", "low", "high", "n", "undefined", "status"]
    if len(set(stated_rows["model"])) == 1:
        shown.remove("model")
    if len(set(stated_rows["question"])) == 1:
        shown.remove("question")
    return {
        "id": name,
        "card": experiment.card,
        "rows": table(_once(stated_rows[shown]), "All numbers"),
        "verdicts": decided,
        "pictures": pictures,
    }


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """The name of a model in the first of its rows only."""
    if "model" not in rows.columns:
        return rows
    return rows.assign(model=rows["model"].mask(rows["model"] == rows["model"].shift(), ""))


def _picture(path: Path, run: Run, caption: str) -> dict[str, Any]:
    return {"source": picture(path), "width": picture_width(path), "caption": caption, "model": run.name}


def _quality(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per model and predictor: the model beside its baselines."""
    rows = []
    for run in runs:
        for found in run.found:
            if found.experiment == "quality":
                shown = found.summary[found.summary["predictor"].isin(set(found.result.frame["predictor"]))]
                for predictor, own in shown.groupby("predictor", sort=False):
                    cells = {
                        row["quantity"]: with_interval(row["estimate"], row["low"], row["high"])
                        for row in own.to_dict("records")
                    }
                    rows.append({"model": run.name, "predictor": predictor, **cells, "n": int(own["n"].iloc[0])})
    return pd.DataFrame(rows)


def _documents(run: Run) -> Table:
    return table(documents([each.result for each in run.found if not each.variant]), run.name)


def _examples(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "model": run.name,
            "caption": found.result.caption(),
            "shown": SHOWN,
            "documents": [
                Markup(words_html(heat, OPEN_ROWS)) for heat in heats(found.result)
            ],  # escaped by its own template
        }
        for found in run.found
        if found.experiment == EXAMPLES
    ]


def _summary(run: Run, found: Found) -> Any:
    return table(found.summary, f"{run.name}: {found.name}")
