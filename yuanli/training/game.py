"""The game of a GAN: the discriminator's step, then the generator's, on every batch."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli.errors import NotFiniteError, ValueRangeError
from yuanli.nn import Module
from yuanli.ops import binary_cross_entropy_with_logits
from yuanli.optim import Optimizer
from yuanli.tensor import Tensor
from yuanli.training.finite import check_weights
from yuanli.training.interrupt import Interrupted, interruptible
from yuanli.training.state import Hook, Training, restore

if TYPE_CHECKING:
    from yuanli.data.batches import Batches

GENERATOR_LOSSES = ("non-saturating", "minimax")


class Players(Optimizer):
    """The two optimisers of a game as one: what checkpoints save."""

    def __init__(self, generator: Optimizer, discriminator: Optimizer) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.params = [*generator.params, *discriminator.params]
        self.lr = generator.lr

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in ("generator", "discriminator")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("generator", "discriminator"):
            getattr(self, name).load_state_dict(state[name])


def play(
    game: Any,
    players: Players,
    batches: "Batches",
    *,
    epochs: int,
    smoothing: float = 0.0,
    generator_loss: str = "non-saturating",
    hooks: Sequence[Hook] = (),
    resume: dict[str, Any] | None = None,
) -> Training:
    """Train a `models.GAN` by alternating steps, one for each player a batch.

        discriminator:  min  −(1 − s) ln D(x) − s ln(1 − D(x)) − ln(1 − D(G(z)))        s: smoothing
        generator:      min  −ln D(G(z))  (non-saturating),   or  ln(1 − D(G(z)))  (minimax)

    The rows are the epochs' means of both losses, and of the shares of real and made images that the
    discriminator knew for what they are.  resume: a `snapshot` to go on from, to the very bits.
    Raises: NotFiniteError, Interrupted, ValueRangeError.
    Source: Goodfellow 2014, arXiv:1406.2661, algorithm 1 with k = 1; one-sided smoothing: Salimans 2016,
    arXiv:1606.03498, section 3.4.
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueRangeError(f"play needs epochs ≥ 1, a whole number, got {epochs!r}")
    if not 0 <= smoothing < 0.5:
        raise ValueRangeError(f"smoothing needs a share from 0 to below 0.5, got {smoothing!r}")
    if generator_loss not in GENERATOR_LOSSES:
        raise ValueRangeError(f"generator_loss needs one of {GENERATOR_LOSSES}, got {generator_loss!r}")
    t = Training(game, binary_cross_entropy_with_logits, players, batches, epochs)
    if resume is not None:
        restore(t, resume)
    began = time.perf_counter() - t.seconds
    with interruptible() as interrupt:
        for hook in hooks:
            hook.on_start(t)
        try:
            while not t.is_over:
                game.train()
                for x, _ in batches:
                    numbers = one_round(game, players, x, smoothing, generator_loss)
                    t.step += 1
                    if not np.isfinite([numbers["discriminator_loss"], numbers["generator_loss"]]).all():
                        raise NotFiniteError(
                            f"a loss is not finite at step {t.step}: {numbers}; a smaller lr"
                        )
                    for name, value in {"examples": 1.0, **numbers}.items():
                        t.sums[name] = t.sums.get(name, 0.0) + value * len(x)
                    t.seconds = time.perf_counter() - began
                    for hook in hooks:
                        hook.on_step(t)
                    if interrupt.made:
                        for hook in hooks:
                            hook.on_interrupt(t)
                        raise Interrupted(
                            f"interrupted after step {t.step}, in epoch {t.epoch + 1} of {epochs}"
                        )
                t.epoch += 1
                row = {"epoch": t.epoch, "step": t.step, "lr": players.lr, "seconds": round(t.seconds, 3)}
                t.rows.append(row | {f"train_{name}": mean for name, mean in t.means().items()})
                t.sums = {}
                for hook in hooks:
                    hook.on_epoch(t)
            check_weights(t)
        finally:
            for hook in hooks:
                hook.on_end(t)
    return t


def one_round(
    game: Any, players: Players, x: np.ndarray, smoothing: float, generator_loss: str
) -> dict[str, float]:
    """Both players' steps on a batch of real x (N, …), and what is logged of them."""
    real, made = Tensor(x), game.generator(Tensor(game.draw(len(x))))
    discriminator: Module = game.discriminator
    players.discriminator.zero_grad()
    on_real, on_made = discriminator(real), discriminator(made.detach())
    ones, zeros = (np.full(on_real.shape, value, np.float32) for value in (1, 0))
    against = binary_cross_entropy_with_logits(on_real, ones - np.float32(smoothing))
    against = against + binary_cross_entropy_with_logits(on_made, zeros)
    against.backward()
    players.discriminator.step()
    players.generator.zero_grad()
    scores = discriminator(made)
    if generator_loss == "minimax":
        deceived = -binary_cross_entropy_with_logits(scores, zeros)
    else:
        deceived = binary_cross_entropy_with_logits(scores, ones)
    deceived.backward()
    players.generator.step()
    return {
        "discriminator_loss": against.item(),
        "generator_loss": deceived.item(),
        "real_known": float((on_real.data > 0).mean()),
        "made_known": float((on_made.data < 0).mean()),
    }
