"""Do the tests of this toolkit find what is there, and nothing else? Their power on planted corpora.

    python analyses/validity.py                                      made-up documents of neutral words
    python analyses/validity.py --seeds 100                          narrower intervals
    python analyses/validity.py --corpus movies                      the neutral words are those of a real corpus
    python analyses/validity.py --corpus reviews.jsonl               yours

Each claim that an experiment is used for is put to planted corpora on which it is true by construction and to others on
which it is not, and each corpus to a model of its own. Writes power.csv and power.tex (detection and false-alarm rates
with 95 % intervals), validity.parquet (every verdict) and figures/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.power_table import power_layout
from attn_interp.studies.planted.situations import Sizes, neutral_words
from attn_interp.studies.planted.validity import run_trials

SEEDS = 20
CAPTION = (
    "Power of the tests on planted corpora: the rate at which a claim is found where it is true (detection) and where "
    "it is not (false alarm), with Wilson's 95 % intervals over n corpora, each with a model trained on it. A claim is "
    "found where the 95 % interval of its measure over test documents lies above the threshold."
)


def main() -> None:
    sizes = Sizes()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="name or path: its most frequent words are the neutral ones (default: ours)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have, as sst")
    parser.add_argument("--train", type=int, default=sizes.train, help="documents to train on (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=sizes.epochs, help="passes over them (default: %(default)s)")
    parser.add_argument("--documents", type=int, default=sizes.documents, help="test documents (default: %(default)s)")
    parser.add_argument("--width", type=int, default=sizes.width, help="width of the word vectors (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first; the others follow it (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="corpora for each case (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/validity"), help="default: %(default)s")
    arguments = parser.parse_args()
    fillers = sizes.fillers
    if arguments.corpus is not None:
        fillers = neutral_words(arguments.corpus, {} if arguments.path is None else {"path": arguments.path})
    sizes = Sizes(arguments.train, arguments.documents, arguments.width, fillers, arguments.epochs)
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    result = run_trials(seeds, sizes, arguments.results, jobs=arguments.jobs)
    table = result.summary()
    table.to_csv(arguments.results / "power.csv", index=False)
    shown = power_layout(table)
    latex_table(shown, arguments.results / "power.tex", caption=CAPTION)
    show_table(shown, title=CAPTION)
    print(f"written: {arguments.results}/power.csv, power.tex, validity.parquet, figures/validity.pdf and more")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
