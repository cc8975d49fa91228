"""What does the last state of a recurrent network forget, and what does attention over all its states repair?

    python analyses/recency_bias.py                                      padding appended to the movie snippets
    python analyses/recency_bias.py --corpus reviews.jsonl               to yours
    python analyses/recency_bias.py --recurrent gru --seeds 3            fewer networks

LSTM (forget-gate bias as torch starts it, and 1 more) and GRU, in one direction and in both, pooled by the last state
(of both directions: both ends), the mean, the maximum and attention, several seeds of each, on planted documents whose
keyword stands at a known place, and with neutral words appended to real ones. Writes table.csv and table.tex (indices,
half-lives and flip rates with 95 % intervals over seeds), recency.summary.csv (every measure in every condition),
recency.parquet (every model) and figures/, and prints what attention repairs and what it does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.classifiers.settings import POOLINGS
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.recency_table import recency_layout, recency_sentence
from attn_interp.studies.recency.recency import run_recency
from attn_interp.studies.recency.recency_cell import RECURRENT, Sizes

SEEDS = 5
CAPTION = (
    "Recency of recurrent classifiers: means over n seeds, each with its own training and documents, with Student's "
    "95 % intervals. Recency index: accuracy with the keyword at .95 minus that at .05 of the document; primacy index: "
    "at .05 minus the middle; U index: the mean of both ends minus the middle. Half-life: words over which the "
    "gradient of the decision halves, infinite where it does not fall."
)


def main() -> None:
    sizes = Sizes()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=sizes.corpus, help="name or path of the real documents (%(default)s)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have, as sst")
    parser.add_argument("--recurrent", default=",".join(RECURRENT), help="default: %(default)s")
    parser.add_argument("--poolings", default=",".join(POOLINGS), help="default: %(default)s")
    known = ",".join(map(str, sizes.lengths))
    parser.add_argument("--lengths", default=known, help="words of planted documents, the first in training too")
    parser.add_argument("--train", type=int, default=sizes.train, help="planted documents to train on (%(default)s)")
    parser.add_argument("--epochs", type=int, default=sizes.epochs, help="passes over them (default: %(default)s)")
    parser.add_argument("--documents", type=int, default=sizes.documents, help="test documents of each condition")
    parser.add_argument("--width", type=int, default=sizes.width, help="of word vectors and states (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first; the others follow it (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of every architecture (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="cells at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/recency"), help="default: %(default)s")
    arguments = parser.parse_args()
    lengths = tuple(int(length) for length in arguments.lengths.split(","))
    sizes = Sizes(
        lengths=lengths,
        long=tuple(length for length in sizes.long if length in lengths[1:]),
        corpus=arguments.corpus,
        options={} if arguments.path is None else {"path": arguments.path},
        train=arguments.train,
        epochs=arguments.epochs,
        documents=arguments.documents,
        width=arguments.width,
    )
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    chosen = {"recurrent": arguments.recurrent.split(","), "poolings": arguments.poolings.split(",")}
    result = run_recency(seeds, sizes, arguments.results, jobs=arguments.jobs, **chosen)
    summary = result.summary()
    table = recency_layout(summary)
    table.to_csv(arguments.results / "table.csv", index=False)
    latex_table(table, arguments.results / "table.tex", caption=CAPTION)
    show_table(table, title=CAPTION)
    print(recency_sentence(summary))
    print(f"written: {arguments.results}/table.csv, table.tex, recency.summary.csv, recency.parquet, figures/*.pdf")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
