"""Which training makes attention an explanation, by which test, and at which price in accuracy?

    python analyses/what_helps.py                                    the embedded movie snippets
    python analyses/what_helps.py --corpus sst --path trees/         the Stanford Sentiment Treebank
    python analyses/what_helps.py --corpus planted                   made-up documents whose evidence is known
    python analyses/what_helps.py --remedies "tied states,sparsemax"     some of them, beside the plain model

Every seed trains a plain model with attention and the same under each remedy: states that differ or stay near their
words, sparse weights, attention taught by rationales, hidden words, and attention that is taught to deceive. Each is
put to the questions of the papers. What stands there is not done again. Writes what_helps.csv (with the difference
to the plain model), what_helps.tex, sentences.csv, left_out.csv where a corpus does not allow a remedy (rationales are
needed to learn from), and figures/.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.figures.draw.files import save_figure
from attn_interp.figures.remedies import caption, figure
from attn_interp.models.classifiers.settings import TrainingSettings
from attn_interp.report.tables.remedies import remedies_layout
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import names, parser_of, told
from attn_interp.studies.remedies.kinds import REMEDIES, plain_settings
from attn_interp.studies.remedies.what_helps import what_helps

SEEDS, DOCUMENTS, WIDTH = 5, 200, 128


def main() -> None:
    defaults = {"corpus": "movies", "embeddings": None, "width": WIDTH, "documents": DOCUMENTS, "seeds": SEEDS}
    parser = parser_of(__doc__, "results/what_helps", **defaults, epochs=TrainingSettings.epochs)
    parser.add_argument("--remedies", type=names, default=",".join(each.name for each in REMEDIES), help="some of them")
    parser.add_argument("--encoder", default="lstm", help="of the plain model")
    asked = told(parser)
    settings = plain_settings(asked.encoder, asked.width)
    tables = what_helps(asked, settings, TrainingSettings(epochs=asked.epochs))
    table = tables["what_helps"]
    captions = {"what_helps": caption(table), "sentences": "What each remedy moves, and its price."}
    write_tables(tables, asked.results, captions, remedies_layout)
    save_figure(figure(table), asked.results / "figures" / "what_helps", table)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
