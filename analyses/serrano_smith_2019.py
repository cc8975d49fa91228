"""Serrano & Smith 2019, "Is Attention Interpretable?": erase attention weights and see whether the decision moves.

    python analyses/serrano_smith_2019.py                                      the embedded corpus, two and five classes
    python analyses/serrano_smith_2019.py --corpus sst-fine --path trees/      the Stanford Sentiment Treebank
    python analyses/serrano_smith_2019.py --corpus reviews.jsonl               yours

Each corpus is given a flat attention network and a hierarchical one (sentences of words). Both of its attention layers
are tested: the one over sentences exactly; the one over words, on documents of one sentence, by running the model.
Writes single.csv and sets.csv with their LaTeX beside the folders of the models.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.erasure_tables import readable, sets_table, single_table
from attn_interp.studies.cell import Cell
from attn_interp.studies.run import run_cells

CORPORA = ("movies", "movies-fine")
EXPERIMENTS = ("quality", "single_erasure", "erasure")
NETWORKS = (("lstm", None), ("hierarchical", None), ("hierarchical", "word_attention"))
SINGLE_CAPTION = (
    "Erasing the weight of the most attended word or sentence or of another: share of documents by which erasure "
    "changes the decision, expected over every other one, with 95 % bootstrap intervals over documents. Undefined: "
    "documents of one word or sentence. Hierarchical: over sentences, and over words (word_attention) in documents of "
    "one sentence."
)
SETS_CAPTION = (
    "Fraction of the words or sentences erased, in several orders, until the decision changes (never: 1): mean, paired "
    "difference to the order of attention, regret against the smallest set, and share of decisions never changed; 95 % "
    "bootstrap intervals over documents. Undefined: documents of one word or sentence, which has nothing to erase."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", default=CORPORA, help="names or paths (default: movies movies-fine)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have, as sst-fine")
    parser.add_argument("--embeddings", help="pretrained word vectors; none: learned from the corpus")
    parser.add_argument("--width", type=int, default=300, help="width of the word vectors (default: %(default)s)")
    parser.add_argument("--documents", type=int, help="look at this many test documents only (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of training and everything drawn (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="models at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/serrano_smith_2019"), help="default: %(default)s")
    arguments = parser.parse_args()
    cells = [
        Cell(
            corpus=corpus,
            corpus_options={} if arguments.path is None else {"path": arguments.path},
            settings=ClassifierSettings(encoder=encoder, embedding_width=arguments.width),
            seed=arguments.seed,
            embeddings=arguments.embeddings,
            site=site,
            documents=arguments.documents,
        )
        for corpus in arguments.corpus
        for encoder, site in NETWORKS
    ]
    runs = run_cells(cells, arguments.results, jobs=arguments.jobs, experiments=EXPERIMENTS)
    single = single_table((run.labels, run.results["single_erasure"]) for run in runs)
    sets = sets_table((run.labels, run.results["erasure"]) for run in runs)
    for name, table, caption in (("single", single, SINGLE_CAPTION), ("sets", sets, SETS_CAPTION)):
        table.to_csv(arguments.results / f"{name}.csv", index=False)
        latex_table(readable(table), arguments.results / f"{name}.tex", caption=caption)
        show_table(readable(table), title=caption)
    print(f"written: {arguments.results}/single.csv, sets.csv, their .tex, and a folder with figures per model")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
