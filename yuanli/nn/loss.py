"""The losses as modules: options when made, (input, target) when called; the formulas are in `ops`.

`reduction` is "mean", "sum" or "none".
"""

from typing import Any

from yuanli import ops
from yuanli.errors import UnknownNameError
from yuanli.nn.module import Module
from yuanli.nn.options import above_zero, between
from yuanli.tensor import Tensor


class _Loss(Module):
    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in self.reductions:
            layer, known = type(self).__name__, ", ".join(map(repr, self.reductions))
            raise UnknownNameError(f"{layer} needs a reduction of {known}, got {reduction!r}")
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """`weight`: a number for each class, a buffer."""

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    weight: Any


class MSELoss(_Loss):
    """`ops.mse_loss`"""

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """`ops.l1_loss`"""

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.l1_loss(input, target, self.reduction)


class RMSELoss(Module):
    """`ops.rmse_loss`"""

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.rmse_loss(input, target)


class SmoothL1Loss(_Loss):
    """`ops.smooth_l1_loss`"""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        between("SmoothL1Loss", 0, float("inf"), beta=beta)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """`ops.huber_loss`"""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        above_zero("HuberLoss", delta=delta)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.huber_loss(input, target, self.reduction, self.delta)


class CrossEntropyLoss(_WeightedLoss):
    """`ops.cross_entropy`: of scores, without a softmax before it"""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        between("CrossEntropyLoss", 0, 1, label_smoothing=label_smoothing)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class NLLLoss(_WeightedLoss):
    """`ops.nll_loss`: of log-probabilities"""

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(_Loss):
    """`ops.kl_div`; reduction="batchmean" is the divergence averaged over the batch"""

    reductions = ("mean", "batchmean", "sum", "none")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.kl_div(input, target, self.reduction, self.log_target)


class BCELoss(_WeightedLoss):
    """`ops.binary_cross_entropy`: of probabilities"""

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """`ops.binary_cross_entropy_with_logits`: of scores, without a sigmoid before it"""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    pos_weight: Any

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class HingeLoss(_Loss):
    """`ops.hinge_loss`: two classes, −1 and +1"""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.hinge_loss(input, target, self.margin, self.reduction)


class MulticlassHingeLoss(_Loss):
    """`ops.multiclass_hinge_loss`: the sum over the wrong classes"""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.multiclass_hinge_loss(input, target, self.margin, self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """`ops.multi_margin_loss`: the mean over all classes"""

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.p, self.margin = p, margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return ops.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)
