"""Losses of probabilities: how unlikely the model finds what happened, in nats.

Scores (logits) are (N, K) or (N, K, d1, …), one of K classes per place; class numbers are then (N,) or
(N, d1, …).  Exponentials are taken of numbers ≤ 0 only, so scores of ±1e4 overflow nowhere, float32 included.
The mean over no elements is nan.
"""

from numbers import Real

import numpy as np

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.kernels import softmax
from yuanli.ops.labels import Places, class_weights, floating_scores, labelled, weighted
from yuanli.ops.regression_loss import reduced, same_shape, unless_list
from yuanli.tensor import differentiable


@differentiable
def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Cross-entropy of the softmax of scores against class numbers, or probabilities shaped like the scores.

    ℓ = −Σ_k w_k q_k ln p_k with p = softmax(s) and q the target's probabilities, (1 − ε) q + ε/K if smoothed;
    for a class y that is w_y (ln Σ_k e^{s_k} − s_y).
    ∂ℓ/∂s = p Σ_k w_k q_k − w q, unweighted p − q; smooth everywhere, also where all scores are 0: ℓ = ln K.
    A mean over class numbers divides by Σ w_y and passes over `ignore_index`.
    Raises: a class number that is no class, a probability outside [0, 1], shapes that do not fit.
    Source: Bishop, Pattern Recognition, 2006, eq. 4.108; smoothing: Szegedy 2015, arXiv:1512.00567, sec. 7.
    """
    if not isinstance(label_smoothing, Real) or not 0 <= label_smoothing <= 1:
        raise ValueRangeError(f"label_smoothing must be a number between 0 and 1, got {label_smoothing!r}")
    scores, classes = floating_scores("cross_entropy", input), np.asarray(target)
    w = class_weights("cross_entropy", weight, scores)
    if classes.dtype.kind == "f" and classes.shape == scores.shape:
        return _against_probabilities(scores, target, w, reduction, label_smoothing)
    scores, y, places = labelled("cross_entropy", scores, classes, ignore_index)
    row_weight = None if w is None else w[y]
    if label_smoothing:
        q = np.full_like(scores, label_smoothing / scores.shape[1])
        q[np.arange(len(y)), y] += 1 - label_smoothing
        loss, grad_scores, _ = _dense(scores, q, w, row_weight, reduction, places)
        return loss, (grad_scores,)
    losses, slope = softmax.cross_entropy(scores, y)
    loss, share = weighted(losses, row_weight, reduction)
    return (
        places.back(loss) if loss.ndim else loss,
        (lambda dy: places.back(slope * places.column(dy, share)),),
    )


@differentiable
def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """Negative log-likelihood of class numbers, from log-probabilities: cross_entropy without its softmax.

    ℓ = −w_y x_y;  ∂ℓ/∂x_y = −w_y, and 0 for the other classes.  A true class that was given probability 0,
    x_y = −inf, costs inf.  A mean divides by Σ w_y and passes over `ignore_index`.
    Source: Bishop, Pattern Recognition, 2006, eq. 4.108.
    """
    logs = floating_scores("nll_loss", input)
    w = class_weights("nll_loss", weight, logs)
    logs, y, places = labelled("nll_loss", logs, np.asarray(target), ignore_index)
    rows = np.arange(len(y))
    loss, share = weighted(-logs[rows, y], None if w is None else w[y], reduction)

    def grad_logs(dy):
        dx = np.zeros_like(logs)
        dx[rows, y] = -1
        dx *= places.column(dy, share)
        return places.back(dx)

    return (places.back(loss) if loss.ndim else loss), (grad_logs,)


@differentiable
def kl_div(input, target, reduction="mean", log_target=False):
    """Kullback–Leibler divergence of target q from input p, which comes as log-probabilities x = ln p.

    ℓ = q (ln q − x), and 0 where q = 0;  ∂ℓ/∂x = −q,  ∂ℓ/∂q = ln q + 1 − x, −inf at q = 0.
    With `log_target`, target is t = ln q: ℓ = eᵗ (t − x),  ∂ℓ/∂t = eᵗ (t + 1 − x), 0 where q = 0.
    p = 0 where q > 0 costs inf.  The divergence of the batch is reduction="batchmean", Σ ℓ / N; "mean"
    divides by every axis, as in torch.
    Source: Kullback & Leibler 1951, eq. 2.4.  Differs: torch gives nan where q = p = 0.
    """
    x, t = same_shape("kl_div", input, target)
    if not log_target and t.size and t.min() < 0:
        raise ValueRangeError(
            f"kl_div needs probabilities as target, got {t.min():.4g}; log-probabilities need log_target=True"
        )
    q, log_q = (np.exp(t), t) if log_target else (t, np.log(t))
    gap = np.where(q > 0, log_q - x, 0)
    if reduction == "batchmean":
        n = (len(x) if x.ndim else 1) or np.nan
        loss, share = (q * gap).sum() / n, 1 / n
    else:
        loss, share = reduced(q * gap, reduction)

    def grad_target(dy):
        return dy * share * (q * (gap + 1) if log_target else log_q + 1 - x)

    return loss, (lambda dy: -dy * share * q, unless_list(target, grad_target))


@differentiable
def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """Log loss of probabilities x against targets t in [0, 1], element by element.

    ℓ = −w (t ln x + (1 − t) ln(1 − x)), each logarithm at least −100;
    ∂ℓ/∂x = w (x − t) / (x (1 − x)), the denominator at least 1e-12: at x = 0 and x = 1 both are large, not
    infinite.  From scores, binary_cross_entropy_with_logits needs no such bounds.
    Source: Bishop, Pattern Recognition, 2006, eq. 4.90; the bounds are torch's.
    """
    x, t = same_shape("binary_cross_entropy", input, target)
    _check_probabilities("binary_cross_entropy", "inputs", x)
    _check_probabilities("binary_cross_entropy", "targets", t)
    w = _element_weights("binary_cross_entropy", "weight", weight, x)
    log_x, log_rest = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    loss, share = reduced(-w * (t * log_x + (1 - t) * log_rest), reduction)
    return loss, (
        lambda dy: dy * share * w * (x - t) / np.maximum(x * (1 - x), 1e-12),
        unless_list(target, lambda dy: dy * share * w * (log_rest - log_x)),
    )


@differentiable
def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """Log loss of the sigmoid of scores x against targets t in [0, 1], element by element.

    ℓ = w (c t softplus(−x) + (1 − t) softplus(x)) with softplus(x) = ln(1 + eˣ) and c the `pos_weight`;
    ∂ℓ/∂x = w ((1 − t) σ(x) − c t σ(−x)), which is σ(x) − t unweighted; smooth everywhere.
    `weight` and `pos_weight` are broadcast against input.
    Source: Bishop, Pattern Recognition, 2006, eqs. 4.90 and 4.91.
    """
    x, t = same_shape("binary_cross_entropy_with_logits", input, target)
    _check_probabilities("binary_cross_entropy_with_logits", "targets", t)
    w = _element_weights("binary_cross_entropy_with_logits", "weight", weight, x)
    c = _element_weights("binary_cross_entropy_with_logits", "pos_weight", pos_weight, x)
    e = np.exp(-np.abs(x))
    tail = np.log1p(e)  # softplus(x) − max(x, 0)
    if_positive, if_negative = tail - np.minimum(x, 0), tail + np.maximum(x, 0)
    loss, share = reduced(w * (c * t * if_positive + (1 - t) * if_negative), reduction)

    def grad_input(dy):
        larger = 1 / (1 + e)  # σ(|x|)
        above, below = np.where(x > 0, larger, e * larger), np.where(x > 0, e * larger, larger)  # σ(x), σ(−x)
        return dy * share * w * ((1 - t) * above - c * t * below)

    def grad_target(dy):
        return dy * share * w * (c * if_positive - if_negative)

    return loss, (grad_input, unless_list(target, grad_target))


def _against_probabilities(scores, target, w, reduction, smoothing):
    given = np.asarray(target, scores.dtype)
    _check_probabilities("cross_entropy", "targets", given)
    places = Places((scores.shape[0], *scores.shape[2:]))
    q = (1 - smoothing) * places.rows(given) + smoothing / scores.shape[1]
    loss, grad_scores, grad_q = _dense(places.rows(scores), q, w, None, reduction, places)
    return loss, (grad_scores, unless_list(target, lambda dy: (1 - smoothing) * grad_q(dy)))


def _dense(scores, q, w, row_weight, reduction, places):
    """Cross-entropy against a probability per class: the value and its gradients by scores and q."""
    shifted, e, total = _softmax(scores)
    log_p = shifted - np.log(total)
    wq = q if w is None else w * q
    loss = -(wq * log_p).sum(1)
    if row_weight is not None and reduction == "mean":
        loss, share = loss.sum() / row_weight.sum(), 1 / row_weight.sum()
    else:
        loss, share = reduced(loss, reduction)

    def grad_scores(dy):
        dx = e / total * wq.sum(1, keepdims=True) - wq
        dx *= places.column(dy, share)
        return places.back(dx)

    def grad_q(dy):
        return places.back((log_p if w is None else w * log_p) * -places.column(dy, share))

    return (places.back(loss) if loss.ndim else loss), grad_scores, grad_q


def _softmax(scores):
    """s − max s, its exponential, and that one's sum: softmax is e / total."""
    shifted = scores - scores.max(1, keepdims=True)
    e = np.exp(shifted)
    return shifted, e, e.sum(1, keepdims=True)


def _element_weights(name, what, weight, x):
    if weight is None:
        return 1
    w = np.asarray(weight, x.dtype)
    try:
        return np.broadcast_to(w, x.shape)
    except ValueError:
        raise ShapeError(f"{name} needs a {what} that broadcasts to {x.shape}, got {w.shape}") from None


def _check_probabilities(name, what, p):
    if p.size and (p.min() < 0 or p.max() > 1 + 1e-5):  # mixtures of labels may round to a little above 1
        raise ValueRangeError(f"{name} needs {what} between 0 and 1, got {p.min():.4g} to {p.max():.4g}")
