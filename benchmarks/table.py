"""Figures to text: a plain table, Markdown, or JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks.alternate import COPY, IN_PLACE
from benchmarks.options import Options


@dataclass(frozen=True)
class Row:
    """One peer beside ours on one work, round by round; or, with `note` alone, why it was not timed.

    theirs, ours: seconds a step. bandwidths: bytes a second, by mover. floor: bytes that a step of ours must move.
    agreement: how equal they are, as text. failed: they are not equal enough.
    """

    work: str
    peer: str
    theirs: Sequence[float] = ()
    ours: Sequence[float] = ()
    bandwidths: Mapping[str, Sequence[float]] = field(default_factory=dict)
    floor: float | None = None
    agreement: str = ""
    note: str = ""
    failed: bool = False

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.theirs, self.ours, strict=True)]

    @property
    def bandwidth(self) -> float:
        """The faster mover's median."""
        return max(statistics.median(values) for values in self.bandwidths.values())

    @property
    def share(self) -> float | None:
        """Of the bandwidth, that our step achieves."""
        return None if self.floor is None else self.floor / self.bandwidth / statistics.median(self.ours)

    def cells(self) -> list[str]:
        if not self.theirs:
            return [self.work, self.peer, "", "", "", "", "", self.agreement, self.note]
        floor, share = self.floor, self.share
        return [
            self.work,
            self.peer,
            duration(statistics.median(self.theirs)),
            duration(statistics.median(self.ours)),
            spread(self.ratios),
            "" if floor is None else duration(floor / self.bandwidth),
            "" if share is None else f"{share:.2f}",
            self.agreement,
            self.note,
        ]

    def record(self) -> dict[str, object]:
        """What JSON holds."""
        held: dict[str, object] = {"work": self.work, "peer": self.peer, "note": self.note, "equal": self.agreement}
        if not self.theirs:
            return held
        middle, low, high = statistics.median(self.ratios), min(self.ratios), max(self.ratios)
        return {
            **held,
            "peer_seconds": list(self.theirs),
            "steepest_seconds": list(self.ours),
            "ratio": {"median": middle, "min": low, "max": high},
            "bandwidth": {name: statistics.median(values) for name, values in self.bandwidths.items()},
            "bytes": self.floor,
            "share": self.share,
        }


HEADINGS = (
    "work",
    "peer",
    "peer, a step",
    "steepest, a step",
    "peer / steepest",
    "floor",
    "share",
    "largest difference",
    "note",
)


def publish(title: str, machine: dict[str, str], rows: Sequence[Row], options: Options) -> int:
    """Print the rows and write the JSON; the exit status: 1 where some peer did not compute the same."""
    _heading(title, machine, options)
    for name in (COPY, IN_PLACE):
        if values := [value for row in rows for value in row.bandwidths.get(name, ())]:
            print(f"bandwidth, {name}: {_gigabytes(values)}")
    print("Medians; ratio [smallest, largest] over the rounds, above 1 where the peer is slower. Floor: the bytes that")
    print(
        "the rule must move, at the faster bandwidth; share: floor / steepest. Largest difference: after 12 steps of a"
    )
    print("small copy, beside how far a parameter went.\n")
    print(text(HEADINGS, [row.cells() for row in rows], options.markdown))
    if options.json:
        record = {"title": title, "machine": machine, "rows": [row.record() for row in rows]}
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(any(row.failed for row in rows))


def text(headings: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> str:
    """A table, without columns that are empty in every row, and without repeating the first cell."""
    used = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    lines = [[headings[i] for i in used], *([row[i] for i in used] for row in rows)]
    for above, line in reversed([*pairwise(lines)]):
        line[0] = "" if line[0] == above[0] else line[0]
    widths = [max(len(line[i]) for line in lines) for i in range(len(used))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in padded)
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "μs")):
        if seconds >= scale:
            return f"{_three(seconds / scale)} {unit}"
    return f"{_three(seconds * 1e9)} ns"


def spread(values: Sequence[float]) -> str:
    """Median [smallest, largest]."""
    return f"{_three(statistics.median(values))} [{_three(min(values))}, {_three(max(values))}]"


def _gigabytes(values: Sequence[float]) -> str:
    return f"{statistics.median(values) / 1e9:.1f} GB/s [{min(values) / 1e9:.1f}, {max(values) / 1e9:.1f}]"


def _heading(title: str, machine: dict[str, str], options: Options) -> None:
    print(f"## {title}\n" if options.markdown else f"{title}\n")
    print(". ".join(machine.values()) + f". {options.rounds} rounds.")


def _three(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
