"""Which sentence of a context does the answer of a language model rest on, and does its attention say so?

    python analyses/answers_from_context.py                          small readers of made-up stories, with known truth
    python analyses/answers_from_context.py --seeds 8                narrower intervals
    python analyses/answers_from_context.py --corpus movies --documents 20     SmolLM2 about real texts
    python analyses/answers_from_context.py --corpus reviews.jsonl --model NAME --question "What is it about?"

A small reader learns to answer where somebody is from a story of which one sentence says so; another learns from the
same stories with the answers dealt out anew, and what is found there is a false alarm. NAME is one of `attn-interp
models`, a folder or a name on the hub; it answers in its own words, and the log-probability of that answer is
explained. Scores of the sentences are ablations (leave-one-out, a sparse surrogate), attention of many kinds, gradients
and heads whose weights are learned on other contexts. Writes sources, validity or contexts (CSV and LaTeX), heads
(CSV), one Parquet file per model, and figures/.
"""

from __future__ import annotations

from attn_interp.cli import mistakes_in_one_line
from attn_interp.models.language.contexts.answering_door import PROMPT
from attn_interp.models.language.contexts.small_reader import ReaderSettings
from attn_interp.report.tables.written import write_tables
from attn_interp.studies.arguments import parser_of, told
from attn_interp.studies.language.contexts import CAPTIONS, MODEL, QUESTION, ContextStudy, run_contexts

SEEDS = 3


def main() -> None:
    parser = parser_of(__doc__, "results/contexts", documents=100, seeds=SEEDS)
    parser.add_argument("--model", help=f"the language model that is asked about a corpus; None: {MODEL}")
    parser.add_argument("--question", default=QUESTION, help="what it is asked of a text without a question")
    parser.add_argument("--prompt", default=PROMPT.replace("\n", r"\n"), help=r"how it is asked; \n ends a line")
    parser.add_argument("--ablations", type=int, default=64, help="of each context")
    parser.add_argument("--stories", type=int, default=12_000, help="made up for a small reader")
    parser.add_argument("--steps", type=int, default=4000, help="of the training of a small reader")
    of_stories = dict.fromkeys(("stories", "steps", "seeds"), "without corpus")
    asked = told(parser, question="with corpus", prompt="with corpus", **of_stories)
    chosen = {name: getattr(asked, name) for name in ("model", "question", "stories", "documents", "ablations")}
    study = ContextStudy(**chosen, prompt=asked.prompt.replace(r"\n", "\n"), reader=ReaderSettings(steps=asked.steps))
    tables = run_contexts(study, asked.corpus, asked.options, asked.seeds, asked.results, asked.jobs)
    write_tables(tables, asked.results, CAPTIONS)


if __name__ == "__main__":
    with mistakes_in_one_line():
        main()
