"""AdamW on one tensor of 2, where a step is nothing but calls: through the optimizer, and the engine alone.

python -m benchmarks.two_parameters

Arguments are those of every benchmark.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks import adamw
from benchmarks.compare import compare
from benchmarks.contenders import Contender, Parameters, TorchContender
from benchmarks.machine import described
from benchmarks.options import limited, parse
from benchmarks.table import publish
from benchmarks.works import TWO, Arrays
from steepest.engines import RuleStepper
from steepest.rules import adamw as adamw_rule


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    through = replace(TWO, name=f"through the optimizer, {TWO.name}")
    alone = replace(TWO, name=f"the engine alone, {TWO.name}")
    with limited(options.threads):
        rows = [
            *compare(through, adamw.ours, adamw.torch_peers(), options),
            *compare(alone, engine, adamw.torch_peers(), options),
        ]
        return publish("Two parameters", described(options.threads), rows, options)


def engine(values: Arrays, gradients: Arrays) -> Contender:
    """The engine on the same tensors, without what a torch.optim.Optimizer does around it."""

    def make(params: Parameters) -> Callable[[], object]:
        tensors = {f"p{i}": p.detach() for i, p in enumerate(params)}
        found = {f"p{i}": p.grad for i, p in enumerate(params)}
        beta1, beta2 = adamw.BETAS
        rule = adamw_rule(adamw.LR, beta1=beta1, beta2=beta2, eps=adamw.EPS, weight_decay=adamw.WEIGHT_DECAY)
        compiled = RuleStepper(rule, tensors).engine
        numbers = rule.values(0)
        return lambda: compiled.update(tensors, found, numbers, {})

    return TorchContender(values, gradients, make)


if __name__ == "__main__":
    sys.exit(main())
