"""steepest in PyTorch: real `torch.optim` optimizers over the same rules."""

from steepest.core.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401 - a clear error where it is missing
except ImportError as error:
    raise MissingExtraError("PyTorch", "torch") from error

from steepest.torch.named import SGD, Adagrad, Adam, AdamW, Lion, RMSprop
from steepest.torch.optimizer import Optimizer

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "Optimizer", "RMSprop"]
