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

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.classifiers.settings import POOLINGS
from attn_interp.report.tables.recency_table import recency_layout, recency_sentence
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import names, numbers, parser_of, told
from attn_interp.studies.recency.recency import run_recency
from attn_interp.studies.recency.recency_cell import RECURRENT, Sizes

SIZED = ("corpus", "train", "epochs", "documents", "width")
SEEDS = 5
CAPTION = (
    "Recency of recurrent classifiers: means over n seeds, each with its own training and documents, with Student's "
    "95 % intervals. Recency index: accuracy with the keyword at .95 minus that at .05 of the document; primacy index: "
    "at .05 minus the middle; U index: the mean of both ends minus the middle. Half-life: words over which the "
    "gradient of the decision halves, infinite where it does not fall."
)


def main() -> None:
    sizes = Sizes()
    defaults = {name: getattr(sizes, name) for name in SIZED}
    parser = parser_of(__doc__, "results/recency", seeds=SEEDS, **defaults)
    parser.add_argument("--recurrent", type=names, default=",".join(RECURRENT), help="with commas between")
    parser.add_argument("--poolings", type=names, default=",".join(POOLINGS), help="with commas between")
    lengths = ",".join(map(str, sizes.lengths))
    parser.add_argument("--lengths", type=numbers, default=lengths, help="of planted documents, the first in training")
    asked = told(parser)
    chosen = {name: getattr(asked, name) for name in SIZED}
    sizes = Sizes(lengths=asked.lengths, options=asked.options, **chosen)
    result = run_recency(asked.seeds, sizes, asked.results, asked.jobs, asked.recurrent, asked.poolings)
    write_tables({"table": recency_layout(result.summary())}, asked.results, {"table": CAPTION})
    print(recency_sentence(result.summary()))


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
