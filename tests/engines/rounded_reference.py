"""A rule on arrays that are kept rounded, written from the definition: read, compute on NumPy, round, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from steepest.formula import Rule, State

Arrays = Mapping[str, np.ndarray]


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """To nearest, ties to even, by PyTorch; as float32."""
    return np.asarray(torch.from_numpy(np.ascontiguousarray(x)).to(torch.bfloat16).float().numpy()).reshape(x.shape)


def decoded(kind: str, codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """What 8-bit codes of blocks of 256 stand for, in float64."""
    largest = np.repeat(scales.astype("float64"), 256)[: codes.size]
    if kind == "signed8":
        whole = codes.view(np.int8).astype("float64")
        return np.sign(whole) * (abs(whole) / 127) ** 2 * largest
    return (codes / 255.0) ** 4 * largest


def nearest_codes(kind: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roots in units of a code, the sign, and each block's largest magnitude, in float64: codes are these rounded."""
    blocks = [x[start : start + 256].astype("float64") for start in range(0, x.size, 256)]
    largest = np.array([abs(block).max() for block in blocks])
    shares = np.concatenate([abs(b) / (top or 1.0) for b, top in zip(blocks, largest, strict=True)])
    root = np.sqrt(shares) * 127 if kind == "signed8" else np.sqrt(np.sqrt(shares)) * 255
    return root, np.sign(x), largest


class Reference:
    """One rule on float32 parameters, or on bfloat16 ones kept as `rounding` says, with slots kept as told.

    rounded: by slot path, what is done to a new value before it is kept.
    """

    def __init__(self, rule: Rule, params: Arrays, rounded: Mapping[str, Any], parameter: str = "as it is") -> None:
        self.rule, self.rounded, self.parameter = rule, rounded, parameter
        self.params = {name: np.array(p) for name, p in params.items()}
        self.low = {name: np.zeros_like(p) for name, p in params.items()}
        self.state = self._kept(rule.init(self.params))

    def step(self, grads: Arrays) -> None:
        points = {name: p + self.low[name] for name, p in self.params.items()}
        after, state, _ = self.rule.update(points, dict(grads), self.state)
        self.state = self._kept(state)
        for name, value in after.items():
            new = np.asarray(value)
            self.params[name] = new if self.parameter == "as it is" else to_bfloat16(new)
            if self.parameter == "kahan":
                self.low[name] = to_bfloat16(new - self.params[name])

    def _kept(self, state: State) -> State:
        slots = {
            path: {name: self.rounded.get(path, lambda x: x)(np.asarray(x)) for name, x in tensors.items()}
            for path, tensors in state.slots.items()
        }
        return replace(state, slots=slots)
