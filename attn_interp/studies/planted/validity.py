"""Trials of every claim on planted corpora, several seeds of them: the power of the tests themselves.

Each trial is kept where it was made; what stands on disk is not done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attn_interp.experiments.result import Result
from attn_interp.experiments.validity import together, verdict, verdicts
from attn_interp.models.progress import progress_bar
from attn_interp.models.threads import one_thread
from attn_interp.studies.planted.claims import CLAIMS, Claim
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes
from attn_interp.studies.run import draw

TRIALS = "trials"
FORMAT = 1


def trial(seed: int, sizes: Sizes, claims: Sequence[Claim] = CLAIMS) -> Result:
    """Every claim in each of its situations, under one seed; the models are shared between claims."""
    cases = {name: Case(situation, sizes, seed) for name, situation in SITUATIONS.items()}
    rows = []
    for claim in claims:
        for truth, names in ((True, claim.true), (False, claim.false)):
            for name in names:
                about = {"claim": claim.name, "measure": claim.measure, "case": name, "truth": truth, "seed": seed}
                rows.append(verdict(about, claim.threshold, claim.measured(cases[name])))
    return verdicts(rows, settings_of(sizes, claims))


def settings_of(sizes: Sizes, claims: Sequence[Claim] = CLAIMS) -> dict[str, Any]:
    """Everything that decides a trial but its seed, as plain JSON values."""
    return {
        "format": FORMAT,
        "sizes": sizes.described(),
        "situations": {
            name: {"about": each.about, "planted": dict(each.planted), "attention": each.attention}
            for name, each in SITUATIONS.items()
        },
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


def run_trials(
    seeds: Sequence[int], sizes: Sizes, results: Path, jobs: int = 1, claims: Sequence[Claim] = CLAIMS
) -> Result:
    """The verdicts of a trial for each seed, `jobs` at a time; saved with its figure in the folder of the results.

    Raises:
        ValueError: there are no seeds.
    """
    from joblib import Parallel, delayed

    key = hashlib.sha256(json.dumps(settings_of(sizes, claims), sort_keys=True).encode()).hexdigest()[:8]
    folders = [results / TRIALS / f"seed{seed}-{key}" for seed in seeds]
    calls = [delayed(_complete)(seed, sizes, folder, claims) for seed, folder in zip(seeds, folders)]
    with progress_bar("planted corpora", len(calls), True) as step:
        for _ in Parallel(n_jobs=min(jobs, len(calls) or 1), return_as="generator_unordered")(calls):
            step("")
    result = together([Result.load(folder) for folder in folders])
    result.save(results)
    (results / "figures" / "validity.csv").unlink(missing_ok=True)  # of another set of trials, perhaps
    draw(result, results / "figures")
    return result


def _complete(seed: int, sizes: Sizes, folder: Path, claims: Sequence[Claim]) -> None:
    if not (folder / "validity.parquet").exists():
        with one_thread():
            trial(seed, sizes, claims).save(folder)
