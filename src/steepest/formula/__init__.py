"""The update-rule language: formulas, chains, their states, and the graphs they trace to."""

from steepest.core.ranges import Count, LearningRate, Natural, NonNegative, Positive, Range, Real, Share, Unit
from steepest.formula.accumulate import Accumulate, accumulate
from steepest.formula.chain import Chain, chain
from steepest.formula.definition import Formula, Hyperparameter, rule
from steepest.formula.functions import (
    dot,
    exp,
    floor,
    log,
    maximum,
    mean,
    minimum,
    ndim,
    norm,
    random,
    sign,
    size,
    sqrt,
    tanh,
    total,
    where,
)
from steepest.formula.graph import Graph, Level, Node
from steepest.formula.link import Link
from steepest.formula.method import method
from steepest.formula.partition import Partition, partition
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot
from steepest.formula.state import State, load_state, save_state

__all__ = [
    "Accumulate",
    "Chain",
    "Count",
    "Formula",
    "Graph",
    "Hyperparameter",
    "LearningRate",
    "Level",
    "Link",
    "Natural",
    "Node",
    "NonNegative",
    "Partition",
    "Positive",
    "Range",
    "Real",
    "Rule",
    "Share",
    "Slot",
    "State",
    "Unit",
    "accumulate",
    "chain",
    "dot",
    "exp",
    "floor",
    "load_state",
    "log",
    "maximum",
    "mean",
    "method",
    "minimum",
    "ndim",
    "norm",
    "partition",
    "random",
    "rule",
    "save_state",
    "sign",
    "size",
    "sqrt",
    "tanh",
    "total",
    "where",
]
