"""Serrano & Smith 2019, "Is Attention Interpretable?": erase attention weights and see whether the decision
changes: one weight (sections 3 and 4), and sets of them in several orders (section 5).

    python analyses/serrano_smith_2019.py                                      the embedded corpus, two and five classes
    python analyses/serrano_smith_2019.py --corpus sst-fine --path trees/      the Stanford Sentiment Treebank
    python analyses/serrano_smith_2019.py --corpus reviews.jsonl               yours

Each corpus is given a flat attention network and a hierarchical one (sentences of words). Both of its attention layers
are tested: the one over sentences exactly; the one over words, on documents of one sentence, by running the model.
Writes single.csv and sets.csv with their LaTeX beside the folders of the models.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.report.tables.serrano_smith import sets_table, single_table
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import cells, parser_of, told
from attn_interp.studies.run import run_cells
from attn_interp.studies.tables import pooled

CORPORA = ("movies", "movies-fine")
EXPERIMENTS = ("quality", "single_erasure", "erasure")
NETWORKS = ({"encoder": "lstm"}, {"encoder": "hierarchical"}, {"encoder": "hierarchical", "site": "word_attention"})
CAPTIONS = {
    "single": "Erasing the weight of the most attended word or sentence or of another: share of documents by which "
    "erasure changes the decision, expected over every other one, with 95 % intervals over documents (of several seeds "
    "over both). Undefined: documents of one word or sentence. Hierarchical: over sentences, and over words "
    "(word_attention) in documents of one sentence.",
    "sets": "Fraction of the words or sentences erased, in several orders, until the decision changes (never: 1): "
    "mean, paired difference to the order of attention, regret against the smallest set, and share of decisions never "
    "changed; 95 % intervals over documents (of several seeds over both). Undefined: documents of one word or "
    "sentence, which has nothing to erase.",
}


def main() -> None:
    defaults = {"corpus": CORPORA, "embeddings": None, "width": 300, "documents": None}
    asked = told(parser_of(__doc__, "results/serrano_smith_2019", **defaults))
    runs = run_cells(cells(asked, NETWORKS), asked.results, asked.jobs, EXPERIMENTS)
    tables = {"single": single_table(pooled(runs, "single_erasure")), "sets": sets_table(pooled(runs, "erasure"))}
    write_tables(tables, asked.results, CAPTIONS)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
