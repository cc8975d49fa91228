"""Tasks in processes and on a cluster: one is killed during the run, the others are done all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attn_interp.studies.jobs import LOST, in_processes, on_cluster

Task = tuple[str, str]
"""Folder and what to do: "wait" is done; "once" kills its process the first time; "always" every time."""


def work(task: Task) -> None:
    folder, what = Path(task[0]), task[1]
    begun = folder / f"{what}.begun"
    if what.startswith("always") or (what.startswith("once") and not begun.exists()):
        begun.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"{what}.done").write_text(str(os.getpid()))


class Heard:
    """What the caller is told."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.lost: dict[str, str] = {}

    def done(self, task: Task) -> None:
        self.finished.append(task[1])

    def gone(self, task: Task, error: str) -> None:
        self.lost[task[1]] = error


def test_one_job_runs_here_in_order(tmp_path) -> None:
    heard = Heard()
    in_processes(work, [(str(tmp_path), name) for name in ("b", "a")], 1, heard.done, heard.gone)
    assert heard.finished == ["b", "a"]
    assert (tmp_path / "a.done").read_text() == str(os.getpid())


def test_a_killed_process_costs_its_task_a_second_try_and_no_more(tmp_path) -> None:
    heard = Heard()
    names = ["wait1", "once", "wait2"]
    in_processes(work, [(str(tmp_path), name) for name in names], 2, heard.done, heard.gone)
    assert sorted(heard.finished) == sorted(names)
    assert heard.lost == {}
    assert str(os.getpid()) not in {path.read_text() for path in tmp_path.glob("*.done")}


def test_a_task_that_always_kills_its_process_is_found_and_the_others_are_done(tmp_path) -> None:
    heard = Heard()
    names = ["always", "wait1", "wait2"]
    in_processes(work, [(str(tmp_path), name) for name in names], 2, heard.done, heard.gone)
    assert sorted(heard.finished) == ["wait1", "wait2"]
    assert heard.lost == {"always": LOST}


SLEEPER = """
import os, sys, time
from pathlib import Path
from attn_interp.studies.jobs import in_processes

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)

in_processes(work, [sys.argv[1]] * 2, 2, print, print)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_a_killed_run(tmp_path, number) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER, "utf-8")
    (tmp_path / "ids").mkdir()
    run = subprocess.Popen(
        [sys.executable, tmp_path / "sleeper.py", tmp_path / "ids"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(list((tmp_path / "ids").iterdir())) == 2)
    run.send_signal(number)
    assert run.wait() != 0
    for path in (tmp_path / "ids").iterdir():
        wait_until(lambda path=path: not is_alive(int(path.name)))


def wait_until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_cluster_goes_on_when_a_worker_is_killed(tmp_path) -> None:
    distributed = pytest.importorskip("distributed")
    heard = Heard()
    names = ["wait1", "once", "wait2", "wait3"]
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=tmp_path / "dask"
    ) as cluster:
        on_cluster(work, [(str(tmp_path), name) for name in names], cluster.scheduler_address, heard.done, heard.gone)
    assert sorted(heard.finished) == sorted(names)
    assert heard.lost == {}
    assert (tmp_path / "once.begun").exists()


def test_an_address_without_a_scheduler_is_an_error(tmp_path) -> None:
    distributed = pytest.importorskip("distributed")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}), pytest.raises(OSError, match="127"):
        on_cluster(work, [(str(tmp_path), "a")], "tcp://127.0.0.1:9", print, print)
    assert distributed
