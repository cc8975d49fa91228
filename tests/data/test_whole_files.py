import errno
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from attn_interp.data.corpora.planted import load_planted
from attn_interp.data.whole_files import replace_file, whole_file
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier


def test_a_finished_file_stands_alone_in_its_folder(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_text() == "whole" and list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; name a file"):
        replace_file(tmp_path, b"content")
    assert list(tmp_path.iterdir()) == []


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 768 vs 662"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("fault", FULL)
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path, monkeypatch, fault):
    path = tmp_path / "a.txt"
    replace_file(path, b"old")
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        write(self, content[:2])
        raise fault

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError) as told:
        replace_file(path, b"new content")
    assert str(told.value) == f"{path}: the disk is full; make room and run again, what is whole stays"
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_other_faults_are_told_as_they_are(tmp_path):
    for fault in (OSError(errno.EIO, "broken"), RuntimeError("of a person's own")):
        with pytest.raises(type(fault)) as told, whole_file(tmp_path / "a"):
            raise fault
        assert told.value is fault


def test_a_training_goes_on_when_there_is_room_again(tmp_path, monkeypatch):
    settings = ClassifierSettings(encoder="average", embedding_width=4, hidden=4)
    asked = (load_planted(40, most_length=5), settings, TrainingSettings(epochs=3, patience=3), 1)
    undisturbed = fit_classifier(*asked, progress=False)
    keep, calls = torch.save, []

    def full_at_the_second(state, draft):
        calls.append(draft)
        if len(calls) == 2:
            draft.write_bytes(b"half")
            raise FULL[2]
        keep(state, draft)

    monkeypatch.setattr(torch, "save", full_at_the_second)
    with pytest.raises(OSError, match="state: the disk is full; make room and run again"):
        fit_classifier(*asked, progress=False, resume=tmp_path / "state")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    trained = fit_classifier(*asked, progress=False, resume=tmp_path / "state")
    assert len(calls) == 4 and trained.history == undisturbed.history
    write = Path.write_bytes
    monkeypatch.setattr(
        Path, "write_bytes", lambda self, content: write(self, content[:9]) and (_ for _ in ()).throw(FULL[0])
    )
    with pytest.raises(OSError, match="model: the disk is full; make room and run again"):
        save_checkpoint(trained, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    monkeypatch.undo()
    save_checkpoint(trained, tmp_path / "model")
    for name, weights in load_checkpoint(tmp_path / "model").module.state_dict().items():
        assert torch.equal(weights, undisturbed.module.state_dict()[name])
