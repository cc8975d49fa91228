"""Files that a person brings: what the loaders take says what the file says, and everything else is told."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attn_interp.data.corpus import Corpus, label_name
from attn_interp.data.document import Document
from attn_interp.data.embeddings import Embeddings, load_embeddings
from attn_interp.data.load import load
from attn_interp.data.tokenise import tokenise
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from tests.fuzz.hostile import changed_bytes, changed_json
from tests.fuzz.judge import Trial

SPLITS, LABELS = ("train", "dev", "test"), ("neg", "pos")
RECORDS = [
    {"id": f"d{n}", "text": f"a fine, film {n}", "label": LABELS[n % 2], "split": SPLITS[n // 2 % 3]} for n in range(18)
]
CSV = "id,text,label,split\n" + "".join(f'{r["id"]},"{r["text"]}",{r["label"]},{r["split"]}\n' for r in RECORDS)
CSV_PAIRS = "id,text,second,label,split\n" + "".join(
    f'{r["id"]},"{r["text"]}","is it, {r["id"]}?",{r["label"]},{r["split"]}\n' for r in RECORDS
)
TSV = "text\tlabel\n" + "".join(f"{r['text']}\t{r['label']}\n" for r in RECORDS)
LINES = [
    {"classes": list(LABELS), "name": "x"},
    *({"id": r["id"], "words": ["a", "film", r["id"]], "label": r["label"], "rationale": [0, 1, 0.5]} for r in RECORDS),
    {"id": "s", "text": "so good", "words": ["so", "good"], "spans": [[0, 2], [3, 7]], "label": 1},
    {"id": "t", "text": "so bad", "label": 0, "signals": {"s": [1, None]}},
]
SECONDS = ("is it?", {"words": ["is", "it"], "rationales": [[0, 1]]}, {"text": "is it", "id": "q"})
LINES_OF_PAIRS = [LINES[0], *({**line, "second": SECONDS[n % 3]} for n, line in enumerate(LINES[1:]))]


def held(corpus: Corpus) -> dict[str, tuple[Any, ...]]:
    """Of each document what a file can say."""
    documents = [document for split in corpus.splits.values() for document in split]
    return {each.id: (each.text, each.words, label_name(each, corpus.classes)) for each in documents}


def held_beside(corpus: Corpus) -> list[Any]:
    """The second texts of a corpus, in order."""
    seconds = [document.second for split in corpus.splits.values() for document in split]
    return sorted((each.text or "", each.words) for each in seconds if each is not None)


def thrown(
    folder: Path, kind: str, name: str, content: bytes, says: Callable[[bytes, Corpus], bool], **options: Any
) -> Trial:
    """A file that is written and loaded."""
    path = folder / name

    def call() -> Corpus:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return load(path, **options)

    return Trial(call, f"{kind} {content[:200]!r}", None, (name, path.stem), partial(says, content))


def table_says(delimiter: str, content: bytes, corpus: Corpus) -> bool:
    """Read once more by Python's csv and compared cell by cell."""
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if delimiter == "\t":
        rows = [line.removesuffix("\r").split("\t") for line in text.split("\n")]
    else:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    head = [name.strip() for name in rows[0]]
    cells = [dict(zip(head, row, strict=True)) for row in rows[1:]]
    expected = sorted((cell["text"], tokenise(cell["text"])[0]) for cell in cells)
    labels = sorted(cell["label"] for cell in cells)
    found = list(held(corpus).values())
    beside = sorted((cell["second"], tokenise(cell["second"])[0]) for cell in cells if "second" in cell)
    if held_beside(corpus) != beside:
        return False
    return sorted(row[:2] for row in found) == expected and sorted(row[2] for row in found) == labels


def lines_say(content: bytes, corpus: Corpus) -> bool:
    objects = [json.loads(line) for line in content.decode("utf-8-sig").split("\n") if line.strip(" \t\r")]
    documents = [each for each in objects if "label" in each]
    found = held(corpus)
    for number, line in enumerate(documents):
        name = line.get("id")
        text, words, label = found[str(number + 2 if name is None else name)] if name is not None else (None, (), None)
        if name is None:
            continue
        told = tuple(line["words"]) if line.get("words") is not None else tokenise(line["text"])[0]
        named = corpus.classes[line["label"]] if isinstance(line["label"], int) else line["label"]
        if (text, words, label) != (line.get("text"), told, named):
            return False
    beside = [line["second"] for line in documents if "second" in line]
    beside = [{"text": each} if isinstance(each, str) else each for each in beside]
    told_beside = [(each.get("text") or "", tuple(each.get("words") or tokenise(each["text"])[0])) for each in beside]
    return len(documents) == len(found) and sorted(told_beside) == held_beside(corpus)


def of_table(folder: Path, number: int, table: str = CSV) -> Iterator[Trial]:
    for seed in range(number):
        rng = random.Random(seed)
        delimiter = rng.choice(",,,;|")
        whole = table.replace(", ", " ").replace(",", delimiter) if delimiter != "," else table
        options = {"id": "id"} if rng.random() < 0.7 else {}
        options |= {"second": "second"} if table is CSV_PAIRS else {}
        yield thrown(
            folder,
            f"csv {seed}",
            "a.csv",
            changed_bytes(rng, whole.encode()),
            partial(table_says, delimiter),
            **options,
        )


def of_tabs(folder: Path, number: int) -> Iterator[Trial]:
    for seed in range(number):
        content = changed_bytes(random.Random(seed), TSV.encode())
        yield thrown(folder, f"tsv {seed}", "a.tsv", content, partial(table_says, "\t"))


def of_lines(folder: Path, number: int, objects: Sequence[dict[str, Any]] = LINES) -> Iterator[Trial]:
    for seed in range(number):
        rng = random.Random(seed)
        lines = [json.dumps(line) for line in objects]
        if rng.random() < 0.6:
            at = rng.randrange(len(lines))
            lines[at] = json.dumps(changed_json(rng, objects[at]))
            content = "\n".join(lines).encode()
        else:
            content = changed_bytes(rng, "\n".join(lines).encode())
        yield thrown(folder, f"json lines {seed}", "a.jsonl", content, lines_say)


def of_trees(folder: Path, number: int) -> Iterator[Trial]:
    """A folder with train.txt, dev.txt and test.txt, one of which is damaged."""
    whole = "".join(f"({n % 5} (2 word{n}) (3 (2 so) (1 good)))\n" for n in range(12)).encode()
    for seed in range(number):
        rng = random.Random(seed)
        files = {f"{split}.txt": whole.replace(b"word", split.encode()) for split in SPLITS}
        broken = rng.choice(list(files))
        files[broken] = changed_bytes(rng, files[broken])

        def call(files: dict[str, bytes] = files) -> Corpus:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            return load(folder, task="fine", least_words=1)

        def says(corpus: Corpus, files: dict[str, bytes] = files) -> bool:
            words = [d.words for split in SPLITS for d in corpus.splits[split]]
            told = [c.decode("utf-8-sig").replace("(", " ( ").replace(")", " ) ") for c in files.values()]
            parts = [re.split("[ \t]+", line.removesuffix("\r")) for text in told for line in text.split("\n")]
            leaves = [[part for part in line if part not in "()" and not re.fullmatch("[0-4]", part)] for line in parts]
            return sorted(map(list, words)) == sorted(leaf for leaf in leaves if leaf)

        about = f"trees {seed} {files[broken][:120]!r}"
        yield Trial(call, about, None, (broken, folder.name), says if b"\n(" in files[broken] else lambda c: True)


def of_evidence(folder: Path, number: int) -> Iterator[Trial]:
    """ERASER: annotations in JSON lines and documents in a folder."""
    names = [f"doc{n}" for n in range(8)]
    texts = {name: f"a {name} that is\nfine" for name in names}
    lines = [
        {
            "annotation_id": name,
            "classification": ("NEG", "POS")[n % 2],
            "query": "what",
            "evidences": [[{"docid": name, "start_token": 1, "end_token": 2, "text": name}]],
        }
        for n, name in enumerate(names)
    ]
    for seed in range(number):
        rng = random.Random(seed)
        mine = [json.dumps(line) for line in lines]
        documents = {name: text.encode() for name, text in texts.items()}
        chance = rng.random()
        if chance < 0.6:
            at = rng.randrange(len(mine))
            mine[at] = json.dumps(changed_json(rng, lines[at]))
        elif chance < 0.8:
            at = rng.randrange(len(mine))
            mine[at] = changed_bytes(rng, mine[at].encode()).decode("latin-1")
        else:
            name = rng.choice(names)
            documents[name] = changed_bytes(rng, documents[name])

        def call(mine: list[str] = mine, documents: dict[str, bytes] = documents) -> Corpus:
            (folder / "docs").mkdir(exist_ok=True)
            for name, content in documents.items():
                if not (file := folder / "docs" / name).exists() or file.read_bytes() != content:
                    file.write_bytes(content)
            (folder / "train.jsonl").write_text("\n".join(mine), "utf-8")
            return load("eraser", path=folder)

        def says(corpus: Corpus, documents: dict[str, bytes] = documents) -> bool:
            told = [tuple(content.decode("utf-8-sig").split()) for content in documents.values()]
            return all(words in told for _, words, _ in held(corpus).values())

        names_of = ("train.jsonl", folder.name, *names)
        yield Trial(call, f"eraser {seed} {mine}", None, names_of, says)


def of_hub(folder: Path, number: int) -> Iterator[Trial]:
    """A folder of Parquet files as a dataset of the hub has it: right, with one odd cell, cut off, or misnamed."""
    datasets = pytest.importorskip("datasets")
    good: dict[str, list[Any]] = {"text": [r["text"] for r in RECORDS], "label": [n % 2 for n in range(18)]}
    cells = {"text": ["", "x", "\0", None], "label": [None, -1, 7]}
    for seed in range(number):
        rng = random.Random(seed)
        how, key, place = (
            ("right", "cell", "cell", "cut", "column")[seed % 5],
            rng.choice(list(good)),
            folder / f"set{seed}",
        )
        values = {name: list(column) for name, column in good.items()}
        if how == "cell":
            values[key][rng.randrange(18)] = rng.choice(cells[key])
        content = io.BytesIO()
        pd.DataFrame(values).astype({"label": "Int64"}).to_parquet(content, index=False)
        written = content.getvalue()[: 1000 if how == "cut" else None]
        options = {"words": "absent"} if how == "column" else {}

        def call(place: Path = place, written: bytes = written, options: dict[str, str] = options) -> Corpus:
            place.mkdir()
            (place / "train.parquet").write_bytes(written)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder / "cache"))
                return load("hub", path=str(place), classes=LABELS, **options)

        def says(corpus: Corpus, texts: list[str] = values["text"]) -> bool:
            return sorted(text for text, _, _ in held(corpus).values()) == sorted(texts)

        yield Trial(call, f"hub {seed} {how} {key}", how != "right", (place.name,), says)


def of_published_pairs(folder: Path, number: int) -> Iterator[Trial]:
    """The files of bAbI, SNLI, SICK and CNN, one of which is damaged; a text that is taken stands in a file."""
    story = "".join(
        f"1 Ann sat in the den.\n2 Bo ran to hall {n}.\n3 Where is Bo?\thall {n % 3}\t2\n" for n in range(9)
    )
    labels = ("entailment", "neutral", "contradiction")
    told = [
        {"pairID": f"p{n}", "gold_label": labels[n % 3], "sentence1": "a man", "sentence2": f"b {n}"} for n in range(6)
    ]
    rows = [f"{n}\ta man\tb {n}\t3\t{labels[n % 3].upper()}" for n in range(6)]
    head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    news = "http://x\n\n@entity1 met @entity2 {}\n\n@placeholder met\n\n@entity{}\n\n@entity1:Ann\n@entity2:Bo\n"
    whole: dict[str, dict[str, str]] = {
        "babi": {f"qa1_x_{split}.txt": story for split in ("train", "test")},
        "snli": {
            f"snli_1.0_{s}.jsonl": "".join(json.dumps(t | {"pairID": s + t["pairID"]}) + "\n" for t in told)
            for s in SPLITS
        },
        "sick": {
            f"SICK_{split}.txt": "\n".join([head, *(f"{place}{row}" for row in rows), ""])
            for place, split in enumerate(("train", "trial", "test_annotated"), 1)
        },
        "cnn": {
            f"{s}/{n}.question": news.format(n, n % 2 + 1) for s in ("training", "validation", "test") for n in (1, 2)
        },
    }
    for seed in range(number):
        rng = random.Random(seed)
        name = list(whole)[seed % len(whole)]
        files = {file: content.encode() for file, content in whole[name].items()}
        broken = rng.choice(list(files))
        files[broken] = changed_bytes(rng, files[broken])

        def call(name: str = name, files: dict[str, bytes] = files) -> Corpus:
            for file, content in files.items():
                (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / file).write_bytes(content)
            return load(name, path=folder / name)

        def says(corpus: Corpus, files: dict[str, bytes] = files) -> bool:
            """Every second text stands in the files but for white space and how JSON writes it."""
            given = "".join("".join(content.decode("utf-8-sig").split()) for content in files.values())
            texts = ["".join(text.split()) for text, _ in held_beside(corpus)]
            return all(text in given or json.dumps(text)[1:-1] in given for text in texts)

        about = f"{name} {seed} {broken} {files[broken][:120]!r}"
        yield Trial(call, about, None, (Path(broken).name, name), says)


ODD_CELLS = (None, math.nan, pd.NA, "", " ", 3, True, b"x", ["pos"], {"pos"}, "\ud800", 10**30, "pos", "a film")


def of_memory(folder: Path, number: int) -> Iterator[Trial]:
    """Texts with labels, and frames, in which one text or label is something else."""
    for seed in range(number):
        rng = random.Random(seed)
        columns: dict[str, list[Any]] = {name: [r[name] for r in RECORDS] for name in ("text", "label")}
        name, at, value = rng.choice(list(columns)), rng.randrange(18), rng.choice(ODD_CELLS)
        in_frame = rng.random() < 0.5
        columns[name][at] = value

        def call(columns: dict[str, list[Any]] = columns, in_frame: bool = in_frame) -> Corpus:
            return (
                load(pd.DataFrame(columns, dtype=object))
                if in_frame
                else load(columns["text"], labels=columns["label"])
            )

        def says(corpus: Corpus, columns: dict[str, list[Any]] = columns) -> bool:
            found = list(held(corpus).values())
            told = (sorted(columns["text"]), sorted(map(str, columns["label"])))
            return (sorted(row[0] for row in found), sorted(row[2] for row in found)) == told

        taken = isinstance(value, str) and value not in ("", " ", "\ud800")
        wrong = not taken or (name == "text" and value == "pos")
        if name == "label" and isinstance(value, int):  # numbers among names: numbers are names too
            wrong = None
        about = f"memory {seed} frame={in_frame} {name} {value!r}"
        yield Trial(call, about, wrong, (f"row {at}", "frame", "texts"), says)


def of_pairs_in_memory(folder: Path, number: int) -> Iterator[Trial]:
    """Second texts of which one is something else or missing, or that are not as many as the texts."""
    texts, labels = ([r[name] for r in RECORDS] for name in ("text", "label"))
    for seed in range(number):
        rng = random.Random(seed)
        second: list[Any] = [f"is it {n}?" for n in range(18)]
        at, value = rng.randrange(18), rng.choice((*ODD_CELLS, Document("a", label=1), Document("a", second="b")))
        in_frame, short = rng.random() < 0.5, rng.random() < 0.1
        second[at] = value

        def call(second: list[Any] = second, in_frame: bool = in_frame, short: bool = short) -> Corpus:
            if in_frame:
                columns = {"text": texts, "label": labels, "asked": second}
                return load(pd.DataFrame(columns, dtype=object), second="asked")
            return load(texts, labels=labels, second=second[: 17 if short else None])

        def says(corpus: Corpus, second: list[Any] = second) -> bool:
            return [text for text, _ in held_beside(corpus)] == sorted(second)

        wrong = not isinstance(value, str) or value in ("", " ", "\ud800") or (short and not in_frame)
        # a list of words is a second text to a frame, as it is for `words`
        wrong = None if in_frame and isinstance(value, list) else wrong
        about = f"pairs in memory {seed} frame={in_frame} short={short} {value!r}"
        yield Trial(call, about, wrong, (f"row {at}", "texts"), says if wrong is False else lambda corpus: True)


WORDS = Vocabulary((*SPECIALS, "film", "good", "bad"))


def of_vectors(folder: Path, number: int) -> Iterator[Trial]:
    """GloVe: a word and its numbers on each line."""
    whole = "".join(f"{word} {n}.5 -{n}.25 0.125 {n}e-2\n" for n, word in enumerate(("film", "the", "Good", "bad"), 1))
    for seed in range(number):
        rng = random.Random(seed)
        content = changed_bytes(rng, (("4 4\n" if rng.random() < 0.3 else "") + whole).encode())

        def call(content: bytes = content) -> Embeddings:
            (folder / "vectors.txt").write_bytes(content)
            return load_embeddings(folder / "vectors.txt", WORDS, [Document("good film")])

        def says(taken: Embeddings, content: bytes = content) -> bool:
            lines = [line.split() for line in content.decode("utf-8-sig").split("\n")]
            told = {line[0].lower(): line[1:] for line in reversed(lines) if len(line) > 1}
            for word in ("film", "good", "bad"):
                at = WORDS.words.index(word)
                if taken.found[at] and not np.allclose(taken.matrix[at], np.array(told[word], float)):
                    return False
            return bool(taken.matrix.isfinite().all())

        yield Trial(call, f"vectors {seed} {content[:200]!r}", None, ("vectors.txt",), says)


KINDS = {
    "csv": (of_table, 170),
    "tsv": (of_tabs, 100),
    "json lines": (of_lines, 180),
    "trees": (of_trees, 80),
    "eraser": (of_evidence, 100),
    "hub": (of_hub, 12),
    "memory": (of_memory, 100),
    "csv of pairs": (partial(of_table, table=CSV_PAIRS), 100),
    "json lines of pairs": (partial(of_lines, objects=LINES_OF_PAIRS), 120),
    "pairs in memory": (of_pairs_in_memory, 100),
    "published pairs": (of_published_pairs, 160),
    "vectors": (of_vectors, 120),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_and_values_in_memory(kind: str, throw, tmp_path: Path) -> None:
    trials, number = KINDS[kind]
    throw(trials(tmp_path, number), number)
