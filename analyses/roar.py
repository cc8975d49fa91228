"""Madsen et al. 2022, Recursive ROAR: does a model that is trained again miss the words that a method ranks first?

    python analyses/roar.py                                            the embedded movie snippets
    python analyses/roar.py --encoder lstm                             another network
    python analyses/roar.py --model minilm --epochs 2                  a pretrained model, fine-tuned again and again
    python analyses/roar.py --corpus reviews.jsonl --methods "attention,integrated gradients,random"

Every seed trains a model on the whole texts, one without any words, and for each method one for each share of the words
that is removed. What was interrupted goes on where it stopped. Writes areas and accuracy (CSV and LaTeX), roar.parquet
(a row per method, share, seed and test document), its summary and figures/.
"""

from __future__ import annotations

from dataclasses import replace

from attn_interp.cli import mistakes_in_one_line
from attn_interp.data.draws import sample
from attn_interp.data.load import load
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import names, parser_of, shares, told
from attn_interp.studies.deep import DeepStudy
from attn_interp.studies.retraining.roar import METHODS, SHARES, run_roar, tables

SEEDS = 3
CAPTIONS = {
    "areas": "Recursive ROAR: area between the accuracies without random words and without those that a method ranks "
    "first, and racu, that area as a share of all there is to lose; 95 % intervals over seeds and documents.",
    "accuracy": "Accuracy of models that are trained again without a share of the words, and what it is above that "
    "without as many random words; 95 % intervals over seeds and documents.",
}


def main() -> None:
    parser = parser_of(__doc__, "results/roar", corpus="movies", width=64, epochs=8, seeds=SEEDS)
    parser.add_argument("--encoder", default="average", help="of a classifier of ours")
    parser.add_argument("--model", help="fine-tuned in its place: a name, a folder or a name on the hub")
    rate = FineTuningSettings.learning_rate
    parser.add_argument("--learning-rate", type=float, default=rate, help="with --model; fewer documents need more")
    parser.add_argument("--methods", type=names, default=",".join(METHODS), help="with commas between")
    parser.add_argument("--shares", type=shares, default=",".join(map(str, SHARES)), help="of the words, removed")
    parser.add_argument("--train", type=int, help="training documents, at most; None: all")
    parser.add_argument("--documents", type=int, help="dev and test documents, at most so many of each; None: all")
    asked = told(parser, learning_rate="with model", encoder="without model", width="without model")
    corpus = load(asked.corpus, **asked.options)
    most = {"train": asked.train, "dev": asked.documents, "test": asked.documents}
    corpus = replace(corpus, splits={split: sample(own, most[split]) for split, own in corpus.splits.items()})
    own = ClassifierSettings(encoder=asked.encoder, embedding_width=asked.width, hidden=asked.width)
    tuned = FineTuningSettings(asked.epochs, learning_rate=asked.learning_rate) if asked.model else None
    study = DeepStudy(asked.model, tuned, own, TrainingSettings(epochs=asked.epochs))
    result = run_roar(study, corpus, asked.seeds, asked.results, asked.methods, asked.shares, asked.jobs)
    write_tables(tables(result), asked.results, CAPTIONS)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
