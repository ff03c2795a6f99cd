"""Which part of an image speaks for a class, against closed forms."""

import numpy as np
import pytest

from yuanli import nn, ops
from yuanli.errors import ModelError, ValueRangeError
from yuanli.inspection.evidence import evidence_chart, grad_cam, occlusion_map
from yuanli.inspection.feature_maps import convolutions, feature_maps, filters_chart, maps_chart
from yuanli.tensor import Tensor


class Pooled(nn.Module):
    """Convolutions, a mean over all places, linear scores: here Grad-CAM has a closed form."""

    def __init__(self, rng):
        self.first = nn.Conv2d(3, 4, 3, padding=1, rng=rng)
        self.last = nn.Conv2d(4, 5, 3, rng=rng)
        self.point = nn.Conv2d(5, 6, 1, rng=rng)
        self.head = nn.Linear(6, 3, rng=rng)

    def forward(self, x):
        maps = self.last(ops.relu(self.first(x)))
        return self.head(self.point(maps.mean((2, 3), keepdim=True)).reshape(-1, 6))


@pytest.fixture
def net():
    return Pooled(np.random.default_rng(0))


X = np.random.default_rng(1).standard_normal((1, 3, 9, 9)).astype(np.float32)


def test_grad_cam_after_a_global_mean_is_the_class_activation_map(net):
    """Zhou et al. 2015 (arXiv:1512.04150): the class's weights on the maps; αᶜ = wₖᶜ / places."""
    maps = net.last(ops.relu(net.first(Tensor(X)))).data[0]
    weights = net.head.weight.data @ net.point.weight.data[:, :, 0, 0]
    for k in range(3):
        expected = np.maximum(np.tensordot(weights[k], maps, 1), 0) / maps[0].size
        np.testing.assert_allclose(grad_cam(net, X, k), expected, rtol=1e-4, atol=1e-6)


def test_looking_leaves_the_model_as_it_was(net):
    before = net(Tensor(X)).data
    found = feature_maps(net, X)
    grad_cam(net, X, 0)
    assert [name for name, _ in found] == ["first", "last", "point"]
    np.testing.assert_array_equal(found[0][1], net.first(Tensor(X)).data[0])
    np.testing.assert_array_equal(net(Tensor(X)).data, before)
    assert all("forward" not in vars(m) for m in net.modules())
    assert len(maps_chart(found, X[0]).axes) >= 8
    assert filters_chart(net).axes[0].get_title(loc="left") == "first: 4 of 4 filters, 3×3"


def test_the_pixel_that_decides_is_found():
    """p = (pixel (5, 11) bright): covering it by grey loses all, covering others nothing."""
    image = np.zeros((1, 16, 16), np.uint8)
    image[0, 5, 11] = 255

    def answer(x):
        p = (x[:, 0, 5, 11] > 200).astype(float)
        return np.stack([1 - p, p], 1)

    lost = occlusion_map(answer, image, 1, size=0.25)
    assert lost[5, 11] == lost.max() == 1
    assert np.count_nonzero(lost) == 7 * 7  # the squares of 4 × 4 that cover it reach so far
    assert lost[0, 0] == lost[15, 0] == 0
    figure = evidence_chart(image, [("lost", lost)])
    assert len(figure.axes) == 2


def test_what_cannot_be_shown_is_said():
    with pytest.raises(ModelError, match="no convolutions"):
        convolutions(nn.Linear(3, 2))
    with pytest.raises(ModelError, match="more than one place"):
        grad_cam(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), np.zeros((1, 1, 3, 3), np.float32), 0)
    with pytest.raises(ValueRangeError, match="share of the width"):
        occlusion_map(lambda x: x, np.zeros((1, 4, 4), np.uint8), 0, size=0)
