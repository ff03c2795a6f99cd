"""Every error the package raises on purpose.  Each says what was needed, then what came, then what to do."""


class YuanliError(Exception):
    """The base: `except YuanliError` catches what the package raises on purpose, and nothing else."""


class ShapeError(YuanliError, ValueError):
    """Axes or sizes that do not fit together."""


class DTypeError(YuanliError, TypeError):
    """Something that is not an array of numbers of a kind the operation takes."""


class ValueRangeError(YuanliError, ValueError):
    """A number outside the range that makes sense: a stride of 0, a probability of 2, class 12 of 10."""


class ModelError(YuanliError, TypeError):
    """A model put together wrongly: layers in a plain list, a part that is no Module, a name used twice."""


class GradientError(YuanliError, RuntimeError):
    """A backward pass that cannot be made: a freed graph, nothing that requires a gradient."""


class NotFiniteError(YuanliError, ArithmeticError):
    """A loss or gradient that became infinite or not a number."""


class DataError(YuanliError, ValueError):
    """A data set, table, picture or archive that is missing, damaged or not what it should be."""


class NotFittedError(YuanliError, ValueError, AttributeError):
    """A transformer or estimator that is asked for something before fit."""


class CheckpointError(YuanliError, ValueError):
    """A saved model or run that is missing, damaged or does not fit."""


class RefusedError(CheckpointError):
    """A file that holds or asks for more than it may; nothing of it was executed."""


class UnsupportedError(YuanliError, NotImplementedError):
    """A graph with an operation, or a form of one, that this engine does not run."""


class UnknownNameError(YuanliError, LookupError):
    """A model, data set, topic or option nobody knows; the message offers the nearest names."""
