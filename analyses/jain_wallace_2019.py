"""Jain & Wallace 2019, "Attention is not Explanation", on one corpus: six networks, three seeds, one table.

    python analyses/jain_wallace_2019.py                                     the embedded movie snippets
    python analyses/jain_wallace_2019.py --corpus sst --path trees/          the paper's own corpus
    python analyses/jain_wallace_2019.py --corpus reviews.jsonl              yours
    python analyses/jain_wallace_2019.py --task babi-1 --path tasks/ --encoders lstm    attention given a question
    python analyses/jain_wallace_2019.py --encoders lstm,lstmn               other encoders than theirs, as the LSTMN

Writes table.csv (every number), table.tex (laid out like the paper's table 2) and overview.csv beside the folders of
the models. The paper's dot product is divided by the root of the width; here it is called scaled_dot. --task names one
of the authors' tasks on two texts (facts-1 to facts-3 need no files): overview.csv then holds their figures too, and
evidence.csv says how well attention, attributions and baselines find the words of the supporting facts.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.report.tables.jain_wallace import agreement_table, paper_layout
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import names, parser_of, told
from attn_interp.studies.pairs.tasks import ASKED, TASKS, task_cells, task_tables
from attn_interp.studies.run import run_cells
from attn_interp.studies.tables import results_by_seed

ENCODERS = "lstm,cnn,average"
ATTENTIONS = "additive,scaled_dot"
SEEDS = 3
CAPTION = (
    "Kendall's tau of attention with gradients (attention held constant) and with leave-one-out, over the test "
    "documents by predicted class: mean ± standard deviation [95 % interval of the mean, over documents, of several "
    "seeds over both] (share of documents with p <= .05). Published figures: Jain & Wallace 2019, table 2, from the "
    "authors' repository."
)


def main() -> None:
    defaults = {"corpus": "movies", "embeddings": None, "width": 300, "documents": None, "seeds": SEEDS}
    parser = parser_of(__doc__, "results/jain_wallace_2019", **defaults)
    parser.add_argument("--encoders", type=names, default=ENCODERS, help="with commas between")
    parser.add_argument("--attentions", type=names, default=ATTENTIONS, help="with commas between")
    parser.add_argument("--task", choices=[*TASKS], help="on two texts, in place of --corpus, trained as theirs")
    parser.add_argument("--epochs", type=int, help="of a task; None: as many as theirs")
    parser.add_argument("--search", action="store_true", help="also run the paper's search for the adversary")
    asked = told(parser)
    networks = [
        {"encoder": encoder, "attention": attention} for attention in asked.attentions for encoder in asked.encoders
    ]
    runs = run_cells(task_cells(asked, networks), asked.results, asked.jobs, ASKED)
    table = agreement_table(results_by_seed(runs, "agreement"))
    write_tables({"table": table, **task_tables(runs)}, asked.results, {"table": CAPTION}, paper_layout)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
