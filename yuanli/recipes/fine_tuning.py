"""Fine-tuning: a network that starts from another's weights, and of which some stay as they are."""

from fnmatch import fnmatchcase

from yuanli.errors import ValueRangeError
from yuanli.interchange import load_weights
from yuanli.nn import Module


def start_from(model: Module, weights: str | None, freeze: str | None) -> list[str]:
    """Give `model` the weights in a file, freeze what `freeze` names, and say what came of both.

    freeze: patterns of names of modules or parameters, with commas between: "features.*,conv1".
    Raises: CheckpointError, RefusedError as load_weights; ValueRangeError for a pattern that names nothing,
    or leaves nothing to train.
    """
    said = load_weights(model, weights).lines() if weights else []
    patterns = [pattern.strip() for pattern in freeze.split(",") if pattern.strip()] if freeze else []
    for pattern in patterns:
        modules = [m for name, m in model.named_modules() if name and fnmatchcase(name, pattern)]
        parameters = [p for name, p in model.named_parameters() if fnmatchcase(name, pattern)]
        if not modules and not parameters:
            names = ", ".join(name for name, _ in model.named_children())
            raise ValueRangeError(f"freeze: nothing is called {pattern!r}; at the top there are {names}")
        for module in modules:
            module.freeze()
        for parameter in parameters:
            parameter.requires_grad = False
    if patterns:
        sizes = [(p.size, p.requires_grad) for p in model.parameters()]
        trained = sum(size for size, moves in sizes if moves)
        if not trained:
            raise ValueRangeError(f"freeze={freeze!r} leaves nothing to train")
        said.append(
            f"{trained:,} of {sum(size for size, _ in sizes):,} parameters are trained, the rest frozen"
        )
    return said
