"""Made-up stories whose answer is computed: persons go from room to room, and take things along.

They are tasks in the manner of bAbI (Weston et al. 2015), with words of their own, and need no files. A world keeps
account of who is where and who has what, so that the answer and the facts that decide it are known by construction.
"""

from __future__ import annotations

import numpy as np

from attn_interp.data.corpora.pairs.facts_world import ROOMS, Known, World
from attn_interp.data.corpora.pairs.story import story
from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.splits import split_documents

LICENCE = "MIT"
TASKS = (1, 2, 3)
LONGEST = 200  # sentences


def load_facts(
    documents: int = 1000, task: int = 1, least_sentences: int = 3, most_sentences: int = 12, seed: int = 0
) -> Corpus:
    """Stories with a question each, as second text; the class is the room that answers it.

    The rationale marks the sentences from which alone the answer follows, and of which none can be spared. They are as
    many as the number of the task:

    1. "Where is Ada?": her last move.
    2. "Where is the lamp?": that Ada took it, and her last move; or that she put it down, and her last move before.
    3. "Where was the lamp before the attic?": that Ada took it, her move to the attic, and her last move before that.

    Stories, lengths and questions are drawn for each document from (seed, id), each length as likely as any other; a
    story in which nothing can be asked is drawn again.

    Args:
        documents: How many in all splits together.
        task: 1, 2 or 3: the number of facts.
        least_sentences: Fewest sentences of a story; at least the number of facts.
        most_sentences: Most sentences of a story, at most 200.
        seed: Draws the documents and the splits.

    Raises:
        ValueError: another task, lengths out of order or outside their range, or too few documents for three splits.
    """
    if task not in TASKS:
        raise ValueError(f"task is {task}; expected 1, 2 or 3, the number of facts that decide the answer")
    if not task <= least_sentences <= most_sentences <= LONGEST:
        raise ValueError(
            f"lengths are {least_sentences} to {most_sentences} sentences; expected {task} <= least_sentences <= "
            f"most_sentences <= {LONGEST}"
        )
    made = []
    for number in range(documents):
        name = f"facts-{number}"
        draw = generator(seed, name)
        length = int(draw.integers(least_sentences, most_sentences + 1))
        sentences, (question, answer, facts) = _asked(task, length, draw)
        made.append(Document(label=ROOMS.index(answer), id=name, second=question, **story(sentences, facts)))
    return Corpus(f"facts-{task}", ROOMS, split_documents(made, seed), LICENCE, "made up by attn_interp")


def _asked(task: int, length: int, draw: np.random.Generator) -> tuple[list[str], Known]:
    """The sentences of a story, and what is asked of it."""
    while True:
        world = World()
        for _ in range(length):
            world.tell(draw)
        if known := world.known(task):
            return world.sentences, known[int(draw.integers(len(known)))]


SOURCES = (
    Source(
        "facts", "made-up stories with a question; one to three facts decide", LICENCE, load_facts, needs_path=False
    ),
)
