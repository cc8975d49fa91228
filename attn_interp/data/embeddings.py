"""Pretrained word vectors in text files: GloVe, word2vec and fastText write nearly the same format."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.formats.text_lines import read_filled_lines
from attn_interp.data.vocabulary import PADDING, SPECIALS, Vocabulary


@dataclass(frozen=True)
class Embeddings:
    """A vector for each entry of a vocabulary.

    Attributes:
        matrix: (V, D) float32. Row 0, padding, is zero; words that the file has not are drawn from a normal
            distribution with the mean 0 and the standard deviation of all numbers found.
        found: (V,) bool, true where the file has the word; false for the special tokens.
        type_coverage: Share of the words of the vocabulary that were found, special tokens apart.
        token_coverage: Share of all words in the given documents that were found, in [0, 1]; a word outside the
            vocabulary is not found. NaN without documents.
        source: The file.
    """

    matrix: torch.Tensor  # (V, D)
    found: torch.Tensor  # (V,)
    type_coverage: float
    token_coverage: float
    source: str


def load_embeddings(
    path: Path | str, vocabulary: Vocabulary, documents: Iterable[Document], width: int | None = None, seed: int = 0
) -> Embeddings:
    """The vectors of a vocabulary's words from a text file (or .gz), one word and its D numbers per line.

    A first line of two whole numbers (word2vec, fastText) is a header. Words may hold spaces. A word is looked up in
    lower case as the vocabulary is: the file's row in lower case wins over other spellings, the first of equal rows
    over later ones. Numbers of words outside the vocabulary are counted, not read.

    Args:
        path: The file.
        vocabulary: V entries, special tokens included.
        documents: The training documents, for the coverage.
        width: The D that is expected; None takes that of the file.
        seed: Words that are not found are drawn from (seed, word).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: naming file and row: a width other than the expected, too few or too many numbers, something that
            is no finite number; or the file has no word of the vocabulary.
    """
    wanted = {word: index for index, word in enumerate(vocabulary.words) if word not in SPECIALS}
    vectors: dict[int, np.ndarray] = {}
    spelled: dict[int, str] = {}
    for place, word, numbers in _rows(path, width):
        index = wanted.get(word.lower())
        if index is None:
            continue
        own = vocabulary.words[index]
        if index not in vectors or (word == own != spelled[index]):
            vectors[index], spelled[index] = _vector(numbers, place), word
    if not vectors:
        raise ValueError(f"{path}: has none of the vocabulary's {len(wanted)} words; is it of another language?")
    return _embeddings(vectors, vocabulary, documents, seed, str(path))


def _embeddings(
    vectors: Mapping[int, np.ndarray], vocabulary: Vocabulary, documents: Iterable[Document], seed: int, source: str
) -> Embeddings:
    given = np.stack(list(vectors.values()))
    spread = given.std(dtype=np.float64)
    matrix = np.empty((len(vocabulary), given.shape[1]), dtype=np.float32)  # (V, D)
    found = torch.zeros(len(vocabulary), dtype=torch.bool)  # (V,)
    for index, word in enumerate(vocabulary.words):
        found[index] = index in vectors
        matrix[index] = vectors[index] if index in vectors else generator(seed, word).normal(0, spread, given.shape[1])
    matrix[vocabulary.words.index(PADDING)] = 0
    met = Counter(index for document in documents for index in vocabulary.ids(document.all_words))
    return Embeddings(
        matrix=torch.from_numpy(matrix),
        found=found,
        type_coverage=len(vectors) / (len(vocabulary) - len(SPECIALS)),
        token_coverage=sum(count for index, count in met.items() if found[index]) / met.total() if met else math.nan,
        source=source,
    )


def _rows(path: Path | str, expected: int | None) -> Iterator[tuple[str, str, list[str]]]:
    """(place, word, its D numbers as written) of each row after the header."""
    width = 0
    for number, line in read_filled_lines(path):
        place = f"{path}, row {number}"
        line = line.rstrip(" ")
        if not width:
            fields = line.split(" ")
            is_header = len(fields) == 2 and all(re.fullmatch(r"[0-9]{1,18}", field) for field in fields)
            width = int(fields[1]) if is_header else len(fields) - 1
            if width < 1 or expected not in (None, width):
                raise ValueError(f"{place}: vectors have {width} numbers, expected {expected or 'at least 1'}")
            if is_header:
                continue
        word, *numbers = line.rsplit(" ", width)
        if len(numbers) != width or (" " in word and _is_number(word.rpartition(" ")[2])):
            raise ValueError(f"{place}: has {len(line.split(' ')) - 1} numbers, expected {width}; fetch the file anew")
        yield place, word, numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _vector(numbers: list[str], place: str) -> np.ndarray:
    try:
        if "_" in "".join(numbers):  # 1_000 is a number to Python alone
            raise ValueError(f"could not convert string to float: {next(each for each in numbers if '_' in each)!r}")
        vector = np.array(numbers, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{place}: {error}; expected numbers after the word") from error
    if not (np.abs(vector) <= np.finfo(np.float32).max).all():  # false for NaN too
        raise ValueError(f"{place}: has a number that is not finite in float32; expected finite numbers after the word")
    return vector.astype(np.float32)
