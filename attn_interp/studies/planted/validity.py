"""Trials of every claim on planted corpora, several seeds of them: the power of the tests themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attn_interp.experiments.result import Result
from attn_interp.experiments.validity import together, validity, verdict
from attn_interp.studies.planted.claims import CLAIMS, Claim
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes
from attn_interp.studies.run import group_steps, run_cells
from attn_interp.studies.steps import Step, key_of


def trial(seed: int, sizes: Sizes, claims: Sequence[Claim] = CLAIMS) -> Result:
    """Every claim in each of its situations, under one seed; the models are shared between claims."""
    cases = {name: Case(situation, sizes, seed) for name, situation in SITUATIONS.items()}
    rows = []
    for claim in claims:
        for truth, names in ((True, claim.true), (False, claim.false)):
            for name in names:
                about = {"claim": claim.name, "measure": claim.measure, "case": name, "truth": truth, "seed": seed}
                rows.append(verdict(about, claim.threshold, claim.measured(cases[name])))
    return validity(rows, settings_of(sizes, claims))


def settings_of(sizes: Sizes, claims: Sequence[Claim] = CLAIMS) -> dict[str, Any]:
    """Everything that decides a trial but its seed, as plain JSON values."""
    return {
        "sizes": sizes.described(),
        "situations": {name: {**vars(each), "planted": dict(each.planted)} for name, each in SITUATIONS.items()},
        "claims": [
            {
                "claim": claim.name,
                "measure": claim.measure,
                "threshold": claim.threshold,
                "true": list(claim.true),
                "false": list(claim.false),
            }
            for claim in claims
        ],
    }


@dataclass(frozen=True)
class TrialCell:
    """One seed of planted corpora: a cell of one step, whose models are made in memory."""

    seed: int
    sizes: Sizes
    claims: tuple[Claim, ...] = CLAIMS

    @property
    def labels(self) -> dict[str, str]:
        return {"corpus": "planted"}

    def folder_name(self) -> str:
        return f"trial-seed{self.seed}-{key_of(self.about())[:8]}"

    def model_name(self) -> str:
        return self.folder_name()

    def about(self) -> dict[str, Any]:
        return {"seed": self.seed, **settings_of(self.sizes, self.claims)}

    def work(self, models: Path, progress: bool) -> TrialCell:
        return self

    def prepare(self) -> None:
        """There is nothing to keep: a trial trains its models as it needs them."""

    def steps(self) -> Sequence[Step]:
        return [Step("validity", lambda: trial(self.seed, self.sizes, self.claims), drawn=False)]


def run_trials(
    seeds: Sequence[int], sizes: Sizes, results: Path, jobs: int = 1, claims: Sequence[Claim] = CLAIMS
) -> Result:
    """The verdicts of a trial for each seed, `jobs` at a time; saved with its figure in the folder of the results.

    Raises:
        ValueError: there are no seeds.
        RuntimeError: a trial failed; the others are done.
    """
    if not seeds:
        raise ValueError("validity: got no seeds; at least one trial is needed")
    cells = [TrialCell(seed, sizes, tuple(claims)) for seed in seeds]
    runs = run_cells(cells, results, jobs, progress=True)
    found = {run.cell.seed: run.results["validity"] for run in runs}
    return group_steps([Step("validity", lambda: together(found))], results)["validity"]
