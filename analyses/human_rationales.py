"""Do attention and attributions mark the words that people mark (plausible), and are those the words that the model
needs (faithful)? Two questions, side by side, with people held against people as the ceiling.

    python analyses/human_rationales.py                                    a planted corpus, whose evidence is known
    python analyses/human_rationales.py --fair FILE --sst trees/           sentences of SST, six annotators each
    python analyses/human_rationales.py --yelp-hat maps/                   Yelp reviews of 50 to 200 words
    python analyses/human_rationales.py --eraser movies/                   long reviews, exhaustive test rationales
    python analyses/human_rationales.py --corpus reviews.jsonl             yours, with rationales in its test split

The paths may be given together. For --fair the model is trained on SST without the annotated sentences, for --yelp-hat
on the embedded movie snippets, else on the corpus's own train split. Writes a CSV and LaTeX each of plausibility,
plausible_and_faithful, correlations, external, shift and, where documents have two annotators, human_agreement;
left_out.csv; and a folder with figures per comparison.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.studies.people import rationale_sets
from attn_interp.studies.people.rationale_tables import CAPTIONS, brief, draw_together, tables
from attn_interp.studies.people.rationales import Comparison, compare_all

CHEAP = ("gradient x input (detached)", "attention x gradient (bias absorbed)", "votes")
EFFORT = {  # mean words of the documents, at most -> attributions, and how many documents are edited again and again
    40: ((CHEAP[0], "integrated gradients", "leave-one-out", "smoothgrad", *CHEAP[1:]), 200),
    400: ((CHEAP[0], "integrated gradients", "leave-one-out", *CHEAP[1:]), 100),
    100_000: ((CHEAP[0], "gradient x input", *CHEAP[1:]), 20),  # integrated gradients need hundreds of passes there
}
# On planted documents a wide model attends to the evidence (at seed 0 everything finds it, nothing is told apart). A
# narrow one was chosen because at seed 0 its attention does not: it shows what may happen, not how often.
WIDTH, NARROW = 300, 50
HIDDEN_PER_WIDTH = 128 / 300
SHOWN = ("plausibility", "plausible_and_faithful", "correlations", "human_agreement", "left_out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="name or path of a corpus with rationales and splits (default: planted)")
    parser.add_argument("--path", help="folder of a named corpus that you have to have")
    parser.add_argument("--lexicon", action="store_true", help="with --corpus: English, compare with the lexicon too")
    parser.add_argument("--fair", help="file or folder of the fair rationales; needs --sst")
    parser.add_argument("--sst", help="folder of the Stanford Sentiment Treebank")
    parser.add_argument("--yelp-hat", help="folder of YELP-HAT")
    parser.add_argument("--eraser", help="folder of a corpus in the format of ERASER, as its movie reviews")
    parser.add_argument("--width", type=int, help=f"width of the word vectors (default: {WIDTH}; planted: {NARROW})")
    parser.add_argument("--documents", type=int, help="compare at most this many documents of each (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of training and everything drawn (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="comparisons at the same time (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/human_rationales"), help="default: %(default)s")
    arguments = parser.parse_args()
    if (arguments.fair is None) != (arguments.sst is None):
        parser.error("--fair and --sst go together: rationales of SST's sentences, and a model trained on the others")
    sets = []
    if arguments.fair:
        sets.append(rationale_sets.fair_rationales(arguments.fair, arguments.sst))
    if arguments.yelp_hat:
        sets += rationale_sets.yelp_hat(arguments.yelp_hat)
    if arguments.eraser:
        sets.append(rationale_sets.eraser(arguments.eraser))
    for name, given in (("--fair", arguments.fair), ("--yelp-hat", arguments.yelp_hat), ("--eraser", arguments.eraser)):
        if given is None:
            print(f"{name} is not given: left out")
    encoders: tuple[str, ...] = ("lstm",)
    width = arguments.width or WIDTH
    if arguments.corpus:
        options = {} if arguments.path is None else {"path": arguments.path}
        sets.append(rationale_sets.own_splits(arguments.corpus, options, arguments.lexicon))
    if not sets:  # with both encoders: the states of an LSTM mix words, those of "average" do not
        sets.append(rationale_sets.own_splits("planted", {}))
        encoders, width = ("average", "lstm"), arguments.width or NARROW
    hidden = max(2, 2 * round(width * HIDDEN_PER_WIDTH / 2))
    comparisons = [
        Comparison(
            marked.first(arguments.documents),
            ClassifierSettings(encoder=encoder, embedding_width=width, hidden=hidden),
            TrainingSettings(),
            *marked.effort(EFFORT),
            arguments.seed,
        )
        for marked in sets
        for encoder in encoders
    ]
    compared = compare_all(comparisons, arguments.results, arguments.jobs)
    for name, table in tables(compared).items():
        table.to_csv(arguments.results / f"{name}.csv", index=False)
        shown = brief(table)
        latex_table(shown, arguments.results / f"{name}.tex", caption=CAPTIONS[name])
        if name in SHOWN:
            show_table(shown, title=CAPTIONS[name])
    draw_together(compared, arguments.results / "figures")
    print(f"written: {arguments.results}/*.csv, *.tex, figures/ and a folder with figures per comparison")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
