"""Optimisers, learning-rate schedules, penalties, gradient clipping and stopping rules."""

from yuanli.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from yuanli.optim.clip import clip_grad_norm_, clip_grad_value_
from yuanli.optim.gradient_descent import SGD
from yuanli.optim.optimizer import Optimizer
from yuanli.optim.penalty import L1, L2, ElasticNet, sparsity
from yuanli.optim.schedule import (
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    Schedule,
    Step,
    WarmUp,
)  # fmt: skip
from yuanli.optim.stopping import (
    Converged,
    FirstOf,
    MaxSteps,
    NoImprovement,
    Progress,
    SmallGradient,
    StoppingRule,
)

__all__ = [
    "L1",
    "L2",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Converged",
    "Cosine",
    "ElasticNet",
    "Exponential",
    "FirstOf",
    "InverseTime",
    "MaxSteps",
    "MultiStep",
    "NoImprovement",
    "OneCycle",
    "Optimizer",
    "Progress",
    "RMSprop",
    "Schedule",
    "SmallGradient",
    "Step",
    "StoppingRule",
    "WarmUp",
    "clip_grad_norm_",
    "clip_grad_value_",
    "sparsity",
]
