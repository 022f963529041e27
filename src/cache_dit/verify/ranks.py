"""Processes that stand for the ranks of a group, kept alive to verify one model after another."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from diffusers.utils import logging as diffusers_logging

from cache_dit.logger import init_logger
from cache_dit.parallelism.failure import RankFailed, described, in_an_exchange, where

logger = init_logger(__name__)

PATIENCE = 180.0
"""Seconds to wait for an answer before the ranks are given up: long, for a busy machine."""

START = 600.0
"""Seconds to wait until they have started and imported everything."""

AFTER_A_FAILURE = 10.0
"""Seconds in which the other ranks may still answer when one has failed."""


@dataclass(frozen=True)
class Answer:
    """What a rank says to a job.

    Attributes:
        problem: what went wrong; empty where nothing did.
        value: what the job returned.
        follows: whether another rank may have failed before, and be the cause.
    """

    problem: str = ""
    value: Any = None
    follows: bool = False


class Ranks:
    """``size`` processes on this machine, connected over gloo.

    They begin on first use, and anew after one of them has failed or not answered for ``patience``
    seconds.
    """

    def __init__(self, size: int, patience: float = PATIENCE) -> None:
        self.size = size
        self.patience = patience
        self._processes: list[Any] = []
        self._ends: list[Connection] = []

    def run(self, job: Callable[..., Any], *arguments: Any) -> list[Any]:
        """``job(*arguments)`` on every rank at once: what each of them returns.

        Raises:
            RuntimeError: a rank raised or did not answer; the message says which, and what.
        """
        if not self._processes:
            self._start()
        for end in self._ends:
            with suppress(BrokenPipeError):  # its answer will be that it has ended
                end.send((job, arguments))
        answers = self._answers()
        failures = [rank for rank, answer in sorted(answers.items()) if answer.problem]
        if failures or len(answers) < self.size:
            self.stop()  # the others may be in the middle of an exchange
            failures += [rank for rank in range(self.size) if rank not in answers]
            rank = min(failures, key=lambda each: each not in answers or answers[each].follows)
            said = answers[rank].problem if rank in answers else "no answer"
            raise RuntimeError(f"rank {rank} of {self.size}: {said}")
        return [answers[rank].value for rank in range(self.size)]

    def _answers(self) -> dict[int, Answer]:
        """Those that came in time; once a rank has failed, others may wait for it in vain."""
        answers: dict[int, Answer] = {}
        ranks = {end: rank for rank, end in enumerate(self._ends)}
        until = time.monotonic() + self.patience
        while ranks and (ready := wait(list(ranks), max(0.0, until - time.monotonic()))):
            for end in ready:
                assert isinstance(end, Connection)
                rank = ranks.pop(end)
                try:
                    answers[rank] = end.recv()
                except (EOFError, ConnectionResetError):
                    answers[rank] = Answer("its process has ended")
                if answers[rank].problem:
                    until = min(until, time.monotonic() + AFTER_A_FAILURE)
        return answers

    def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.join()
        self._processes, self._ends = [], []

    def _start(self) -> None:
        logger.info("Starting %d processes that stand for ranks; they import torch.", self.size)
        context = mp.get_context("spawn")
        meeting = str(Path(tempfile.mkdtemp(prefix="cache_dit_ranks_")) / "store")
        for rank in range(self.size):
            here, there = context.Pipe()
            process = context.Process(
                target=_serve,
                args=(rank, self.size, meeting, there, self.patience / 2),
                daemon=True,
            )
            process.start()
            self._processes.append(process)
            self._ends.append(here)
        for end in self._ends:
            if not end.poll(START):
                self.stop()
                raise RuntimeError(f"{self.size} ranks: they did not start.")
            end.recv()


@cache
def ranks(size: int) -> Ranks:
    """The one group of so many processes."""
    return Ranks(size)


def _serve(rank: int, size: int, meeting: str, end: Connection, timeout: float) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers_logging.set_verbosity_error()
    logging.getLogger("cache_dit").setLevel(logging.ERROR)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=timeout),
    )
    end.send("ready")
    while True:
        try:
            job, arguments = end.recv()
        except EOFError:
            return
        try:
            end.send(Answer(value=job(*arguments)))
        except Exception as error:
            plain = isinstance(error, ValueError) and not where(error)  # it says all by itself
            said = str(error) if plain else described(error)
            follows = isinstance(error, RankFailed) or in_an_exchange(error)
            end.send(Answer(said or type(error).__name__, follows=follows))
