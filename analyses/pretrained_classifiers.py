"""Does attention explain a deep classifier? Any sequence classifier of the transformers library, or by default a small
transformer trained here: agreement, permutation, adversary, erasure and faithfulness, its heads and its layers.

    python analyses/pretrained_classifiers.py                                  our own, on the embedded movie snippets
    python analyses/pretrained_classifiers.py --model NAME --corpus sst --path trees/     a classifier of its classes
    python analyses/pretrained_classifiers.py --model NAME --fine-tune --corpus reviews.jsonl    fine-tuned on yours

NAME is a folder or a name on the hub. The readout of such a model is not affine in its attention, so that nothing is
exact: rows say measured, sampled or search. Writes overview, agreement, heads, head_combination and uniform_layers (CSV
and LaTeX), one Parquet file per experiment, and figures/.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.data.load import load
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.report.console import show_table
from attn_interp.studies.deep import CAPTIONS, OWN, DeepStudy, run_deep, write_tables

HEADS = 4
SHOWN = ("overview", "head_combination", "uniform_layers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or name on the hub (default: a small transformer, trained here)")
    parser.add_argument("--fine-tune", action="store_true", help="fine-tune the named model on the corpus first")
    parser.add_argument("--epochs", type=int, default=3, help="of fine-tuning (default: %(default)s)")
    parser.add_argument("--corpus", default="movies", help="name or path of a corpus (default: %(default)s)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have; with --corpus hub its name")
    parser.add_argument("--width", type=int, default=64, help="of our own transformer (default: %(default)s)")
    parser.add_argument("--documents", type=int, default=500, help="test documents looked at (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of training and everything drawn (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/pretrained"), help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.fine_tune and arguments.model is None:
        parser.error("--fine-tune needs --model: our own is trained on the corpus anyway")
    corpus = load(arguments.corpus, **({} if arguments.path is None else {"path": arguments.path}))
    width = HEADS * -(-arguments.width // HEADS)
    study = DeepStudy(
        model=arguments.model,
        fine_tuned=FineTuningSettings(epochs=arguments.epochs) if arguments.fine_tune else None,
        own=replace(OWN, embedding_width=width, hidden=width, encoder_heads=HEADS),
        documents=arguments.documents,
        seed=arguments.seed,
    )
    results = run_deep(study, corpus, arguments.results)
    for name, table in write_tables(results, arguments.results).items():
        if name in SHOWN:
            show_table(table, title=CAPTIONS[name])
    print(f"written: {arguments.results}/*.csv, *.tex, *.parquet and figures/")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
