"""Recipes: a rule, a schedule and starting values for a kind of task, each number with where it was published.

A recipe is where to begin: `recipe.rule(steps=…, batch_size=…)` builds it, `recipe.order` says what to tune first,
and `steepest compare` tells whether something else is better.
"""

from collections.abc import Mapping
from typing import Final

from steepest.recipes.large_batch import large_batch
from steepest.recipes.recipe import TUNING_ORDER, Recipe, Start
from steepest.recipes.reinforcement_learning import reinforcement_learning
from steepest.recipes.small_data import small_data
from steepest.recipes.transformer import transformer
from steepest.recipes.vision import vision

RECIPES: Final[Mapping[str, Recipe]] = {
    recipe.name: recipe for recipe in (vision, transformer, reinforcement_learning, small_data, large_batch)
}
"""The recipes by name."""

__all__ = [
    "RECIPES",
    "TUNING_ORDER",
    "Recipe",
    "Start",
    "large_batch",
    "reinforcement_learning",
    "small_data",
    "transformer",
    "vision",
]
