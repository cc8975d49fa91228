"""Kill a study again and again, at random moments and in four ways; its files must equal those of an undisturbed run.

A small study on made-up documents is run once undisturbed and then, in another folder, killed and started again. If
it ends before the next kill, another begins in a further folder. Prints a line for each kill and a table at the end;
the exit code is 1 if any file differs by a byte.

    python tests/benchmarks/bench_kills.py
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil

from attn_interp.report.console import show_table
from attn_interp.studies.status import DONE, FAILED, read_plan, states

GRID = """
corpora = [{ corpus = "planted", documents = 1200, least_length = 4, most_length = 14 }]
encoders = ["lstm", "average"]
seeds = [0, 1]
experiments = ["quality", "agreement", "permutation", "adversary", "erasure"]
documents = 60
draws = 20
settings = { embedding_width = 24, hidden = 12 }
training = { epochs = 6, patience = 6 }
"""
RUN, MAIN, WORKER, BREAK = "SIGKILL of the whole run", "SIGKILL of the parent", "SIGKILL of a worker", "Ctrl-C"
NOT_COMPARED = "lock"  # empty


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the study (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the ways (default: %(default)s)")
    parser.add_argument("--most-seconds", type=float, default=30, help="before a kill (default: %(default)s)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has background jobs ignore it, and theirs too
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as place:
        grid = Path(place) / "grid.toml"
        grid.write_text(GRID, "utf-8")
        begun = time.monotonic()
        undisturbed = Path(place) / "undisturbed"
        if start(grid, undisturbed, arguments.jobs).wait():
            raise SystemExit("the undisturbed run failed")
        print(f"undisturbed: {time.monotonic() - begun:.0f} s, {len(digests(undisturbed))} files", flush=True)
        kills: Counter[str] = Counter()
        differing = rounds = 0
        while kills.total() < arguments.kills:
            rounds += 1
            folder = Path(place) / f"disturbed{rounds}"
            kill_until_it_is_done(grid, folder, arguments, draw, kills)
            differing += compare(undisturbed, folder, rounds)
        show_table(pd.DataFrame(sorted(kills.items()), columns=["way", "kills"]), title="kills")
        found = (undisturbed / "grid" / "tables" / "overview.csv").read_bytes()
        print(f"SHA-256 of tables/overview.csv: {hashlib.sha256(found).hexdigest()}")
        show_table(pd.read_csv(undisturbed / "grid" / "tables" / "overview.csv"), title="the final table")
        print(f"{kills.total()} kills, {rounds} studies, {differing} files differ from the undisturbed run")
    raise SystemExit(differing > 0)


def start(grid: Path, folder: Path, jobs: int) -> subprocess.Popen[bytes]:
    """The study in a process group of its own, as a shell starts it."""
    command = [sys.executable, "-m", "attn_interp.cli", "study", str(grid), "--results", str(folder)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [*command, "--jobs", str(jobs)], stdout=quiet, stderr=quiet, start_new_session=True, cwd=grid.parent
    )


def kill_until_it_is_done(
    grid: Path, folder: Path, arguments: argparse.Namespace, draw: random.Random, kills: Counter[str]
) -> None:
    """Kill and start again; when all kills are used up, leave it alone until it ends."""
    process = start(grid, folder, arguments.jobs)
    while True:
        wait = draw.uniform(0, arguments.most_seconds) if kills.total() < arguments.kills else None
        begun = time.monotonic()
        try:
            code = process.wait(wait)
            if code != 0:
                raise SystemExit(f"a run that was left alone ended with exit code {code}")
            return
        except subprocess.TimeoutExpired:
            way = kill(process, draw)
        kills[way] += 1
        seconds = time.monotonic() - begun
        print(
            f"kill {kills.total():2d}  {way:25s} after {seconds:4.1f} s  {where_it_stands(folder / 'grid')}", flush=True
        )
        if way != WORKER:
            process.wait()
            process = start(grid, folder, arguments.jobs)


def kill(process: subprocess.Popen[bytes], draw: random.Random) -> str:
    """Kill in a way drawn by chance; a worker only where there is one. Returns the way."""
    workers = [child for child in psutil.Process(process.pid).children(recursive=True) if is_worker(child)]
    way = draw.choice([RUN, MAIN, WORKER, BREAK] if workers else [RUN, MAIN, BREAK])
    if way == WORKER:
        draw.choice(workers).kill()
    elif way == MAIN:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL if way == RUN else signal.SIGINT)
    return way


def is_worker(child: psutil.Process) -> bool:
    try:
        return any("popen_loky" in word for word in child.cmdline())
    except psutil.Error:  # it has just ended
        return False


def where_it_stands(folder: Path) -> str:
    try:
        found = states(read_plan(folder), folder)["state"]
    except FileNotFoundError:
        return "nothing was begun"
    return f"{int((found == DONE).sum())} of {len(found)} steps done, {int((found == FAILED).sum())} failed"


def digests(folder: Path) -> dict[str, str]:
    """Every file by its path in the folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NOT_COMPARED
    }


def compare(undisturbed: Path, disturbed: Path, number: int) -> int:
    """How many files are missing, too many or different; names them."""
    one, two = digests(undisturbed), digests(disturbed)
    wrong = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    kinds = Counter(Path(name).suffix for name in two)
    print(f"study {number}: {len(two)} files ({dict(kinds)}), {len(wrong)} differ: {wrong[:5]}", flush=True)
    return len(wrong)


if __name__ == "__main__":
    main()
