"""Wiegreffe & Pinter 2019, "Attention is not not Explanation": is attention needed, does it vary, does it guide, and
can a whole model imitate another with different attention?

    python analyses/wiegreffe_pinter_2019.py                                     the embedded movie snippets
    python analyses/wiegreffe_pinter_2019.py --corpus sst --path trees/          the Stanford Sentiment Treebank
    python analyses/wiegreffe_pinter_2019.py --corpus reviews.jsonl              yours

Every seed trains the base model, its rivals without learned attention, imitators, and a context-free model under
several guides: about ten minutes for a seed on one core. Intervals are over new seeds and new documents. What was
interrupted goes on where it stopped. Writes quality.csv, necessity.csv, guide.csv, seeds.csv, conclusions.csv,
imitation.csv and ladder.csv, LaTeX of necessity, guide and imitation, and figures/ with the consistency ladder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.experiments.wiegreffe_pinter.necessity import MARGIN
from attn_interp.experiments.wiegreffe_pinter.seeds import conclusions
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.studies.cell import Cell
from attn_interp.studies.retraining.consistency import answers, run_seeds

SEEDS = 5
CAPTIONS = {
    "necessity": "Classification with attention and without: mean over seeds and documents with 95 % intervals over "
    "both; differences are attention minus rival, tested against a margin (two one-sided tests).",
    "guide": "A context-free model under the attention of several guides: mean with 95 % intervals over seeds and "
    "documents; differences are guide minus uniform.",
    "imitation": "Imitators of the base model on unseen documents: divergence of attention (JSD, nats), distance of "
    "the outputs (TVD), share of decisions changed and accuracy, with 95 % intervals over seeds and documents. Lambda "
    "weighs KL(imitator || base) against the true TVD; the authors' code has half the TVD, so its lambda is half of "
    "ours.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="movies", help="name or path of a corpus (default: %(default)s)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have, as sst")
    parser.add_argument("--width", type=int, default=300, help="width of the word vectors (default: %(default)s)")
    parser.add_argument("--embeddings", help="file of pretrained word vectors of that width, as GloVe (default: none)")
    parser.add_argument("--documents", type=int, help="look at this many test documents only (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="the first; the others follow it (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, at least 2 (default: %(default)s)")
    parser.add_argument("--margin", type=float, default=MARGIN, help="least difference that counts (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/wiegreffe_pinter_2019"), help="%(default)s")
    arguments = parser.parse_args()
    cells = [
        Cell(
            corpus=arguments.corpus,
            corpus_options={} if arguments.path is None else {"path": arguments.path},
            settings=ClassifierSettings(embedding_width=arguments.width),
            seed=seed,
            embeddings=arguments.embeddings,
            documents=arguments.documents,
        )
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
    ]
    runs = run_seeds(cells, arguments.results, jobs=arguments.jobs)
    tables = {name: result.summary() for name, result in answers(runs, arguments.margin).items()}
    tables["conclusions"] = conclusions({run.cell.seed: run.conclusions() for run in runs})
    for name, table in tables.items():
        table.to_csv(arguments.results / f"{name}.csv", index=False)
        if name in CAPTIONS:
            latex_table(table, arguments.results / f"{name}.tex", caption=CAPTIONS[name], digits=3)
    for name in ("necessity", "guide", "conclusions"):
        show_table(tables[name], title=CAPTIONS.get(name, "How far the conclusions move between seeds"))
    print(f"written: {arguments.results}/*.csv, *.tex, figures/ladder.pdf and more, and a folder for each seed")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
