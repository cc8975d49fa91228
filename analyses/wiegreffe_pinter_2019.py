"""Wiegreffe & Pinter 2019, "Attention is not not Explanation": is attention needed, does it vary, does it guide, and
can a whole model imitate another with different attention?

    python analyses/wiegreffe_pinter_2019.py                                     the embedded movie snippets
    python analyses/wiegreffe_pinter_2019.py --corpus sst --path trees/          the Stanford Sentiment Treebank
    python analyses/wiegreffe_pinter_2019.py --corpus reviews.jsonl              yours

Every seed trains the base model, its rivals without learned attention, imitators, and a context-free model under
several guides: about ten minutes for a seed on one core. Intervals are over new seeds and new documents. What was
interrupted goes on where it stopped. Writes necessity (section 3.1), seeds and conclusions (3.2), guide (3.3),
imitation and ladder (4) and quality as CSV, LaTeX of necessity, guide, imitation and conclusions, and figures/ with the
consistency ladder.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.experiments.wiegreffe_pinter.necessity import MARGIN
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import cells, parser_of, told
from attn_interp.studies.retraining.consistency import ConsistencyCell, run_seeds, tables

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
    "conclusions": "How far the conclusions move between seeds.",
}


def main() -> None:
    defaults = {"corpus": "movies", "embeddings": None, "width": 300, "documents": None, "seeds": SEEDS}
    parser = parser_of(__doc__, "results/wiegreffe_pinter_2019", **defaults)
    parser.add_argument("--margin", type=float, default=MARGIN, help="least difference that counts")
    asked = told(parser)
    runs = run_seeds(cells(asked, kind=ConsistencyCell), asked.results, asked.jobs)
    write_tables(tables(runs, asked.results, asked.margin), asked.results, CAPTIONS, digits=3)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
