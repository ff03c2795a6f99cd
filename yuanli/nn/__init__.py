"""Layers and initialisers, with torch's names, weight layouts and starting distributions."""

from yuanli.nn import init
from yuanli.nn.activation import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from yuanli.nn.conv import Conv1d, Conv2d, ConvTranspose2d
from yuanli.nn.dropout import Dropout
from yuanli.nn.embedding import Embedding
from yuanli.nn.linear import ChannelShuffle, Flatten, Identity, Linear
from yuanli.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    MulticlassHingeLoss,
    MultiMarginLoss,
    NLLLoss,
    RMSELoss,
    SmoothL1Loss,
)
from yuanli.nn.module import Module, Parameter
from yuanli.nn.norm import BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm
from yuanli.nn.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from yuanli.nn.recurrent import GRU, LSTM, RNN
from yuanli.nn.recurrent_cell import GRUCell, LSTMCell, RNNCell
from yuanli.nn.sequential import ModuleList, Sequential
from yuanli.nn.softmax_tree import HierarchicalSoftmax

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "ChannelShuffle",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "HierarchicalSoftmax",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "MultiMarginLoss",
    "MulticlassHingeLoss",
    "NLLLoss",
    "Parameter",
    "RMSELoss",
    "RNNCell",
    "ReLU",
    "ReLU6",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "init",
]
