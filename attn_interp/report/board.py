"""The board at the top of the page: every question with its verdict, and its interval drawn on the measure's range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.record.board import Estimate, Row, board
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.result import Result
from attn_interp.report.folder import Run
from attn_interp.report.html import number, with_interval

LEFT, WIDTH = 6.0, 188.0  # of the bar inside its picture, 200 wide


def models(runs: Sequence[Run]) -> dict[str, dict[str, Result]]:
    """Name of the model -> its results; runs that differ in the seed alone are one model, pooled where that goes."""
    same: dict[Any, list[Run]] = {}
    for run in runs:
        same.setdefault(tuple(run.settings.get("labels", {"": run.name}).values()), []).append(run)
    found: dict[str, dict[str, Result]] = {}
    for group in same.values():
        seeds = {int(run.settings.get("seed", 0)): run for run in group}
        if len(seeds) == 1 or len(seeds) < len(group):
            found |= {run.name: _plain(run) for run in group}
            continue
        known = {name for run in group for name in _plain(run) if experiment_of(name).pooling}
        name = ", ".join(part for part in group[0].name.split(", ") if not part.startswith("seed "))
        pooled = {
            each: {seed: own[each] for seed, run in seeds.items() if each in (own := _plain(run))} for each in known
        }
        found[f"{name}{', ' if name else ''}{len(seeds)} seeds"] = {
            each: over_seeds(own) if len(own) > 1 else next(iter(own.values())) for each, own in pooled.items()
        }
    return found


def _plain(run: Run) -> dict[str, Result]:
    """The results that are of no variant, by the name of their experiment."""
    return {each.experiment: each.result for each in run.found if not each.variant}


def rows(found: Mapping[str, Mapping[str, Result]]) -> list[dict[str, Any]]:
    """One entry per question, in the order of the experiments, with a bar for each model."""
    told: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in names():
        for model, results in found.items():
            if name in results and not experiment_of(name).shown_apart:
                for row in board(results[name]):
                    told.setdefault((name, row.question), []).append({"model": model, **_told(row)})
    return [{"experiment": name, "question": question, "bars": bars} for (name, question), bars in told.items()]


def _told(row: Row) -> dict[str, Any]:
    text = " to ".join(with_interval(*each[:3]) for each in row.estimates)
    held = [f"{each.name} {with_interval(*each[:3])}" for each in row.held]
    threshold = "" if row.threshold is None else f"threshold {_end(row.threshold)}"
    ends = row.ends and f"range {_end(row.ends[0])} to {_end(row.ends[1])}"
    about = [f"{row.statistic}: {text}", *held, threshold, ends or "", *row.verdicts]
    return {
        "statistic": row.statistic,
        "number": text,
        "verdicts": list(row.verdicts),
        "held": held,
        "threshold": threshold,
        "n": number(row.n) + (f" ({number(row.undefined)} undefined)" if row.undefined else ""),
        "status": row.status,
        "about": "; ".join(each for each in about if each),
        "bar": None if row.ends is None else _bar(row, row.ends),
    }


def _end(value: float) -> str:
    """Three digits at most, as few as say it: "1", "0.05", "0.347"."""
    return f"{value:.3g}".replace("-", "−")


def _bar(row: Row, ends: tuple[float, float]) -> dict[str, Any]:
    """Where everything stands in the picture."""
    low, high = ends

    def place(value: float) -> float | None:
        return None if value != value else round(LEFT + WIDTH * (min(max(value, low), high) - low) / (high - low), 1)

    def placed(each: Estimate) -> dict[str, float | None]:
        return {"at": place(each.estimate), "low": place(each.low), "high": place(each.high)}

    return {
        "left": LEFT,
        "right": LEFT + WIDTH,
        "zero": place(0.0) if low < 0 < high else None,
        "estimates": [placed(each) for each in row.estimates],
        "held": [placed(each) for each in row.held],
        "threshold": None if row.threshold is None else place(row.threshold),
        "low": _end(low),
        "high": _end(high),
    }
