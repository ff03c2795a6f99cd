"""One quiet look for every picture: figures without pyplot, drawn by Agg; no display, no global state."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import LogFormatter

from yuanli.errors import ValueRangeError

P = ParamSpec("P")
R = TypeVar("R")

# Okabe & Ito 2008: eight colours that readers with any colour vision tell apart.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, YELLOW = "#CC79A7", "#56B4E9", "#222222", "#F0E442"
COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK, YELLOW)
GREY, PALE = "#666666", "#E4E4E4"

DPI = 144  # pixels an inch

DIVERGING = "PuOr_r"  # around 0: purple below, orange above

CHINESE = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei")

WITHOUT_DATE: dict[str, Any] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

NO_FONT = "a picture shows boxes for signs that no font here has; Noto Sans CJK has the Chinese ones"

STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": BLACK,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "font.size": 10,
    "grid.color": PALE,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "yuanli",  # the same picture is the same file
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run `draw` with this look; Matplotlib's own settings are as before afterwards."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(STYLE | {"font.family": _fonts()}):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float = 6.4, height: float = 4.0) -> Figure:
    """An empty figure of that many inches, whose parts are laid out so that nothing overlaps."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(
    rows: int, columns: int, *, width: float = 4.0, height: float = 3.4, **options: Any
) -> tuple[Figure, Any]:
    """A figure of rows × columns Axes, each about width × height inches, and the array of them."""
    figure = new_figure(width * columns, height * rows)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def frameless(axes: Axes) -> None:
    """No frame, ticks or grid: for pictures."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def log_scale(axes: Axes, which: str) -> None:
    """A logarithmic "x" or "y" axis whose labels are plain numbers, 0.1 rather than 10⁻¹."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(_Plain())
    axis.set_minor_formatter(_Plain(minor_thresholds=(1, 0.4)))


class _Plain(LogFormatter):
    """Labels where LogFormatter has them, in plain digits."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:,g}" if super().__call__(x, pos) else ""


def plain_text(text: Any, longest: int = 24) -> str:
    """A name from outside as a label: `$` is not mathematics, control characters go, long ones are cut."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as PNG, SVG or PDF, as the ending says; the path.  Raises: ValueRangeError."""
    kind = path.suffix.lstrip(".").lower() or "png"
    if kind not in WITHOUT_DATE:
        raise ValueRangeError(f"pictures are written as .png, .svg or .pdf, got {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(figure, kind))
    return path


def encode(figure: Figure, kind: str = "png") -> bytes:
    """The figure as the bytes of a PNG, SVG or PDF file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    salt: Any = {"svg.hashsalt": STYLE["svg.hashsalt"]}
    with warnings.catch_warnings(record=True) as said, matplotlib.rc_context(salt):
        warnings.filterwarnings("always", "Glyph .* missing from")  # a class name in a script without font
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=WITHOUT_DATE[kind])
    for line in dict.fromkeys(str(one.message) for one in said):
        warnings.warn(NO_FONT if line.startswith("Glyph ") else line, stacklevel=2)
    return buffer.getvalue()


def as_picture(image: np.ndarray) -> np.ndarray:
    """(C, H, W) or (H, W), uint8 or any floats, as what imshow draws: (H, W) or (H, W, 3) in [0, 1]."""
    image = np.asarray(image)
    if image.ndim == 3:
        image = image[0] if image.shape[0] != 3 else image.transpose(1, 2, 0)
    if image.dtype == np.uint8:
        return image / np.float32(255)
    low, high = float(image.min()), float(image.max())
    return (image - low) / (high - low) if high > low else np.zeros(image.shape, np.float32)


@functools.cache
def _fonts() -> list[str]:
    """DejaVu Sans comes with Matplotlib; then whatever here can draw Chinese."""
    present = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CHINESE if name in present)]
