"""Entropy and Huffman's code: no code has shorter words on average than the entropy."""

import importlib.resources

SENTENCE = "deep learning: a network learns layer by layer"  # short enough for a tree one can read


def _package_text() -> str:
    """A real text that is always there: the package's own engine."""
    return (importlib.resources.files("yuanli") / "tensor.py").read_text(encoding="utf-8")
