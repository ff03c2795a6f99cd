"""Generative adversarial networks as recipes: they learn from images to make more of them."""

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from yuanli import optim
from yuanli.data import Dataset, Split, names
from yuanli.data.batches import Batches
from yuanli.data.folders import has_classes, load_pictures_alone
from yuanli.data.parquet import find_parquet
from yuanli.data.resize import Resize
from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.models.gan import GAN, dcgan, gan
from yuanli.recipes.image_quality import judge_of, quality
from yuanli.recipes.recipe import Evaluation, Recipe, kept, trained_seconds
from yuanli.recipes.settings import number, one_of, whole
from yuanli.recipes.threads import suitable_threads, work_of
from yuanli.training import Hook, Run
from yuanli.training.game import GENERATOR_LOSSES, Players, play

JUDGED = 2000  # images made to be judged, and real ones they are compared with
STEPS = 12_000  # of training on many images


@dataclass(frozen=True)
class GanSettings:
    """The options of a game.

    noise: numbers an image is made of; width: of the layers; smoothing: how far below 1 the discriminator's
    target for real images is; generator_loss: non-saturating or minimax.
    """

    epochs: int
    lr: float = 2e-4
    batch_size: int = 64
    beta1: float = 0.5
    noise: int = 64
    width: int = 32
    smoothing: float = 0.1
    generator_loss: str = "non-saturating"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "noise", "width"):
            if not whole(value := getattr(self, name)) or value < 1:
                raise ValueRangeError(f"{name} needs a whole number from 1 up, got {value!r}")
        if self.batch_size < 2:
            raise ValueRangeError("batch_size needs at least 2: the layers are normalised over the batch")
        for name, low, high in (("lr", 0, np.inf), ("beta1", 0, 1), ("smoothing", 0, 0.5)):
            value = getattr(self, name)
            if not number(value) or not low <= value < high or (name == "lr" and not value):
                raise ValueRangeError(f"{name} needs a number from {low} to below {high}, got {value!r}")
        one_of("generator_loss", self.generator_loss, GENERATOR_LOSSES)


@dataclass
class Painter:
    """A trained generator: images out of nothing."""

    recipe: Any
    game: GAN
    shape: tuple[int, ...]

    def paint(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n images, uint8 (n, C, H, W)."""
        with suitable_threads(self.work(n)):
            return as_bytes(self.game.sample(self.game.draw(n, rng)))

    @property
    def parameters(self) -> int:
        return sum(p.size for p in self.game.parameters())

    def work(self, n: int) -> int:
        """About how many multiply-adds n images take: as many to be painted as to be looked at."""
        return 2 * work_of(self.game.discriminator, self.shape, n)

    def config(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    def state(self) -> dict[str, Any]:
        return {"learned": self.game.state_dict()}


class FilmStrip(Hook):
    """Keeps what the generator makes of the same noise after 0, 100, 200, 400, … steps, and at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_start(self, training: Any) -> None:
        self.noise = training.model.draw(64, np.random.default_rng(0))
        if not training.step:
            self.keep(training)

    def on_step(self, training: Any) -> None:
        hundreds, rest = divmod(training.step, 100)
        if not rest and hundreds & (hundreds - 1) == 0:
            self.keep(training)

    def on_end(self, training: Any) -> None:
        if training.is_over:
            self.keep(training)

    def keep(self, training: Any) -> None:
        images = as_bytes(training.model.sample(self.noise))
        save_grid(images, self.folder / f"step-{training.step:07d}.png")


class Adversarial(Recipe):
    """A generator that learns from images what images look like; each subclass says of which kind."""

    reads: ClassVar[str] = "images"
    then: ClassVar[str] = "generate {run} -n 64"
    compared: ClassVar[bool] = False
    defaults: ClassVar[dict[str, Any]] = {}

    def load(self, spec: str, **options: Any) -> Split:
        """The images of a data set; of a folder without classes, all pictures in it and below."""
        folder = Path(spec).expanduser()
        if (
            spec in names()
            or not folder.is_dir()
            or has_classes(folder)
            or any(find_parquet(folder).values())
        ):
            return super().load(spec, **options)
        return load_pictures_alone(
            folder, test_size=options.get("test_size", 0.2), seed=options.get("seed", 0)
        )

    def unsuited(self, data: Split) -> str:
        return "" if data.train.is_image else "it makes images, and these are none"

    def options(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(GanSettings))

    def choose(self, data: Split, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            one_of(f"option of {self.name}", name, self.options())
        settings = GanSettings(epochs=1, **self.defaults)
        epochs = int(np.clip(round(STEPS * settings.batch_size / len(data.train)), 1, 400))
        settings = replace(settings, **{"epochs": epochs} | given)
        if settings.batch_size > len(data.train):
            raise ValueRangeError(
                f"batch_size {settings.batch_size} is more than the {len(data.train)} images to learn from"
            )
        return asdict(settings)

    @abstractmethod
    def build(self, shape: tuple[int, ...], settings: GanSettings, rng: np.random.Generator) -> GAN:
        """Both players, untrained, for images of `shape`."""

    @abstractmethod
    def size(self, data: Dataset) -> tuple[int, int]:
        """The height and width that images are brought to."""

    def learn(
        self,
        settings: dict[str, Any],
        data: Split,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> Painter:
        chosen, size = GanSettings(**settings), self.size(data.train)
        x = Resize(size).transform(data.train.x)
        painter = self.untrained(chosen, x.shape[1:], seed)
        batches = Batches(
            x, data.train.y, chosen.batch_size, rng=np.random.default_rng([seed, 1]), transform=as_numbers,
            drop_last=True,
        )  # fmt: skip
        players = Players(
            *(
                optim.Adam(player.parameters(), lr=chosen.lr, betas=(chosen.beta1, 0.999))
                for player in (painter.game.generator, painter.game.discriminator)
            )
        )
        with suitable_threads(painter.work(chosen.batch_size)):
            play(
                painter.game, players, batches, epochs=chosen.epochs, smoothing=chosen.smoothing,
                generator_loss=chosen.generator_loss, hooks=hooks, resume=resume,
            )  # fmt: skip
        painter.game.eval()
        return painter

    def untrained(self, settings: GanSettings, shape: tuple[int, ...], seed: int) -> Painter:
        return Painter(self, self.build(shape, settings, np.random.default_rng([seed, 0])), shape)

    def restore(self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any]) -> Painter:
        try:
            painter = self.untrained(GanSettings(**settings), tuple(config["shape"]), 0)
            painter.game.load_state_dict(state["learned"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the run's config and its model do not fit: {error!r}") from None
        painter.game.eval()
        return painter

    def hooks(self, run: Run) -> list[Hook]:
        return [FilmStrip(run.folder / "samples")]

    def evaluate(self, run: Run, model: Painter, data: Split) -> Evaluation:
        """The Fréchet distance of made images from real ones, in what a LeNet-5 trained on these sees."""
        n = min(JUDGED, len(data.test))
        began = time.perf_counter()
        made = model.paint(n, np.random.default_rng(1))
        microseconds = (time.perf_counter() - began) / n * 1e6
        metrics: dict[str, Any] = {"examples": n}
        if len(data.train.classes) > 1:
            judge = judge_of(run, data)
            real = Resize((model.shape[1], model.shape[2])).transform(data.test.x[:n])
            settings = GanSettings(**run.config["settings"])
            before = self.untrained(settings, model.shape, run.config["seed"])
            before.game.eval()
            noise = before.paint(n, np.random.default_rng(1))
            metrics |= quality(judge, data.test.y[:n], real, made, noise)
        return Evaluation(
            self.name, data.test.name, metrics, microseconds, model.parameters, trained_seconds(run),
            data.notes, "images",
        )  # fmt: skip

    def report(self, run: Run, model: Painter, data: Split) -> None:
        from yuanli.inspection.adversarial import game_curves, strip
        from yuanli.inspection.images import grid
        from yuanli.inspection.page import write_page

        judged = kept(run)
        facts = {
            name.replace("_", " "): f"{value:.4g}" if isinstance(value, float) else str(value)
            for name, value in judged.metrics.items()
        } | {"trained parameters": f"{model.parameters:,}", "training time": f"{judged.train_seconds:.0f} s"}
        images = model.paint(64, np.random.default_rng(run.config["seed"]))
        write_page(
            run.report_path,
            title=f"{self.title}: {data.name}",
            data=f"{data.name}: {len(data.train):,} images to learn from",
            facts=facts,
            figures=[
                (
                    grid(list(images), columns=16, size=0.6),
                    "Images it made, one after the other, none picked",
                ),
                (strip(run.folder / "samples", model.shape), "What it made of the same noise, over time"),
                (game_curves(run.metrics()), "How the game went"),
            ],
            command=run.config["command"],
            config=run.config,
            notes=data.notes,
        )


class Gan(Adversarial):
    """Multilayer perceptrons, as in the first paper."""

    name = "gan"
    title = "GAN of perceptrons"
    title_zh = "生成对抗网络（感知机）"
    defaults: ClassVar[dict[str, Any]] = {"width": 256}

    def size(self, data: Dataset) -> tuple[int, int]:
        H, W = data.x.shape[2:]
        return (H, W) if max(H, W) <= 32 else (32, 32)

    def build(self, shape: tuple[int, ...], settings: GanSettings, rng: np.random.Generator) -> GAN:
        hidden = (settings.width, 2 * settings.width)
        return gan(shape, noise=settings.noise, hidden=hidden, rng=rng)


class DCGan(Adversarial):
    """Convolutions: images whose sides are no multiples of 4 from 8 to 32 are brought to 32×32."""

    name = "dcgan"
    title = "DCGAN"
    title_zh = "深度卷积生成对抗网络"

    def size(self, data: Dataset) -> tuple[int, int]:
        H, W = data.x.shape[2:]
        fits = all(n % 4 == 0 and 8 <= n <= 32 for n in (H, W))
        return (H, W) if fits else (32, 32)

    def build(self, shape: tuple[int, ...], settings: GanSettings, rng: np.random.Generator) -> GAN:
        return dcgan(shape, noise=settings.noise, width=settings.width, rng=rng)


def as_numbers(x: np.ndarray) -> np.ndarray:
    """0 … 255 → −1 … 1."""
    return x.astype(np.float32) / np.float32(127.5) - 1


def as_bytes(x: np.ndarray) -> np.ndarray:
    """−1 … 1 → 0 … 255."""
    return np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8)


def save_grid(images: np.ndarray, path: Path, columns: int = 8) -> Path:
    """Images uint8 (N, C, H, W) in rows, pixel for pixel, as one picture file.  Raises: ValueRangeError."""
    from PIL import Image

    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise ValueRangeError(f"a picture file is called .png, .jpg or the like, got {path.name!r}")

    n, C, H, W = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, C, H, W), np.uint8)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, C, H, W).transpose(0, 3, 1, 4, 2).reshape(rows * H, columns * W, C)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet[..., 0] if C == 1 else sheet).save(path)
    return path
