"""Every model ready to use: train it, judge it, use it, compare it with the others."""

from yuanli.recipes.catalog import RECIPES, find
from yuanli.recipes.compare import Comparison, Entry, chosen, compare
from yuanli.recipes.evaluate import evaluate, load_other
from yuanli.recipes.generate import generate, makes_images, paint
from yuanli.recipes.predict import Answer, predict
from yuanli.recipes.recipe import Evaluation, Recipe, kept
from yuanli.recipes.settings import OPTIMIZERS, SCHEDULES, Settings
from yuanli.recipes.train import train

__all__ = [
    "OPTIMIZERS",
    "RECIPES",
    "SCHEDULES",
    "Answer",
    "Comparison",
    "Entry",
    "Evaluation",
    "Recipe",
    "Settings",
    "chosen",
    "compare",
    "evaluate",
    "find",
    "generate",
    "kept",
    "load_other",
    "makes_images",
    "paint",
    "predict",
    "train",
]
