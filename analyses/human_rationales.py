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

from attn_interp.cli import mistakes_in_one_line
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import parser_of, told
from attn_interp.studies.people.rationale_sets import marked_by_people
from attn_interp.studies.people.rationale_tables import CAPTIONS, brief, draw_together, tables
from attn_interp.studies.people.rationales import compare_all, comparisons

CHEAP = ("gradient x input (detached)", "attention x gradient (bias absorbed)", "votes")
EFFORTS = {  # mean words of the documents, at most -> attributions, and how many documents are edited again and again
    40: ((CHEAP[0], "integrated gradients", "leave-one-out", "smoothgrad", *CHEAP[1:]), 200),
    400: ((CHEAP[0], "integrated gradients", "leave-one-out", *CHEAP[1:]), 100),
    100_000: ((CHEAP[0], "gradient x input", *CHEAP[1:]), 20),  # integrated gradients need hundreds of passes there
}
SHOWN = ("plausibility", "plausible_and_faithful", "correlations", "human_agreement", "left_out")


def main() -> None:
    parser = parser_of(__doc__, "results/human_rationales", width=None, documents=None)
    parser.add_argument("--lexicon", action="store_true", help="with --corpus: English, compare with the lexicon too")
    parser.add_argument("--fair", help="file or folder of the fair rationales; needs --sst")
    parser.add_argument("--sst", help="folder of the Stanford Sentiment Treebank")
    parser.add_argument("--yelp-hat", help="folder of YELP-HAT")
    parser.add_argument("--eraser", help="folder of a corpus in the format of ERASER, as its movie reviews")
    asked = told(parser)
    given = (asked.corpus, asked.options, asked.lexicon, asked.fair, asked.sst, asked.yelp_hat, asked.eraser)
    compared = compare_all(
        comparisons(marked_by_people(*given), asked.seeds, EFFORTS, asked.width, asked.documents),
        asked.results,
        asked.jobs,
    )
    write_tables(tables(compared), asked.results, CAPTIONS, brief, SHOWN)
    draw_together(compared, asked.results / "figures")


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
