"""Does attention explain a deep classifier? Any sequence classifier of the transformers library, or by default a small
transformer trained here: agreement, permutation, adversary, erasure and faithfulness, its heads and its layers.

    python analyses/pretrained_classifiers.py                                  our own, on the embedded movie snippets
    python analyses/pretrained_classifiers.py --model NAME --corpus sst --path trees/     a classifier of its classes
    python analyses/pretrained_classifiers.py --model NAME --fine-tune --corpus reviews.jsonl    fine-tuned on yours

NAME is a folder, a name on the hub or one that `attn-interp models` lists (--model minilm --fine-tune).
The readout of such a model is not affine in its attention, so that nothing is exact: rows say measured, sampled or
search. Writes overview, agreement, heads, head_combination and uniform_layers (CSV and LaTeX), one Parquet file per
experiment, and figures/.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.data.load import load
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import parser_of, told
from attn_interp.studies.deep import CAPTIONS, DeepStudy, own_of_width, run_deep, seed_tables

SHOWN = ("overview", "head_combination", "uniform_layers")


def main() -> None:
    parser = parser_of(__doc__, "results/pretrained", corpus="movies", width=64, documents=500, epochs=3)
    parser.add_argument("--model", help="folder or name; None: a small transformer, trained here")
    parser.add_argument("--fine-tune", action="store_true", help="fine-tune the named model on the corpus first")
    asked = told(parser)
    corpus = load(asked.corpus, **asked.options)
    tuned = FineTuningSettings(epochs=asked.epochs) if asked.fine_tune else None
    own = own_of_width(asked.width)
    studies = [DeepStudy(asked.model, tuned, own, documents=asked.documents, seed=seed) for seed in asked.seeds]
    runs = {study.seed: run_deep(study, corpus, asked.results) for study in studies}
    write_tables(seed_tables(runs), asked.results, CAPTIONS, shown=SHOWN)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
