"""A GAN in the plane, where both densities can be drawn: points on a ring of eight normal distributions."""

from pathlib import Path

import numpy as np

from yuanli import optim
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.errors import ValueRangeError
from yuanli.inspection.adversarial import density_strip
from yuanli.inspection.style import save
from yuanli.models.gan import GAN
from yuanli.models.gan import gan as new_gan
from yuanli.recipes.threads import suitable_threads
from yuanli.tensor import Tensor, no_grad
from yuanli.training import Hook
from yuanli.training.game import Players, play

MODES, RADIUS, DEVIATION = 8, 2.0, 0.1
CENTRES = RADIUS * np.stack([f(2 * np.pi * np.arange(MODES) / MODES) for f in (np.cos, np.sin)], 1)
ROUND, BATCH = 50, 128  # steps of an epoch, points of a step
REACHED = 0.25  # of its fair share: from then on a mode counts as reached


def gan(
    out: Path, seed: int = 0, *, steps: int = 2000, generator_loss: str = "non-saturating"
) -> Demonstration:
    """Play the game and look at it five times: what is made, and what D thinks of every place."""
    if steps < 5 * ROUND:
        raise ValueRangeError(
            f"the game is looked at five times and needs at least {5 * ROUND} steps, got {steps}"
        )
    rng = np.random.default_rng(seed)
    game = new_gan((2,), noise=16, hidden=(64, 64), rng=rng)
    players = Players(
        *(
            optim.Adam(player.parameters(), lr=1e-3, betas=(0.0, 0.99))
            for player in (game.generator, game.discriminator)
        )
    )
    points = ring(ROUND * BATCH, rng)
    batches = Batches(points, np.zeros(len(points), np.int64), BATCH, rng=rng)
    looks = Looks(steps // ROUND)
    with suitable_threads(0):
        training = play(
            game, players, batches, epochs=steps // ROUND, generator_loss=generator_loss, hooks=[looks]
        )
    rows = [
        [
            f"{step:,}",
            int((shares >= REACHED / MODES).sum()),
            percent(shares.sum()),
            f"{lowest:.2f} to {highest:.2f}",
        ]
        for step, shares, lowest, highest in looks.numbers
    ]
    shares = looks.numbers[-1][1]
    last = training.rows[-1]
    lines = [
        f"{MODES} normal distributions on a ring; {training.step:,} steps in {training.seconds:.1f} s",
        *table(["step", "modes reached", "points near a mode", "D at the modes"], rows),
        f"at the end the discriminator knows {percent(last['train_real_known'])} of the real points and "
        f"{percent(last['train_made_known'])} of those made; at the optimum it can only guess: 50 %",
    ]
    numbers = {
        "modes": int((shares >= REACHED / MODES).sum()),
        "near": float(shares.sum()),
        "shares": shares.tolist(),
        "real_known": last["train_real_known"],
        "made_known": last["train_made_known"],
    }
    figure = density_strip(looks.seen, density)
    return Demonstration(lines, numbers, [save(figure, out / "gan.png")])


def ring(n: int, rng: np.random.Generator) -> np.ndarray:
    """n points, each from one of the modes."""
    points = CENTRES[rng.integers(MODES, size=n)] + DEVIATION * rng.standard_normal((n, 2))
    return points.astype(np.float32)


def density(points: np.ndarray) -> np.ndarray:
    """p(x) = (1/8) Σₖ N(x; centreₖ, σ²)  for points (…, 2)."""
    d2 = ((points[..., None, :] - CENTRES) ** 2).sum(-1)
    return np.exp(-d2 / (2 * DEVIATION**2)).sum(-1) / (MODES * 2 * np.pi * DEVIATION**2)


def near_modes(points: np.ndarray) -> np.ndarray:
    """The share of the points within 3σ of each mode, (8,)."""
    distance = np.sqrt(((points[:, None] - CENTRES) ** 2).sum(-1))
    near = distance.min(1) < 3 * DEVIATION
    return np.bincount(distance.argmin(1)[near], minlength=MODES) / len(points)


class Looks(Hook):
    """At the start, after a twentieth, a fifth, half and all of the epochs: points made, D everywhere."""

    def __init__(self, epochs: int) -> None:
        self.at = {max(1, round(share * epochs)) for share in (0.05, 0.2, 0.5, 1)}
        self.seen: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.numbers: list[tuple[int, np.ndarray, float, float]] = []

    def on_start(self, training) -> None:
        self.look(training)

    def on_epoch(self, training) -> None:
        if training.epoch in self.at:
            self.look(training)

    def look(self, training) -> None:
        game: GAN = training.model
        made = game.sample(game.draw(4000, np.random.default_rng(0)))
        axis = np.linspace(-3, 3, 121, dtype=np.float32)
        places = np.stack(np.meshgrid(axis, axis), -1)
        field = judged(game, places.reshape(-1, 2)).reshape(len(axis), len(axis))
        at_modes = judged(game, CENTRES.astype(np.float32))
        self.seen.append((training.step, made, field))
        self.numbers.append((training.step, near_modes(made), float(at_modes.min()), float(at_modes.max())))


def judged(game: GAN, points: np.ndarray) -> np.ndarray:
    """D(x) for points (N, 2)."""
    with no_grad():
        return 1 / (1 + np.exp(-game.discriminator(Tensor(points)).data[:, 0].astype(np.float64)))
