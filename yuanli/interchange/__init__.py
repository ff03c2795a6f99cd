"""Doors: weights of torch, Paddle and safetensors in and out; ONNX graphs in and out."""

from yuanli.interchange.weights import Report, load_weights, read_weights, save_weights

__all__ = ["Report", "load_weights", "read_weights", "save_weights"]
