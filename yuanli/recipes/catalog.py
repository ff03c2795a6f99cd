"""Every recipe by its name."""

from yuanli.recipes.convolutional import convolutional
from yuanli.recipes.lenet import LeNet
from yuanli.recipes.linear import Hinge, Linear
from yuanli.recipes.mlp import Perceptron
from yuanli.recipes.neighbors import Neighbors
from yuanli.recipes.recipe import Recipe
from yuanli.recipes.settings import one_of

RECIPES: dict[str, Recipe] = {
    r.name: r for r in (Neighbors(), Linear(), Hinge(), Perceptron(), LeNet(), *convolutional())
}


def find(name: str) -> Recipe:
    """The recipe called `name`; the error offers the nearest names."""
    one_of("model", name, RECIPES)
    return RECIPES[name]
