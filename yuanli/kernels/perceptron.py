"""One pass of the perceptron's rule over the rows."""

from yuanli.kernels.compiler import jit
from yuanli.kernels.dispatch import choose


def perceptron_numpy(x, order, sign, rate, w):
    """w += rateᵢ·signᵢ·xᵢ for every row in `order` whose signᵢ (w·xᵢ + b) ≤ 0; the last of w is b.

    Gives the sum of max(0, −margin), of what was wrong when it was seen.
    """
    loss = 0.0
    for i in order:
        margin = sign[i] * (x[i] @ w[:-1] + w[-1])
        if margin <= 0:
            loss -= margin
            w[:-1] += rate[i] * sign[i] * x[i]
            w[-1] += rate[i] * sign[i]
    return loss


@jit
def _perceptron(x, order, sign, rate, w):
    loss, D = 0.0, x.shape[1]
    for i in order:
        score = w[D]
        for d in range(D):
            score += x[i, d] * w[d]
        margin = sign[i] * score
        if margin <= 0:
            loss -= margin
            step = rate[i] * sign[i]
            for d in range(D):
                w[d] += step * x[i, d]
            w[D] += step
    return loss


perceptron = choose(perceptron_numpy, lambda: _perceptron)
