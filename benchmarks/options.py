"""The arguments that all benchmarks share, and the threads that all contenders get."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """threads: of every contender. rounds: of alternation. quick: tiny sizes, to see that everything runs.

    peers, works: words, one of which the name must have; none for all. memory: bytes that contenders may hold at once.
    """

    threads: int
    rounds: int
    quick: bool
    markdown: bool
    json: str | None
    peers: tuple[str, ...]
    works: tuple[str, ...]
    memory: float

    def wants(self, work: str, peer: str) -> bool:
        """Whether both names are asked for."""
        return all(
            not words or any(word.lower() in name.lower() for word in words)
            for name, words in ((work, self.works), (peer, self.peers))
        )


def parse(description: str | None, arguments: Sequence[str] | None = None) -> Options:
    """Options from the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=_CORES, help=f"of every contender (here {_CORES})")
    parser.add_argument("--rounds", type=int, default=None, help="of alternation (15; 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    parser.add_argument("--json", metavar="FILE", default=None, help="also write all figures there")
    parser.add_argument("--peers", default="", metavar="WORD,WORD", help="only peers with one of these in their names")
    parser.add_argument("--works", default="", metavar="WORD,WORD", help="only works with one of these in their names")
    parser.add_argument("--memory", type=float, default=_available() * 0.6 / 2**30, help="GiB for contenders at once")
    given = parser.parse_args(arguments)
    if not 1 <= given.threads <= _CORES:
        parser.error(f"--threads must be in 1 … {_CORES}, got {given.threads}")
    rounds = (2 if given.quick else 15) if given.rounds is None else given.rounds
    if rounds < 1:
        parser.error(f"--rounds must be at least 1, got {rounds}")
    peers, works = (tuple(word for word in text.split(",") if word) for text in (given.peers, given.works))
    memory = given.memory * 2**30
    return Options(given.threads, rounds, given.quick, given.markdown, given.json, peers, works, memory)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Inside, PyTorch has so many threads, and the process so many cores, by which XLA sizes its pool.

    JAX must not have run before. Where the system cannot bind a process to cores, XLA takes what it likes.
    """
    before = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    torch.set_num_threads(threads)
    if cores and threads < len(cores):
        os.sched_setaffinity(0, sorted(cores)[:threads])
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)


def _available() -> float:
    """Bytes of memory that are free for use; 8 GiB where the system does not say."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 8 * 2.0**30
