"""Paddle, eager: its layers under torch's names."""

import os
import warnings
from types import SimpleNamespace

import numpy as np
import torch

os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())  # read on import; one thread without it
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about compilers it does not need
    import paddle
from paddle.nn import functional as F


def _conv(ins, outs, kernel, stride=1, padding=0, bias=True):
    return paddle.nn.Conv2D(ins, outs, kernel, stride, padding, bias_attr=None if bias else False)


NN = SimpleNamespace(
    Module=paddle.nn.Layer,
    Sequential=paddle.nn.Sequential,
    Conv2d=_conv,
    Linear=paddle.nn.Linear,
    BatchNorm2d=paddle.nn.BatchNorm2D,
    ReLU=paddle.nn.ReLU,
    MaxPool2d=paddle.nn.MaxPool2D,
    AdaptiveAvgPool2d=paddle.nn.AdaptiveAvgPool2D,
    Flatten=paddle.nn.Flatten,
)
RENAMED = {"_mean": "running_mean", "_variance": "running_var"}


def step(net, weights, x, y):
    """One step a call; Linear's matrices are transposed here."""
    model = net(NN, F)
    for name, tensor in model.state_dict().items():
        place, _, last = name.rpartition(".")
        array = weights[f"{place}.{RENAMED.get(last, last)}".lstrip(".")]
        tensor.set_value(array.T if array.ndim == 2 else array)
    optimizer = paddle.optimizer.Momentum(0.01, 0.9, model.parameters())
    inputs, target = paddle.to_tensor(x), paddle.to_tensor(np.asarray(y, np.int64))

    def one() -> float:
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        return float(loss)

    return one
