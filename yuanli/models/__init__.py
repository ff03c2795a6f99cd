"""Models, one paper a file."""

from yuanli.models.lenet import LeNet5
from yuanli.models.linear import LinearClassifier
from yuanli.models.mlp import MLP

__all__ = ["MLP", "LeNet5", "LinearClassifier"]
