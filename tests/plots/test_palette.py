from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from steepest.plots import (
    DARK,
    BudgetCurve,
    Curve,
    Ladder,
    Profile,
    RateSensitivity,
    budget,
    curves,
    profile,
    sensitivity,
    styles,
)
from steepest.plots.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, PAIRS

# Machado, Oliveira & Fernandes 2009, Table 1, severity 1.0, on linear RGB.
VISION = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
THEMES = [(0, LIGHT_BACKGROUND), (1, DARK_BACKGROUND)]


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def cielab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = (np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(("theme", "background"), THEMES)
def test_contrast_with_the_background(theme: int, background: str) -> None:
    for pair in PAIRS:
        low, high = sorted((luminance(pair[theme]), luminance(background)))
        assert (high + 0.05) / (low + 0.05) >= 3, pair[theme]


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [0, 1])
def test_colours_stay_apart_for_every_vision(theme: int, vision: str) -> None:
    seen = [cielab(np.clip(np.array(VISION[vision]) @ linear(pair[theme]), 0, 1)) for pair in PAIRS]
    apart = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert apart > 20  # Okabe and Ito's eight reach 16


def test_styles_are_distinct_in_colour_dash_and_marker() -> None:
    eight = list(styles([f"m{i}" for i in range(8)]).values())
    for attribute in ("colour", "dash", "symbol"):
        assert len({getattr(style, attribute) for style in eight}) == 8
    many = list(styles([f"m{i}" for i in range(64)]).values())
    assert len(set(many)) == 64


def test_a_method_keeps_its_style_when_another_is_added() -> None:
    assert styles(["a", "b"])["b"] == styles(["a", "b", "c"])["b"] == styles(["a", "a", "b"])["b"]


def test_every_colour_of_a_figure_has_a_dark_counterpart() -> None:
    x = np.arange(3.0)
    seeds = {"seeds": np.array([x + 1]), "seed_names": (1,)}
    ladder = Ladder(x + 1, x + 1, x + 1, x + 2)
    zones = {"usable": (1.0, 2.0), "first_diverged": 2.5, "searched": (1.0, 3.0), "default": 1.0, "chosen": 2.0}
    figures = [
        curves([Curve("a", x, x + 1, x + 0.5, x + 2, diverged=[1.0], **seeds), Curve("b", x, x, x, x)], target=1.0),
        sensitivity([RateSensitivity("a", x + 1, [1, 2, np.inf], ladder, **zones), RateSensitivity("b", x + 1, x + 1)]),
        sensitivity([RateSensitivity("a", x + 1, [1, 2, np.inf], ladder, **zones)]),
        budget([BudgetCurve("a", x + 1, x + 1, x + 1, x + 2), BudgetCurve("b", x + 1, x, x, x)]),
        profile([Profile("a", [1.0], [1.0])]),
    ]
    for figure in figures:
        text = figure.to_json()
        found = set(re.findall(r"#[0-9a-f]{6}|rgba\(\d+,\d+,\d+,", text)) - {"rgba(0,0,0,"}
        assert found and found <= DARK.keys()
