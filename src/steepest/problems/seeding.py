"""Random numbers of a run: every use of a global generator is seeded, and the caller's state is put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self, final

import numpy as np
import torch

WEIGHTS: Final = 0
"""Stream of the initial weights; it is the run's seed itself, so `torch.manual_seed(seed); model()` gives the same."""
ORDER: Final = 1
"""Stream of the batch order."""
NOISE: Final = 2
"""Stream of what is random inside the network: dropout."""
READING: Final = 3
"""Stream of what is random in reading samples: augmentation."""

_ODD: Final = 0x9E3779B97F4A7C15
_MASK: Final = 2**63 - 1


def stream(seed: int, which: int) -> int:
    """The seed of one of a run's streams, a whole number in [0, 2^63); streams are independent of each other."""
    if which == WEIGHTS:
        return seed
    return int(np.random.SeedSequence([seed, which]).generate_state(1, np.uint64)[0]) & _MASK


def nth(seed: int, index: int) -> int:
    """The `index`-th seed of a stream: neighbours differ in all bits, so that their draws look unrelated."""
    return (seed + (index + 1) * _ODD) & _MASK


@final
class TorchRandom:
    """PyTorch's global generators of the CPU and of one device, borrowed for a call.

    The same seed gives the same draws however often it is asked, and whatever else draws in between. One at a time:
    a context of one object is not entered twice. Costs about 2 microseconds on the CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._generators = [torch.default_generator]
        self._seed, self._states = 0, list[torch.Tensor]()
        if device.type != "cpu":
            found = getattr(torch.get_device_module(device), "default_generators", ())
            self._generators += list(found[device.index or 0 : (device.index or 0) + 1])

    def seeded(self, seed: int) -> Self:
        """A context: inside, torch's global draws follow from `seed`; afterwards the state is what it was before."""
        self._seed = seed
        return self

    def __enter__(self) -> None:
        self._states = [generator.get_state() for generator in self._generators]
        for generator in self._generators:
            generator.manual_seed(self._seed)

    def __exit__(self, *_: object) -> None:
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(state)


@contextmanager
def all_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """As `TorchRandom.seeded`, for the global generators of NumPy and of the standard library as well."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        with TorchRandom(device).seeded(seed):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
