"""tinygrad: its layers under torch's names, the whole step captured by its jit.

On a CPU it compiles with clang, which must be installed too.
"""

from types import SimpleNamespace

from tinygrad import Context, Tensor, TinyJit, nn


class Sequential:
    def __init__(self, *layers):
        self.layers = list(layers)

    def __call__(self, x):
        return x.sequential(self.layers)


class Module:
    def __call__(self, x):
        return self.forward(x)


NN = SimpleNamespace(
    Module=Module,
    Sequential=Sequential,
    Conv2d=nn.Conv2d,
    Linear=nn.Linear,
    BatchNorm2d=nn.BatchNorm,
    ReLU=lambda: Tensor.relu,
    MaxPool2d=lambda kernel, stride=None, padding=0: (
        lambda x: x.max_pool2d((kernel, kernel), stride, padding=padding)
    ),
    AdaptiveAvgPool2d=lambda size: lambda x: x.mean(axis=(2, 3), keepdim=True),  # every net asks for size 1
    Flatten=lambda: lambda x: x.flatten(1),
)


def step(net, weights, x, y):
    """One step a call; the first two calls are slow: one runs as it is read, one is captured."""
    model = net(NN, SimpleNamespace(relu=Tensor.relu))
    for name, tensor in nn.state.get_state_dict(model).items():
        array = weights[name.replace("layers.", "")]
        tensor.assign(Tensor(array, dtype=tensor.dtype)).realize()
    optimizer = nn.optim.SGD(nn.state.get_parameters(model), lr=0.01, momentum=0.9)
    inputs, target = Tensor(x).realize(), Tensor(y).realize()

    @TinyJit
    def train():
        optimizer.zero_grad()
        loss = model(inputs).sparse_categorical_crossentropy(target).backward()
        return loss.realize(*optimizer.schedule_step())

    def one() -> float:
        with Context(TRAINING=1):
            return train().item()

    return one
