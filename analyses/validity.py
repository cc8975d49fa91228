"""Do the tests of this toolkit find what is there, and nothing else? Their power on planted corpora.

    python analyses/validity.py                                      made-up documents of neutral words
    python analyses/validity.py --seeds 100                          narrower intervals
    python analyses/validity.py --corpus movies                      the neutral words are those of a real corpus
    python analyses/validity.py --corpus reviews.jsonl               yours
    python analyses/validity.py --remedy deceptive                   of models that are taught to attend elsewhere

Each claim that an experiment is used for is put to planted corpora on which it is true by construction and to others on
which it is not, and each corpus to a model of its own. Writes power.csv and power.tex (detection and false-alarm rates
with 95 % intervals), validity.parquet (every verdict) and figures/.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.report.tables.power_table import power_layout
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import parser_of, told
from attn_interp.studies.planted.situations import Sizes, neutral_words
from attn_interp.studies.planted.validity import run_trials

SIZED = ("train", "documents", "width", "epochs")
SEEDS = 20
CAPTION = (
    "Power of the tests on planted corpora: the rate at which a claim is found where it is true (detection) and where "
    "it is not (false alarm), with Wilson's 95 % intervals over n corpora, each with a model trained on it. A claim is "
    "found where the 95 % interval of its measure over test documents lies above the threshold."
)


def main() -> None:
    parser = parser_of(__doc__, "results/validity", seeds=SEEDS, **{name: getattr(Sizes(), name) for name in SIZED})
    parser.add_argument("--remedy", default=Sizes.remedy, help="how the models learn, as analyses/what_helps.py has it")
    asked = told(parser)
    chosen = {name: getattr(asked, name) for name in (*SIZED, "remedy")}
    sizes = Sizes(fillers=neutral_words(asked.corpus, asked.options), **chosen)
    result = run_trials(asked.seeds, sizes, asked.results, asked.jobs)
    write_tables({"power": result.summary()}, asked.results, {"power": CAPTION}, power_layout)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
