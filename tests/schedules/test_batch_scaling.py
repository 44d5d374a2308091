"""How a rate follows the batch size."""

from __future__ import annotations

import pytest

from steepest.core.errors import HyperparameterError
from steepest.schedules import cosine, linear_scaling, square_root_scaling


def test_numbers() -> None:
    assert linear_scaling(0.1, 8192, 256) == pytest.approx(3.2)
    assert square_root_scaling(1e-3, 64, 16) == pytest.approx(2e-3)
    assert linear_scaling(0.1, 128, 256) == pytest.approx(0.05)
    assert square_root_scaling(0.1, 7, 7) == linear_scaling(0.1, 7, 7) == 0.1


def test_schedules() -> None:
    made = linear_scaling(cosine(0.1, 10), 512, 256)
    assert [made(k) for k in range(11)] == pytest.approx([2 * cosine(0.1, 10)(k) for k in range(11)])
    assert made.length == 10
    assert square_root_scaling(cosine(0.1, 10), 1024, 256)(0) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, 0, 256), "batch_size must be a whole number in [1, inf), got 0"),
        ((0.1, 256, 2.5), "reference must be a whole number in [1, inf), got 2.5"),
        ((float("inf"), 256, 256), "value must be in (-inf, inf), got inf"),
        (("0.1", 256, 256), "value must be in (-inf, inf), got '0.1'"),
    ],
)
def test_out_of_range(arguments: tuple[object, ...], message: str) -> None:
    for rule in (linear_scaling, square_root_scaling):
        with pytest.raises(HyperparameterError) as caught:
            rule(*arguments)  # type: ignore[call-overload]
        assert str(caught.value) == f"{rule.__name__}: {message}"
