"""Hinge losses: nothing to pay once the right score leads by a margin."""

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.ops.labels import class_weights, floating_scores, labelled
from yuanli.ops.regression_loss import reduced, same_shape
from yuanli.tensor import differentiable


@differentiable
def hinge_loss(input, target, margin=1.0, reduction="mean"):
    """Binary hinge of scores s against targets y of −1 or +1.

    ℓ = max(0, Δ − y s);  ∂ℓ/∂s = −y inside the margin, y s < Δ, and 0 beyond; a kink at y s = Δ, where the
    subgradient 0 is taken.  A score of 0 costs Δ.
    Source: Cortes & Vapnik, Support-Vector Networks, 1995, eq. 23.
    """
    s, y = same_shape("hinge_loss", input, target)
    if not (np.abs(y) == 1).all():
        raise ValueRangeError("hinge_loss needs targets of -1 and +1; from 0 and 1, write 2 * target - 1")
    gap = margin - y * s
    loss, share = reduced(np.maximum(gap, 0), reduction)
    return loss, (lambda dy: dy * share * np.where(gap > 0, -y, 0),)


@differentiable
def multiclass_hinge_loss(input, target, margin=1.0, reduction="mean"):
    """Multiclass hinge: every wrong class must stay Δ below the right one.

    ℓ = Σ_{j≠y} max(0, s_j − s_y + Δ);  ∂ℓ/∂s_j = 1 for every wrong class inside the margin, ∂ℓ/∂s_y minus
    their number; kinks at s_j − s_y + Δ = 0, where the subgradient 0 is taken.  Equal scores cost (K − 1) Δ.
    Source: Weston & Watkins, Multi-class Support Vector Machines, 1998.
    """
    gap, rows, y, places = _gaps("multiclass_hinge_loss", input, target, margin)
    loss, share = reduced(gap.sum(1), reduction)

    def grad_input(dy):
        dx = np.sign(gap)
        dx[rows, y] = -dx.sum(1)
        return places.back(dx * places.column(dy, share))

    return (places.back(loss) if loss.ndim else loss), (grad_input,)


@differentiable
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, reduction="mean"):
    """torch's multiclass hinge: the mean over all K classes, of the gaps or of their squares.

    ℓ = (w_y / K) Σ_{j≠y} max(0, s_j − s_y + Δ)ᵖ with p = 1 or 2;  ∂ℓ/∂s_j = (w_y / K) p max(0, …)ᵖ⁻¹ for the
    wrong classes and ∂ℓ/∂s_y minus their sum; the subgradient 0 at the kinks of p = 1.
    Source: Crammer & Singer 2001 and Weston & Watkins 1998.  Differs: the mean over classes is torch's.
    """
    if p not in (1, 2):
        raise ValueRangeError(f"multi_margin_loss needs p = 1 or 2, got {p}")
    gap, rows, y, places = _gaps("multi_margin_loss", input, target, margin)
    k = gap.shape[1]
    w = class_weights("multi_margin_loss", weight, gap)
    row_weight = 1 if w is None else w[y]
    loss, share = reduced((gap if p == 1 else gap * gap).sum(1) * (row_weight / k), reduction)

    def grad_input(dy):
        dx = np.sign(gap) if p == 1 else 2 * gap
        dx[rows, y] = -dx.sum(1)
        return places.back(dx * places.column(dy, share * (row_weight / k)))

    return (places.back(loss) if loss.ndim else loss), (grad_input,)


def _gaps(name, input, target, margin):
    """max(0, s_j − s_y + Δ) for every place (M) and class (K), 0 for the right class; and where those are."""
    scores, y, places = labelled(name, floating_scores(name, input), np.asarray(target))
    rows = np.arange(len(y))
    gap = np.maximum(scores - scores[rows, y][:, None] + margin, 0)
    gap[rows, y] = 0
    return gap, rows, y, places
