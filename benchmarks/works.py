"""What is worked on: lists of tensor shapes, and the bytes that a rule must move for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shapes = tuple[tuple[int, ...], ...]
Arrays = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Work:
    """Tensors of one model. name: what tables say; shapes: of its tensors; small_side: longest side of `small`."""

    name: str
    shapes: Shapes
    small_side: int = 40

    @property
    def parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def small(self) -> Work:
        """At most eight tensors of the same ranks, with shorter sides: for comparing values, not for timing."""
        distinct = [*dict.fromkeys(self.shapes), *self.shapes][: min(8, len(self.shapes))]
        return Work(
            f"{self.name}, small",
            tuple(tuple(min(side, self.small_side) for side in shape) for shape in distinct),
            self.small_side,
        )

    def values(self, seed: int, deviation: float) -> Arrays:
        """Normal float32 arrays of these shapes, mean 0."""
        generator = np.random.default_rng(seed)
        return [generator.standard_normal(shape, dtype=np.float32) * np.float32(deviation) for shape in self.shapes]


@dataclass(frozen=True)
class Traffic:
    """The arrays that a rule must read and write, by name; "g g" is read twice, as where a norm comes first.

    It follows from the rule alone: what is larger than the cache cannot be updated with fewer bytes.
    """

    reads: str
    writes: str
    sizes: tuple[tuple[str, float], ...] = ()
    """Bytes an element, by name, where they are not 4."""

    @property
    def bytes_per_parameter(self) -> float:
        sizes = dict(self.sizes)
        return sum(sizes.get(name, 4) for name in (*self.reads.split(), *self.writes.split()))


def gpt2(width: int = 768, vocabulary: int = 50257, context: int = 1024, blocks: int = 12) -> Shapes:
    """The shapes of GPT-2 small's 148 tensors, in the order of its state dict; embedding and head are one tensor."""
    norm: Shapes = ((width,), (width,))
    attention: Shapes = ((width, 3 * width), (3 * width,), (width, width), (width,))
    mlp: Shapes = ((width, 4 * width), (4 * width,), (4 * width, width), (width,))
    return ((vocabulary, width), (context, width), *((*norm, *attention, *norm, *mlp) * blocks), *norm)


EVEN = Work("25e6 in 160 tensors", ((156_000,),) * 160)
GPT2 = Work("124e6, GPT-2 small", gpt2())
MANY = Work("300 tensors of 1,000", ((1_000,),) * 300)
DIGITS = Work("digits network, 4 tensors, 2,410", ((32, 64), (32,), (10, 32), (10,)))
TWO = Work("one tensor of 2", ((2,),))
