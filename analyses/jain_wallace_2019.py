"""Jain & Wallace 2019, "Attention is not Explanation", on one corpus: six models, three experiments, one table.

    python analyses/jain_wallace_2019.py                                     the embedded movie snippets
    python analyses/jain_wallace_2019.py --corpus sst --path trees/          the paper's own corpus
    python analyses/jain_wallace_2019.py --corpus reviews.jsonl              yours
    python analyses/jain_wallace_2019.py --encoders lstm,lstmn               other encoders than theirs, as the LSTMN

Writes table.csv (every number), table.tex (laid out like the paper's table 2) and overview.csv beside the folders of
the models. The paper's dot product is divided by the root of the width; here it is called scaled_dot.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from attn_interp.report.overview import overview

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.agreement_table import agreement_table, paper_layout
from attn_interp.studies.cell import Cell
from attn_interp.studies.run import run_cells

ENCODERS = ("lstm", "cnn", "average")
ATTENTIONS = ("additive", "scaled_dot")
CAPTION = (
    "Kendall's tau of attention with gradients (attention held constant) and with leave-one-out, over the test "
    "documents by predicted class: mean ± standard deviation [95 % bootstrap interval of the mean] (share of documents "
    "with p <= .05). Published figures: Jain & Wallace 2019, table 2, from the authors' repository."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="movies", help="name or path of a corpus (default: %(default)s)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have, as sst")
    parser.add_argument("--embeddings", help="pretrained word vectors; none: learned from the corpus")
    parser.add_argument("--width", type=int, default=300, help="width of the word vectors (default: %(default)s)")
    parser.add_argument("--encoders", default=",".join(ENCODERS), help="with commas between (default: %(default)s)")
    parser.add_argument("--documents", type=int, help="look at this many test documents only (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of training and everything drawn (default: %(default)s)")
    parser.add_argument("--search", action="store_true", help="also run the paper's search for the adversary")
    parser.add_argument("--jobs", type=int, default=2, help="models at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/jain_wallace_2019"), help="default: %(default)s")
    arguments = parser.parse_args()
    cells = [
        Cell(
            corpus=arguments.corpus,
            corpus_options={} if arguments.path is None else {"path": arguments.path},
            settings=ClassifierSettings(encoder=encoder, attention=attention, embedding_width=arguments.width),
            seed=arguments.seed,
            embeddings=arguments.embeddings,
            documents=arguments.documents,
            search=arguments.search,
        )
        for attention in ATTENTIONS
        for encoder in arguments.encoders.split(",")
    ]
    runs = run_cells(cells, arguments.results, jobs=arguments.jobs)
    table = agreement_table((run.labels, run.results["agreement"]) for run in runs)
    answers = pd.concat([overview(run.results).assign(**run.labels) for run in runs], ignore_index=True)
    table.to_csv(arguments.results / "table.csv", index=False)
    answers.to_csv(arguments.results / "overview.csv", index=False)
    shown = paper_layout(table)
    latex_table(shown, arguments.results / "table.tex", caption=CAPTION)
    show_table(shown, title=f"tau of attention on {runs[0].corpus}")
    print(f"written: {arguments.results}/table.csv, table.tex, overview.csv and a folder per model")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
