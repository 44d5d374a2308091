"""Ours beside its peers: first shown equal, then timed in alternation."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from benchmarks.alternate import COPY, IN_PLACE, VISIT, alternate, byte_movers
from benchmarks.equality import GRADIENT_DEVIATION, PARAMETER_DEVIATION, agreement
from benchmarks.options import Options
from benchmarks.peers import Make, Peer
from benchmarks.table import Row
from benchmarks.works import Traffic, Work

_HELD = 24
"""Bytes a parameter that a contender may hold: p, g, m, v, and two temporaries."""
_OURS = "steepest"


def compare(
    work: Work,
    ours: Make,
    peers: Sequence[Peer],
    options: Options,
    *,
    traffic: Traffic | None = None,
    note: str = "",
) -> list[Row]:
    """A row for every peer. traffic: what a step of ours must move, where memory is what limits it.

    Peers that are not here, or not equal to ours within their tolerance, are rows that say so. Contenders
    are held in memory as many at once as fit, ours with each batch, and with it what measures the bandwidth.
    """
    work = work.small if options.quick else work
    rows: dict[str, Row] = {}
    equal: dict[str, str] = {}
    timed = []
    for peer in peers:
        if not options.wants(work.name, peer.name):
            continue
        if reason := peer.missing or ("not in a quick run" if options.quick and peer.compiles else ""):
            rows[peer.name] = Row(work.name, peer.name, note=f"not timed: {reason}")
            continue
        torch.compiler.reset()
        found = agreement(work, peer.make, ours, peer.tolerance)
        equal[peer.name] = str(found)
        rows[peer.name] = Row(work.name, peer.name, agreement=str(found), note="not timed: not equal", failed=True)
        if found.holds:
            timed.append(peer)
    for batch in _batches(timed, int(options.memory // (_HELD * work.parameters))):
        seconds, moved = _timed(work, ours, batch, options)
        bandwidths = {name: [moved / s for s in seconds[name]] for name in (COPY, IN_PLACE)}
        floor = None if traffic is None else traffic.bytes_per_parameter * work.parameters
        for peer in batch:
            times = seconds[peer.name], seconds[_OURS]
            rows[peer.name] = Row(work.name, peer.name, *times, bandwidths, floor, equal[peer.name], note)
    return _marked(list(rows.values()))


def _marked(rows: list[Row]) -> list[Row]:
    """The fastest peer's row says so."""
    timed = [row for row in rows if row.theirs]
    fastest = min(timed, key=lambda row: statistics.median(row.ratios)) if len(timed) > 1 else None
    return [replace(row, note=f"fastest; {row.note}".rstrip("; ")) if row is fastest else row for row in rows]


def _batches(peers: list[Peer], fitting: int) -> Iterator[list[Peer]]:
    """Peers, as many at once as fit beside ours; at least one."""
    size = max(1, fitting - 1)
    for start in range(0, len(peers), size):
        yield peers[start : start + size]


def _timed(work: Work, ours: Make, peers: Sequence[Peer], options: Options) -> tuple[dict[str, list[float]], int]:
    """Seconds a step by name, and the bytes that the movers move."""
    torch.compiler.reset()
    values, gradients = work.values(0, PARAMETER_DEVIATION), work.values(1, GRADIENT_DEVIATION)
    contenders = {peer.name: peer.make(values, gradients) for peer in peers} | {_OURS: ours(values, gradients)}
    del values, gradients
    movers, moved = byte_movers(2**20) if options.quick else byte_movers()
    steps = movers | {name: contender.step for name, contender in contenders.items()}
    try:
        return alternate(steps, options.rounds, 1e-3 if options.quick else VISIT), moved
    finally:
        contenders.clear()
        gc.collect()
