"""Functions on tensors, with torch.nn.functional's names and argument order.

Every function takes Tensors (or arrays) first and options after, and gives a Tensor; the rule behind it
returns the value and one gradient function per input (see `yuanli.tensor.differentiable`).
"""

from yuanli.ops.conv import conv1d, conv2d, conv_transpose2d
from yuanli.ops.dropout import dropout
from yuanli.ops.elementwise import (
    clip,
    elu,
    gelu,
    leaky_relu,
    maximum,
    minimum,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    tanh,
    where,
)
from yuanli.ops.embedding import embedding
from yuanli.ops.likelihood_loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    nll_loss,
)
from yuanli.ops.linear import linear, linear_relu
from yuanli.ops.margin_loss import hinge_loss, multi_margin_loss, multiclass_hinge_loss
from yuanli.ops.norm import (
    batch_norm,
    batch_norm_add_relu,
    batch_norm_relu,
    batch_norm_relu6,
    layer_norm,
    local_response_norm,
)
from yuanli.ops.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from yuanli.ops.recurrent import gru, lstm, rnn
from yuanli.ops.reduce import var
from yuanli.ops.regression_loss import huber_loss, l1_loss, mse_loss, rmse_loss, smooth_l1_loss
from yuanli.ops.shape import (
    broadcast_to,
    cat,
    channel_shuffle,
    flatten,
    pad,
    permute,
    squeeze,
    stack,
    unsqueeze,
)
from yuanli.ops.softmax import log_softmax, logsumexp, softmax
from yuanli.ops.windows import conv_output_size as conv_output_size
from yuanli.tensor import (
    abs,
    add,
    div,
    exp,
    getitem,
    log,
    matmul,
    max,
    mean,
    min,
    mul,
    neg,
    pow,
    reshape,
    sqrt,
    sub,
    sum,
    transpose,
)

OPERATORS = (
    abs,
    add,
    div,
    exp,
    getitem,
    log,
    matmul,
    max,
    mean,
    min,
    mul,
    neg,
    pow,
    reshape,
    sqrt,
    sub,
    sum,
    transpose,
)
ELEMENTWISE = (
    clip,
    elu,
    gelu,
    leaky_relu,
    maximum,
    minimum,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    tanh,
    where,
)
REDUCTIONS = (var, softmax, log_softmax, logsumexp)
SHAPES = (broadcast_to, cat, channel_shuffle, flatten, pad, permute, squeeze, stack, unsqueeze)
LAYERS = (dropout, embedding, linear, linear_relu)
CONVOLUTIONS = (conv1d, conv2d, conv_transpose2d)
POOLS = (max_pool2d, avg_pool2d, adaptive_avg_pool2d)
NORMS = (batch_norm, batch_norm_relu, batch_norm_relu6, batch_norm_add_relu, layer_norm, local_response_norm)
RECURRENT = (rnn, lstm, gru)
LOSSES = (
    *(mse_loss, l1_loss, rmse_loss, smooth_l1_loss, huber_loss),
    *(cross_entropy, nll_loss, kl_div, binary_cross_entropy, binary_cross_entropy_with_logits),
    *(hinge_loss, multiclass_hinge_loss, multi_margin_loss),
)

ALL = (
    *(*OPERATORS, *ELEMENTWISE, *REDUCTIONS, *SHAPES),
    *(*LAYERS, *CONVOLUTIONS, *POOLS, *NORMS, *RECURRENT, *LOSSES),
)
"""Every differentiable function: the tests demand a row for each."""
