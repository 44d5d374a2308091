"""steepest in PyTorch: real `torch.optim` optimizers over the same rules."""

from steepest.core.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401 - a clear error where it is missing
except ImportError as error:
    raise MissingExtraError("PyTorch", "torch") from error

from steepest.torch.adabelief import AdaBelief
from steepest.torch.adagrad import Adagrad
from steepest.torch.adam import Adam, AdamW
from steepest.torch.gauss_newton_bartlett import gauss_newton_bartlett
from steepest.torch.lamb import LAMB
from steepest.torch.lars import LARS
from steepest.torch.lbfgs import LBFGS
from steepest.torch.lion import Lion
from steepest.torch.muon import Muon
from steepest.torch.muon_adamw import MuonAdamW
from steepest.torch.optimizer import Optimizer
from steepest.torch.radam import RAdam
from steepest.torch.range_test import RangeTest, range_test
from steepest.torch.rmsprop import RMSprop
from steepest.torch.sgd import SGD
from steepest.torch.sparse_adam import SparseAdam

__all__ = [
    "LAMB",
    "LARS",
    "LBFGS",
    "SGD",
    "AdaBelief",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Muon",
    "MuonAdamW",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "RangeTest",
    "SparseAdam",
    "gauss_newton_bartlett",
    "range_test",
]
