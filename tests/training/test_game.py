"""The game of a GAN against the same two steps written with torch, its optimum, and resumption."""

import numpy as np
import pytest

from yuanli import nn, optim
from yuanli.data.batches import Batches
from yuanli.errors import NotFiniteError, ShapeError, ValueRangeError
from yuanli.models.gan import dcgan, gan
from yuanli.tensor import Tensor
from yuanli.training import Checkpoints, Hook, Interrupted
from yuanli.training.game import Players, play


def players_of(game, lr=1e-2):
    return Players(*(optim.SGD(p.parameters(), lr=lr) for p in (game.generator, game.discriminator)))


def small(seed=0):
    rng = np.random.default_rng(seed)
    game = gan((3,), noise=2, hidden=(4, 5), rng=rng)
    x = rng.standard_normal((24, 3)).astype(np.float32)
    return game, Batches(x, np.zeros(24, np.int64), 8, rng=np.random.default_rng(1))


@pytest.mark.reference
@pytest.mark.parametrize("generator_loss", ["non-saturating", "minimax"])
def test_a_round_equals_torchs(generator_loss):
    """Goodfellow's algorithm 1, k = 1, with one-sided smoothing, on torch's autograd."""
    import torch

    game, batches = small()
    nets = []
    for sizes, slope in (((2, 4, 5, 3), 0.0), ((3, 5, 4, 1), 0.2)):
        layers = []
        for i in range(3):
            layers += [torch.nn.Linear(sizes[i], sizes[i + 1])]
            if i < 2:
                layers += [torch.nn.LeakyReLU(slope) if slope else torch.nn.ReLU()]
        nets.append(torch.nn.Sequential(*layers))
    for net, own in zip(nets, (game.generator, game.discriminator), strict=True):
        values = [torch.tensor(p.data) for p in own.parameters()]
        for p, value in zip(net.parameters(), values, strict=True):
            p.data = value
    generator, discriminator = nets
    x = next(iter(batches))[0]
    noise = np.random.default_rng()
    noise.bit_generator.state = game.rng.bit_generator.state
    z = torch.tensor(noise.standard_normal((8, 2), np.float32))
    players = [torch.optim.SGD(net.parameters(), lr=0.01) for net in nets]
    log_d = torch.nn.functional.logsigmoid
    made = generator(z)
    real = discriminator(torch.tensor(x))
    against = -(0.9 * log_d(real) + 0.1 * log_d(-real)).mean() - log_d(-discriminator(made.detach())).mean()
    players[1].zero_grad()
    against.backward()
    players[1].step()
    scores = discriminator(made)
    deceived = log_d(-scores).mean() if generator_loss == "minimax" else -log_d(scores).mean()
    players[0].zero_grad()
    deceived.backward()
    players[0].step()

    one = Batches(x, np.zeros(8, np.int64), 8, shuffle=False)
    t = play(game, players_of(game), one, epochs=1, smoothing=0.1, generator_loss=generator_loss)
    assert t.rows[0]["train_discriminator_loss"] == pytest.approx(against.item(), rel=1e-5)
    assert t.rows[0]["train_generator_loss"] == pytest.approx(deceived.item(), rel=1e-5)
    for net, own in zip(nets, (game.generator, game.discriminator), strict=True):
        for p, mine in zip(net.parameters(), own.parameters(), strict=True):
            np.testing.assert_allclose(mine.data, p.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_both_players_move_and_the_shares_are_shares():
    game, batches = small()
    before = game.state_dict()
    t = play(game, players_of(game), batches, epochs=2)
    assert all((before[name] != after).any() for name, after in game.state_dict().items())
    assert [row["epoch"] for row in t.rows] == [1, 2]
    for row in t.rows:
        assert 0 <= row["train_real_known"] <= 1
        assert 0 <= row["train_made_known"] <= 1


def test_against_a_fixed_generator_the_discriminator_finds_its_optimum():
    """Two places, real with probability 3/4 and 1/4, made with 1/2 each: D = p / (p + q) = 3/5 and 1/3."""
    game = gan((1,), noise=1, hidden=(8, 8), rng=np.random.default_rng(0))
    rng = np.random.default_rng(3)

    class Coin(nn.Module):
        def forward(self, z):
            return Tensor(np.sign(z.data))

    real = np.where(np.arange(64) % 4 < 3, 1.0, -1.0).astype(np.float32)[:, None]
    judge = game.discriminator
    game.generator = Coin()
    idle = optim.SGD([Tensor(np.zeros(1, np.float32), requires_grad=True)], lr=1.0)
    players = Players(idle, optim.Adam(judge.parameters(), lr=0.01))
    play(game, players, Batches(real, np.zeros(64, np.int64), 64, rng=rng), epochs=400)
    d = 1 / (1 + np.exp(-judge(Tensor(np.array([[1.0], [-1.0]], np.float32))).data[:, 0]))
    np.testing.assert_allclose(d, [3 / 5, 1 / 3], atol=0.06)


class Stop(Hook):
    def __init__(self, step):
        self.step = step

    def on_step(self, training):
        if training.step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", [1, 3, 4])
def test_an_interrupted_game_goes_on_to_the_same_bits(tmp_path, step):
    whole, batches = small()
    rows = play(whole, players_of(whole), batches, epochs=3).rows
    game, batches = small()
    checkpoints = Checkpoints(tmp_path, every=0)
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        play(game, players_of(game), batches, epochs=3, hooks=[checkpoints, Stop(step)])
    game, batches = small()
    saved = Checkpoints(tmp_path).load()
    t = play(game, players_of(game), batches, epochs=3, resume=saved)
    for name, array in whole.state_dict().items():
        np.testing.assert_array_equal(game.state_dict()[name], array)
    assert [{k: v for k, v in r.items() if k != "seconds"} for r in t.rows] == [
        {k: v for k, v in r.items() if k != "seconds"} for r in rows
    ]


def test_wrong_options_and_losses_that_are_not_finite_are_errors():
    game, batches = small()
    for options, message in (
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1, "smoothing": 0.5}, "smoothing"),
        ({"epochs": 1, "generator_loss": "mean"}, "generator_loss"),
    ):
        with pytest.raises(ValueRangeError, match=message):
            play(game, players_of(game), batches, **options)
    with pytest.raises(NotFiniteError, match=r"at step \d+"), np.errstate(all="ignore"):
        play(game, players_of(game, lr=1e30), batches, epochs=5)
    with pytest.raises(ShapeError, match="multiples of 4"):
        dcgan((1, 30, 28))


def test_dcgan_has_the_papers_layers():
    """Strided convolutions and no pooling; no bias before a normalisation; weights N(0, 0.02²)."""
    game = dcgan((3, 32, 32), width=16, rng=np.random.default_rng(0))
    z = game.draw(4, np.random.default_rng(0))
    images = game(Tensor(z))
    assert images.shape == (4, 3, 32, 32)
    assert np.abs(images.data).max() < 1
    assert game.discriminator(images).shape == (4, 1)
    count = 64 * 64 * 64 + 2 * 64 + 64 * 32 * 16 + 2 * 32 + 32 * 3 * 16 + 3
    assert sum(p.size for p in game.generator.parameters()) == count
    weight = next(p for name, p in game.generator.named_parameters() if name == "0.weight")
    assert weight.data.std() == pytest.approx(0.02, rel=0.02)
    np.testing.assert_array_equal(game.sample(z), game.sample(z))
