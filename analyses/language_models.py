"""Does the attention of a language model that answers explain its answer? A prompt and named answers make it a
classifier, and the questions of the three papers are put to it, beside a BiLSTM and a fine-tuned encoder on the same
documents.

    python analyses/language_models.py                                               SmolLM2 on the movie snippets
    python analyses/language_models.py --documents 300                               narrower intervals, in an hour
    python analyses/language_models.py --answers "negative= awful,positive= great" --calibrate N/A
    python analyses/language_models.py --model NAME --beside bilstm --corpus reviews.jsonl    a model and texts of yours

NAME is one of `attn-interp models`, a folder or a name on the hub. Nothing of it is exact: rows say measured, sampled,
certified or search. Writes overview, sentences, differences, layers and heads (CSV; the first two LaTeX too), one
Parquet file per experiment, and figures/.
"""

from __future__ import annotations

import sys

from attn_interp.cli import mistakes_in_one_line
from attn_interp.data.load import load
from attn_interp.models.transformers.fine_tuning import FineTuningSettings
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import names, pairs, parser_of, told
from attn_interp.studies.language.answers import CAPTIONS, LanguageCell, Prompted, beside_each_other, language_tables
from attn_interp.studies.run import run_cells


def main() -> None:
    parser = parser_of(__doc__, "results/language", corpus="movies", documents=100, epochs=1)
    parser.add_argument("--model", default="smollm2", help="the language model: a name, a folder or a name on the hub")
    parser.add_argument("--prompt", default=r"Review: {text}\nSentiment:", help=r"what it is asked; \n ends a line")
    parser.add_argument("--answers", type=pairs, help="class=what the model writes, with commas between")
    parser.add_argument("--calibrate", help="a text without content, whose answer is taken off")
    parser.add_argument("--beside", type=names, default="bilstm,minilm", help="classifiers beside it, trained here")
    parser.add_argument("--few", type=int, default=20, help="documents for questions of many runs")
    parser.add_argument("--fewest", type=int, default=4, help="documents for a run of every layer and head")
    asked = told(parser)
    corpus = load(asked.corpus, **asked.options)
    prompted = Prompted(asked.model, asked.prompt.replace(r"\n", "\n"), asked.answers, asked.calibrate)
    counts = {"documents": asked.documents, "few": asked.few, "fewest": asked.fewest}
    tuning = FineTuningSettings(epochs=asked.epochs)
    cells = [
        LanguageCell(study, corpus)
        for seed in asked.seeds
        for study in beside_each_other(prompted, asked.beside, tuning, seed=seed, **counts)
    ]
    runs = run_cells(cells, asked.results, asked.jobs, progress=sys.stderr.isatty())
    write_tables(language_tables(runs), asked.results, CAPTIONS)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
