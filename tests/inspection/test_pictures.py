"""What the pictures show: the numbers in them, not their look."""

import matplotlib
import numpy as np
import pytest

from yuanli.errors import ValueRangeError
from yuanli.inspection import charts, costs, functions, images, style

CLASSES = ("a", "b", "c")
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.79, 0.01], [0.5, 0.2, 0.3]]
)
TRUTH = np.array([0, 1, 1, 2, 2])  # rows 1, 3 and 4 are mistaken


def test_mistakes_come_worst_first():
    assert images.worst(TRUTH, PROBABILITIES).tolist() == [3, 1, 4]
    x = np.zeros((5, 1, 2, 2), np.uint8)
    figure = images.mistakes(x, TRUTH, PROBABILITIES, CLASSES, most=2)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["true c\nsaid b, 79 %", "true b\nsaid a, 60 %"]


def test_confusion_matrix_shows_the_counts():
    counts = np.array([[5, 0, 1], [0, 7, 0], [2, 0, 3]])
    figure = charts.confusion_matrix(counts, CLASSES)
    assert [t.get_text() for t in figure.axes[0].texts] == ["5", "1", "7", "2", "3"]
    shares = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares.sum(1), 1)
    assert not charts.confusion_matrix(np.eye(40, dtype=int), list(map(str, range(40)))).axes[0].texts


def test_learning_curves_show_what_is_there():
    rows = [{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.0, "validation_loss": 1.5}]
    (axes,) = charts.learning_curves(rows).axes
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [2, 1])
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), [2])
    assert charts.learning_curves([]).axes[0].get_title("left") == "loss"


def test_accuracy_bars_are_sorted_and_in_per_cent():
    axes = charts.accuracy_bars(["x", "y"], [0.9, 0.5], [0.8, 0.4], [0.95, 0.6]).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [50, 90]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["y", "x"]


def test_a_jump_of_the_derivative_is_left_open():
    x = np.linspace(-1, 1, 21)
    gap_x, gap_y = functions.broken(x, np.sign(x) + 0.0)
    assert np.isnan(gap_x).sum() == np.isnan(gap_y).sum() == 2  # before and behind 0
    np.testing.assert_array_equal(functions.broken(x, x / 10)[1], x / 10)


def test_regions_are_coloured_by_the_classifier():
    points = np.array([[-1.0, 0], [1, 0], [0, 1]])
    figure = functions.decision_regions(
        [("half", lambda x: (x[:, 0] > 0).astype(int), points, np.array([0, 1, 1]))]
    )
    plane = figure.axes[0].images[0].get_array()
    assert (plane[:, :75] == 0).all()
    assert (plane[:, -75:] == 1).all()


@pytest.mark.parametrize(
    ("image", "shape"),
    [
        (np.full((1, 2, 3), 255, np.uint8), (2, 3)),
        (np.full((3, 2, 3), 255, np.uint8), (2, 3, 3)),
        (np.eye(3), (3, 3)),
    ],
)
def test_pictures_lie_between_0_and_1(image, shape):
    drawn = style.as_picture(image)
    assert drawn.shape == shape
    assert drawn.max() == 1
    assert style.as_picture(np.zeros((2, 2))).max() == 0


def test_names_are_text():
    assert style.plain_text("$x$\n\x00") == r"\$x\$  "
    assert style.plain_text("a" * 50, 10) == "a" * 9 + "…"
    assert len(style.encode(charts.confusion_matrix(np.eye(2, dtype=int), ["$\\frac", "图\x07"]))) > 1000


def test_settings_are_as_before():
    before = dict(matplotlib.rcParams)
    style.encode(charts.learning_curves([{"epoch": 1, "train_loss": 1.0}]))
    assert dict(matplotlib.rcParams) == before


def test_names_of_many_models_stay_inside_their_chart():
    """Twelve models on the digits: one is far worse and one far faster, so that the others lie together."""
    from yuanli.inspection.charts import accuracy_against

    names = [f"model-{i}" for i in range(12)]
    accuracy = [0.978, 0.997, 0.969, 0.969, 0.978, 0.964, 0.967, 0.953, 0.992, 0.856, 0.956, 0.994]
    seconds = [0.001, 0.27, 0.2, 0.2, 0.95, 0.026, 0.05, 0.02, 0.074, 0.19, 4.6, 7.2]
    figure = accuracy_against(names, accuracy, seconds, "seconds")
    figure.canvas.draw()
    axes = figure.axes[0]
    outside = axes.get_window_extent()
    assert len(axes.texts) == 12
    for text in axes.texts:
        box = text.get_window_extent()
        assert outside.y0 <= box.y0 <= box.y1 <= outside.y1, text.get_text()


def test_a_picture_of_no_kind_is_refused(tmp_path):
    for name in ("a.foo", "a.csv"):
        with pytest.raises(ValueRangeError, match=rf"written as \.png, \.svg or \.pdf, got '{name}'"):
            style.save(style.new_figure(), tmp_path / name)
    for name, start in (("a", b"\x89PNG"), ("a.PNG", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")):
        first = style.save(style.new_figure(), tmp_path / name).read_bytes()
        assert first.startswith(start)
        assert style.save(style.new_figure(), tmp_path / name).read_bytes() == first


def test_a_name_has_its_circles_colour_darkened():
    names = ["resnet101", "densenet161", "resnet50"]  # the first two nearly at one place
    figure = costs.accuracy_circles(
        names, [77.4, 77.1, 76.1], [7.8, 7.7, 4.1], [44e6, 28e6, 25e6], ["resnet", "densenet", "resnet"]
    )
    axes = figure.axes[0]
    circles = {
        tuple(c.get_offsets()[0]): c.get_facecolor()[0, :3] for c in axes.collections if len(c.get_offsets())
    }
    for text in axes.texts:
        np.testing.assert_allclose(text.get_color(), circles[text.xy] / 2)
    assert [text.get_text() for text in axes.texts] == names
    assert len({tuple(text.get_color()) for text in axes.texts}) == 2
