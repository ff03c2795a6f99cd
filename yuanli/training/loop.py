"""The training loop, written out so that it can be read and stepped through."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.nn import Module
from yuanli.optim import Constant, ElasticNet, Optimizer, Progress, StoppingRule, clip_grad_norm_
from yuanli.tensor import Tensor, no_grad
from yuanli.training.finite import check_gradients, check_loss, check_weights
from yuanli.training.interrupt import Interrupted, interruptible
from yuanli.training.state import Hook, Loss, Metric, Training, count, means, restore

if TYPE_CHECKING:
    from yuanli.data.batches import Batches
    from yuanli.data.streams import Streams


def fit(
    model: Module,
    loss: Loss,
    optimizer: Optimizer,
    batches: "Batches | Streams",
    *,
    epochs: int,
    schedule: Callable[[int], float] = Constant(),  # noqa: B008 (it never changes)
    penalty: ElasticNet | None = None,
    clip: float = math.inf,
    metric: Metric | None = None,
    validation: "Batches | Streams | None" = None,
    stop_at_step: StoppingRule | None = None,
    stop_at_epoch: StoppingRule | None = None,
    hooks: Sequence[Hook] = (),
    resume: dict[str, Any] | None = None,
) -> Training:
    """Minimise mean loss + penalty by gradient descent on batches, until the last epoch or a stopping rule.

    schedule: step → factor of the optimiser's lr.  clip: the largest norm of the gradient.  validation:
    batches judged after each epoch; their loss is the score that `stop_at_epoch` sees.  resume: a `snapshot`
    to go on from.  The result's `rows` are the learning curves.
    Where a batch goes on from the one before (`batches.continues`), the model is called with the states it
    ended in and returns scores and states; the gradient stops at the batch's beginning: truncated
    backpropagation through time (Williams & Peng 1990).
    Raises: NotFiniteError for a loss, gradient or weight that is not finite; Interrupted after Ctrl-C.
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueRangeError(f"fit needs epochs ≥ 1, a whole number, got {epochs!r}")
    base_lr = optimizer.lr
    t = Training(model, loss, optimizer, batches, epochs, metric, validation, stop_at_step, stop_at_epoch)
    if resume is not None:
        restore(t, resume)
    began = time.perf_counter() - t.seconds
    with interruptible() as interrupt:
        for hook in hooks:
            hook.on_start(t)
        try:
            while not t.is_over:
                model.train()
                for x, y in batches:
                    optimizer.lr = base_lr * schedule(t.step)
                    optimizer.zero_grad()
                    scores, t.carried = forward(model, batches, x, t.carried)
                    data_loss = loss(scores, y)
                    total = data_loss if penalty is None else data_loss + penalty.loss(model)
                    check_loss(t, total.item(), x)
                    total.backward()
                    check_gradients(t)
                    norm = (
                        clip_grad_norm_(optimizer.params, clip)
                        if clip < math.inf or stop_at_step
                        else math.inf
                    )
                    optimizer.step()
                    if penalty is not None:
                        penalty.prox(model, optimizer.lr)
                    t.step += 1
                    t.add(data_loss.item(), scores.data, y)
                    if stop_at_step is not None:
                        t.reason = stop_at_step.check(Progress(t.step, total.item(), norm)) or ""
                    t.seconds = time.perf_counter() - began
                    for hook in hooks:
                        hook.on_step(t)
                    if interrupt.made:
                        for hook in hooks:
                            hook.on_interrupt(t)
                        raise Interrupted(
                            f"interrupted after step {t.step}, in epoch {t.epoch + 1} of {epochs}"
                        )
                    if t.reason:
                        break
                finish_epoch(t)
                if stop_at_epoch is not None and not t.reason:
                    row = t.rows[-1]
                    going = Progress(t.step, row["train_loss"], score=row.get("validation_loss"))
                    t.reason = stop_at_epoch.check(going) or ""
                t.seconds = time.perf_counter() - began
                for hook in hooks:
                    hook.on_epoch(t)
            check_weights(t)
        finally:
            for hook in hooks:
                hook.on_end(t)
    return t


def forward(
    model: Module, batches: "Batches | Streams", x: np.ndarray, carried: list[np.ndarray] | None
) -> tuple[Tensor, list[np.ndarray] | None]:
    """The model's scores for a batch; where it goes on from the one before, from the states `carried`."""
    if not batches.continues:
        return model(Tensor(x)), None
    scores, states = model(Tensor(x), carried)
    return scores, [state.data for state in states]


def finish_epoch(t: Training) -> None:
    """Write this epoch's row of the learning curves and begin the next."""
    t.epoch += 1
    row = {"epoch": t.epoch, "step": t.step, "lr": t.optimizer.lr, "seconds": round(t.seconds, 3)}
    row |= {f"train_{name}": mean for name, mean in t.means().items()}
    if t.validation is not None:
        judged = judge(t.model, t.loss, t.validation, t.metric)
        row |= {f"validation_{name}": mean for name, mean in judged.items()}
        if row["validation_loss"] < min((r["validation_loss"] for r in t.rows), default=math.inf):
            t.best = t.model.state_dict()
    t.rows.append(row)
    t.sums, t.carried = {}, None


def judge(
    model: Module, loss: Loss, batches: "Batches | Streams", metric: Metric | None = None
) -> dict[str, float]:
    """The mean loss and metric over one epoch's examples, in evaluation mode."""
    sums: dict[str, float] = {}
    for scores, y in answers(model, batches):
        with no_grad():
            count(sums, loss(Tensor(scores), y).item(), metric, scores, y)
    return means(sums)


def predict(model: Module, batches: "Batches") -> tuple[np.ndarray, np.ndarray]:
    """The model's scores for one epoch's examples, in evaluation mode, and their targets: (N, …), (N,)."""
    pairs = list(answers(model, batches))
    return np.concatenate([scores for scores, _ in pairs]), np.concatenate([y for _, y in pairs])


def answers(model: Module, batches: "Batches | Streams") -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The model's scores in evaluation mode and the targets, batch by batch."""
    before, carried = model.training, None
    model.eval()
    for x, y in batches:
        with no_grad():
            scores, carried = forward(model, batches, x, carried)
        yield scores.data, y
    model.train(before)
