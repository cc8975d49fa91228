from pathlib import Path

import pytest

from attn_interp.data.corpora.pairs.sick import FILES, load_sick

SHARED = Path(__file__).parents[5] / "shared" / "data" / "sick"
HEAD = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
LABELS = ("NEUTRAL", "ENTAILMENT", "CONTRADICTION")


def folder(path, end="\n"):
    for place, name in enumerate(FILES.values()):
        rows = [f'{place}{n}\tAnn "sat" {n}, here\tShe is {n}\t3.5\t{LABELS[n % 3]}' for n in range(3)]
        (path / name).write_bytes(end.join([HEAD, *rows, ""]).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_row_is_a_pair(tmp_path, end):
    corpus = load_sick(folder(tmp_path, end))
    assert [len(part) for part in corpus.splits.values()] == [3, 3, 3]
    document = corpus.dev[1]
    assert document.id == "11" and document.text == 'Ann "sat" 1, here' and document.second.words == ("She", "is", "1")
    assert corpus.classes[document.label] == "ENTAILMENT"


def test_bad_files_are_named(tmp_path):
    folder(tmp_path)
    (tmp_path / "SICK_trial.txt").write_text(f"{HEAD}\n1\tAnn sat\tShe is\t3\tMAYBE\n")
    with pytest.raises(ValueError, match=r"SICK_trial\.txt, row 2: label 'MAYBE' is not in the list"):
        load_sick(tmp_path)
    (tmp_path / "SICK_trial.txt").write_text("1\tAnn sat\n")
    with pytest.raises(ValueError, match=r"SICK_trial\.txt: there is no column 'pair_ID'"):
        load_sick(tmp_path)
    (tmp_path / "SICK_trial.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"SICK_trial\.txt: is missing; SICK's folder holds"):
        load_sick(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="SICK is not at hand")
def test_the_published_pairs():
    corpus = load_sick(SHARED)
    assert {split: len(part) for split, part in corpus.splits.items()} == {"train": 4500, "dev": 500, "test": 4927}
