"""Every layer and loss, with options under torch's names, and inputs: the table ours and torch's meet on."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """`make(nn)` gives the layer of that module: ours, or torch.nn."""

    name: str
    options: dict[str, Any]
    shape: tuple[int, ...]
    low: int | None = None  # whole numbers below this instead of a normal sample

    def make(self, nn: Any) -> Any:
        return getattr(nn, self.name)(**self.options)

    def input(self) -> np.ndarray:
        rng = np.random.default_rng(len(self.shape))
        if self.low is not None:
            return rng.integers(0, self.low, self.shape)
        return rng.normal(size=self.shape).astype(np.float32)

    def __str__(self) -> str:
        options = ",".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.name}({options})".replace(" ", "")


def _layer(name: str, shape: tuple[int, ...], low: int | None = None, **options: Any) -> Layer:
    return Layer(name, options, shape, low)


IMAGE = (2, 4, 9, 8)
LAYERS = [
    _layer("Linear", (5, 3), in_features=3, out_features=4),
    _layer("Linear", (2, 5, 3), in_features=3, out_features=4, bias=False),
    _layer("Identity", (2, 3)),
    _layer("Flatten", IMAGE),
    _layer("Flatten", IMAGE, start_dim=1, end_dim=2),
    _layer("Conv1d", (2, 4, 9), in_channels=4, out_channels=6, kernel_size=3),
    _layer("Conv1d", (2, 4, 9), in_channels=4, out_channels=6, kernel_size=2, stride=2, padding=1, groups=2),
    _layer("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3),
    _layer("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=(3, 2), stride=(2, 1), padding=(1, 0)),
    _layer("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=(3, 5), padding="same", bias=False),
    _layer("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3, padding="valid", dilation=2),
    _layer("Conv2d", IMAGE, in_channels=4, out_channels=4, kernel_size=3, padding=1, groups=4),
    _layer("ConvTranspose2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3),
    _layer(
        "ConvTranspose2d",
        IMAGE,
        in_channels=4,
        out_channels=6,
        kernel_size=(3, 2),
        stride=2,
        padding=1,
        output_padding=1,
        groups=2,
        dilation=(1, 2),
        bias=False,
    ),
    _layer("BatchNorm1d", (6, 4), num_features=4),
    _layer("BatchNorm1d", (6, 4, 5), num_features=4, momentum=None, eps=1e-3),
    _layer("BatchNorm2d", IMAGE, num_features=4),
    _layer("BatchNorm2d", IMAGE, num_features=4, affine=False, momentum=0.3),
    _layer("BatchNorm2d", IMAGE, num_features=4, track_running_stats=False),
    _layer("BatchNorm2d", IMAGE, num_features=4, bias=False),
    _layer("LayerNorm", (3, 5, 6), normalized_shape=6),
    _layer("LayerNorm", (3, 5, 6), normalized_shape=(5, 6), eps=1e-3, bias=False),
    _layer("LayerNorm", (3, 6), normalized_shape=(6,), elementwise_affine=False),
    _layer("LocalResponseNorm", IMAGE, size=3, alpha=0.5, beta=0.6, k=2.0),
    _layer("MaxPool2d", IMAGE, kernel_size=2),
    _layer("MaxPool2d", IMAGE, kernel_size=(3, 2), stride=2, padding=1, ceil_mode=True),
    _layer("MaxPool2d", IMAGE, kernel_size=3, stride=1, dilation=2),
    _layer("AvgPool2d", IMAGE, kernel_size=2),
    _layer("AvgPool2d", IMAGE, kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    _layer("AdaptiveAvgPool2d", IMAGE, output_size=1),
    _layer("AdaptiveAvgPool2d", IMAGE, output_size=(4, 3)),
    _layer("AdaptiveAvgPool2d", IMAGE, output_size=(None, 3)),
    _layer("Dropout", (3, 4), p=0.0),
    _layer("Embedding", (3, 5), low=7, num_embeddings=7, embedding_dim=4),
    _layer("Embedding", (3, 5), low=7, num_embeddings=7, embedding_dim=4, padding_idx=-5),
    _layer("Sigmoid", (3, 4)),
    _layer("Tanh", (3, 4)),
    _layer("ReLU", (3, 4)),
    _layer("ReLU6", (3, 4)),
    _layer("ChannelShuffle", IMAGE, groups=2),
    _layer("LeakyReLU", (3, 4)),
    _layer("LeakyReLU", (3, 4), negative_slope=0.3),
    _layer("ELU", (3, 4), alpha=0.7),
    _layer("GELU", (3, 4)),
    _layer("GELU", (3, 4), approximate="tanh"),
    _layer("Softplus", (3, 4), beta=2.0),
    _layer("SiLU", (3, 4)),
    _layer("Softmax", (3, 4), dim=1),
    _layer("LogSoftmax", (3, 4), dim=-1),
]


SEQUENCE = (5, 3, 4)  # T, N, D
RECURRENT = [  # their results are tuples: test_recurrent.py compares them
    _layer("RNN", SEQUENCE, input_size=4, hidden_size=6),
    _layer("RNN", SEQUENCE, input_size=4, hidden_size=6, nonlinearity="relu", bias=False),
    _layer("LSTM", SEQUENCE, input_size=4, hidden_size=6),
    _layer("LSTM", SEQUENCE, input_size=4, hidden_size=18, bias=False, bidirectional=True),
    _layer("LSTM", SEQUENCE, input_size=4, hidden_size=5, num_layers=3, bidirectional=True),
    _layer("LSTM", (3, 5, 4), input_size=4, hidden_size=5, num_layers=2, batch_first=True),
    _layer("LSTM", (5, 4), input_size=4, hidden_size=5, bidirectional=True, batch_first=True),
    _layer("LSTM", (1, 1, 4), input_size=4, hidden_size=1),
    _layer("LSTM", (70, 19, 4), input_size=4, hidden_size=33),
    _layer("GRU", SEQUENCE, input_size=4, hidden_size=6),
    _layer("GRU", (25, 9, 4), input_size=4, hidden_size=16, num_layers=2, bidirectional=True),
    _layer("RNN", (25, 9, 4), input_size=4, hidden_size=17, num_layers=2, bidirectional=True),
    _layer("RNNCell", (3, 4), input_size=4, hidden_size=6),
    _layer("RNNCell", (4,), input_size=4, hidden_size=6, bias=False, nonlinearity="relu"),
    _layer("LSTMCell", (3, 4), input_size=4, hidden_size=6),
    _layer("GRUCell", (3, 4), input_size=4, hidden_size=6),
]


@dataclass(frozen=True)
class Loss:
    """A loss with options, and its target: "classes", "probabilities" or "numbers"."""

    name: str
    options: dict[str, Any]
    target: str = "numbers"

    def make(self, nn: Any) -> Any:
        return getattr(nn, self.name)(**self.options)

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(1)
        scores = rng.normal(size=(6, 4)).astype(np.float32)
        if self.name in ("KLDivLoss", "NLLLoss"):
            scores -= np.log(np.exp(scores).sum(1, keepdims=True))
        if self.name == "BCELoss":
            scores = 1 / (1 + np.exp(-scores))
        targets = {
            "classes": rng.integers(0, 4, 6),
            "probabilities": rng.dirichlet(np.ones(4), 6).astype(np.float32),
            "numbers": rng.normal(size=(6, 4)).astype(np.float32),
        }
        return scores, targets[self.target]

    def __str__(self) -> str:
        return f"{self.name}({','.join(self.options)})"


WEIGHT = [0.5, 1.0, 2.0, 0.25]  # of the four classes
LOSSES = [
    Loss("MSELoss", {}),
    Loss("L1Loss", {"reduction": "sum"}),
    Loss("SmoothL1Loss", {"beta": 0.5}),
    Loss("HuberLoss", {"delta": 0.5, "reduction": "none"}),
    Loss("CrossEntropyLoss", {}, "classes"),
    Loss("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 2, "label_smoothing": 0.1}, "classes"),
    Loss("NLLLoss", {"weight": WEIGHT, "ignore_index": 1, "reduction": "sum"}, "classes"),
    Loss("KLDivLoss", {"reduction": "batchmean"}, "probabilities"),
    Loss("BCELoss", {}, "probabilities"),
    Loss("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, "probabilities"),
    Loss("MultiMarginLoss", {"p": 2, "margin": 0.7, "weight": WEIGHT}, "classes"),
]
OURS = {"RMSELoss", "HingeLoss", "MulticlassHingeLoss", "HierarchicalSoftmax"}  # what torch has not
