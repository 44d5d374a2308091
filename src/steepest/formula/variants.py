"""What a partitioned rule does to a tensor, by the parts that it may go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from steepest.formula.chain import Chain
from steepest.formula.partition import Partition, chosen, label_of
from steepest.formula.rule import Rule


def variants(rule: Rule) -> Iterator[tuple[str, AbstractContextManager[None]]]:
    """Each choice of parts, and a context in which the rule's graph is that of the choice.

    One choice, "", for a rule that is not partitioned. Choices are named as `Rule.part_of` names them. Within such a
    context the choice is the only one.

    >>> from steepest.formula import partition
    >>> from steepest.rules import adam, sgd
    >>> rule = partition(lambda name, shape: "a", a=sgd(lr=0.1), b=adam())
    >>> for name, within in variants(rule):
    ...     with within:
    ...         print(name, sorted(leaf for leaf in rule.graph().leaves() if leaf.startswith("slot")))
    partition.a []
    partition.b ['slot:partition.b.scale_by_adam.m', 'slot:partition.b.scale_by_adam.v']
    """
    for name, labels in _choices(rule):
        yield name, chosen(labels)


def _choices(rule: Rule) -> Iterator[tuple[str, Mapping[Partition, str]]]:
    if isinstance(rule, Partition):
        only = label_of(rule)
        for label, part in rule.parts:
            if only not in {None, label}:
                continue
            for name, labels in _choices(part):
                yield " ".join(filter(None, (f"{rule.name}.{label}", name))), {rule: label, **labels}
    elif isinstance(rule, Chain):
        yield from _of_chain(rule.rules)
    else:
        yield "", {}


def _of_chain(rules: tuple[Rule, ...]) -> Iterator[tuple[str, Mapping[Partition, str]]]:
    if not rules:
        yield "", {}
        return
    first, *rest = rules
    for name, labels in _choices(first):
        for others, more in _of_chain(tuple(rest)):
            yield " ".join(filter(None, (name, others))), {**labels, **more}
