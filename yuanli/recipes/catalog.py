"""Every recipe by its name."""

from yuanli.recipes.adversarial import DCGan, Gan
from yuanli.recipes.bases import Bases
from yuanli.recipes.convolutional import convolutional
from yuanli.recipes.language import GRU, LSTM, RNN
from yuanli.recipes.lenet import LeNet
from yuanli.recipes.linear import Hinge, Linear
from yuanli.recipes.margins import LinearSupportVectors, Logistic, RosenblattPerceptron, SupportVectors
from yuanli.recipes.mlp import Perceptron
from yuanli.recipes.neighbors import Neighbors
from yuanli.recipes.recipe import Recipe
from yuanli.recipes.settings import one_of
from yuanli.recipes.text import BagOfWordsRecipe, TextCNNRecipe, TextLSTMRecipe
from yuanli.recipes.trees import Boosting, OneTree, PlainBoosting
from yuanli.recipes.word2vec import Word2VecRecipe

RECIPES: dict[str, Recipe] = {
    r.name: r
    for r in (
        Neighbors(),
        Bases(),
        Linear(),
        Hinge(),
        Perceptron(),
        Logistic(),
        LinearSupportVectors(),
        RosenblattPerceptron(),
        SupportVectors(),
        OneTree(),
        Boosting(),
        PlainBoosting(),
        LeNet(),
        *convolutional(),
        BagOfWordsRecipe(),
        TextCNNRecipe(),
        TextLSTMRecipe(),
        RNN(),
        LSTM(),
        GRU(),
        Gan(),
        DCGan(),
        Word2VecRecipe(),
    )
}


def find(name: str) -> Recipe:
    """The recipe called `name`; the error offers the nearest names."""
    one_of("model", name, RECIPES)
    return RECIPES[name]
