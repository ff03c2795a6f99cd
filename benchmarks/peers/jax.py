"""JAX: the few layers it takes, under torch's names, in its compiler's preferred layout, channels last.

The step is one compiled function of the state, a dict of arrays under torch's names.  While JAX traces it the
layers hold the traced values; so they read like layers of any other library.
"""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
from jax import lax


class Module:
    """Finds what has tensors among its attributes, in the manner of torch."""

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def named(self, prefix=""):
        """Every layer with tensors, and its name with a dot behind."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield from value.named(f"{prefix}{name}.")
        if not isinstance(self, Sequential):
            yield prefix, self


class Sequential(Module):
    def __init__(self, *layers):
        for i, layer in enumerate(layers):
            setattr(self, str(i), layer)

    def forward(self, x):
        for layer in vars(self).values():
            x = layer(x)
        return x


class Linear(Module):
    def __init__(self, ins, outs):
        self.weight = self.bias = None

    def forward(self, x):
        return x @ self.weight.T + self.bias


class Conv2d(Module):
    def __init__(self, ins, outs, kernel, stride=1, padding=0, bias=True):
        self.weight, self.stride, self.padding = None, (stride, stride), [(padding, padding)] * 2
        if bias:
            self.bias = None

    def forward(self, x):
        layout = ("NHWC", "OIHW", "NHWC")
        y = lax.conv_general_dilated(x, self.weight, self.stride, self.padding, dimension_numbers=layout)
        return y + self.bias if hasattr(self, "bias") else y


class BatchNorm2d(Module):
    def __init__(self, channels):
        self.weight = self.bias = self.running_mean = self.running_var = None

    def forward(self, x):
        mean, var, n = x.mean((0, 1, 2)), x.var((0, 1, 2)), x.size // x.shape[-1]
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean
        self.running_var = 0.9 * self.running_var + 0.1 * var * n / (n - 1)
        return (x - mean) * lax.rsqrt(var + 1e-5) * self.weight + self.bias


class MaxPool2d(Module):
    def __init__(self, kernel):
        self.window = (1, kernel, kernel, 1)

    def forward(self, x):
        return lax.reduce_window(x, -jnp.inf, lax.max, self.window, self.window, "VALID")


class ReLU(Module):
    forward = staticmethod(jax.nn.relu)


class AdaptiveAvgPool2d(Module):
    def __init__(self, size):
        """Every net asks for size 1."""

    def forward(self, x):
        return x.mean((1, 2), keepdims=True)


class Flatten(Module):
    def forward(self, x):
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # weights expect torch's order


LAYERS = (Module, Sequential, Linear, Conv2d, BatchNorm2d, MaxPool2d, ReLU, AdaptiveAvgPool2d, Flatten)
NN = SimpleNamespace(**{layer.__name__: layer for layer in LAYERS})
TENSORS = ("weight", "bias", "running_mean", "running_var")


def step(net, weights, x, y):
    """One step a call; the first compiles."""
    model = net(NN, SimpleNamespace(relu=jax.nn.relu))
    places = {
        prefix + name: (layer, name)
        for prefix, layer in model.named()
        for name in TENSORS
        if name in vars(layer)
    }
    state = {name: jnp.asarray(weights[name]) for name in places}
    learned = {name: array for name, array in state.items() if "running" not in name}
    buffers = {name: array for name, array in state.items() if "running" in name}
    velocity = {name: jnp.zeros_like(array) for name, array in learned.items()}
    inputs, target = jnp.asarray(x.transpose(0, 2, 3, 1) if x.ndim == 4 else x), jnp.asarray(y)

    def loss(learned, buffers, inputs):
        for name, value in (learned | buffers).items():
            setattr(*places[name], value)
        scores = jax.nn.log_softmax(model(inputs))
        picked = jnp.take_along_axis(scores, target[:, None], 1)
        return -picked.mean(), {name: getattr(*places[name]) for name in buffers}

    @jax.jit
    def train(learned, buffers, velocity, inputs):
        (value, buffers), slopes = jax.value_and_grad(loss, has_aux=True)(learned, buffers, inputs)
        velocity = {name: 0.9 * v + slopes[name] for name, v in velocity.items()}
        learned = {name: w - 0.01 * velocity[name] for name, w in learned.items()}
        return value, learned, buffers, velocity

    def one() -> float:
        nonlocal learned, buffers, velocity
        value, learned, buffers, velocity = train(learned, buffers, velocity, inputs)
        return float(value)

    return one
