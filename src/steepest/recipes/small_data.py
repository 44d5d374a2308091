"""Fine-tuning on few samples."""

from __future__ import annotations

from typing import Final

from steepest.core.schedule import Schedule
from steepest.recipes.recipe import Recipe, Start, share
from steepest.schedules import constant, warmup_linear

_MOSBACH = "Mosbach, Andriushchenko & Klakow 2021, arXiv:2006.04884"
_CODE = "its code, uds-lsv/bert-stable-fine-tuning 2020, examples/bert_stable_fine_tuning/configs/rte"
_DEVLIN = "Devlin et al. 2019, arXiv:1810.04805"


def _shape(published: float, peak: float, steps: int, ratio: float) -> Schedule:
    return constant(peak) if steps < 2 else warmup_linear(peak, steps, share(steps, 0.1))


small_data: Final = Recipe(
    name="small-data",
    task="fine-tuning a pretrained model on some thousand samples (BERT on RTE, MRPC and CoLA, 20 epochs)",
    method="adamw",
    starts=(
        Start("lr", 2e-5, f"{_MOSBACH}, §6"),
        Start("beta1", 0.9, f"{_DEVLIN}, A.2, kept for fine-tuning by A.3"),
        Start("beta2", 0.999, f"{_DEVLIN}, A.2, kept for fine-tuning by A.3"),
        Start("eps", 1e-6, f"{_MOSBACH}: {_CODE}"),
        Start("weight_decay", 0.01, f"{_DEVLIN}, A.2, kept for fine-tuning by A.3"),
        Start("exempt", "vectors", f"{_DEVLIN}: google-research/bert, optimization.py: biases and layer normalization"),
        Start("clip", 1.0, f"{_MOSBACH}: {_CODE}: the norm over the model"),
    ),
    batch_size=16,
    batch_source=f"{_DEVLIN}, A.3, the smaller of two; {_MOSBACH}: {_CODE}",
    scaling="square-root",
    scaling_source="Malladi et al. 2022, arXiv:2205.10287, for Adam",
    schedule="a warmup over the first tenth of 20 epochs, then a line to zero; with Adam's bias correction",
    schedule_source=f"{_MOSBACH}, §6",
    shape=_shape,
)
