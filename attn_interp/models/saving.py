"""A model as a folder, and back."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from attn_interp.data.document import shortened
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.device import require_device
from attn_interp.models.classifiers.checkpoint import FILES, load_checkpoint, save_checkpoint
from attn_interp.models.transformers.adapter import CollatePieces
from attn_interp.models.transformers.fine_tuning import save_pretrained
from attn_interp.models.wrap import wrap


def save_model(model: AttentionModel, folder: Path | str) -> Path:
    """Write the model to a folder that `load_model` reads: a checkpoint of ours, or a folder of transformers.

    Returns:
        The folder.

    Raises:
        TypeError: the module is neither, so nobody knows how to build it anew.
        FileExistsError: the folder holds something else.
    """
    folder = Path(folder)
    if model.trained is not None:
        save_checkpoint(model.trained, folder)
    elif isinstance(model.collate, CollatePieces):
        save_pretrained(model, folder)
    else:
        raise TypeError(
            f"save: {type(model.module).__name__} is a module of your own, and only its code can build it anew; save "
            "its state_dict (safetensors.torch.save_file), load that into a new module and wrap it again"
        )
    return folder


def load_model(
    folder: Path | str,
    *,
    site: str | None = None,
    head: int | str | None = None,
    query: int | str | None = None,
    device: torch.device | str = "cpu",
) -> AttentionModel:
    """The model that `AttentionModel.save` wrote, or any sequence classifier of transformers in a folder.

    Args:
        folder: The folder; its weights are read from safetensors alone.
        site, head, query: The attention to test, as for `wrap`; a folder does not keep them.
        device: Where the model runs.

    Returns:
        The model, with equal weights bit for bit.

    Raises:
        FileNotFoundError: there is no such folder, or a file of it is missing.
        ValueError: the folder is neither kind, or a file is damaged; names the file.

    >>> load_model("absent")
    Traceback (most recent call last):
    FileNotFoundError: absent: there is no such folder; expected one that model.save(folder) wrote
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"load_model: got {shortened(repr(folder), 60)}, expected the path of a folder")
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; expected one that model.save(folder) wrote")
    device = require_device(device)
    names = {path.name for path in folder.iterdir()}
    if names & FILES:
        return wrap(load_checkpoint(folder, device), site=site, head=head, query=query, device=device)
    if "config.json" in names:
        return wrap(folder, site=site, head=head, query=query, device=device)
    raise ValueError(f"{folder}: holds neither settings.json (a model of ours) nor config.json (one of transformers)")
