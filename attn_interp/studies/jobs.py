"""The same function of many tasks, in processes of this machine or on a Dask cluster; a process may die at any time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

Task = TypeVar("Task")
LOST = "the process that worked on it was killed: memory may have run out"
ROUNDS = 3  # in a row that may lose a process without finishing a task, before tasks run one by one
WATCH_SECONDS = 0.5


def in_processes(
    work: Callable[[Task], None],
    tasks: Sequence[Task],
    jobs: int,
    finished: Callable[[Task], None],
    lost: Callable[[Task, str], None],
) -> None:
    """Work on every task, `jobs` at a time; with one job, in this process.

    Where a process is killed, the tasks that are not finished begin again in new processes. If that happens over and
    over, they are run one by one to find those that are the cause.

    Args:
        work: A function at the top of a module; catches what its task raises.
        finished: Is told of each task that was worked on, in the order of completion.
        lost: Is told of each task whose process was killed even when it ran alone, and why.
    """
    if jobs == 1:
        for task in tasks:
            work(task)
            finished(task)
        return
    waiting = dict(enumerate(tasks))
    fruitless = 0
    while waiting and fruitless < ROUNDS:
        left = len(waiting)
        for index in _finished_in_a_round(work, waiting, jobs):
            finished(waiting.pop(index))
        fruitless = fruitless + 1 if len(waiting) == left else 0
    for index, task in waiting.items():
        if list(_finished_in_a_round(work, {index: task}, jobs)):
            finished(task)
        else:
            lost(task, LOST)


def _finished_in_a_round(work: Callable[[Task], None], tasks: dict[int, Task], jobs: int) -> Iterator[int]:
    """The tasks that end before a process is killed."""
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    calls = [delayed(_in_a_child)(work, index, task, os.getpid()) for index, task in tasks.items()]
    with parallel_config("loky", inner_max_num_threads=1), _no_process_left_behind():
        try:
            yield from Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(calls)
        except TerminatedWorkerError:
            return


@contextmanager
def _no_process_left_behind() -> Iterator[None]:
    """Kill the processes when this one is interrupted."""
    from joblib.externals.loky import get_reusable_executor

    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise


def _in_a_child(work: Callable[[Task], None], index: int, task: Task, parent: int) -> int:
    _end_with(parent)
    work(task)
    return index


@cache
def _end_with(parent: int) -> None:
    """From now on this process ends when the parent does, also when the parent is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_ONE_AT_A_TIME = threading.Lock()


def on_cluster(
    work: Callable[[Task], None],
    tasks: Sequence[Task],
    address: str,
    finished: Callable[[Task], None],
    lost: Callable[[Task, str], None],
) -> None:
    """Work on every task on the Dask cluster whose scheduler is at the address; arguments as for `in_processes`.

    The workers need this package in the same version, and the folders that the tasks name. Dask gives the task of a
    killed worker to another one, as often as its setting `distributed.scheduler.allowed-failures` says.

    Raises:
        ImportError: Dask is not installed.
        OSError: there is no scheduler at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ImportError("--dask needs Dask: pip install attn-interp[dask]") from error
    with Client(address) as client:
        futures = {client.submit(_on_worker, work, task, pure=False): task for task in tasks}
        for future in as_completed(list(futures)):
            cause = future.exception()
            if cause is None:
                finished(futures[future])
            else:
                lost(futures[future], f"{type(cause).__name__}: {' '.join(str(cause).split())}")


def _on_worker(work: Callable[[Task], None], task: Task) -> None:
    with _ONE_AT_A_TIME:  # random state and threads are of the process; a worker may run several tasks at once
        work(task)
