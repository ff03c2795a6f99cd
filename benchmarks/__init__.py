"""Ours against the libraries people use, on the same data, from the same weights, interleaved in one run."""
